"""All layers as frames: replaced where they are, in one step, with colours that stay steady."""

import numpy as np
import pytest

from core.color.spaces import srgb_to_lab
from tests.gimp.session import ROUNDING, Facts, Session

pytestmark = pytest.mark.gimp

FRAMES = 5
REPLACED = ("gray", "alpha", "rgb", "style")
REFUSED = {
    "locked": ("locked", "unlock them"),
    "group": ("no pixels of its own", "merge the groups"),
    "sizes": ("differ in size", "Unoptimize"),
    "killed": ("ended in the middle", "memory"),
}


def frames(session: Session, name: str, label: str, count: int = FRAMES) -> list[np.ndarray]:
    return [session.pixels(f"frames/{name}", f"{label}-{number}") for number in range(count)]


def steadiness(results: list[np.ndarray]) -> tuple[float, float]:
    """(mean change of a*, b* from one frame to the next, mean chroma); nothing moves here."""
    ab = np.stack([srgb_to_lab(pixels[..., :3])[..., 1:] for pixels in results])
    change = np.hypot(*np.moveaxis(np.diff(ab, axis=0), -1, 0))
    return float(change.mean()), float(np.hypot(ab[..., 0], ab[..., 1]).mean())


@pytest.mark.parametrize("name", REPLACED)
def test_every_layer_is_replaced_where_it_is(session: Session, name: str):
    facts: Facts = session.case("frames/" + name)
    assert facts["status"] == "success", facts["message"]
    assert facts["new"] == [] and facts["after"]["base"] == "rgb"
    for before, after in zip(facts["before"]["layers"], facts["after"]["layers"], strict=True):
        for fact in ("id", "name", "size", "offsets", "mask", "visible", "opacity"):
            assert after[fact] == before[fact]
        assert after["pixels"] != before["pixels"]
    pairs = zip(frames(session, name, "before"), frames(session, name, "after"), strict=True)
    for before, after in pairs:
        np.testing.assert_allclose(after[..., 3], before[..., 3], atol=ROUNDING)


@pytest.mark.parametrize("name", ["gray", "rgb"])
def test_lightness_stays_each_frame_s_own(session: Session, name: str):
    pairs = zip(frames(session, name, "before"), frames(session, name, "after"), strict=True)
    for before, after in pairs:
        change = srgb_to_lab(after[..., :3])[..., 0] - srgb_to_lab(before[..., :3])[..., 0]
        assert np.abs(change).mean() < 0.5


def test_colors_are_steadier_than_one_by_one_and_as_vivid(session: Session):
    flicker, chroma = steadiness(frames(session, "gray", "after"))
    alone, chroma_alone = steadiness(frames(session, "alone", "after"))
    assert flicker < 0.7 * alone
    assert chroma > 0.95 * chroma_alone > 1


def test_frames_are_replaced_inside_the_selection_alone(session: Session):
    facts = session.case("frames/selected")
    assert facts["status"] == "success", facts["message"]
    inside = session.pixels("frames/selected", "selection")[..., 0] == 1
    for number in range(2):
        before, after = (
            session.pixels("frames/selected", f"{label}-{number}") for label in ("before", "after")
        )
        change = np.abs(after - before).max(axis=2)
        assert change[~inside].max() == 0 and change[inside].mean() > 0.01


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_changes_nothing_and_says_what_to_do(session: Session, name: str):
    facts = session.case("frames/" + name)
    assert facts["status"] == "execution-error"
    for words in REFUSED[name]:
        assert words in facts["message"]
    assert facts["before"] == facts["after"] and not facts["after"]["dirty"]


def test_the_worker_was_killed_in_mid_run(session: Session):
    assert session.case("frames/killed")["killed"] == "in mid-run"
