"""The pictures that the style gallery offers."""

import json

import pytest

from core.generator.catalog import SHIPPED
from core.style import gallery
from plugin.installation import Model, installed_models
from plugin.styles import MOST, painters, styles_in


@pytest.fixture
def own(tmp_path):
    for name in ("wave.JPG", "a b.png", ".hidden.png", "notes.txt"):
        (tmp_path / name).touch()
    return tmp_path


def test_ones_own_pictures_by_name(own):
    names = [(style.path.rpartition("/")[2], style.title) for style in styles_in([str(own)])]
    assert names == [("a b.png", "a b"), ("wave.JPG", "wave")]


def test_the_shipped_ones_by_their_index():
    found = styles_in([str(gallery.SHIPPED)])
    assert sorted(style.path for style in found) == sorted(
        str(style.path) for style in gallery._shipped(gallery.SHIPPED)
    )
    assert found[0].title == "The Great Wave off Kanagawa (Katsushika Hokusai)"


def test_folder_after_folder_and_not_too_many(own, tmp_path):
    more = tmp_path / "more"
    more.mkdir()
    for number in range(MOST):
        (more / f"{number}.png").touch()
    found = styles_in([str(own), "/not/there", str(more)])
    assert len(found) == MOST and found[2].path.startswith(str(more))


@pytest.mark.parametrize("index", ["{", "[3]", '[{"file": "x"}]', "[" * 99999], ids=str.__len__)
def test_a_damaged_index_hides_no_picture(own, index):
    (own / "index.json").write_text(index)
    assert len(styles_in([str(own)])) == 2


def test_an_index_cannot_lead_out_of_its_folder(own):
    entry = {"file": "../../secret.png", "title": "x", "painter": "y"}
    (own / "index.json").write_text(json.dumps([entry]))
    (found,) = styles_in([str(own)])
    assert found.path == str(own / "secret.png")


def test_painters_are_those_with_a_style_of_their_own_and_a_thumbnail():
    models = [
        Model("blots", "stylize", "Blots", False, ("picture",), "/blots.jpg"),
        Model("any", "stylize", "Any", False, ("picture", "style"), "/any.jpg"),
        Model("plain", "stylize", "Plain", False),
    ]
    assert painters(models) == [("/blots.jpg", "Blots", "blots")]


def test_every_shipped_painter_has_a_thumbnail(tmp_path):
    (tmp_path / "installation.json").write_text(json.dumps({"models": [str(SHIPPED)]}))
    models = installed_models(str(tmp_path), "stylize")
    named = [model.id for model in models if "style" not in model.takes]
    assert len(named) >= 5
    assert [style.model for style in painters(models)] == named
