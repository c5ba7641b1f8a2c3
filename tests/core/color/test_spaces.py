"""Colour formulas against published values, and there and back."""

import numpy as np
import pytest

from core.color import spaces


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
    np.testing.assert_allclose(spaces.srgb_to_lab(np.array(srgb, float)), lab, atol=0.02)


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
    assert spaces.srgb_to_linear(np.array(encoded)) == pytest.approx(linear, abs=2e-5)


@pytest.mark.parametrize(
    ("luminance", "lightness"),
    # CIE 15: L* of the 18 % grey card is 49.5; at the knee Y = (6/29)^3, L* is 8; 903.3 Y below
    [(0.18, 49.496), ((6 / 29) ** 3, 8.0), (0.001, 0.9033), (1.0, 100.0), (0.0, 0.0)],
)
def test_lightness_of_luminance(luminance, lightness):
    assert spaces.luminance_to_lightness(np.array(luminance)) == pytest.approx(lightness, abs=1e-3)
    assert spaces.lightness_to_luminance(np.array(lightness)) == pytest.approx(luminance, abs=1e-5)


def test_there_and_back_is_the_same_color():
    rng = np.random.default_rng(1)
    srgb = rng.random((500, 3))
    np.testing.assert_allclose(spaces.lab_to_srgb(spaces.srgb_to_lab(srgb)), srgb, atol=1e-9)
    wide = rng.uniform(-2, 4, 1000)
    np.testing.assert_allclose(spaces.linear_to_srgb(spaces.srgb_to_linear(wide)), wide, atol=1e-6)
    np.testing.assert_allclose(spaces.cube(spaces.cube_root(wide)), wide, atol=1e-12)


def test_the_transfer_functions_grow_everywhere():
    values = np.linspace(-2, 2, 40001)
    assert (np.diff(spaces.srgb_to_linear(values)) > 0).all()
    assert (np.diff(spaces.linear_to_srgb(values)) > 0).all()
    assert (np.diff(spaces.cube_root(values)) > 0).all()


def test_equal_channels_are_exactly_neutral():
    grey = np.repeat(np.linspace(0, 1, 256)[:, None], 3, axis=1)
    assert np.abs(spaces.srgb_to_lab(grey)[:, 1:]).max() < 1e-12


def test_float32_stays_float32():
    lab = spaces.srgb_to_lab(np.ones((2, 3), np.float32))
    assert lab.dtype == spaces.lab_to_srgb(lab).dtype == np.float32


SHARMA = """
50.0000 2.6772 -79.7751 50.0000 0.0000 -82.7485 2.0425
50.0000 -1.3802 -84.2814 50.0000 0.0000 -82.7485 1.0000
50.0000 0.0000 0.0000 50.0000 -1.0000 2.0000 2.3669
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0009 7.1792
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0011 7.2195
50.0000 -0.0010 2.4900 50.0000 0.0009 -2.4900 4.8045
50.0000 2.5000 0.0000 50.0000 0.0000 -2.5000 4.3065
50.0000 2.5000 0.0000 73.0000 25.0000 -18.0000 27.1492
50.0000 2.5000 0.0000 56.0000 -27.0000 -3.0000 31.9030
60.2574 -34.0099 36.2677 60.4626 -34.1751 39.4387 1.2644
22.7233 20.0904 -46.6940 23.0331 14.9730 -42.5619 2.0373
90.8027 -2.0831 1.4410 91.1528 -1.6435 0.0447 1.4441
2.0776 0.0795 -1.1350 0.9033 -0.0636 -0.5514 0.9082
"""
"""Pairs of L*, a*, b* and their CIEDE2000, from the table of Sharma, Wu and Dalal (2005)."""


def test_delta_e_2000_is_that_of_the_published_pairs():
    rows = np.array(SHARMA.split(), float).reshape(-1, 7)
    found = spaces.delta_e_2000(rows[:, :3], rows[:, 3:6])
    np.testing.assert_allclose(found, rows[:, 6], atol=1e-4)
    np.testing.assert_allclose(
        spaces.delta_e_2000(rows[:, 3:6], rows[:, :3]), rows[:, 6], atol=1e-4
    )


def test_fit_gamut_keeps_what_fits_and_the_hue_of_the_rest():
    rng = np.random.default_rng(4)
    lightness = rng.uniform(0, 100, 500)
    ab = rng.uniform(-110, 110, (500, 2))
    fitted = spaces.fit_gamut(lightness, ab)
    back = spaces.lab_to_srgb(np.column_stack((lightness, fitted)))
    assert back.min() > -0.002 and back.max() < 1.001
    # a two-hundredth more would not fit, where anything was taken away
    shorter = np.hypot(*fitted.T) < np.hypot(*ab.T) * 0.99
    more = spaces.lab_to_linear(np.column_stack((lightness, fitted + ab * 0.005)))
    assert ((more < 0) | (more > 1)).any(axis=1)[shorter].all() and shorter.sum() > 100
    np.testing.assert_allclose(fitted[:, 0] * ab[:, 1], fitted[:, 1] * ab[:, 0], atol=1e-6)
    np.testing.assert_array_equal(spaces.fit_gamut(np.array([50.0]), np.array([[10.0, 5.0]])),
                                  [[10.0, 5.0]])  # fmt: skip
