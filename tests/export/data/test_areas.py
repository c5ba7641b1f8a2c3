"""Areas of flat pictures, drawn as text."""

from __future__ import annotations

import numpy as np
import pytest

from export.data.areas import connected_areas, drop_small, flat_colors, flatten, grow
from tests.pixels import draw

pytestmark = pytest.mark.export


def numbers(text):
    return np.array([[int(letter) for letter in row] for row in text.split()])


def test_areas_are_numbered_in_reading_order_and_zero_is_none():
    found = connected_areas(numbers("11022 31022 33000 03011"))
    assert np.array_equal(found, numbers("11022 31022 33000 03044"))


def test_an_area_that_closes_late_is_one():
    spiral = numbers("11111 10001 10101 10111 10000")
    found = connected_areas(spiral)
    assert np.array_equal(found, spiral)


def test_diagonal_neighbours_do_not_hang_together():
    assert connected_areas(numbers("10 01")).tolist() == [[1, 0], [0, 2]]


def test_areas_grow_into_lines_from_both_sides():
    grown = grow(connected_areas(numbers("1100022 1100022")))
    assert grown[0, 2] == 1
    assert grown[0, 4] == 2
    assert (grown > 0).all()


def test_nothing_grows_from_nothing():
    assert not grow(np.zeros((3, 3), np.int32)).any()


def test_small_areas_go_and_the_others_are_numbered_anew():
    found = drop_small(numbers("1223 1223 1223"), 4)
    assert np.array_equal(found, numbers("0110 0110 0110"))


def test_a_mixed_edge_is_no_flat_colour():
    pixels = draw("rrr4bbb", scale=1).repeat(5, axis=0).repeat(2, axis=1)
    pixels = np.concatenate((pixels[:, :6], pixels[:, 6:7], pixels[:, 8:]), axis=1)
    assert {tuple(color) for color in flat_colors(pixels, smallest=3).tolist()} == {
        (255, 0, 0),
        (0, 0, 255),
    }


def test_colours_meet_beneath_the_line():
    pixels = draw("rrrkbbb", scale=4)
    ink = np.zeros(pixels.shape[:2], np.float32)
    ink[:, 12:16] = 1
    areas, colors = flatten(pixels, ink, line=0.5)
    flat = colors[areas]
    assert (flat[:, :14] == (255, 0, 0)).all()
    assert (flat[:, 14:] == (0, 0, 255)).all()


def test_one_colour_on_both_sides_of_a_line_is_two_areas():
    pixels = draw("rrkrr", scale=5)
    ink = np.zeros(pixels.shape[:2], np.float32)
    ink[:, 10:15] = 1
    areas, _ = flatten(pixels, ink, line=0.5)
    assert areas.max() == 2


def test_a_picture_of_lines_alone_is_refused():
    with pytest.raises(ValueError, match="no flat colour"):
        flatten(draw("kkk", scale=4), np.ones((4, 12), np.float32), line=0.5)
