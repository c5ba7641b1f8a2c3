"""The ways of a new user through the windows, with the models that Limner ships.

What "right" means is judged by colors at places of the pictures; see inside/walks.py for these.
The screenshots are for people: LIMNER_SHOTS in the README beside this file.
"""

import json
from typing import Any

import numpy as np
import pytest

from core.color.spaces import srgb_to_lab

pytestmark = pytest.mark.gimp

Stages = dict[str, Any]

WALL, ROOF, SUN = (220, 40, 40), (40, 90, 200), (250, 200, 20)


def lab(color) -> np.ndarray:
    """CIE L*a*b* of red, green, blue 0..255."""
    return srgb_to_lab(np.array(color[:3], float) / 255)


def chroma(color) -> float:
    return float(np.hypot(*lab(color)[1:]))


def far(one, other) -> float:
    """Delta E (CIE76)."""
    return float(np.linalg.norm(lab(one) - lab(other)))


def settings(image: Stages, layer: str) -> dict:
    """The parameters that a layer's note has."""
    return json.loads(image["notes"][layer])["parameters"]


def test_a_photo_gets_colors(seen: Stages):
    before, after = seen["walk"]["opened"], seen["walk"]["colored"]
    assert (before["base"], after["base"]) == ("gray", "rgb")
    assert max(map(chroma, after["seen"])) > 3
    for color, grey in zip(after["seen"], after["colors"]["walk.png"], strict=True):
        assert abs(lab(color)[0] - lab(grey)[0]) < 1.5  # lightness stays


def test_one_dab_gives_one_thing_another_color(seen: Stages):
    """What is seen at the dab is what was asked for; at the other end nothing changes. (What lies
    beside it, the wall on the left, takes some of the color, too.)
    """
    before, after = seen["walk"]["colored"], seen["walk"]["corrected"]
    x, y, asked = settings(after, "Auto Colorize")["dabs"].split(",")
    assert abs(int(x) - 50) < 4 and abs(int(y) - 105) < 4
    wanted = [int(asked[n : n + 2], 16) for n in (1, 3, 5)]
    found = after["seen"][0]
    assert np.linalg.norm(lab(found)[1:] - lab(wanted)[1:]) < 4
    assert far(found, before["seen"][0]) > 3
    assert far(before["seen"][2], after["seen"][2]) < 2
    assert len(after["layers"]) == 2


def test_a_style_changes_the_background_alone(seen: Stages):
    before, after = seen["walk"]["corrected"], seen["walk"]["styled"]
    assert after["layers"][0]["mask"]
    assert far(before["seen"][0], after["seen"][0]) == 0
    for old, new in zip(before["seen"][1:], after["seen"][1:], strict=True):
        assert far(old, new) > 5
    assert seen["walk"]["undone"]["seen"] == before["seen"]
    assert seen["walk"]["redone"]["seen"] == after["seen"]


def test_the_saved_file_is_worked_on_with_other_settings(seen: Stages):
    saved, before = seen["walk"]["redone"], seen["reopened"]["opened"]
    after = seen["reopened"]["again"]
    assert before["seen"] == saved["seen"]
    assert [layer["name"] for layer in after["layers"]] == [
        layer["name"] for layer in before["layers"]
    ]
    name = after["layers"][0]["name"]
    assert settings(before, name)["strength"] == 1.0
    assert settings(after, name)["strength"] == pytest.approx(0.4)
    assert after["layers"][0]["mask"]
    under = seen["walk"]["corrected"]["seen"]
    assert after["seen"][0] == under[0]
    for plain, strong, weak in zip(under[1:], before["seen"][1:], after["seen"][1:], strict=True):
        assert 0 < far(plain, weak) < far(plain, strong)


def test_three_dabs_color_a_drawing(seen: Stages):
    """The right colors in the right areas, on a layer of their own; lines and source untouched."""
    before, after = seen["sketch"]["opened"], seen["sketch"]["colored"]
    hint, result, source = after["layers"]
    assert source["pixels"] == before["layers"][0]["pixels"]
    assert not hint["visible"]
    children = [child["name"] for child in result["children"]]
    assert children == ["Lines", "Colors"]
    for found, asked in zip(after["colors"]["Colors"][:3], (WALL, ROOF, SUN), strict=True):
        assert far(found, asked) < 5
    tree, ground = after["colors"]["Colors"][3:5]
    assert all(far(color, asked) > 5 for color in (tree, ground) for asked in (WALL, ROOF, SUN))
    line, drawn = after["seen"][5], after["colors"][source["name"]][5]
    assert lab(line)[0] < lab(drawn)[0] + 3  # as dark as it was drawn
    assert json.loads(after["notes"][result["name"]])["model"].startswith("sketch")


def test_a_style_layer_paints_a_gray_photo_in_a_feathered_selection(seen: Stages):
    before, after = seen["painted"]["opened"], seen["painted"]["painted"]
    result, source = after["layers"]
    chosen = settings(after, result["name"])
    assert chosen["strength"] == pytest.approx(0.8)
    assert chosen["brush-size"] == pytest.approx(2.0)
    assert chosen["colorize"] is True
    assert json.loads(after["notes"][result["name"]])["model"].startswith("any-style")
    assert result["mask"] and before["base"] == "gray" and after["base"] == "rgb"
    inside, *beside = after["seen"]
    assert far(inside, after["colors"][source["name"]][0]) == 0
    assert all(chroma(color) > 3 for color in beside)


def test_the_preview_of_a_large_photo_is_sharp_where_one_looks(seen: Stages):
    """That a part was answered three times, each larger than the preview, is waited for inside."""
    stages = seen["zoomed"]
    assert stages["parts"] == 3
    result, source = stages["filtered"]["layers"]
    assert result["size"] == source["size"]


def test_a_painter_of_the_gallery_paints(seen: Stages):
    """The last one that was clicked, and no picture of those clicked before."""
    after = seen["gallery"]["painted"]
    asked = settings(after, after["layers"][0]["name"])
    assert asked["model"] == "ukiyoe-v1"
    assert not asked.get("style-file") and not asked.get("style-layer")
