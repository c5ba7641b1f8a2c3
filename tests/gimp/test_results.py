"""Both filters in a headless GIMP 3.0 and 3.2: what every case that succeeds must have made."""

import numpy as np
import pytest

from core.color.spaces import srgb_to_lab
from tests.gimp.session import ROUNDING, Facts, Session, succeeded

pytestmark = pytest.mark.gimp

TASKS = ("colorize", "stylize")
MODES = ("RGB", "RGBA", "GRAY", "GRAYA")
PRECISIONS = (
    *("u8-linear", "u16", "u16-linear", "u32", "half", "half-linear"),
    *("float", "float-linear", "float-perceptual", "double-linear"),
)
ON_PHOTO = (
    *(f"mode/{task}/{mode}" for task in TASKS for mode in MODES),
    *(f"precision/colorize/{name}" for name in PRECISIONS),
    *(
        f"precision/{kind}/{name}"
        for kind in ("stylize", "colorize-gray")
        for name in ("u16", "float-linear")
    ),
)
SELECTIONS = (
    *(f"selection/{task}/{kind}" for task in TASKS for kind in ("rectangle", "feather")),
    "offset-selection/smaller",
    "offset-selection/larger",
)


def test_the_session_ran_to_its_end(session: Session):
    assert not session.problem
    assert session.case("session")["gimp"].startswith(session.version)


@pytest.mark.parametrize("name", ON_PHOTO)
def test_result_is_a_layer_like_the_source(session: Session, name: str):
    facts = session.case(name)
    source, new = succeeded(facts)
    assert new["size"] == source["size"]
    assert new["offsets"] == source["offsets"]
    assert not new["mask"]
    assert new["visible"] and new["opacity"] == 100.0
    assert facts["after"]["base"] == "rgb"
    assert facts["after"]["precision"] == facts["before"]["precision"]
    assert facts["after"]["profile"] == facts["before"]["profile"]
    assert facts["after"]["images"] == facts["before"]["images"]
    assert has_alpha(new) == has_alpha(source)


@pytest.mark.parametrize("name", ON_PHOTO)
def test_source_is_as_it_was(session: Session, name: str):
    facts = session.case(name)
    after = facts["after"]["layers"][1]
    before = facts["before"]["layers"][0]
    if facts["before"]["base"] == "rgb":
        assert after == before
    else:
        for field in ("id", "name", "size", "offsets", "mask", "visible", "opacity"):
            assert after[field] == before[field]


@pytest.mark.parametrize("name", ON_PHOTO)
def test_alpha_is_untouched(session: Session, name: str):
    source, result = session.pixels(name, "source"), session.pixels(name, "result")
    np.testing.assert_allclose(source[..., 3], result[..., 3], atol=ROUNDING)


@pytest.mark.parametrize("name", ON_PHOTO)
def test_result_differs_from_the_source(session: Session, name: str):
    source, result = visible(session, name, "source"), visible(session, name, "result")
    assert np.abs(result - source).mean() > 0.01


@pytest.mark.parametrize("name", [name for name in ON_PHOTO if "colorize" in name])
def test_colorize_keeps_luminance(session: Session, name: str):
    source, result = visible(session, name, "source"), visible(session, name, "result")
    lightness = [srgb_to_lab(pixels)[..., 0] for pixels in (source, result)]
    assert np.abs(lightness[0] - lightness[1]).mean() < 0.5  # L*; 8 bits alone make about 0.2


@pytest.mark.parametrize("name", [name for name in ON_PHOTO if name.startswith("precision/")])
def test_every_precision_gives_the_picture_that_8_bits_give(session: Session, name: str):
    _, kind, _ = name.split("/")
    same = "colorize/GRAY" if kind == "colorize-gray" else f"{kind}/RGBA"
    result, expected = (visible(session, case, "result") for case in (name, f"mode/{same}"))
    difference = np.abs(result - expected)
    assert difference.mean() < 1.5 / 255
    assert np.quantile(difference, 0.99) < 6 / 255


@pytest.mark.parametrize(
    "name", [n for n in ON_PHOTO if n.startswith("precision/") and "u8" not in n]
)
def test_deep_images_come_back_deep(session: Session, name: str):
    stored = session.pixels(name, "stored")
    assert stored.dtype.itemsize > 1
    assert len(np.unique(stored[..., 0])) > 256


@pytest.mark.parametrize("name", SELECTIONS)
def test_selection_becomes_the_mask(session: Session, name: str):
    source, new = succeeded(session.case(name))
    assert new["mask"]
    assert new["size"] == source["size"] and new["offsets"] == source["offsets"]
    selection = session.pixels(name, "selection")
    x, y = source["offsets"]
    expected = np.zeros((source["size"][1], source["size"][0], 1), np.float32)
    left, top = max(0, x), max(0, y)
    part = selection[top : y + expected.shape[0], left : x + expected.shape[1]]
    expected[top - y : top - y + part.shape[0], left - x : left - x + part.shape[1]] = part
    assert 0 < expected.mean() < 1
    np.testing.assert_allclose(session.pixels(name, "mask"), expected, atol=0.5 / 255)


@pytest.mark.parametrize("name", SELECTIONS)
def test_outside_the_selection_the_source_is_seen(session: Session, name: str):
    selection = session.pixels(name, "selection")[..., 0]
    before, after = session.pixels(name, "seen-before"), session.pixels(name, "seen-after")
    np.testing.assert_array_equal(after[selection == 0], before[selection == 0])
    assert np.abs(after - before)[selection == 1].mean() > 0.01
    assert session.case(name)["after"]["selection"] == session.case(name)["before"]["selection"]


