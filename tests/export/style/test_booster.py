"""The style booster: its distance, its gradient with a memory, and that it moves a painter."""

from __future__ import annotations

import pytest
import torch

from export.networks.vgg import VGG19
from export.style.booster import LAYERS, Booster, distance, moments, moments_of_works

pytestmark = pytest.mark.export


def features(seed: int, shift: float = 0.0) -> dict[str, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    return {layer: torch.rand(2, 5, 6, 6, generator=random) + shift for layer in LAYERS}


def test_moments_take_all_pictures_as_one():
    found = moments(features(0))
    pixels = features(0)["relu2_1"].permute(0, 2, 3, 1).reshape(-1, 5)
    mean, square = found["relu2_1"]
    assert torch.allclose(mean, pixels.mean(dim=0), atol=1e-6)
    covariance = square - torch.outer(mean, mean)
    assert torch.allclose(covariance, torch.cov(pixels.T, correction=0), atol=1e-5)


def test_distance_is_zero_to_itself_and_counts_shifted_means():
    wanted = moments(features(0))
    assert distance(wanted, wanted) == pytest.approx(0, abs=1e-4)
    # a shift of 0.5 leaves deviations and covariances alone: 0.25 in each of the three layers
    assert distance(moments(features(0, 0.5)), wanted) == pytest.approx(0.75, abs=1e-3)


def test_works_count_alike_whatever_their_size():
    torch.manual_seed(0)
    vgg = VGG19()
    small, large = torch.rand(1, 3, 16, 16), torch.rand(1, 3, 32, 48)
    found = moments_of_works(vgg, [small, large])
    alone = [moments(vgg(work, LAYERS))["relu3_1"][0] for work in (small, large)]
    assert torch.allclose(found["relu3_1"][0], (alone[0] + alone[1]) / 2, atol=1e-5)


def gradient(memory: float) -> torch.Tensor:
    """Of the second of two equal batches."""
    booster = Booster(moments(features(0)), memory)
    booster.loss(features(1, 0.5))
    squares = {layer: x.requires_grad_() for layer, x in features(1, 0.5).items()}
    booster.loss(squares).backward()
    grown = squares["relu1_1"].grad
    assert grown is not None
    return grown


def test_gradient_is_whole_with_a_memory():
    assert gradient(0.0).abs().max() > 0
    assert torch.allclose(gradient(0.75), gradient(0.0), atol=1e-6)


def test_memory_forgives_a_single_batch():
    remembering, forgetful = (Booster(moments(features(0)), memory) for memory in (0.75, 0.0))
    for booster in (remembering, forgetful):
        assert float(booster.loss(features(0))) == pytest.approx(0, abs=1e-4)
    assert remembering.loss(features(0, 0.5)) != forgetful.loss(features(0, 0.5))
    # the mean is off by a quarter of it the next time, though the batch itself is off by nothing
    past = remembering.state()["relu1_1"][0] - moments(features(0))["relu1_1"][0]
    assert torch.allclose(past, torch.full((5,), 0.125), atol=1e-5)


def test_resumed_memory_goes_on():
    one, other = (Booster(moments(features(0)), memory=0.5) for _ in range(2))
    one.loss(features(1))
    other.restore(one.state())
    assert one.loss(features(2)) == other.loss(features(2))
    fresh = Booster(moments(features(0)), memory=0.5)
    fresh.restore({})
    assert fresh.loss(features(2)) == distance(moments(features(2)), moments(features(0)))
