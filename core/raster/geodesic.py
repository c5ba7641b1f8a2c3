"""Ways across a picture that avoid its edges: how far is every place from the nearest start.

The length of a way is the change of lightness along it, plus a little for each pixel, so that a
place of one thing is near to all of that thing, however large it is, and far from its neighbours.
"""

import numpy as np

Array = np.ndarray

_UNITS = 256
"""Steps of distance in a key for each unit of lightness."""

_BITS = 26
_FAR = np.int64(1 << 61)


def nearest_start(plane: Array, starts: Array, step: float, rounds: int = 2) -> tuple[Array, Array]:
    """Find each pixel's nearest start.

    Distances and places are kept together in whole numbers, distance first, so that the least
    key carries its place along; rows and columns are swept in all four directions, each step on
    a whole row (Weber et al., "Parallel algorithms for approximation of distance maps on
    parametric surfaces", ACM Transactions on Graphics 27, 2008: raster scan by rows).

    Args:
        plane: (h, w), for instance L*; at most 2 ** 26 pixels.
        starts: float (h, w), the distance to begin with, 0 or more; infinite where no start is.
        step: what a pixel of way costs where the plane is even.
        rounds: of four sweeps; ways that wind more often are found longer than they are.

    Returns:
        (distance, place): float32 (h, w), infinite where there is no start at all, and the flat
        index of the start that it is measured from.
    """
    down = _costs(plane[1:] - plane[:-1], step)
    right = _costs(plane[:, 1:] - plane[:, :-1], step)
    falling = _costs(plane[1:, 1:] - plane[:-1, :-1], step * 2**0.5)
    rising = _costs(plane[1:, :-1] - plane[:-1, 1:], step * 2**0.5)
    across = tuple(np.ascontiguousarray(cost.T) for cost in (right, falling, rising))
    begins = np.isfinite(starts)
    keys = np.full(plane.shape, _FAR)
    places = np.arange(plane.size).reshape(plane.shape)
    keys[begins] = (np.rint(starts[begins] * _UNITS).astype(np.int64) << _BITS) + places[begins]
    for _ in range(rounds):
        _sweep(keys, down, falling, rising)
        turned = np.ascontiguousarray(keys.T)
        _sweep(turned, *across)
        keys = np.ascontiguousarray(turned.T)
    found = keys < _FAR
    distance = np.where(found, (keys >> _BITS) / _UNITS, np.inf).astype(np.float32)
    return distance, np.where(found, keys & ((1 << _BITS) - 1), 0)


def _costs(change: Array, step: float) -> Array:
    return np.rint((np.abs(change) + step) * _UNITS).astype(np.int64) << _BITS


def _sweep(keys: Array, straight: Array, falling: Array, rising: Array) -> None:
    """Carry keys from each row to the next, down and then up again.

    Args:
        straight: costs between (i, j) and (i + 1, j).
        falling: between (i, j) and (i + 1, j + 1).
        rising: between (i, j + 1) and (i + 1, j).
    """
    last = len(keys) - 1
    for i in range(last):
        before, row = keys[i], keys[i + 1]
        np.minimum(row, before + straight[i], out=row)
        np.minimum(row[1:], before[:-1] + falling[i], out=row[1:])
        np.minimum(row[:-1], before[1:] + rising[i], out=row[:-1])
    for i in range(last - 1, -1, -1):
        before, row = keys[i + 1], keys[i]
        np.minimum(row, before + straight[i], out=row)
        np.minimum(row[:-1], before[1:] + falling[i], out=row[:-1])
        np.minimum(row[1:], before[:-1] + rising[i], out=row[1:])
