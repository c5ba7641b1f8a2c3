"""The areas of a drawing: between its lines, across whose gaps no colour shall run.

A watershed of the distance to the lines, after the trapped balls of Zhang et al. ("Vectorizing
cartoon animations", IEEE TVCG 15(4), 2009), but for all radii at once:

    ink -> lines and what is free of them
        -> for each free pixel the distance to the next line; where it climbs to, pixel by pixel,
           is its basin
        -> basins join where the pass between them is as wide as the narrower one, or wider than
           any gap; they stay apart where the pass is narrow: there the line is broken
        -> pixels under a line belong to the area that is nearer: areas meet at its middle

Everything is arrays but the joining, which goes over pairs of basins. NumPy alone.
"""

from dataclasses import dataclass

import numpy as np

from core.raster.flood import follow

Array = np.ndarray

LINE = 56
"""Ink, of 255, from which on a pixel belongs to a line."""

TONE_SPREAD = 0.005
"""Half the width, of the longer side, beyond which grey is no line but a toned area."""

GAP = 0.015
"""Widest break of a line that is closed, of the longer side; at most MOST_REACH pixels."""

PASS = 0.5
"""Basins are one area where the pass between them is this wide, compared to the narrower one."""

LEAST_AREA = 1 / 400
"""Areas of less than this, of the longer side, squared are given to a neighbour."""

MOST_REACH = 22
"""Pixels up to which distances are told apart; the width of gaps follows from it."""

MOST_PIXELS = 1 << 22
"""A pixel's number has so many bits below its height in _climb."""

_NEIGHBOURS = (np.s_[1:, :], np.s_[:-1, :]), (np.s_[:, 1:], np.s_[:, :-1])
"""Every pair of pixels that touch: (these, those) below each other, and side by side."""


@dataclass(frozen=True, eq=False)
class Areas:
    """A partition of a drawing.

    Attributes:
        labels: int32 (h, w), the area of every pixel, 0..count - 1, also under the lines.
        count: how many there are.
        free: bool (h, w), False on lines.
        room: int32 (h, w), squared distance to the next line, at most MOST_REACH squared; 0 on
            lines.
    """

    labels: Array
    count: int
    free: Array
    room: Array


def find_areas(ink: Array, gap: float = GAP) -> Areas:
    """Part a drawing.

    Args:
        ink: uint8 (h, w), 255 for a firm line; at most MOST_PIXELS.
        gap: widest break of a line that is closed, of the longer side.

    Returns:
        Areas that are connected, except where one of LEAST_AREA or less joined another across a
        line.
    """
    longer = max(ink.shape)
    half_gap = (gap * longer + 1) / 2  # from the middle of a pixel to that of a line's
    reach = int(np.clip(np.ceil(half_gap / PASS), 3, MOST_REACH))
    free = free_of_lines(ink, max(2, round(TONE_SPREAD * longer)))
    room = squared_distance(~free, reach)
    depth = squared_distance(free, reach)
    basins, count = _climb(room, depth)
    joined = _join_basins(basins, count, room, depth, half_gap, reach)
    labels, count = _renumber(joined[basins])
    labels, count = _give_away_small(labels, count, free, max(3.0, (LEAST_AREA * longer) ** 2))
    return Areas(labels, count, free, room)


def free_of_lines(ink: Array, spread: int) -> Array:
    """Where there is no line, bool (h, w), in uint8 ink.

    Grey that is wider than 2 * spread is an area of its own, which a border of one pixel sets
    off; black of that width stays a line.
    """
    wide = slide(slide(ink, spread, np.minimum), spread, np.maximum)
    toned = (wide > LINE) & (wide < 200)
    line = ink.astype(np.int16) - np.where(toned, wide, 0) > LINE
    border = toned & ~_inside(toned) & (ink > LINE)
    return ~(line | border)


