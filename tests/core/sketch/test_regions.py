"""Distances, areas, floods and swatches, each against a slow and plain way to say the same."""

import numpy as np
import pytest

from core.color.swatches import dominant_colors, nearest_swatches, swatches_of
from core.image import Image
from core.raster.flood import connected, spread
from core.sketch.areas import Areas, apply_hints
from core.sketch.basins import distance, read_ground
from core.sketch.edges import EdgeFinder
from core.sketch.hints import Hints
from core.sketch.regions import find_areas, free_of_lines, slide, squared_distance
from tests.drawings import lines
from tests.pixels import LETTERS, draw

RNG = np.random.default_rng(6)


def ink_of(pixels):
    return 255 - pixels[..., 0]


@pytest.mark.parametrize("size", [(1, 40), (40, 1), (23, 31), (7, 3)], ids=str)
def test_distance_is_euclidean_up_to_its_reach(size):
    sources = RNG.random(size) < 0.03
    sources[0, 0] = True
    found = np.argwhere(sources)
    y, x = np.mgrid[: size[0], : size[1]]
    away = np.square(y[..., None] - found[:, 0]) + np.square(x[..., None] - found[:, 1])
    for reach in (3, 12):
        expected = np.minimum(away.min(axis=2), reach * reach)
        np.testing.assert_array_equal(squared_distance(sources, reach), expected)


@pytest.mark.parametrize("size", [(1, 300), (300, 1), (260, 310)], ids=str)
def test_distances_of_any_length(size):
    sources = np.zeros(size, bool)
    sources[0, 0] = sources[-1, -1] = sources[size[0] // 2, size[1] // 3] = True
    found = np.argwhere(sources)
    y, x = np.mgrid[: size[0], : size[1]]
    away = np.hypot(y[..., None] - found[:, 0], x[..., None] - found[:, 1]).min(axis=2)
    got = distance(sources)
    near = away < 16
    np.testing.assert_allclose(got[near], away[near], atol=1e-4)
    assert (np.abs(got - away) <= 3 + 0.12 * away)[~near].all()


def test_sliding_extremes():
    plane = RNG.integers(0, 255, (17, 23)).astype(np.uint8)
    wide = np.pad(plane, 4, mode="edge")
    expected = np.array([[wide[y : y + 9, x : x + 9].max() for x in range(23)] for y in range(17)])
    np.testing.assert_array_equal(slide(plane, 4, np.maximum), expected)


def test_connected_parts():
    values = np.array([[1, 1, -1, 2], [-1, 1, -1, 2], [1, -1, 2, 2], [1, 1, 1, 1]])
    expected = [[0, 0, -1, 1], [-1, 0, -1, 1], [2, -1, 1, 1], [2, 2, 2, 2]]
    parts, count = connected(values)
    assert count == 3 and parts.tolist() == expected


def test_connected_parts_of_a_maze():
    open_ = np.zeros((41, 41), int)
    open_[::2] = 1
    for row in range(1, 41, 2):  # a snake: one part, however long the way
        open_[row, -1 if row % 4 == 1 else 0] = 1
    assert connected(np.where(open_ == 1, 0, -1))[1] == 1


def test_areas_are_what_the_lines_enclose():
    pixels, letters = lines("aab\nccb\ncdd", scale=30)
    areas = find_areas(ink_of(pixels))
    assert areas.count == 4
    for letter in "abcd":
        inside = areas.labels[(letters == letter) & (pixels[..., 0] == 255)]
        assert len(np.unique(inside)) == 1
    assert areas.labels.min() == 0 and areas.labels.max() == 3


def test_a_long_corridor_is_one_area_with_its_rooms_door_as_wide_as_itself():
    ink = np.full((200, 200), 255, np.uint8)
    ink[20:100, 20:100] = 0
    ink[50:70, 100:190] = 0
    assert find_areas(ink).count == 1


def test_grey_areas_are_areas_and_grey_lines_are_lines():
    ink = np.zeros((160, 160), np.uint8)
    ink[40:120, 40:120] = 120
    areas = find_areas(ink)
    assert areas.labels[80, 80] != areas.labels[10, 10]
    ink[:] = 0
    ink[80:82] = 120
    assert not free_of_lines(ink, 2)[80].any()
    assert find_areas(ink).count == 2


def test_specks_belong_to_what_is_around_them():
    ink = np.zeros((400, 400), np.uint8)
    for y, x in RNG.integers(5, 390, (60, 2)):
        ink[y : y + 3, x : x + 3] = 255
        ink[y + 1, x + 1] = 0
    assert find_areas(ink).count < 4


@pytest.mark.parametrize("ink", [np.zeros((50, 60)), np.full((50, 60), 255)], ids=["none", "all"])
def test_no_lines_and_nothing_but_lines(ink):
    areas = find_areas(ink.astype(np.uint8))
    assert areas.labels.shape == (50, 60) and areas.count == 1


def test_noise_makes_many_areas_and_no_trouble():
    areas = find_areas(RNG.integers(0, 256, (300, 500)).astype(np.uint8))
    assert np.array_equal(np.unique(areas.labels), np.arange(areas.count))


def test_the_nearest_seed_by_way_of_the_area():
    inside = np.zeros((5, 9), np.int32)
    inside[:4, 4] = -1  # a wall, open below
    seeds = np.full((5, 9), -1, np.int32)
    seeds[0, 3], seeds[4, 8] = 7, 9
    found = spread(seeds, inside, np.ones((5, 9), np.uint8))
    assert found[0, 5] == 9  # two pixels from 7, but the way is longer
    assert (found[:4, 4] == -1).all() and found[0, 0] == 7 and found[4, 5] == 9


def test_a_hint_on_a_line_alone_still_means_something():
    pixels, _ = lines("ab", scale=30)
    ground = read_ground(ink_of(pixels))
    place = np.full(ground.labels.shape, -1, np.int32)
    place[10:14, 30] = 0
    colored = apply_hints(ground, Hints(np.ones((1, 3), np.float32), place), None)
    assert (colored.hint == 0).sum() >= 1


def test_edges_at_full_size_meet_in_the_middle_of_the_line():
    labels = np.array([[0, 0, 1, 1]], np.int32).repeat(3, axis=0)
    free = np.array([[True, False, False, True]]).repeat(3, axis=0)
    finder = EdgeFinder(Areas(labels, 2, free, free.astype(np.int32)), 4, 1.0)
    ink = np.zeros((12, 16), np.float32)
    ink[:, 5:9] = 1.0  # a line that lies to the left in its two blocks
    found = finder.find(ink, 0)
    assert (found[:, :7] == 0).all() and (found[:, 7:] == 1).all()


def test_nearest_swatches_are_nearest_to_the_eye():
    swatches = swatches_of(["#ff0000", "#0000ff", "#ffffff"])
    colors = np.array([[0.8, 0.1, 0.1], [0.9, 0.9, 1.0], [0.2, 0.1, 0.6]], np.float32)
    np.testing.assert_array_equal(nearest_swatches(colors, swatches), swatches[[0, 2, 1]])


def test_dominant_colors_are_the_pictures():
    found = dominant_colors(Image(draw("rrrb\nrrgg", 20)), 3)
    assert {tuple(np.rint(c * 255).astype(int)) for c in found} == {LETTERS[c] for c in "rgb"}
