"""Auto Colorize: the user's lightness goes out as it came in, colour comes from the generator."""

import numpy as np
import pytest

from core.color import spaces
from core.colorize.colorize import ColorizeSettings, colorize, predict, reduced_lightness
from core.errors import BadRequest, ImageUnsupported, ModelCorrupt
from core.generator.manifest import SizeSpec
from core.image import Image
from tests.core.engine import open_generator, quiet
from tests.fakes import onnx as fakes
from tests.pixels import assert_close, draw, grey

RNG = np.random.default_rng(5)
TYPES = {"u8": np.uint8, "u16": np.uint16, "float": np.float32}


def run(pixels, generator, out=None, **settings):
    return colorize(Image(pixels), generator, ColorizeSettings(**settings), quiet, out).pixels


def of_type(values, name):
    """0..1 as a channel type's values."""
    if name == "float":
        return values.astype(np.float32)
    return np.rint(values * np.iinfo(TYPES[name]).max).astype(TYPES[name])


def unit(pixels):
    full = 1 if pixels.dtype == np.float32 else np.iinfo(pixels.dtype).max
    return pixels.astype(np.float64) / full


def luminance(pixels):
    return spaces.srgb_to_linear(unit(pixels[..., :3])) @ spaces.LUMINANCE


@pytest.fixture(scope="module")
def no_color(tmp_path_factory):
    return open_generator(fakes.constant_ab(tmp_path_factory.mktemp("m") / "zero"))


@pytest.fixture(scope="module")
def one_color(tmp_path_factory):
    return open_generator(fakes.constant_ab(tmp_path_factory.mktemp("m") / "rose", 30.0, 10.0))


@pytest.fixture(scope="module")
def follows_lightness(tmp_path_factory):
    return open_generator(fakes.lightness_ab(tmp_path_factory.mktemp("m") / "light"))


@pytest.mark.parametrize("strength", [0.0, 0.4, 1.0])
def test_no_color_gives_back_every_8_bit_grey(no_color, strength):
    ramp = np.arange(256, dtype=np.uint8).repeat(40).reshape(-1, 80, 1)
    assert_close(run(ramp, no_color, strength=strength), ramp.repeat(3, axis=2), 0)


def test_no_color_gives_back_every_16_bit_grey(no_color):
    ramp = np.arange(65536).astype(np.uint16).reshape(256, 256, 1)
    assert_close(run(ramp, no_color), ramp.repeat(3, axis=2), 1)


def test_no_color_gives_back_float_greys_beyond_black_and_white(no_color):
    ramp = np.linspace(-0.5, 3, 64 * 64).astype(np.float32).reshape(64, 64, 1)
    assert_close(run(ramp, no_color), ramp.repeat(3, axis=2), 2e-6)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("name", TYPES)
def test_type_size_and_alpha_stay(one_color, name, channels):
    pixels = of_type(RNG.random((37, 53, channels)), name)
    result = run(pixels, one_color)
    assert result.dtype == pixels.dtype
    assert result.shape == (37, 53, 4 if channels in (2, 4) else 3)
    if channels in (2, 4):
        assert_close(result[..., 3:], pixels[..., -1:], 0)


@pytest.mark.parametrize("strength", [0.5, 1.0])
@pytest.mark.parametrize(("name", "tolerance"), [("u8", 5e-3), ("u16", 2e-5), ("float", 1e-6)])
def test_luminance_stays_whatever_the_color(follows_lightness, name, tolerance, strength):
    pixels = of_type(RNG.random((64, 96, 3)), name)
    result = run(pixels, follows_lightness, strength=strength, saturation=2.0)
    difference = luminance(result) - luminance(pixels)
    assert np.abs(difference).max() < tolerance
    assert np.abs(unit(result) - unit(pixels)).max() > 0.1  # and yet it is another picture


def test_the_color_is_the_one_predicted(one_color):
    result = run(of_type(np.full((40, 40, 1), 0.5), "float"), one_color)
    lab = spaces.srgb_to_lab(result.astype(np.float64))
    np.testing.assert_allclose(lab[..., 1], 30, atol=1e-3)
    np.testing.assert_allclose(lab[..., 2], 10, atol=1e-3)


def test_saturation_scales_the_color(one_color):
    half = of_type(np.full((40, 40, 1), 0.5), "float")
    for saturation in (0.0, 0.5, 1.5):
        lab = spaces.srgb_to_lab(run(half, one_color, saturation=saturation).astype(np.float64))
        np.testing.assert_allclose(lab[..., 1], 30 * saturation, atol=1e-3)


def test_strength_0_gives_back_the_pictures_own_colors(one_color):
    pixels = of_type(RNG.random((32, 48, 3)), "u8")
    assert_close(run(pixels, one_color, strength=0.0), pixels, 0)


def test_strength_mixes_in_linear_light(one_color):
    pixels = of_type(RNG.random((32, 48, 3)), "float")
    full = spaces.srgb_to_linear(run(pixels, one_color).astype(np.float64))
    mixed = spaces.srgb_to_linear(run(pixels, one_color, strength=0.25).astype(np.float64))
    expected = 0.75 * spaces.srgb_to_linear(pixels.astype(np.float64)) + 0.25 * full
    np.testing.assert_allclose(mixed, expected, atol=1e-5)


def test_a_pictures_own_colors_are_replaced(one_color):
    values = of_type(RNG.random((32, 48, 3)), "float")
    own_grey = spaces.linear_to_srgb(luminance(values))[..., None].astype(np.float32)
    assert_close(run(values, one_color), run(own_grey, one_color), 1e-4)


