"""The comparisons that other tests rely on do fail, and explain themselves."""

import numpy as np
import pytest

from tests.pixels import assert_close, assert_pixels, draw, grey


def test_letters_become_pixels():
    assert draw("rk\nwb").tolist() == [[[255, 0, 0], [0, 0, 0]], [[255, 255, 255], [0, 0, 255]]]
    assert draw("r", scale=3).shape == (3, 3, 3)
    assert grey("4").tolist() == [[[128]]]


def test_a_difference_is_found_and_named():
    wrong = draw("rrr\nrrr")
    wrong[1, 2, 1] = 9
    with pytest.raises(AssertionError, match=r"(?s)1 of 6 pixels.*x 2, y 1, channel 1.*9 off"):
        assert_pixels(wrong, "rrr\nrrr")
    assert_close(wrong, draw("rrr\nrrr"), 9)


@pytest.mark.parametrize(
    "other", [np.zeros((2, 2, 3), np.uint16), np.zeros((2, 3, 3), np.uint8)], ids=["type", "shape"]
)
def test_another_type_or_shape_is_a_difference(other):
    with pytest.raises(AssertionError, match="not"):
        assert_close(other, np.zeros((2, 2, 3), np.uint8), 1000)


def test_not_a_number_is_a_difference():
    with pytest.raises(AssertionError):
        assert_close(np.full((1, 1, 1), np.nan), np.zeros((1, 1, 1)), 1)
