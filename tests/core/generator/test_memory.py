"""How many pictures a run takes."""

import pytest

from core.generator.memory import batch_size, free_memory

GIB = 1 << 30


@pytest.mark.parametrize(
    ("free", "expected"), [(0, 1), (GIB, 4), (GIB // 2, 2), (GIB - 1, 2), (100 * GIB, 8)]
)
def test_a_run_takes_no_more_than_its_share(free, expected):
    """256 × 256 pixels at a kilobyte each are 64 MiB; a fourth of what is free may be taken."""
    assert batch_size(256, 256, free) == expected


def test_large_pictures_go_one_by_one():
    assert batch_size(3840, 2160, 8 * GIB) == 1


def test_this_machine_tells():
    assert 1 << 20 < free_memory() < 1 << 50
