"""One colour an area: the kind that is likeliest, paper where that is, whims where a seed asks."""

import numpy as np
import pytest

from core.color.spaces import delta_e_2000, srgb_to_lab
from core.colorize.colorize import ColorizeSettings
from core.generator.catalog import SHIPPED, Model
from core.generator.generator import Generator
from core.generator.manifest import Manifest
from core.image import Image
from core.sketch.area_colors import VIVID, Thought, decide
from core.sketch.sketch import color_sketch
from tests.core.engine import quiet
from tests.drawings import hint_layer, lines

COLORS = {
    "white": (1, 1, 1),
    "red": (0.8, 0.15, 0.15),
    "dark red": (0.6, 0.1, 0.1),
    "green": (0.2, 0.6, 0.2),
    "blue": (0.2, 0.3, 0.8),
}
PAPER = np.array([0.9, 0.85, 0.7])
LAB = srgb_to_lab(np.array(list(COLORS.values())))


def decided(*areas, seed=0, temperature=0.5):
    """Decision on areas side by side, each {color: share}."""
    logits = np.full((len(COLORS), 4, 4 * len(areas)), -30.0, np.float32)
    for number, shares in enumerate(areas):
        for name, share in shares.items():
            place = np.s_[list(COLORS).index(name), :, 4 * number : 4 * number + 4]
            logits[place] = temperature * np.log(share)
    labels = np.arange(len(areas), dtype=np.int32).repeat(8)[None].repeat(8, axis=0)
    visible = (4.0 * len(areas), 4.0)
    return decide(Thought(logits, LAB, temperature, visible), labels, len(areas), PAPER, seed)


def kind(color):
    """The colour of COLORS that is nearest."""
    apart = delta_e_2000(srgb_to_lab(np.asarray(color, np.float64)), LAB)
    return list(COLORS)[int(apart.argmin())]


def test_of_two_colours_the_likelier_kind_and_not_their_mean():
    made = decided({"red": 0.3, "dark red": 0.25, "green": 0.45})
    mean = np.array([COLORS[name] for name in ("red", "dark red", "green")])
    np.testing.assert_allclose(made.expected[0], [0.3, 0.25, 0.45] @ mean, atol=1e-4)
    red, green, _ = made.colors[0]
    assert red > 3 * green and kind(made.colors[0]) in ("red", "dark red")


def test_paper_stays_paper_and_colour_becomes_whole():
    made = decided({"white": 0.8, "red": 0.2}, {"white": 0.5, "red": 0.5}, {"red": 1.0})
    np.testing.assert_allclose(made.colors[0], PAPER, atol=1e-6)
    assert made.share.tolist() == [0, 0.5, 1]
    lab = srgb_to_lab(made.colors[2].astype(np.float64))
    assert np.hypot(*lab[1:]) == pytest.approx(VIVID * np.hypot(*LAB[1][1:]), rel=0.12)


def test_a_seed_decides_otherwise_where_that_is_likely_and_alike_where_thought_is_alike():
    open_, sure = {"red": 0.34, "green": 0.33, "blue": 0.33}, {"red": 0.995, "blue": 0.005}
    found = set()
    for seed in range(1, 25):
        made = decided(open_, sure, {"white": 0.9, "red": 0.1}, open_, seed=seed)
        np.testing.assert_array_equal(made.colors[0], made.colors[3])
        np.testing.assert_allclose(made.colors[2], PAPER, atol=1e-6)
        assert kind(made.colors[1]) == "red"
        found.add(kind(made.colors[0]))
    assert found >= {"red", "green", "blue"}


def test_areas_too_small_for_the_network_are_not_known():
    labels = np.zeros((8, 8), np.int32)
    labels[3, 3] = 1
    logits = np.zeros((len(COLORS), 4, 4), np.float32)
    made = decide(Thought(logits, LAB, 1.0, (4.0, 4.0)), labels, 2, PAPER)
    assert made.known.tolist() == [True, False] and np.isfinite(made.colors).all()


@pytest.fixture(scope="module")
def shipped():
    folder = SHIPPED / "sketch-v1"
    return Generator.open(Model(Manifest.load(folder), folder), device="cpu")


def test_the_shipped_model_colours_by_seed_and_obeys(shipped):
    pixels, letters = lines("aabb\naabb\nccdd\nccdd", scale=40)
    paper = pixels[..., 0] == 255
    colors = []
    for seed in range(6):
        settings = ColorizeSettings(seed=seed, strictness=1.0)
        result, _ = color_sketch(Image(pixels), shipped, settings, quiet)
        again, _ = color_sketch(Image(pixels), shipped, settings, quiet)
        np.testing.assert_array_equal(result.pixels, again.pixels)
        colors.append(srgb_to_lab(result.pixels[60, 60] / 255.0))
    apart = [np.linalg.norm(a - b) for i, a in enumerate(colors) for b in colors[:i]]
    assert max(apart) > 15
    layer = hint_layer(pixels.shape[:2], [(40, 40, "g", 10)])
    result, _ = color_sketch(Image(pixels), shipped, ColorizeSettings(seed=3), quiet, layer)
    wanted = srgb_to_lab(np.array([0, 1.0, 0]))
    found = srgb_to_lab(result.pixels[paper & (letters == "a")] / 255.0)
    assert np.median(delta_e_2000(found, wanted)) < 5
    assert delta_e_2000(srgb_to_lab(result.pixels[120, 120] / 255.0), wanted) > 20
