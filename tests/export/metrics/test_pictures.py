"""CIEDE2000 against published pairs.

From the test data of Sharma, Wu and Dalal 2005, doi 10.1002/col.20070, table 1.
"""

from __future__ import annotations

import numpy as np
import pytest

from core.color.spaces import delta_e_2000
from export.metrics.pictures import srgb_difference

pytestmark = pytest.mark.export


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 3.1571, -77.2803), (50, 0, -82.7485), 2.8615),
        ((50, 2.8361, -74.0200), (50, 0, -82.7485), 3.4412),
        ((50, -1.3802, -84.2814), (50, 0, -82.7485), 1.0000),
        ((50, 0, 0), (50, -1, 2), 2.3669),
        ((50, 2.49, -0.001), (50, -2.49, 0.0009), 7.1792),
        ((50, 2.49, -0.001), (50, -2.49, 0.0011), 7.2195),
        ((50, 2.5, 0), (50, 0, -2.5), 4.3065),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((50, 2.5, 0), (58, 24, 15), 19.4535),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_published_differences(first, second, expected):
    one, other = np.array(first), np.array(second)
    assert float(delta_e_2000(one, other)) == pytest.approx(expected, abs=1e-4)
    assert float(delta_e_2000(other, one)) == pytest.approx(expected, abs=1e-4)


def test_white_and_black_are_a_hundred_apart_and_arrays_keep_their_shape():
    white, black = np.ones((4, 5, 3)), np.zeros((4, 5, 3))
    difference = srgb_difference(white, black)
    assert difference.shape == (4, 5)
    assert difference == pytest.approx(np.full((4, 5), 100), abs=0.01)
    assert srgb_difference(white, white).max() == 0
