"""Colour, losses and metrics against values from elsewhere, or properties they must have."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import core.color.spaces
from core.color.spaces import delta_e_2000
from export.data.color_hints import draw_dabs, draw_hints
from export.data.degrade import degrade
from export.errors import BadPreset
from export.metrics import pictures as metrics
from export.networks import moments
from export.training import losses
from export.training.adversarial import PicturePool, adversarial_loss
from export.training.color import lab_to_srgb, srgb_to_lab, srgb_to_linear
from export.training.shared import learning_rate_factor

pytestmark = pytest.mark.export


def random_rgb(count: int = 2, size: int = 16) -> torch.Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(0))


def test_lab_equals_cores():
    rgb = random_rgb()
    ours = srgb_to_lab(rgb).permute(0, 2, 3, 1).numpy()
    theirs = core.color.spaces.srgb_to_lab(rgb.permute(0, 2, 3, 1).double().numpy())
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
    lightness = degrade(srgb_to_linear(random_rgb(16, 32)), random)
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
    assert np.abs(moments.covariance(features)[0].numpy() - expected).max() < 1e-6


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


def test_black_and_colours_outside_the_gamut_have_finite_slopes():
    lab = torch.tensor([[0.0, 60.0, -80.0], [50.0, -120.0, 90.0]]).view(2, 3, 1, 1)
    lab.requires_grad_(True)
    lab_to_srgb(lab).sum().backward()
    assert torch.isfinite(lab.grad).all()


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [  # Sharma 2005, table 1
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 3.1571, -77.2803), (50, 0, -82.7485), 2.8615),
        ((50, 0, 0), (50, -1, 2), 2.3669),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((50, 2.5, 0), (61, -5, 29), 22.8977),
        ((50, 2.5, 0), (56, -27, -3), 31.9030),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((63.0109, -31.0961, -5.8663), (62.8187, -29.7946, -4.0864), 1.2630),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_delta_e_2000_gives_the_published_values(first, second, expected):
    found = delta_e_2000(np.array(first, float), np.array(second, float))
    assert found == pytest.approx(expected, abs=1e-4)


def test_kernel_distance_is_near_zero_for_the_same_distribution():
    random = np.random.default_rng(0)
    one, other = random.normal(size=(2, 200, 16))
    assert abs(metrics.kernel_distance(one, other)) < 0.05
    assert metrics.kernel_distance(one, other + 1) > 0.5


def test_kl_divergence_is_zero_for_the_standard_normal():
    zero = torch.zeros(1, 4)
    assert losses.kl_divergence(zero, zero) == 0
    assert losses.kl_divergence(zero + 2, zero) == pytest.approx(8.0)  # 1/2 * 4 * 2^2


@pytest.mark.parametrize("name", ["minimax", "non-saturating", "lsgan", "hinge"])
def test_adversarial_losses_pull_apart_and_together(name):
    critic, generator = adversarial_loss(name)
    good, bad = torch.tensor([2.0]), torch.tensor([-2.0])
    assert critic(good, bad) < critic(bad, good)
    fake = torch.zeros(1, requires_grad=True)
    generator(fake).backward()
    assert fake.grad.item() < 0  # a step downhill raises the score of what was generated


def test_adversarial_losses_at_the_undecided_discriminator():
    undecided = torch.zeros(3)
    two_log_two = pytest.approx(2 * np.log(2), rel=1e-5)
    assert adversarial_loss("minimax")[0](undecided, undecided) == two_log_two
    assert adversarial_loss("hinge")[0](undecided, undecided) == 2
    assert adversarial_loss("lsgan")[0](undecided, undecided) == 0.5
    with pytest.raises(BadPreset, match="'wgan'"):
        adversarial_loss("wgan")


def test_picture_pool_shows_older_pictures():
    pool, random = PicturePool(4), torch.Generator().manual_seed(0)
    first = torch.zeros(4, 1, 1, 1)
    assert torch.equal(pool.swap(first, random), first)
    shown = torch.cat([pool.swap(torch.full((4, 1, 1, 1), float(i)), random) for i in range(1, 9)])
    assert 0 < (shown == 0).sum() <= 4
    assert len(pool.state()) == 4


def test_hints_are_true_colours_of_what_they_cover():
    ab = torch.zeros(8, 2, 48, 48)
    ab[:, 0, :, 24:] = 40.0  # two even halves: a hint that crosses them is in between
    hint, mask = draw_hints(ab, np.random.default_rng(0), 1.0)
    assert all(mask.flatten(1).sum(dim=1) > 0)
    assert torch.equal(hint * mask, hint)
    marked = mask[:, 0].bool()
    assert hint[:, 0][marked].min() >= 0 and hint[:, 0][marked].max() <= 40
    assert (hint[:, 0][marked] - ab[:, 0][marked]).abs().median() == 0
    assert draw_hints(ab, np.random.default_rng(0), 0.0)[1].max() == 0


def test_dabs_have_the_size_asked_for():
    _, mask = draw_dabs(torch.zeros(1, 2, 64, 64), np.random.default_rng(0), 1, 5)
    assert mask.sum() == 25
