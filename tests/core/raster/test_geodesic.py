"""Ways that avoid edges, against Dijkstra's algorithm on the same grid."""

import heapq

import numpy as np

from core.raster.geodesic import nearest_start

STEP = 0.5


def dijkstra(plane, starts):
    """The textbook: shortest ways over the eight neighbours."""
    height, width = plane.shape
    found = np.full(plane.shape, np.inf)
    heap = [(starts[y, x], y, x) for y, x in zip(*np.nonzero(np.isfinite(starts)), strict=True)]
    heapq.heapify(heap)
    while heap:
        far, y, x = heapq.heappop(heap)
        if far >= found[y, x]:
            continue
        found[y, x] = far
        for v in range(max(0, y - 1), min(height, y + 2)):
            for u in range(max(0, x - 1), min(width, x + 2)):
                cost = abs(plane[v, u] - plane[y, x]) + STEP * np.hypot(v - y, u - x)
                heapq.heappush(heap, (far + cost, v, u))
    return found


def one_start(shape, y, x, value=0.0):
    starts = np.full(shape, np.inf, np.float32)
    starts[y, x] = value
    return starts


def test_distances_are_those_of_dijkstra():
    plane = np.random.default_rng(3).uniform(0, 20, (19, 23)).astype(np.float32)
    starts = one_start(plane.shape, 4, 5)
    starts[15, 20] = 3.0
    distance, place = nearest_start(plane, starts, STEP, rounds=8)
    np.testing.assert_allclose(distance, dijkstra(plane, starts), atol=0.1)
    assert set(np.unique(place)) == {4 * 23 + 5, 15 * 23 + 20}
    assert place[4, 5] == 4 * 23 + 5


def test_a_wall_is_gone_round():
    plane = np.zeros((20, 20), np.float32)
    plane[:15, 10] = 90.0
    distance, _ = nearest_start(plane, one_start(plane.shape, 0, 9), STEP)
    assert distance[0, 11] < 20  # through the wall it is 180, round its end 30 pixels
    assert distance[0, 10] > 80


def test_without_a_start_everything_is_infinitely_far():
    distance, _ = nearest_start(np.zeros((4, 5), np.float32), np.full((4, 5), np.inf), STEP)
    assert np.isinf(distance).all()


def test_a_picture_of_one_row_or_column():
    for shape in ((1, 9), (9, 1)):
        distance, _ = nearest_start(np.zeros(shape, np.float32), one_start(shape, 0, 0), STEP)
        np.testing.assert_allclose(distance.ravel(), np.arange(9) * STEP)
