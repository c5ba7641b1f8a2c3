"""Which models there are, also when some of them are broken."""

import os

import pytest

from core.errors import ModelCorrupt, ModelMissing, ModelUnsupported
from core.generator.catalog import Catalog, default_folders, user_data_folder
from tests.fakes import onnx as fakes


def read(*folders):
    return Catalog.read(folders)


def test_models_are_found_by_task_with_the_default_first(tmp_path):
    fakes.constant_ab(tmp_path / "apple")
    fakes.constant_ab(tmp_path / "zebra", default=True)
    fakes.identity(tmp_path / "monet")
    catalog = read(tmp_path)
    assert [m.manifest.id for m in catalog.models("colorize")] == ["zebra", "apple"]
    assert [m.manifest.id for m in catalog.models()] == ["zebra", "apple", "monet"]
    assert catalog.find("colorize").manifest.id == "zebra"
    assert catalog.find("colorize", "apple").manifest.id == "apple"


def test_the_first_folder_wins_where_an_id_stands_twice(tmp_path):
    fakes.constant_ab(tmp_path / "shipped/photo", title="Shipped")
    fakes.constant_ab(tmp_path / "own/photo", title="Own")
    catalog = read(tmp_path / "shipped", tmp_path / "own")
    assert [m.manifest.title for m in catalog.models()] == ["Shipped"]


def test_a_missing_folder_is_no_failure(tmp_path):
    assert read(tmp_path / "nothing").models() == ()


@pytest.mark.parametrize("model_id", ["", "photo"])
def test_no_model_is_a_sentence(tmp_path, model_id):
    with pytest.raises(ModelMissing, match="install.py"):
        read(tmp_path).find("colorize", model_id)


def test_a_model_of_another_task_is_not_taken(tmp_path):
    fakes.identity(tmp_path / "monet")
    with pytest.raises(ModelMissing):
        read(tmp_path).find("colorize", "monet")


def test_a_broken_model_hides_no_other_and_is_named_when_asked_for(tmp_path):
    fakes.constant_ab(tmp_path / "good")
    fakes.constant_ab(tmp_path / "bad")
    (tmp_path / "bad/manifest.json").write_text("{")
    catalog = read(tmp_path)
    assert list(catalog.broken) == [tmp_path / "bad"]
    assert catalog.find("colorize").manifest.id == "good"
    with pytest.raises(ModelCorrupt, match="bad"):
        catalog.find("colorize", "bad")


def test_a_folder_with_another_models_manifest_is_broken(tmp_path):
    fakes.constant_ab(tmp_path / "one")
    (tmp_path / "one").rename(tmp_path / "two")
    with pytest.raises(ModelCorrupt, match="'one'"):
        read(tmp_path).find("colorize", "two")


def test_a_manifest_from_the_future_says_so(tmp_path):
    folder = fakes.constant_ab(tmp_path / "new")
    text = (folder / "manifest.json").read_text().replace('"schema": 1', '"schema": 2')
    (folder / "manifest.json").write_text(text)
    with pytest.raises(ModelUnsupported, match="Update Limner"):
        read(tmp_path).find("colorize")


def test_verify_accepts_the_described_file_and_no_other(tmp_path):
    fakes.constant_ab(tmp_path / "photo")
    model = read(tmp_path).find("colorize")
    model.verify()
    data = bytearray(model.path.read_bytes())
    data[-1] ^= 1
    model.path.write_bytes(data)
    with pytest.raises(ModelCorrupt, match="damaged"):
        model.verify()
    model.path.unlink()
    with pytest.raises(ModelCorrupt, match="cannot be read"):
        model.verify()


def test_the_data_folder_can_be_moved(monkeypatch, tmp_path):
    monkeypatch.setenv("LIMNER_DATA_DIR", os.fspath(tmp_path))
    assert user_data_folder() == tmp_path
    assert default_folders()[1] == tmp_path / "models"
