"""Colour formulas against published values, and there and back."""

import numpy as np
import pytest

from core import color


@pytest.mark.parametrize(
    ("srgb", "lab"),
    [
        # CIE L*a*b* (D65, 2°) of the sRGB primaries and secondaries, as B. Lindbloom's CIE Color
        # Calculator gives them and as they are quoted in colorspace literature, four digits
        ((1, 1, 1), (100.0, 0.0, 0.0)),
        ((1, 0, 0), (53.2408, 80.0925, 67.2032)),
        ((0, 1, 0), (87.7347, -86.1827, 83.1793)),
        ((0, 0, 1), (32.2970, 79.1875, -107.8602)),
        ((1, 1, 0), (97.1393, -21.5537, 94.4780)),
        ((0, 1, 1), (91.1132, -48.0875, -14.1312)),
        ((1, 0, 1), (60.3242, 98.2343, -60.8249)),
        ((0, 0, 0), (0.0, 0.0, 0.0)),
    ],
)
def test_lab_of_the_primaries(srgb, lab):
    np.testing.assert_allclose(color.srgb_to_lab(np.array(srgb, float)), lab, atol=0.02)


@pytest.mark.parametrize(
    ("encoded", "linear"),
    [
        # IEC 61966-2-1: the straight part is value / 12.92, and its end 0.04045
        (0.04045, 0.0031308),
        (0.02, 0.02 / 12.92),
        # widely tabulated: middle sRGB code 0.5 is 21.4 % light; code 188 of 255 about half
        (0.5, 0.21404),
        (188 / 255, 0.50289),
        (1.0, 1.0),
        (0.0, 0.0),
    ],
)
def test_srgb_decodes(encoded, linear):
    assert color.srgb_to_linear(np.array(encoded)) == pytest.approx(linear, abs=2e-5)


@pytest.mark.parametrize(
    ("luminance", "lightness"),
    # CIE 15: L* of the 18 % grey card is 49.5; at the knee Y = (6/29)^3, L* is 8; 903.3 Y below
    [(0.18, 49.496), ((6 / 29) ** 3, 8.0), (0.001, 0.9033), (1.0, 100.0), (0.0, 0.0)],
)
def test_lightness_of_luminance(luminance, lightness):
    assert color.luminance_to_lightness(np.array(luminance)) == pytest.approx(lightness, abs=1e-3)
    assert color.lightness_to_luminance(np.array(lightness)) == pytest.approx(luminance, abs=1e-5)


def test_there_and_back_is_the_same_color():
    rng = np.random.default_rng(1)
    srgb = rng.random((500, 3))
    np.testing.assert_allclose(color.lab_to_srgb(color.srgb_to_lab(srgb)), srgb, atol=1e-9)
    wide = rng.uniform(-2, 4, 1000)
    np.testing.assert_allclose(color.linear_to_srgb(color.srgb_to_linear(wide)), wide, atol=1e-6)
    np.testing.assert_allclose(color.cube(color.cube_root(wide)), wide, atol=1e-12)


def test_the_transfer_functions_grow_everywhere():
    values = np.linspace(-2, 2, 40001)
    assert (np.diff(color.srgb_to_linear(values)) > 0).all()
    assert (np.diff(color.linear_to_srgb(values)) > 0).all()
    assert (np.diff(color.cube_root(values)) > 0).all()


def test_equal_channels_are_exactly_neutral():
    grey = np.repeat(np.linspace(0, 1, 256)[:, None], 3, axis=1)
    assert np.abs(color.srgb_to_lab(grey)[:, 1:]).max() < 1e-12


def test_float32_stays_float32():
    lab = color.srgb_to_lab(np.ones((2, 3), np.float32))
    assert lab.dtype == color.lab_to_srgb(lab).dtype == np.float32