def squared_distance(sources: Array, reach: int) -> Array:
    """Squared Euclidean distance to the next True, int32 (h, w), at most reach squared.

    Exact (Felzenszwalb and Huttenlocher 2012, the lower envelope tried out offset by offset).
    """
    height, width = sources.shape
    row = np.arange(height, dtype=np.int32)[:, None]
    above = np.maximum.accumulate(np.where(sources, row, -reach), axis=0)
    below = np.minimum.accumulate(np.where(sources, row, height + reach)[::-1], axis=0)[::-1]
    down = np.minimum(np.minimum(row - above, below - row), reach).astype(np.int16)
    down *= down
    best = down.copy()
    for shift in range(1, min(reach, width)):
        moved = down[:, shift:] + np.int16(shift * shift)
        np.minimum(best[:, :-shift], moved, out=best[:, :-shift])
        moved = down[:, :-shift] + np.int16(shift * shift)
        np.minimum(best[:, shift:], moved, out=best[:, shift:])
    return np.minimum(best, np.int16(reach * reach)).astype(np.int32)


def slide(plane: Array, reach: int, best: np.ufunc) -> Array:
    """Minimum or maximum over the square of 2 * reach + 1 around each, by doubling windows."""
    for axis in (0, 1):
        wide = np.pad(np.moveaxis(plane, axis, 0), ((reach, reach), (0, 0)), mode="edge")
        length, window = 2 * reach + 1, 1
        while window < length:
            step = min(window, length - window)
            wide = best(wide[:-step], wide[step:])
            window += step
        plane = np.moveaxis(wide, 0, axis)
    return plane


def _inside(mask: Array) -> Array:
    """Pixels whose four neighbours are True as well; what lies outside counts as True."""
    result = mask.copy()
    result[1:] &= mask[:-1]
    result[:-1] &= mask[1:]
    result[:, 1:] &= mask[:, :-1]
    result[:, :-1] &= mask[:, 1:]
    return result


def _climb(room: Array, depth: Array) -> tuple[Array, int]:
    """The basin of every pixel: (int32 (h, w), how many).

    Each pixel points to the highest of itself and its four neighbours: free ones to more room,
    those in ink to less depth, and so out of it. Following the pointers ends at the tops. Height
    and number share one whole number, so that no two heights are equal and one maximum finds
    both.
    """
    number = np.arange(room.size, dtype=np.uint32).reshape(room.shape)
    ground = np.uint32(depth.max())
    height = (room.astype(np.uint32) + ground) - depth.astype(np.uint32)
    key = height * np.uint32(MOST_PIXELS) + number
    best = key.copy()
    np.maximum(best[1:], key[:-1], out=best[1:])
    np.maximum(best[:-1], key[1:], out=best[:-1])
    np.maximum(best[:, 1:], key[:, :-1], out=best[:, 1:])
    np.maximum(best[:, :-1], key[:, 1:], out=best[:, :-1])
    pointer = (best & np.uint32(MOST_PIXELS - 1)).astype(np.int32).ravel()
    pointer = follow(pointer)
    tops = pointer == np.arange(len(pointer), dtype=np.int32)
    names = np.cumsum(tops, dtype=np.int32) - 1
    return names[pointer].reshape(room.shape), int(names[-1]) + 1


def _join_basins(
    basins: Array, count: int, room: Array, depth: Array, half_gap: float, reach: int
) -> Array:
    """Basin -> the basin it is part of, int32 (count,); see the module's docstring."""
    free = room > 0
    top = np.zeros(count, np.int32)
    np.maximum.at(top, basins[free], room[free])
    first, second, width = _passes(basins, np.where(free, room, 0))
    order = np.argsort(-width, kind="stable")
    always, ratio = half_gap * half_gap, PASS * PASS
    parent, tops = list(range(count)), top.tolist()
    for a, b, passage in zip(
        first[order].tolist(), second[order].tolist(), width[order].tolist(), strict=True
    ):
        a, b = _root(parent, a), _root(parent, b)
        if a == b:
            continue
        narrower = min(tops[a], tops[b])
        if passage > always or passage >= ratio * narrower:
            tops[a] = max(tops[a], tops[b])
            parent[b] = a
    # blots: ink so wide that it has tops of its own
    deep = np.where(depth >= reach * reach, 1, 0)
    for a, b, _ in zip(*(part.tolist() for part in _passes(basins, deep)), strict=True):
        a, b = _root(parent, a), _root(parent, b)
        if a != b and tops[a] == 0 and tops[b] == 0:
            parent[b] = a
    return follow(np.array(parent, np.int32))


