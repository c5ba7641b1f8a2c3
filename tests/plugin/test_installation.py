"""The install record and the models that a dialog offers."""

import json

import pytest

from plugin.errors import WorkerNotInstalled
from plugin.installation import (
    asked_model,
    choose_model,
    fitting_values,
    installed_models,
    load,
)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "python").write_text("")
    write(tmp_path, record(tmp_path))
    return tmp_path


def record(folder, **changes):
    whole = {
        "schema": 1,
        "version": "0.1.0",
        "python": str(folder / "python"),
        "models": [str(folder / "models"), str(folder / "mine")],
        "log": str(folder / "limner.log"),
    }
    return dict(whole, **changes)


def write(folder, data):
    text = data if isinstance(data, str) else json.dumps(data)
    (folder / "installation.json").write_text(text, encoding="utf-8")


def add_model(folder, place, model_id, **changes):
    manifest = {"id": model_id, "task": "colorize", "title": model_id.title()}
    path = folder / place / model_id
    path.mkdir(parents=True)
    (path / "manifest.json").write_text(json.dumps(dict(manifest, **changes)), encoding="utf-8")


def test_the_record_is_read(folder):
    found = load(str(folder))
    assert found.python == str(folder / "python")
    assert found.models == [str(folder / "models"), str(folder / "mine")]
    assert (found.version, found.log) == ("0.1.0", str(folder / "limner.log"))


def test_a_missing_record(tmp_path):
    with pytest.raises(WorkerNotInstalled, match=r"installation\.json is missing\. Run install"):
        load(str(tmp_path))


@pytest.mark.parametrize(
    "damage",
    ["", "{", "[]", "null", "[" * 100_000, {"python": 3}, {"models": "x"}, {"models": [1]}],
    ids=lambda damage: str(damage)[:20],
)
def test_a_damaged_record(folder, damage):
    write(folder, record(folder, **damage) if isinstance(damage, dict) else damage)
    with pytest.raises(WorkerNotInstalled, match=r"is damaged\. Run install\.py again\."):
        load(str(folder))
    assert installed_models(str(folder), "colorize") == []


def test_a_record_of_another_version(folder):
    write(folder, record(folder, schema=2))
    with pytest.raises(WorkerNotInstalled, match="of another version"):
        load(str(folder))


def test_a_python_that_was_deleted(folder):
    (folder / "python").unlink()
    with pytest.raises(WorkerNotInstalled, match="Limner's own Python is gone: .*python is mis"):
        load(str(folder))


def test_models_are_listed_by_task_the_default_first(folder):
    add_model(folder, "models", "zebra", default=True)
    add_model(folder, "models", "old", title="Old photographs")
    add_model(folder, "mine", "comics")
    add_model(folder, "mine", "waves", task="stylize")
    found = installed_models(str(folder), "colorize")
    assert [model.id for model in found] == ["zebra", "comics", "old"]
    assert found[0].default and found[2].title == "Old photographs"
    assert [model.id for model in installed_models(str(folder), "stylize")] == ["waves"]


def test_the_first_folder_wins(folder):
    add_model(folder, "models", "photo", title="Shipped")
    add_model(folder, "mine", "photo", title="Mine")
    assert [m.title for m in installed_models(str(folder), "colorize")] == ["Shipped"]


def test_what_is_no_model_is_left_out(folder):
    add_model(folder, "models", "photo")
    add_model(folder, "models", "nameless", title="")
    add_model(folder, "models", "number", id=7)
    (folder / "models" / "empty").mkdir()
    (folder / "models" / "file").write_text("")
    (folder / "models" / "broken").mkdir()
    (folder / "models" / "broken" / "manifest.json").write_bytes(b"\xff\xfe{")
    assert [model.id for model in installed_models(str(folder), "colorize")] == ["photo"]


def test_a_thumbnail_is_told_of_where_there_is_one(folder):
    add_model(folder, "models", "seen")
    add_model(folder, "models", "unseen")
    path = folder / "models" / "seen" / "thumbnail.jpg"
    path.touch()
    models = installed_models(str(folder), "colorize")
    assert [model.thumbnail for model in models] == [str(path), ""]


def test_a_value_of_the_dialog_means_a_model(folder):
    add_model(folder, "models", "zebra", default=True)
    add_model(folder, "models", "old")
    models = installed_models(str(folder), "colorize")
    assert choose_model(models, "default", "Auto Colorize").id == "zebra"
    assert choose_model(models, "old", "Auto Colorize").id == "old"
    with pytest.raises(WorkerNotInstalled, match="The model 'gone' is not installed. Run inst"):
        choose_model(models, "gone", "Auto Colorize")
    with pytest.raises(WorkerNotInstalled, match="No model for Auto Colorize is installed. Run"):
        choose_model([], "default", "Auto Colorize")


def test_folders_of_style_pictures(folder):
    assert load(str(folder)).styles == []  # a record of before the gallery
    write(folder, record(folder, styles=["/styles", 3]))
    assert load(str(folder)).styles == ["/styles"]


TAKES = {"parts": [{"inputs": [{"role": "style"}, {}]}, "nonsense"], "inputs": [{"role": 3}]}


def test_what_a_model_takes_is_read_from_all_its_graphs(folder):
    add_model(folder, "models", "own", task="stylize", **TAKES)
    (model,) = installed_models(str(folder), ("stylize",))
    assert model.takes == ("picture", "style")


def test_the_picture_decides_where_models_of_several_tasks_are_installed(folder):
    add_model(folder, "models", "drawing", task="sketch", default=True)
    add_model(folder, "models", "zebra")
    models = installed_models(str(folder), ("colorize", "sketch"))
    assert [model.id for model in models] == ["zebra", "drawing"]
    assert asked_model(models, {"model": "default"}, "Auto Colorize") is None
    assert asked_model(models, {"model": "drawing"}, "Auto Colorize").id == "drawing"
    assert asked_model(models[:1], {"model": "default"}, "Auto Colorize").id == "zebra"


def test_a_style_picture_wants_a_model_that_takes_one(folder):
    add_model(folder, "models", "painter", task="stylize", default=True)
    add_model(folder, "models", "own", task="stylize", **TAKES)
    models = installed_models(str(folder), "stylize")
    default, given = {"model": "default"}, {"model": "default", "style-file": "/wave.jpg"}
    assert asked_model(models, default, "Apply Style").id == "painter"
    assert asked_model(models, given, "Apply Style").id == "own"
    assert fitting_values(given, models[1]) == given
    assert fitting_values(given, models[0])["style-file"] == ""
