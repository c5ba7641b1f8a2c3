"""Where a result can go: a layer that has the colours alone, or the source's own pixels."""

import numpy as np
import pytest

from core.color.spaces import srgb_to_lab
from tests.gimp.session import ROUNDING, Facts, Session

pytestmark = pytest.mark.gimp

REPLACED = ("replace-gray", "replace-rgb", "replace-feather")
REFUSED = {"replace-locked": "locked", "replace-group": "no pixels of its own"}


def succeeded(session: Session, name: str) -> Facts:
    facts = session.case(name)
    assert facts["status"] == "success", facts["message"]
    return facts


def test_colors_alone_leave_the_lightness_of_the_layer_below(session: Session):
    facts = succeeded(session, "output/color")
    assert facts["mode"] == "lch-color"
    assert len(facts["after"]["layers"]) == 2
    before, after = (
        srgb_to_lab(session.pixels("output/color", label)[..., :3])
        for label in ("seen-before", "seen-after")
    )
    assert np.abs(after[..., 0] - before[..., 0]).mean() < 0.5
    assert np.hypot(after[..., 1], after[..., 2]).mean() > 2


@pytest.mark.parametrize("name", REPLACED)
def test_pixels_are_replaced_inside_the_selection_alone(session: Session, name: str):
    name = "output/" + name
    facts = succeeded(session, name)
    (layer,) = facts["after"]["layers"]
    assert layer["id"] == facts["before"]["layers"][0]["id"] and not layer["mask"]
    assert facts["after"]["base"] == "rgb"
    before, after = (session.pixels(name, label) for label in ("before", "after"))
    selection = session.pixels(name, "selection")[..., 0]
    outside = selection == 0
    step = 1e-6 if facts["before"]["base"] == "rgb" else 1.5 / 255  # GIMP's own conversion
    assert np.abs(after - before)[outside].max() <= step
    np.testing.assert_allclose(after[..., 3], before[..., 3], atol=ROUNDING)
    inside = (selection == 1) & (before[..., 3] > 0)
    assert inside.any() and np.abs(after - before)[inside].mean() > 0.01


def test_without_a_selection_all_of_a_larger_layer_is_replaced(session: Session):
    facts = succeeded(session, "output/replace-offset")
    (layer,) = facts["after"]["layers"]
    for field in ("id", "size", "offsets"):
        assert layer[field] == facts["before"]["layers"][0][field]
    before, after = (session.pixels("output/replace-offset", part) for part in ("before", "after"))
    changed = np.abs(after - before).max(axis=2) > 0.01
    for corner in (changed[:15], changed[-15:], changed[:, :20], changed[:, -20:]):
        assert corner.mean() > 0.3  # what the canvas does not show, too


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_replaced_is_refused_in_words(session: Session, name: str):
    facts = session.case("output/" + name)
    assert facts["status"] == "execution-error"
    assert REFUSED[name] in facts["message"]
    assert facts["after"] == facts["before"]
