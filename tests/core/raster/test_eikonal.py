"""Nearest seeds: Euclid's distance in the open, Dijkstra's order around walls."""

import numpy as np
import pytest

from core.raster.eikonal import nearest_seed
from core.sketch.areas import nearest_parts
from core.sketch.regions import Areas, squared_distance


def discs(shape, *places, radius=4):
    y, x = np.mgrid[: shape[0], : shape[1]]
    seeds = np.full(shape, -1, np.int32)
    for number, (down, right) in enumerate(places):
        seeds[np.hypot(y - down, x - right) <= radius] = number
    return seeds


def even(shape):
    return np.zeros(shape, np.int32), np.ones(shape, np.float32)


@pytest.mark.parametrize("other", [(30, 130), (130, 131), (100, 30), (75, 140)], ids=str)
def test_borders_in_the_open_are_straight_at_any_angle(other):
    """A grid's own distances would be off by 8 % (eight neighbours) or 41 % (four)."""
    shape, first = (160, 170), (40, 35)
    found = nearest_seed(discs(shape, first, other), *even(shape))
    y, x = np.mgrid[: shape[0], : shape[1]]
    near, far = (np.hypot(y - down, x - right) for down, right in (first, other))
    wrong = (found == 1) != (far < near)
    apart = np.abs(near - far)[wrong]
    assert (found >= 0).all()
    assert not len(apart) or apart.max() < 4  # the border lies within 2 pixels of the true one


def test_a_wall_is_gone_round_and_another_area_is_not_entered():
    area, slow = even((60, 90))
    area[10:, 44:46] = -1  # the way from the left to the right leads over the top
    area[:, 70:] = 1
    seeds = discs(area.shape, (50, 35), (50, 66), radius=2)
    found = nearest_seed(seeds, area, slow)
    assert (found[area < 0] == -1).all() and (found[area == 1] == -1).all()
    assert found[50, 42] == 0 and found[50, 47] == 1
    alone = nearest_seed(np.where(seeds == 0, 0, -1).astype(np.int32), area, slow)
    assert (alone[area == 0] == 0).all()


def test_no_way_between_the_corners_of_two_lines():
    area, slow = even((20, 20))
    area[np.arange(20), np.arange(20)] = -1
    found = nearest_seed(discs(area.shape, (3, 15), radius=1), area, slow)
    assert (found[np.triu_indices(20, 1)] == 0).all()
    assert (found[np.tril_indices(20, -1)] == -1).all()


def test_slow_ground_is_gone_round():
    area, slow = even((41, 81))
    slow[:, :30] = 3.0
    found = nearest_seed(discs(area.shape, (20, 5), (20, 75)), area, slow)
    assert found[20, 28] == 1 and found[20, 15] == 0  # 25 pixels at 3 against 47


@pytest.mark.parametrize("shape", [(1, 9), (9, 1)])
def test_one_row_or_column(shape):
    seeds = np.full(9, -1, np.int32)
    seeds[[0, 8]] = 0, 1
    found = nearest_seed(seeds.reshape(shape), *even(shape)).ravel()
    assert found.tolist()[:4] == [0] * 4 and found.tolist()[5:] == [1] * 4


def test_without_seeds_nothing_is_found():
    assert (nearest_seed(np.full((4, 5), -1, np.int32), *even((4, 5))) == -1).all()


def test_a_labyrinth_that_winds_too_much_is_flooded():
    free = np.ones((61, 40), bool)
    free[3::6, 2:] = free[6::6, :-2] = False
    seeds = np.full(free.shape, -1, np.int32)
    seeds[0, 0], seeds[60, 39] = 0, 1
    areas = Areas(np.zeros(free.shape, np.int32), 1, free, squared_distance(~free, 22))
    found = nearest_parts(areas, seeds, np.ones_like(free))
    assert set(np.unique(found[free])) == {0, 1}
