"""Resizing keeps means and places; the guided upsampling keeps edges."""

import numpy as np
import pytest

from core.raster import resample

RNG = np.random.default_rng(3)


@pytest.mark.parametrize(
    ("size", "longer", "expected"),
    [
        ((6000, 4000), 384, (384, 256)),
        ((300, 200), 384, (300, 200)),
        ((20000, 8), 384, (384, 1)),
        ((8, 20000), 384, (1, 384)),
    ],
    ids=["large", "small stays", "a strip", "a pole"],
)
def test_fit_size(size, longer, expected):
    assert resample.fit_size(*size, longer) == expected


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (7, 4), (17, 11)])
def test_area_resize_keeps_the_mean(size):
    plane = RNG.random((11, 17)).astype(np.float32)
    small = resample.area_resize(plane, size)
    assert small.shape == size[::-1]
    assert small.mean() == pytest.approx(plane.mean(), abs=1e-6)


def test_area_resize_weighs_pixels_by_what_is_covered():
    # three pixels onto two: each takes one whole pixel and half of the middle one
    row = np.array([[3.0, 6.0, 12.0]], np.float32)
    np.testing.assert_allclose(resample.area_resize(row, (2, 1)), [[4.0, 10.0]], atol=1e-6)


@pytest.mark.parametrize(("height", "count"), [(100, 7), (64, 64), (10, 3), (23, 5)])
def test_bands_add_up_to_the_whole(height, count):
    plane = RNG.random((height, 4)).astype(np.float32)
    total = np.zeros((count, 4), np.float32)
    for start in range(0, height, 9):
        band = plane[start : start + 9]
        rows, weights = resample.area_taps(height, count, start, start + len(band))
        total[rows] += weights @ band
    np.testing.assert_allclose(total, resample.area_rows(plane, count), atol=1e-5)


def test_enlarging_has_half_pixel_centres():
    # two samples to four pixels: centres at 1/4, 3/4, 5/4, 7/4 of the samples' own width
    row = np.array([[0.0, 4.0]], np.float32)
    np.testing.assert_allclose(resample.bilinear_resize(row, (4, 1)), [[0, 1, 3, 4]])


def test_a_band_of_taps_is_a_part_of_the_whole():
    plane = RNG.random((5, 3)).astype(np.float32)
    whole = resample.bilinear_resize(plane, (3, 37))
    taps = resample.linear_taps(37, 5, 11, 20)
    np.testing.assert_allclose(taps.rows(plane), whole[11:20], atol=1e-6)
    used, weights = taps.matrix()
    np.testing.assert_allclose(weights @ plane[used], whole[11:20], atol=1e-6)


def test_padding_mirrors_then_repeats():
    plane = np.array([[1.0, 2.0, 3.0]])
    np.testing.assert_array_equal(resample.pad(plane, 4, 1), [[1, 2, 3, 2]])
    np.testing.assert_array_equal(resample.pad(plane, 7, 2), [[1, 2, 3, 2, 1, 1, 1]] * 2)


@pytest.mark.parametrize("radius", [1, 3, 50])
def test_box_mean_is_the_mean_of_what_lies_inside(radius):
    plane = RNG.random((9, 14)).astype(np.float32)
    means = resample.box_mean(plane, radius)
    for y, x in ((0, 0), (4, 7), (8, 13), (2, 0)):
        window = plane[max(0, y - radius) : y + radius + 1, max(0, x - radius) : x + radius + 1]
        assert means[y, x] == pytest.approx(window.mean(), abs=1e-6)


def applied(guide, small):
    slopes, offsets = resample.guided_upsample(guide, small)
    return slopes * guide + offsets


def test_constant_color_stays_constant():
    guide = (RNG.random((32, 48)) * 100).astype(np.float32)
    small = np.stack([np.full((8, 12), 20.0), np.full((8, 12), -35.0)]).astype(np.float32)
    result = applied(guide, small)
    np.testing.assert_allclose(result[0], 20, atol=1e-2)
    np.testing.assert_allclose(result[1], -35, atol=1e-2)


def test_color_follows_the_guides_edge():
    # dark left, light right, the edge inside a cell; the small colour knows it at 4 pixels only
    guide = np.full((32, 32), 20.0, np.float32)
    guide[:, 18:] = 80
    truth = np.where(guide > 50, 40.0, -40.0).astype(np.float32)
    small = resample.block_mean(truth, 4)[None]
    plain = resample.bilinear_resize(small[0], (32, 32))
    guided = applied(guide, small)[0]
    assert np.abs(plain - truth).max() > 30  # nearly grey on both sides of the edge
    assert np.abs(guided - truth).max() < 13


def test_blocks_keep_the_color_that_was_predicted():
    guide = (RNG.random((64, 64)) * 100).astype(np.float32)
    coarse = RNG.normal(0, 30, (1, 4, 4)).astype(np.float32)
    small = resample.bilinear_resize(coarse[0], (16, 16))[None]
    kept = resample.block_mean(applied(guide, small)[0], 4)
    assert np.sqrt(np.mean((kept - small[0]) ** 2)) < 1.0


def test_zeros_go_to_the_right_and_below():
    planes = np.ones((2, 3, 4), np.float32)
    grown = resample.pad_zeros(planes, (5, 4))
    assert grown.shape == (2, 5, 4) and grown.dtype == np.float32
    np.testing.assert_array_equal(grown[:, :3], planes)
    assert not grown[:, 3:].any()
