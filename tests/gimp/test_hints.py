"""Hints, palettes and styles in a headless GIMP, and results that are groups of layers."""

import numpy as np
import pytest

from core.color.spaces import srgb_to_lab
from tests.gimp.session import Facts, Session

pytestmark = pytest.mark.gimp

REFUSED = {
    "itself": "The hint layer is the layer that is to be colored. Choose another",
    "beside": "do not lie on this layer",
    "nonsense": "Write x,y,#rrggbb",
}
STROKES = np.s_[4:20, 10:34]
"""Where inside/hints.py paints, as rows and columns."""


def succeeded(session: Session, name: str) -> Facts:
    facts = session.case(f"hints/{name}")
    assert facts["status"] == "success", facts["message"]
    return facts


def redness(session: Session, name: str) -> float:
    """Mean a* of the result where the strokes are."""
    succeeded(session, name)
    pixels = session.pixels(f"hints/{name}", "result-0")[STROKES]
    return float(srgb_to_lab(pixels[..., :3])[..., 1].mean())


@pytest.mark.parametrize("name", ["layer", "moved", "dabs", "made-by-the-dialog"])
def test_what_was_asked_for_is_red(session: Session, name: str):
    assert redness(session, name) > redness(session, "without") + 10


def test_a_model_that_obeys_gives_the_strokes_own_hue(session: Session):
    """What goes to the worker has the right colours at the right place."""
    succeeded(session, "obeyed")
    lab = srgb_to_lab(session.pixels("hints/obeyed", "result-0")[..., :3])
    inside = lab[STROKES][4:-4, 4:-4].mean(axis=(0, 1))
    outside = lab[40:, 60:].mean(axis=(0, 1))
    red = srgb_to_lab(np.array([[230, 40, 30]], np.float32) / 255)[0]
    hue = np.degrees(np.arctan2(inside[2], inside[1]) - np.arctan2(red[2], red[1]))
    assert abs(hue) < 12 and np.hypot(*inside[1:]) > 30
    assert np.hypot(*(outside[1:] - (25, 10))) < 8


@pytest.mark.parametrize("name", REFUSED)
def test_hints_that_cannot_be_used_are_refused_in_words(session: Session, name: str):
    facts = session.case(f"hints/{name}")
    assert facts["status"] == "execution-error"
    assert REFUSED[name] in facts["message"]
    assert facts["after"] == facts["before"]


def test_the_dialogs_hint_layer_stands_for_its_source_and_is_hidden(session: Session):
    facts = succeeded(session, "made-by-the-dialog")
    strokes, result, source = facts["after"]["layers"]
    assert source["id"] == facts["source"] and not source["mask"]
    assert not strokes["visible"] and result["visible"]


def test_a_palette_changes_the_colors(session: Session):
    succeeded(session, "palette")
    free, bound = (
        session.pixels(f"hints/{name}", "result-0")[..., :3] for name in ("without", "palette")
    )
    assert np.abs(free - bound).mean() > 0.01


def test_variants_are_one_group_with_the_selection_as_its_mask(session: Session):
    facts = succeeded(session, "variants")
    group, source = facts["after"]["layers"]
    assert group["mask"] and group["name"] == "Auto Colorize"
    assert source["id"] == facts["before"]["layers"][0]["id"]
    names = [child["name"] for child in group["children"]]
    assert names == ["Variant 1", "Variant 2", "Variant 3"]
    assert [child["visible"] for child in group["children"]] == [True, False, False]
    assert all(child["size"] == source["size"] for child in group["children"])


def test_variants_of_colors_alone_leave_the_lightness_of_the_layer_below(session: Session):
    succeeded(session, "variants-of-colors")
    before, after = (
        srgb_to_lab(session.pixels("hints/variants-of-colors", label)[..., :3])
        for label in ("seen-before", "seen-after")
    )
    assert np.abs(after[..., 0] - before[..., 0]).mean() < 0.5
    assert np.hypot(after[..., 1], after[..., 2]).mean() > 2


def test_a_group_is_made_again_as_a_whole(session: Session):
    facts = succeeded(session, "group-again")
    old, (group, _) = facts["old"], facts["after"]["layers"]
    assert group["id"] != old["id"] and group["name"] == old["name"]
    assert [c["pixels"] for c in group["children"]] == [c["pixels"] for c in old["children"]]


def test_a_second_result_lies_above_the_first(session: Session):
    facts = succeeded(session, "second-result")
    (new,) = facts["new"]
    assert [layer["id"] for layer in facts["after"]["layers"]] == [
        new["id"],
        *(layer["id"] for layer in facts["before"]["layers"]),
    ]


def test_a_sketch_becomes_one_group_above_the_untouched_source(session: Session):
    facts = succeeded(session, "sketch")
    group, source = facts["after"]["layers"]
    assert source == facts["before"]["layers"][0]
    children = group["children"]
    assert [child["name"] for child in children] == ["Lines", "Colors", "Flats"]
    assert [child["visible"] for child in children] == [True, True, False]
    assert group["mask"] and not any(child["mask"] for child in children)


def test_a_sketchs_colors_alone_multiply_with_the_source(session: Session):
    (new,) = succeeded(session, "sketch-colors")["new"]
    assert new["mode"] == "multiply" and "children" not in new


def test_a_sketch_can_replace_its_source(session: Session):
    facts = succeeded(session, "sketch-replace")
    assert not facts["new"] and len(facts["after"]["layers"]) == 1


def test_a_style_layer_of_another_image_is_taken(session: Session):
    """The test's model adds the style's mean color: (60, 0, 20) of 255."""
    succeeded(session, "style-layer")
    source, result = (session.pixels("hints/style-layer", part) for part in ("source", "result"))
    wanted = np.clip(source[..., :3] + np.array([60, 0, 20]) / 255, 0, 1)
    assert np.abs(result[..., :3] - wanted).max() < 2.5 / 255


def test_a_gray_layer_is_colorized_first_where_that_is_wanted(session: Session):
    chroma = {}
    for name in ("style-gray", "style-colorized"):
        succeeded(session, name)
        lab = srgb_to_lab(session.pixels(f"hints/{name}", "result")[..., :3])
        chroma[name] = float(np.hypot(lab[..., 1], lab[..., 2]).mean())
    assert chroma["style-gray"] < 1 and chroma["style-colorized"] > 3
