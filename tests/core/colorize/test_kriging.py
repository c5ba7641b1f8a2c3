"""What hints tell of the rest of a picture: one dab little, many that agree much."""

import numpy as np
import pytest

from core.colorize.hints import Hints, spread
from core.colorize.kriging import MOST_POINTS, carry

SIDE, RATIO = 128, 4
PREDICTED = (10.0, 20.0)
PLACES = [(8 + 24 * (number // 4), 8 + 29 * (number % 4)) for number in range(12)]
CORNER = np.s_[:, -3:, -3:]


def change_of(dabs, side=4, strength=1.0, shape=(SIDE, SIDE)):
    """What is carried on an even picture, predicted even; dabs {(y, x): what a* misses there}."""
    lightness = np.full(shape, 55, np.float32)
    lightness[:, ::7] = 40  # lines that ways from a dab must cross
    ab, mask = np.zeros((2, *shape), np.float32), np.zeros(shape, np.float32)
    for (y, x), missing in dabs.items():
        spot = np.s_[y : y + side, x : x + side]
        mask[spot] = strength
        ab[0][spot], ab[1][spot] = PREDICTED[0] + missing, PREDICTED[1]
    padded = np.pad(lightness, ((0, 32), (0, 32)), mode="edge")
    small = np.empty((2, padded.shape[0] // RATIO, padded.shape[1] // RATIO), np.float32)
    small[0], small[1] = PREDICTED
    change = carry(spread(Hints(ab, mask), lightness), padded, small)
    assert change.shape == small.shape and change.dtype == np.float32
    return change[:, : shape[0] // RATIO, : shape[1] // RATIO]


def test_one_dab_tells_of_its_surroundings_alone():
    change = change_of({(8, 8): 30.0})
    assert change[0, 2, 2] > 25
    assert np.abs(change[CORNER]).max() < 1.5
    assert np.abs(change[1]).max() < 1


def test_a_long_stroke_is_one_witness():
    assert np.abs(change_of({(8, x): 30.0 for x in range(8, 72, 4)})[CORNER]).max() < 3


def test_dabs_that_agree_tell_of_the_picture():
    change = change_of(dict.fromkeys(PLACES, 15.0))
    assert change[0].min() > 12 and change[0].max() < 17
    three = change_of(dict.fromkeys(PLACES[:3], 15.0))
    assert np.abs(three[CORNER]).max() < change[CORNER].max() / 2


def test_dabs_that_disagree_do_not():
    signs = np.random.default_rng(3).choice([-20.0, 20.0], len(PLACES))
    change = change_of(dict(zip(PLACES, signs, strict=True)))
    for (y, x), missing in zip(PLACES, signs, strict=True):
        assert change[0, y // RATIO, x // RATIO] == pytest.approx(missing, abs=7)
    assert np.abs(change[0]).max() <= 20
    agreeing = change_of(dict.fromkeys(PLACES, 20.0))
    assert np.abs(change[0]).mean() < 0.6 * agreeing[0].mean()
    assert np.abs(change[CORNER]).max() < np.abs(agreeing[CORNER]).max() / 3


def test_a_transparent_dab_says_less():
    full, faint = (change_of({(60, 60): 30.0}, strength=value) for value in (1.0, 0.1))
    assert 0 < faint[0, 15, 15] < full[0, 15, 15] / 2


def test_hints_everywhere():
    colors = {(y, x): 20.0 for y in range(0, SIDE, 4) for x in range(0, SIDE, 4)}
    assert len(colors) > MOST_POINTS
    change = change_of(colors)
    np.testing.assert_allclose(change[0], 20, atol=3)
    np.testing.assert_allclose(change[1], 0, atol=1)


def test_colors_beyond_the_gamut_are_asked_for_as_far_as_it_goes():
    assert change_of({(60, 60): 300.0})[0].max() < 90
