"""Floods: which pixels hang together, and which seed is nearest on the way between lines."""

import numpy as np

Array = np.ndarray

MOST_COST = 4
"""A step through the narrowest pass costs so many steps in the open."""


def follow(pointer: Array) -> Array:
    """Replace pointers to pointers by where they end; every chain ends at one to itself."""
    while True:
        further = pointer[pointer]
        if np.array_equal(further, pointer):
            return pointer
        pointer = further


def connected(values: Array) -> tuple[Array, int]:
    """Number the parts of equal value of whole numbers (h, w), 4-connected; negative is no part.

    Returns:
        (int32 (h, w), -1 where there is no part; how many parts).
    """
    starts = np.ones(values.shape, bool)
    starts[:, 1:] = values[:, 1:] != values[:, :-1]
    runs = np.cumsum(starts.ravel(), dtype=np.int32).reshape(values.shape) - 1
    equal = (values[1:] == values[:-1]) & (values[1:] >= 0)
    equal &= starts[:-1] | starts[1:]  # once for each pair of runs: where the later one begins
    first, second = runs[:-1][equal], runs[1:][equal]
    parent = np.arange(int(runs[-1, -1]) + 1, dtype=np.int32)
    while len(first):
        np.minimum.at(parent, np.maximum(first, second), np.minimum(first, second))
        parent = follow(parent)
        first, second = parent[first], parent[second]
        apart = first != second
        first, second = first[apart], second[apart]
    used = np.zeros(len(parent), bool)
    used[parent[values[starts] >= 0]] = True
    names = np.where(values[starts] >= 0, (np.cumsum(used, dtype=np.int32) - 1)[parent], -1)
    return names.astype(np.int32)[runs], int(used.sum())


def spread(seeds: Array, inside: Array, cost: Array) -> Array:
    """Give every pixel the seed that is nearest by way of its own area.

    Args:
        seeds: int32 (h, w), >= 0 at seeds, -1 elsewhere.
        inside: int32 (h, w), the area of each pixel, -1 where nothing is to be found; no way
            leads from one area into another.
        cost: uint8 (h, w), 1..MOST_COST, of stepping onto a pixel.

    Returns:
        int32 (h, w): the seed's number; -1 outside and where no seed can be reached.
    """
    height, width = seeds.shape
    area = np.full((height + 2, width + 2), -1, np.int32)
    area[1:-1, 1:-1] = inside
    found = np.full_like(area, -1)
    price = np.ones(area.shape, np.uint8)
    price[1:-1, 1:-1] = cost
    area, owner, price = area.ravel(), found.ravel(), price.ravel()
    mark = np.empty(len(area), np.int32)
    row, column = np.nonzero((seeds >= 0) & (inside >= 0))
    start = (row + 1) * (width + 2) + column + 1
    waiting: list[list[tuple[Array, Array]]] = [[] for _ in range(MOST_COST + 1)]
    waiting[0].append((start, seeds[row, column]))
    while any(waiting):
        arrived = waiting.pop(0)
        waiting.append([])
        if not arrived:
            continue
        place = np.concatenate([place for place, _ in arrived])
        name = np.concatenate([name for _, name in arrived])
        new = owner[place] < 0
        place, name = place[new], name[new]
        owner[place] = name
        if len(arrived) > 1:  # from several sides at once: once is enough
            order = np.arange(len(place), dtype=np.int32)
            mark[place] = order
            place = place[mark[place] == order]
        name, here = owner[place], area[place]
        for step in (1, -1, width + 2, -width - 2):
            there = place + step
            open_ = (owner[there] < 0) & (area[there] == here)
            there, carried = there[open_], name[open_]
            if len(there):
                paid = price[there]
                for amount in range(1, MOST_COST + 1):
                    chosen = paid == amount
                    if chosen.any():
                        waiting[amount - 1].append((there[chosen], carried[chosen]))
    return found[1:-1, 1:-1].copy()