def test_black_and_white_have_no_room_for_color(one_color):
    pixels = grey("kw\nwk", scale=20)
    assert_close(run(pixels, one_color), pixels.repeat(3, axis=2), 0)


def test_a_16_bit_picture_comes_back_with_more_than_256_levels(follows_lightness):
    ramp = np.linspace(20000, 40000, 128 * 128).astype(np.uint16).reshape(128, 128, 1)
    result = run(ramp, follows_lightness)
    for channel in range(3):
        assert len(np.unique(result[..., channel])) > 5000


def test_color_stays_on_its_side_of_an_edge(follows_lightness):
    # 512 pixels, predicted at 16: an edge in the middle of a cell of 32 pixels
    pixels = np.full((512, 512, 1), 40, np.uint8)
    pixels[:, 272:] = 200
    lab = spaces.srgb_to_lab(unit(run(pixels, follows_lightness)))
    left, right = lab[:, 40, 1].mean(), lab[:, 480, 1].mean()
    assert left < -20 < 20 < right
    assert np.abs(lab[:, 200:271, 1] - left).max() < 0.2 * (right - left)
    assert np.abs(lab[:, 273:344, 1] - right).max() < 0.2 * (right - left)


def test_bands_leave_no_trace(one_color, follows_lightness):
    # the same rows in a tall picture, which is cut into bands, and in a short one
    row = of_type(RNG.random((1, 64, 3)), "u8")
    tall = run(row.repeat(1100, axis=0), one_color)
    assert_close(tall, run(row.repeat(8, axis=0), one_color)[:1].repeat(1100, axis=0), 1)


def test_the_result_can_go_into_the_pictures_own_memory(follows_lightness):
    pixels = of_type(RNG.random((50, 60, 4)), "u8")
    expected = run(pixels.copy(), follows_lightness)
    assert run(pixels, follows_lightness, out=pixels) is pixels
    assert_close(pixels, expected, 0)


@pytest.mark.parametrize("size", [(8, 8), (8, 300), (301, 9), (65, 63)], ids=str)
def test_odd_sizes(follows_lightness, size):
    pixels = of_type(RNG.random((*size, 1)), "u8")
    assert run(pixels, follows_lightness).shape == (*size, 3)


def test_reduced_lightness_is_the_mean_of_what_is_covered():
    pixels = draw("kw\nwk", scale=16)
    reduced = reduced_lightness(Image(pixels), (2, 2))
    np.testing.assert_allclose(reduced, [[0, 100], [100, 0]], atol=1e-3)
    np.testing.assert_allclose(reduced_lightness(Image(pixels), (1, 1)), [[50]], atol=1e-3)


def test_what_is_hidden_by_transparency_does_not_count():
    pixels = np.concatenate((grey("4444\n4444", 8), grey("wwk4\nww4k", 8)), axis=2)
    pixels[pixels[..., 1] == 0, 0] = RNG.integers(0, 256, 128)
    reduced = reduced_lightness(Image(pixels), (8, 4))
    # L* of sRGB code 128 is 53.59; it stands where half is seen and where nothing is, too
    np.testing.assert_allclose(reduced, 53.59, atol=0.01)


def test_the_generator_gets_legal_sizes(tmp_path):
    spec = SizeSpec(minimum=32, multiple_of=16, work=64)
    generator = open_generator(fakes.lightness_ab(tmp_path / "strict", 4, size=spec))
    guide, ab = predict(np.zeros((9, 40), np.float32), generator)
    assert guide.shape == (32, 48)
    assert ab.shape == (2, 8, 12)


def test_a_generator_of_one_size(tmp_path):
    spec = SizeSpec(fixed=(64, 48))
    generator = open_generator(fakes.lightness_ab(tmp_path / "fixed", 4, size=spec))
    assert run(of_type(RNG.random((300, 200, 1)), "u8"), generator).shape == (300, 200, 3)


def test_colors_of_another_size_are_the_models_fault(tmp_path):
    # windows of 5, stride 5, on 64 pixels: 12 colours, and 12 times 5 is not 64
    spec = SizeSpec(minimum=64, multiple_of=64, work=64)
    generator = open_generator(fakes.lightness_ab(tmp_path / "wrong", 5, size=spec))
    with pytest.raises(ModelCorrupt, match="12×12 colours for 64×64"):
        run(of_type(RNG.random((64, 64, 1)), "u8"), generator)


def test_unusable_pictures_never_reach_the_generator(no_color):
    with pytest.raises(ImageUnsupported):
        run(np.zeros((1, 1, 3), np.uint8), no_color)


@pytest.mark.parametrize(
    "settings",
    [{"strength": 1.1}, {"strength": -0.1}, {"saturation": 2.1}, {"strength": float("nan")},
     {"strength": "1"}, {"saturation": True}, {"saturation": None}],
    ids=str,
)  # fmt: skip
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(BadRequest, match="not a number from 0 to"):
        ColorizeSettings(**settings)


def test_progress_grows_to_1(follows_lightness):
    told = []
    image = Image(of_type(RNG.random((600, 400, 1)), "u8"))
    colorize(image, follows_lightness, ColorizeSettings(), lambda *step: told.append(step))
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions)
    assert fractions[0] < 0.2 and fractions[-1] == pytest.approx(1)
    assert len({text for _, text in told}) == 3 and len(told) > 6