@pytest.mark.parametrize(
    ("name", "columns", "rows"),
    [("own", slice(0, 48), slice(0, 64)), ("own-and-selection", slice(20, 48), slice(10, 40))],
)
def test_what_a_mask_hides_stays_hidden(session: Session, name: str, columns: slice, rows: slice):
    _, new = succeeded(session.case(f"mask/{name}"))
    assert new["mask"]
    mask = session.pixels(f"mask/{name}", "mask")[..., 0]
    expected = np.zeros_like(mask)
    expected[rows, columns] = 1
    np.testing.assert_array_equal(mask, expected)


@pytest.mark.parametrize("place", ["smaller", "larger", "outside"])
@pytest.mark.parametrize("task", TASKS)
def test_offset_layers_keep_size_and_place(session: Session, task: str, place: str):
    facts = session.case(f"offset/{task}/{place}")
    source, new = succeeded(facts)
    assert new["size"] == source["size"] != facts["before"]["size"]
    assert new["offsets"] == source["offsets"] != [0, 0]
    assert facts["after"]["size"] == facts["before"]["size"]


@pytest.mark.parametrize("task", TASKS)
def test_result_has_the_filters_name(session: Session, task: str):
    _, new = succeeded(session.case(f"mode/{task}/RGB"))
    label = {"colorize": "Auto Colorize", "stylize": "Apply Style"}[task]
    assert new["name"].startswith(label)


def test_result_goes_right_above_its_source(session: Session):
    facts = session.case("stack/between")
    _, new = succeeded(facts)
    assert names(facts["after"]["layers"]) == ["above", new["name"], "source", "below"]


def test_result_of_a_layer_in_a_group_stays_in_the_group(session: Session):
    facts = session.case("stack/inside-group")
    _, new = succeeded(facts)
    (group,) = facts["after"]["layers"]
    assert names(group["children"]) == [new["name"], "source"]


def test_a_group_is_taken_as_it_looks(session: Session):
    facts = session.case("stack/group")
    _, new = succeeded(facts)
    assert names(facts["after"]["layers"]) == [new["name"], "group"]


def test_a_text_layer_stays_text(session: Session):
    facts = session.case("stack/text")
    _, new = succeeded(facts)
    layers = facts["after"]["layers"]
    assert layers[1]["text"] and layers[1] == facts["before"]["layers"][0]
    assert not layers[0]["text"] and layers[0]["name"] == new["name"]


def test_a_locked_layer_is_not_written_to(session: Session):
    facts = session.case("stack/locked")
    succeeded(facts)
    assert facts["after"]["layers"][1] == facts["before"]["layers"][0]


def test_other_layers_of_a_grey_image_stay(session: Session):
    facts = session.case("stack/grey-with-more-layers")
    _, new = succeeded(facts)
    assert names(facts["after"]["layers"]) == ["other", new["name"], "source"]
    assert facts["after"]["base"] == "rgb"


@pytest.mark.parametrize("name", ["call/script-fu", "call/last-values"])
def test_every_way_of_calling_gives_the_same(session: Session, name: str):
    assert session.case(name)["status"] == "success", session.case(name)["message"]
    expected = session.pixels("call/python", "result")
    np.testing.assert_array_equal(session.pixels(name, "result"), expected)


@pytest.mark.parametrize("task", TASKS)
def test_strength_zero_gives_the_original_back(session: Session, task: str):
    name = f"strength/{task}/zero"
    source, result = visible(session, name, "source"), visible(session, name, "result")
    np.testing.assert_allclose(result, source, atol=1.01 / 255)


def test_saturation_zero_is_grey(session: Session):
    result = visible(session, "strength/colorize/no-saturation", "result")
    assert np.ptp(result, axis=-1).max() < 2 / 255


def test_half_strength_lies_between(session: Session):
    name = "strength/colorize/"
    source, half, full = (
        visible(session, name + case, label)
        for case, label in (("full", "source"), ("half", "result"), ("full", "result"))
    )
    distance = np.abs(full - source).mean()
    assert 0.2 * distance < np.abs(half - source).mean() < 0.8 * distance
    assert 0.2 * distance < np.abs(full - half).mean() < 0.8 * distance


def test_a_result_can_be_the_next_source(session: Session):
    facts = session.case("twice")
    _, new = succeeded(facts)
    assert [layer["id"] for layer in facts["after"]["layers"]].index(new["id"]) == 0
    assert new["mask"]


@pytest.mark.parametrize("task", TASKS)
def test_menu_entry(session: Session, task: str):
    facts = session.case("registered")[task]
    label = {"colorize": "Auto Colorize…", "stylize": "Apply Style…"}[task]
    assert facts["label"].replace("_", "") == label
    assert facts["paths"] == ["<Image>/Filters/Limner"]
    assert facts["types"].replace(" ", "") == "RGB*,GRAY*"  # not INDEXED*: insensitive there
    assert facts["blurb"]


def names(layers: list[Facts]) -> list[str]:
    return [layer["name"] for layer in layers]


def has_alpha(layer: Facts) -> bool:
    return "A" in layer["format"].partition(" ")[0]


def visible(session: Session, name: str, label: str) -> np.ndarray:
    """(N, 3) colours of a dump in R'G'B'A float where its alpha is above 0."""
    pixels = session.pixels(name, label)
    return pixels[pixels[..., 3] > 0][:, :3]
