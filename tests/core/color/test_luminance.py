"""The chunk-wise lightness and merge against the plain formulas of core.color.spaces."""

import numpy as np
import pytest

from core.color import spaces
from core.color.luminance import Light, Merger, fold
from core.image import Image
from core.raster.bands import for_each_band

RNG = np.random.default_rng(8)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.uint8, 0.01), (np.uint16, 1e-4)])
@pytest.mark.parametrize("channels", [1, 3])
def test_lightness_is_that_of_the_formulas(dtype, tolerance, channels):
    full = np.iinfo(dtype).max
    pixels = RNG.integers(0, full + 1, (40, 50, channels)).astype(dtype)
    light = Light(Image(pixels), 64)
    light.read(pixels)
    lab = spaces.srgb_to_lab(np.broadcast_to(pixels / full, (40, 50, 3)))
    np.testing.assert_allclose(light.root * 116 - 16, lab[..., 0], atol=tolerance)


def test_colors_in_gamut_are_those_of_the_formulas():
    # slopes and offsets of their own at every pixel, small enough to stay in gamut
    pixels = RNG.uniform(0.3, 0.6, (30, 20, 1)).astype(np.float32)
    slopes = RNG.uniform(-0.2, 0.2, (2, 30, 20)).astype(np.float32)
    offsets = RNG.uniform(-8, 8, (2, 30, 20)).astype(np.float32)
    out = np.empty((30, 20, 3), np.float32)
    merger = Merger(Image(pixels), 30, 1.0)
    merger.merge(pixels, fold(slopes, offsets), np.eye(30, dtype=np.float32), out)
    lightness = spaces.srgb_to_lab(pixels.repeat(3, axis=2).astype(np.float64))[..., 0]
    ab = slopes * lightness + offsets
    expected = spaces.lab_to_srgb(np.stack((lightness, ab[0], ab[1]), axis=-1))
    assert expected.min() > 0 and expected.max() < 1
    # L*a*b* to rgb keeps Y of the same L*: both ways have to agree
    np.testing.assert_allclose(out, expected, atol=2e-5)


def test_out_of_gamut_keeps_hue_and_luminance():
    pixels = np.full((8, 8, 1), 0.9, np.float32)
    planes = fold(np.zeros((2, 8, 8), "f4"), np.full((2, 8, 8), 90, "f4"))
    out = np.empty((8, 8, 3), np.float32)
    Merger(Image(pixels), 8, 1.0).merge(pixels, planes, np.eye(8, dtype=np.float32), out)
    linear = spaces.srgb_to_linear(out[0, 0].astype(np.float64))
    luminance = spaces.srgb_to_linear(np.array(0.9))
    assert linear @ spaces.LUMINANCE == pytest.approx(luminance, abs=1e-6)
    assert linear.max() == pytest.approx(1, abs=1e-6)  # as much colour as there is room for
    lab = np.array([spaces.luminance_to_lightness(luminance), 90, 90])
    wanted = spaces.srgb_to_linear(spaces.lab_to_srgb(lab)) - luminance
    given = linear - luminance
    np.testing.assert_allclose(given / np.linalg.norm(given), wanted / np.linalg.norm(wanted),
                               atol=1e-5)  # fmt: skip


def test_bands_cover_every_row_once_and_scratch_is_reused():
    rows = np.zeros(1000, int)
    made, shares = [], []

    def work(start, stop, scratch):
        rows[start:stop] += 1

    for_each_band(1000, work, lambda: made.append(1), shares.append)
    assert (rows == 1).all()
    assert shares == sorted(shares) and shares[-1] == 1
    assert 1 <= len(made) < len(shares)


def test_an_error_in_a_band_comes_out():
    def work(start, stop, scratch):
        raise MemoryError

    with pytest.raises(MemoryError):
        for_each_band(1000, work, lambda: None, lambda share: None)
