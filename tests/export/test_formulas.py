"""Colour, losses and metrics against values from elsewhere, or properties they must have."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import core.color
from export import losses, metrics
from export.color import lab_to_srgb, srgb_to_lab
from export.degrade import degrade
from export.training import learning_rate_factor

pytestmark = pytest.mark.export


def random_rgb(count: int = 2, size: int = 16) -> torch.Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(0))


def test_lab_equals_cores():
    rgb = random_rgb()
    ours = srgb_to_lab(rgb).permute(0, 2, 3, 1).numpy()
    theirs = core.color.srgb_to_lab(rgb.permute(0, 2, 3, 1).double().numpy())
    assert np.abs(ours - theirs).max() < 1e-3


def test_lab_of_red():
    # sRGB red in CIE L*a*b*, D65 (Lindbloom's colour calculator).
    red = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1)
    expected = torch.tensor([53.2408, 80.0925, 67.2032])
    assert torch.allclose(srgb_to_lab(red).flatten(), expected, atol=0.02)


def test_lab_round_trip():
    rgb = random_rgb()
    assert (lab_to_srgb(srgb_to_lab(rgb)) - rgb).abs().max() < 1e-4


def test_degraded_lightness_stays_in_range():
    random = torch.Generator().manual_seed(1)
    lightness = degrade(random_rgb(16, 32), random)
    assert lightness.shape == (16, 1, 32, 32)
    assert lightness.min() >= 0 and lightness.max() <= 100


def test_soft_encoding_sums_to_one_even_far_from_the_palette():
    palette = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [-10.0, 0.0], [0.0, -10.0]])
    ab = torch.tensor([[0.0, 0.0], [3.0, -4.0], [500.0, 500.0]])
    _, weights = losses.soft_encode(ab, palette)
    assert torch.allclose(weights.sum(dim=1), torch.ones(3))
    assert torch.isfinite(weights).all()


def test_rebalancing_averages_one_and_favours_the_rare():
    frequency = torch.tensor([90.0, 9.0, 1.0])
    weights = losses.rebalancing_weights(frequency)
    assert (weights * frequency).sum() / frequency.sum() == pytest.approx(1.0)
    assert weights[2] > weights[1] > weights[0]


def test_kmeans_finds_separate_clusters():
    random = torch.Generator().manual_seed(0)
    centres = torch.tensor([[-50.0, 0.0], [50.0, 0.0], [0.0, 50.0]])
    points = (centres[:, None] + torch.randn(3, 100, 2, generator=random)).reshape(-1, 2)
    found = losses.kmeans(points, 3, random)
    assert torch.cdist(centres, found).min(dim=1).values.max() < 1.0


def test_learning_rate_reaches_its_ends():
    assert learning_rate_factor(0, 100, 10) == pytest.approx(0.1)
    assert learning_rate_factor(10, 100, 10) == pytest.approx(1.0)
    assert learning_rate_factor(100, 100, 10) == pytest.approx(0.01)


def test_covariance_equals_numpys():
    features = torch.rand(1, 4, 5, 6, generator=torch.Generator().manual_seed(0))
    expected = np.cov(features[0].flatten(1).numpy(), bias=True)
    assert np.abs(losses.covariance(features)[0].numpy() - expected).max() < 1e-6


def test_tone_loss_ignores_range_but_not_order():
    picture = random_rgb(2, 32)
    assert losses.tone_loss(0.2 + 0.3 * picture, picture) == pytest.approx(0, abs=1e-3)
    assert losses.tone_loss(1 - picture, picture) == pytest.approx(2, abs=1e-3)


def test_metrics_of_equal_and_grey_pictures():
    picture = random_rgb(1)[0].permute(1, 2, 0).double().numpy()
    assert metrics.ssim(picture, picture) == pytest.approx(1.0)
    assert metrics.psnr(picture, picture) == float("inf")
    assert metrics.colorfulness(np.full((8, 8, 3), 0.5)) == 0


def test_frechet_distance_of_shifted_features_is_the_shift_squared():
    features = np.random.default_rng(0).normal(size=(30, 8))
    assert metrics.frechet_distance(features, features) == pytest.approx(0, abs=1e-9)
    assert metrics.frechet_distance(features, features + 2) == pytest.approx(32)
