"""Extracted and drawn lines, hints, and the samples that are made of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from export.data import lines
from export.data.hints import HintLayer, hint_area
from export.data.illustrations import Illustrations
from export.data.pictures import Pictures
from export.sketch.samples import Mixture, Sampler

pytestmark = pytest.mark.export

KINDS = (lines.xdog, lines.dilation_difference, lines.soft_canny)


def two_halves():
    """Light left of x = 24, dark from there on; (1, 3, 48, 48)."""
    rgb = torch.full((1, 3, 48, 48), 0.9)
    rgb[..., 24:] = torch.tensor((0.5, 0.55, 0.7)).view(1, 3, 1, 1)
    return rgb


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(5))
def test_a_border_gives_a_line_and_even_paper_none(kind, seed):
    ink = kind(two_halves(), torch.Generator().manual_seed(seed))
    assert ink.shape == (1, 1, 48, 48)
    assert ink.min() >= 0 and ink.max() <= 1
    assert ink[..., 20:28].amax(dim=3).min() > 0.25
    assert ink[..., :14].max() < 0.05


def test_every_kind_is_used():
    rgb = two_halves().repeat(24, 1, 1, 1)
    drawn = lines.extract_lines(rgb, torch.Generator().manual_seed(0))
    darkness = drawn.flatten(1).sum(dim=1)
    assert len(darkness.round(decimals=2).unique()) > 10


def test_drawing_stays_in_range_and_leaves_some_as_they_are():
    ink = torch.zeros(40, 1, 32, 32)
    ink[..., 15:17] = 1
    drawn = lines.draw(ink, torch.Generator().manual_seed(1))
    assert drawn.min() >= 0 and drawn.max() <= 1
    same = (drawn == ink).flatten(1).all(dim=1)
    assert 4 <= same.sum() <= 25


def test_gaps_are_on_lines_only():
    ink = torch.zeros(3, 1, 40, 40)
    ink[:2, :, 20] = 1
    holes = lines.gaps(ink, torch.Generator().manual_seed(0))
    assert holes[:2, :, 20].amax() == 1
    assert holes[..., :17, :].max() == 0
    assert holes[2].max() == 0


def test_blur_keeps_a_constant_and_spreads_a_point():
    assert torch.allclose(lines.blur(torch.full((1, 2, 9, 9), 0.3), 1.0), torch.tensor(0.3))
    point = torch.zeros(1, 1, 15, 15)
    point[..., 7, 7] = 1
    spread = lines.blur(point, 1.0)
    # the continuous Gaussian's value at its middle, 1 / (2 pi)
    assert float(spread[0, 0, 7, 7]) == pytest.approx(0.159, abs=0.01)
    assert float(spread.sum()) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("seed", range(20))
def test_hints_stay_in_their_area_and_have_its_colour(seed):
    inside = np.zeros((40, 40), bool)
    inside[5:9, 10:35] = True
    layer = HintLayer(40, 40)
    hint_area(layer, np.random.default_rng(seed), inside, np.array([0.1, 0.2, 0.3]))
    painted = layer.mask > 0
    assert painted.any()
    assert not (painted & ~inside).any()
    assert np.allclose(layer.colors[painted], (0.1, 0.2, 0.3))


def test_an_area_of_nothing_gets_no_hint():
    layer = HintLayer(8, 8)
    hint_area(layer, np.random.default_rng(0), np.zeros((8, 8), bool), np.ones(3))
    assert not layer.mask.any()


@pytest.fixture
def sampler(illustrations, photos, tmp_path):
    pairs = Illustrations.open(illustrations, tmp_path / "cache", side=64)
    pictures = Pictures.open([photos], tmp_path / "cache", 40)
    everything = list(range(12))
    return Sampler(pairs, everything, pictures, everything, Mixture(photos=0.25))


def test_samples_are_the_same_for_the_same_step(sampler):
    first, again, other = (sampler.batch((0, step), 8, 32) for step in (3, 3, 4))
    assert torch.equal(first.ink, again.ink) and torch.equal(first.target, again.target)
    assert not torch.equal(first.ink, other.ink)


def test_hints_of_illustrations_have_the_targets_colour(sampler):
    seen = 0
    for step in range(6):
        batch = sampler.batch((1, step), 8, 32)
        assert batch.flat.flatten().tolist() == [1] * 6 + [0] * 2
        painted = batch.hint_mask[:6] > 0
        seen += int(painted.sum())
        difference = (batch.hint[:6] - batch.target[:6]).abs().amax(dim=1, keepdim=True)
        assert difference[painted].max() < 1e-6 if painted.any() else True
        assert (batch.hinted[:6][painted] == 1).all()
    assert seen > 0


def test_about_half_of_the_samples_have_no_hint(sampler):
    batch = Sampler.batch(sampler, (2, 0), 64, 32)
    without = (batch.hint_mask.flatten(1).sum(dim=1) == 0).float().mean()
    assert 0.25 < without < 0.7
