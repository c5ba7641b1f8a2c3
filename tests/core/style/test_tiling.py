"""Tiles cover every pixel once, are legal, and see enough around what is used of them."""

import numpy as np
import pytest

from core.generator.manifest import SizeSpec
from core.generator.sizes import legal_size
from core.style.tiling import plan, whole

SIZES = [(8, 8), (100, 30), (257, 129), (1000, 64), (640, 480)]
SPECS = [SizeSpec(), SizeSpec(minimum=32, multiple_of=8), SizeSpec(fixed=(64, 48))]


@pytest.mark.parametrize("blend", [False, True])
@pytest.mark.parametrize("spec", SPECS, ids=["any", "multiples", "fixed"])
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("overlap", [0, 5, 20])
def test_a_plan_is_sound(size, spec, overlap, blend):
    width, height = size
    tiles = plan(width, height, spec, overlap, 96, blend)
    legal = legal_size(width, height, spec)
    written = np.zeros((height, width), int)
    for tile in tiles:
        read, write = tile.read, tile.write
        assert read.x >= 0 and read.x + read.width <= legal[0]
        assert read.y >= 0 and read.y + read.height <= legal[1]
        if spec.fixed:
            assert (read.width, read.height) == spec.fixed
        else:
            assert read.width % spec.multiple_of == read.x % spec.multiple_of == 0
            assert read.height % spec.multiple_of == read.y % spec.multiple_of == 0
            assert min(read.width, read.height) >= spec.minimum
            for start, stop, used, kept, end in (
                (read.x, read.x + read.width, write.x, write.x + write.width, legal[0]),
                (read.y, read.y + read.height, write.y, write.y + write.height, legal[1]),
            ):
                assert start == 0 or blend or used - start >= overlap
                assert stop == end or stop - kept >= overlap
        x, y = write.x + tile.blend[0], write.y + tile.blend[1]
        written[y : write.y + write.height, x : write.x + write.width] += 1
    assert (written == 1).all()
    assert len({(tile.read.width, tile.read.height) for tile in tiles}) == 1


def test_small_pictures_are_one_tile():
    spec = SizeSpec(minimum=16, multiple_of=4)
    assert plan(30, 22, spec, 8, 96) == whole(30, 22, spec)
    assert legal_size(30, 9, spec) == (32, 16)


def test_tiles_are_not_larger_than_asked():
    assert all(t.read.width <= 128 for t in plan(3000, 128, SizeSpec(multiple_of=8), 16, 128))


def test_the_first_columns_of_a_neighbour_are_faded_in():
    left, right = plan(180, 96, SizeSpec(), 10, 100, blend=True)
    assert left.blend == (0, 0)
    assert right.blend == (10, 0)
    assert right.write.x == left.write.x + left.write.width - 10