def _root(parent: list[int], item: int) -> int:
    while parent[item] != item:
        parent[item] = parent[parent[item]]
        item = parent[item]
    return item


def _passes(basins: Array, height: Array) -> tuple[Array, Array, Array]:
    """Pairs of basins that touch where height > 0, and the height of the highest pass."""
    pairs, heights = [], []
    for here, there in _NEIGHBOURS:
        touch = (basins[here] != basins[there]) & (height[here] > 0) & (height[there] > 0)
        a, b = basins[here][touch].astype(np.int64), basins[there][touch].astype(np.int64)
        pairs.append(np.minimum(a, b) << 32 | np.maximum(a, b))
        heights.append(np.minimum(height[here][touch], height[there][touch]))
    pair, width = np.concatenate(pairs), np.concatenate(heights)
    order = np.lexsort((width, pair))
    pair, width = pair[order], width[order]
    last = np.append(pair[1:] != pair[:-1], True)[: len(pair)]
    return pair[last] >> 32, pair[last] & 0xFFFFFFFF, width[last]


def _renumber(labels: Array) -> tuple[Array, int]:
    """The same partition, numbered 0..count - 1 without holes: (int32 (h, w), count)."""
    used = np.zeros(int(labels.max()) + 1, bool)
    used[labels.ravel()] = True
    names = np.cumsum(used, dtype=np.int32) - 1
    return names[labels], int(names[-1]) + 1


def _give_away_small(labels: Array, count: int, free: Array, least: float) -> tuple[Array, int]:
    """Join areas of fewer free pixels than `least` to the neighbour with the longest border."""
    for _ in range(4):
        size = np.bincount(labels.ravel(), free.ravel(), count)
        small = size < least
        if not small.any() or small.all():
            break
        first, second, length = borders(labels, free)
        # from the small one to the other, in both directions where both are small
        source = np.concatenate((first, second))
        target = np.concatenate((second, first))
        length = np.concatenate((length, length))
        larger = (size[target] > size[source]) | (
            (size[target] == size[source]) & (target > source)
        )
        wanted = small[source] & larger
        if not wanted.any():
            break
        source, target, length = source[wanted], target[wanted], length[wanted]
        order = np.lexsort((length, source))
        source, target = source[order], target[order]
        pointer = np.arange(count, dtype=np.int32)
        pointer[source] = target  # the last one written, which has the longest border, stays
        labels, count = _renumber(follow(pointer)[labels])
    return labels, count


def borders(labels: Array, free: Array) -> tuple[Array, Array, Array]:
    """Pairs of areas that touch: (first, second, length), an open pixel pair counting tenfold."""
    pairs, lengths = [], []
    for here, there in _NEIGHBOURS:
        touch = labels[here] != labels[there]
        a, b = labels[here][touch].astype(np.int64), labels[there][touch].astype(np.int64)
        pairs.append(np.minimum(a, b) << 32 | np.maximum(a, b))
        lengths.append(1 + 9 * (free[here][touch] & free[there][touch]))
    pair, place = np.unique(np.concatenate(pairs), return_inverse=True)
    length = np.bincount(place.ravel(), np.concatenate(lengths), len(pair))
    return (pair >> 32).astype(np.intp), (pair & 0xFFFFFFFF).astype(np.intp), length
