"""Shapes, ranges and reach of the networks."""

from __future__ import annotations

import pytest
import torch

from export.networks.colorizer import Colorizer, hint_pyramid
from export.networks.discriminator import PatchDiscriminator
from export.networks.judges import LpipsSqueeze, ResNet50Features
from export.networks.mobilenet import MobileNetV2
from export.networks.stylizer import PixelNorm, Stylizer, box, box_by_sums

pytestmark = pytest.mark.export


@torch.no_grad()
def test_colorizer_gives_ab_at_a_quarter():
    generator = Colorizer(palette_size=8).eval()
    ab, logits = generator(torch.rand(2, 1, 64, 96) * 100)
    assert ab.shape == (2, 2, 16, 24)
    assert ab.abs().max() <= 110
    assert logits.shape == (2, 8, 16, 24)


@torch.no_grad()
def test_left_out_inputs_are_zeros():
    generator = Colorizer(palette_size=8).eval()
    lightness = torch.rand(1, 1, 64, 64) * 100
    hint, mask, noise = torch.zeros(1, 2, 64, 64), torch.zeros(1, 1, 64, 64), torch.zeros(1, 8)
    assert torch.equal(generator(lightness)[0], generator(lightness, hint, mask, noise)[0])
    assert not torch.equal(generator(lightness)[1], generator(lightness, noise=noise + 2)[1])


@torch.no_grad()
def test_colorizer_obeys_hints():
    generator = Colorizer(palette_size=8).eval()
    hint, mask = torch.zeros(1, 2, 64, 64), torch.zeros(1, 1, 64, 64)
    hint[:, 0, 20:28, 40:48], mask[:, :, 20:28, 40:48] = 33.0, 1.0
    ab = generator(torch.full((1, 1, 64, 64), 50.0), hint, mask)[0]
    wanted = torch.tensor([33.0, 0.0]).view(1, 2, 1, 1)
    assert (ab[:, :, 5:7, 10:12] - wanted).abs().max() < 1e-3


def test_hints_reach_every_pixel_and_none_is_told_from_grey():
    hint, mask = torch.zeros(1, 2, 64, 96), torch.zeros(1, 1, 64, 96)
    assert all(level.abs().max() == 0 for level in hint_pyramid(hint, mask))
    hint[:, 1, :4, :4], mask[:, :, :4, :4] = 25.0, 1.0
    *levels, whole = hint_pyramid(hint, mask)
    assert [tuple(level.shape[-2:]) for level in levels] == [(16, 24), (8, 12), (4, 6), (2, 3)]
    for level in levels:  # the only hint's colour everywhere, nearest at the hint
        assert (level[:, 1] - 0.5).abs().max() < 1e-2
        assert level[0, 2].argmax() == 0 and level[0, 2].min() > 0
    assert whole[0, 1] == pytest.approx(0.5, abs=1e-3)


def test_frozen_stages_get_no_gradient():
    encoder = MobileNetV2().eval()
    encoder.freeze_stages(3)
    sum(feature.sum() for feature in encoder(torch.rand(1, 1, 32, 32))).backward()
    assert encoder.stem[0].weight.grad is None
    assert encoder.stages[2][0].layers[0][0].weight.grad is None
    assert encoder.stages[3][0].layers[0][0].weight.grad is not None


def test_critic_sees_patches_of_34_pixels_and_is_bounded():
    critic = PatchDiscriminator(channels=8)
    for _ in range(20):  # power iteration
        critic(torch.rand(1, 3, 48, 48))
    for layer in critic.layers:
        assert torch.linalg.matrix_norm(layer.weight.flatten(1), 2) < 1.1
    picture = torch.rand(1, 3, 96, 96, requires_grad=True)
    scores = critic(picture)
    scores[0, 0, scores.shape[2] // 2, scores.shape[3] // 2].backward()
    rows = picture.grad.abs().sum(dim=(0, 1, 3)).nonzero().flatten()
    assert int(rows.max() - rows.min()) + 1 == 34


@torch.no_grad()
def test_low_temperature_picks_the_likeliest_colour():
    generator = Colorizer(palette_size=3, temperature=0.01)
    generator.palette.copy_(torch.tensor([[10.0, 0.0], [0.0, 20.0], [-30.0, 0.0]]))
    logits = torch.tensor([0.0, 1.0, 0.5]).view(1, 3, 1, 1)
    ab = generator.expectation(logits, torch.zeros(1, 2, 1, 1))
    assert torch.allclose(ab.flatten(), torch.tensor([0.0, 20.0]), atol=1e-3)


def test_training_mode_keeps_the_encoders_statistics():
    generator = Colorizer(palette_size=8).train()
    before = generator.encoder.stem[1].running_mean.clone()
    generator(torch.rand(2, 1, 32, 32) * 100)
    assert torch.equal(generator.encoder.stem[1].running_mean, before)
    assert generator.levels[0].first_norm.training


@torch.no_grad()
def test_grey_stem_equals_three_channel_stem():
    """The stem summed over RGB sees a grey picture as ImageNet's stem sees it three times."""
    torch.manual_seed(0)
    weights = {}
    for key, value in MobileNetV2().state_dict().items():
        if key.startswith("stages."):
            _, stage, block, _, rest = key.split(".", 4)
            number = sum((1, 2, 3, 4, 3, 3, 1)[: int(stage)]) + int(block)
            key = f"blocks.{number}.b.{rest}"
        weights[key] = value
    weights["stem.0.weight"] = torch.randn(32, 3, 3, 3)
    weights["stem.1.running_mean"] = torch.randn(32)
    encoder = MobileNetV2().eval()
    encoder.load_imagenet(weights)
    grey = torch.rand(1, 1, 32, 32)
    mean = torch.tensor((0.485, 0.456, 0.406)).view(1, 3, 1, 1)
    std = torch.tensor((0.229, 0.224, 0.225)).view(1, 3, 1, 1)
    three = torch.nn.functional.conv2d((grey - mean) / std, weights["stem.0.weight"], stride=2)
    expected = three - weights["stem.1.running_mean"].view(1, -1, 1, 1)
    one = torch.nn.functional.conv2d(grey * 2 - 1, encoder.stem[0].weight, stride=2)
    found = one - encoder.stem[1].running_mean.view(1, -1, 1, 1)
    assert (found - expected).abs().max() < 1e-4


def test_faster_forms_for_training_compute_the_same():
    torch.manual_seed(0)
    norm, x = PixelNorm(7), torch.randn(2, 7, 9, 5)
    torch.nn.init.normal_(norm.scale)
    torch.nn.init.normal_(norm.shift)
    assert torch.allclose(norm.train()(x), norm.eval()(x), atol=1e-5)
    assert torch.allclose(box_by_sums(x, 3), box(x, 3), atol=1e-5)
    generator, picture = Stylizer(channels=(4, 6, 8), dilations=(1,)), torch.rand(1, 3, 32, 48)
    trained = generator.train().repaint(picture)
    with torch.no_grad():
        assert torch.allclose(generator.eval().repaint(picture), trained, atol=1e-4)
        assert not torch.equal(generator.repaint(picture), trained)  # it was another way


@torch.no_grad()
def test_stylizer_starts_near_the_picture():
    picture = torch.rand(1, 3, 40, 56)
    painted = Stylizer().eval()(picture)
    assert painted.shape == picture.shape
    assert painted.min() >= 0 and painted.max() <= 1


def test_stylizer_reaches_no_further_than_it_says():
    torch.manual_seed(0)
    generator = Stylizer(channels=(4, 6, 8), dilations=(1, 2)).eval()
    radius = generator.receptive_radius()
    size = 4 * radius
    reached = 0
    for place in range(size // 2, size // 2 + 4):  # all four positions in the coarsest grid
        picture = torch.rand(1, 3, size, size, requires_grad=True)
        generator.repaint(picture)[0, :, place, place].sum().backward()
        assert picture.grad is not None
        rows = picture.grad.abs().sum(dim=(0, 1, 3)).nonzero().flatten()
        reached = max(reached, place - int(rows.min()), int(rows.max()) - place)
    assert radius - 4 < reached <= radius


def test_leak_keeps_the_deep_path_alive():
    """Even with the last rectifier shut everywhere, the deep layers still learn."""
    generator = Stylizer(channels=(4, 6, 8), dilations=(1,), leak=0.2)
    torch.nn.init.constant_(generator.up_full.bias, -1e3)
    generator.repaint(torch.rand(1, 3, 32, 32)).sum().backward()
    assert generator.blocks[0].first.weight.grad.abs().max() > 0


@torch.no_grad()
def test_tile_equals_the_whole():
    generator = Stylizer(channels=(4, 6, 8), dilations=(1,)).eval()
    halo = generator.receptive_radius()
    whole = torch.rand(1, 3, 160, 160)
    start, stop = 64, 96
    tile = generator(whole[:, :, start - halo : stop + halo, start - halo : stop + halo])
    inner = tile[:, :, halo:-halo, halo:-halo]
    assert (inner - generator(whole)[:, :, start:stop, start:stop]).abs().max() < 1e-5


@torch.no_grad()
def test_judges_take_pictures():
    lpips = LpipsSqueeze()
    heads = {
        f"lin{i}.model.1.weight": torch.rand(1, c, 1, 1)
        for i, c in enumerate((64, 128, 256, 384, 384, 512, 512))
    }
    lpips.load(lpips.state_dict(), heads)
    picture = torch.rand(1, 3, 64, 64)
    assert float(lpips(picture, picture)) == 0
    assert float(lpips(picture, 1 - picture)) > 0
    assert ResNet50Features().eval()(picture).shape == (1, 1024)
