"""Basins: a drawing's open places, and the passes that lead from one to the next.

The height of a place is its distance to the next line, however far that is. Each place belongs to
the top that it climbs to; under a line, to the nearer side. Two basins that touch have a pass: the
widest way between them. NumPy alone.
"""

from dataclasses import dataclass

import numpy as np

from core.sketch.regions import TONE_SPREAD, follow, free_of_lines, squared_distance

Array = np.ndarray

NEAR = 16
"""Pixels up to which distances are exact; beyond, they are found in blocks and interpolated."""

BLOCK = 4

SAME = 0.85
"""A basin is part of the higher one behind a pass that is so wide, compared to itself."""

_NEIGHBOURS = (np.s_[1:, :], np.s_[:-1, :]), (np.s_[:, 1:], np.s_[:, :-1])


@dataclass(frozen=True, eq=False)
class Passes:
    """Pairs of basins that touch, each once, in ascending order.

    Attributes:
        first, second: intp (n,), first < second.
        width: float32 (n,), pixels from the widest place between them to the next line; 0 where
            there are lines all along.
        open: (n,), pixel pairs along their border that are no line.
        length: (n,), all pixel pairs along it.
    """

    first: Array
    second: Array
    width: Array
    open: Array
    length: Array


@dataclass(frozen=True, eq=False)
class Basins:
    """A drawing's basins, or groups of them.

    Attributes:
        count: how many.
        tops: float32 (count,), the greatest distance to a line.
        sizes: (count,), free pixels.
        edges: (count,), free pixels at the sheet's edge.
        sides: (count,), those but for the lower edge's: figures are cut off there, and what
            reaches it alone may be theirs as well as paper.
        passes: see Passes.
    """

    count: int
    tops: Array
    sizes: Array
    edges: Array
    sides: Array
    passes: Passes

    def grouped(self, names: Array, count: int) -> "Basins":
        """The same where basins that got one name, 0..count - 1, are one."""
        old = self.passes
        first, second = names[old.first], names[old.second]
        apart = first != second
        low, high = np.minimum(first, second)[apart], np.maximum(first, second)[apart]
        measures = (old.width[apart], old.open[apart], old.length[apart])
        tops = np.zeros(count, np.float32)
        np.maximum.at(tops, names, self.tops)
        sums = (self.sizes, self.edges, self.sides)
        sizes, edges, sides = (np.bincount(names, part, count) for part in sums)
        return Basins(count, tops, sizes, edges, sides, _gathered(low, high, measures, count))


@dataclass(frozen=True, eq=False)
class Ground:
    """A drawing read once, for every set of hints.

    Attributes:
        labels: int32 (h, w), each pixel's basin.
        free: bool (h, w), False on lines.
        room: float32 (h, w), distance to the next line in pixels, 0 on lines.
        basins: what there is of each.
    """

    labels: Array
    free: Array
    room: Array
    basins: Basins


def read_ground(ink: Array) -> Ground:
    """Basins of ink, uint8 (h, w), 255 for a firm line."""
    free = free_of_lines(ink, max(2, round(TONE_SPREAD * max(ink.shape))))
    room = distance(~free)
    room[~free] = 0
    labels, count = _climb(np.where(free, room, -distance(free)))
    tops = np.zeros(count, np.float32)
    np.maximum.at(tops, labels.ravel(), room.ravel())
    sizes = np.bincount(labels.ravel(), free.ravel(), count)
    rim = np.zeros_like(free)
    rim[0] = rim[:, [0, -1]] = True
    sides = np.bincount(labels[rim], free[rim], count)
    rim[-1] = True
    edges = np.bincount(labels[rim], free[rim], count)
    basins = Basins(count, tops, sizes, edges, sides, _passes(labels, room))
    return Ground(labels, free, room, basins)


def distance(sources: Array) -> Array:
    """Distance to the next True of sources (h, w), float32, in pixels.

    Exact up to NEAR; what is farther is found in blocks of BLOCK x BLOCK, to a few per cent.
    """
    near = np.sqrt(squared_distance(sources, NEAR), dtype=np.float32)
    if max(sources.shape) <= NEAR or float(near.min()) >= NEAR or float(near.max()) < NEAR:
        return near
    height, width = (-(-side // BLOCK) for side in sources.shape)
    cells = np.zeros((height * BLOCK, width * BLOCK), bool)
    cells[: sources.shape[0], : sources.shape[1]] = sources
    found = cells.reshape(height, BLOCK, width, BLOCK).any(axis=(1, 3))
    coarse = distance(np.asarray(found))
    far = _enlarged(BLOCK * coarse, sources.shape)
    return np.where(near < NEAR, near, np.maximum(far, np.float32(NEAR)))


def contract(basins: Basins, held: Array) -> tuple[Array, Basins]:
    """Join basins to the higher ones that they are a part of: (names (count,), what they form).

    held: bool (count,), basins that stay themselves, for others to join.
    """
    names, joined = np.arange(basins.count), basins
    for _ in range(8):
        source, target, width = _both_ways(joined.passes)
        tops = joined.tops
        widest = np.zeros(joined.count, np.float32)
        np.maximum.at(widest, source, width)
        higher = (tops[target] > tops[source]) | held[target]
        higher |= (tops[target] == tops[source]) & (target > source)
        leads = ~held[source] & higher & (width > 0) & (width >= SAME * tops[source])
        leads &= width >= widest[source]
        if not leads.any():
            break
        pointer = np.arange(joined.count)
        pointer[source[leads]] = target[leads]
        step, count = renumbered(follow(pointer))
        still = np.zeros(count, bool)
        still[step[held]] = True
        names, joined, held = step[names], joined.grouped(step, count), still
    return names, joined


def renumbered(names: Array) -> tuple[Array, int]:
    """The same names numbered 0..count - 1 without holes: (names, count)."""
    found, numbers = np.unique(names, return_inverse=True)
    return numbers.ravel(), len(found)


def _both_ways(passes: Passes) -> tuple[Array, Array, Array]:
    source = np.concatenate((passes.first, passes.second))
    target = np.concatenate((passes.second, passes.first))
    return source, target, np.concatenate((passes.width, passes.width))


def _enlarged(plane: Array, shape: tuple[int, ...]) -> Array:
    """BLOCK times as large, interpolated, and cut to shape."""
    for axis in (0, 1):
        at = (np.arange(shape[axis], dtype=np.float32) + 0.5) / BLOCK - 0.5
        low = np.clip(np.floor(at).astype(np.intp), 0, plane.shape[axis] - 1)
        high = np.minimum(low + 1, plane.shape[axis] - 1)
        part = np.clip(at - low, 0, 1).astype(np.float32)
        below = plane.take(low, axis)
        plane = below + (plane.take(high, axis) - below) * np.expand_dims(part, 1 - axis)
    return plane


def _climb(height: Array) -> tuple[Array, int]:
    """The top that each pixel of float32 (h, w) climbs to by its eight neighbours: (int32, count).

    Height and number share one whole number, so that no two heights are equal.
    """
    bits = np.ascontiguousarray(height, np.float32).view(np.int32).astype(np.int64)
    bits = np.where(bits < 0, -(bits & 0x7FFFFFFF), bits)  # floats in the order of whole numbers
    key = (bits << 32) + np.arange(height.size).reshape(height.shape)
    beside = key.copy()
    np.maximum(beside[:, 1:], key[:, :-1], out=beside[:, 1:])
    np.maximum(beside[:, :-1], key[:, 1:], out=beside[:, :-1])
    best = beside.copy()
    np.maximum(best[1:], beside[:-1], out=best[1:])
    np.maximum(best[:-1], beside[1:], out=best[:-1])
    pointer = follow((best & 0xFFFFFFFF).astype(np.int32).ravel())
    tops = pointer == np.arange(len(pointer), dtype=np.int32)
    names = np.cumsum(tops, dtype=np.int32) - 1
    return names[pointer].reshape(height.shape), int(names[-1]) + 1


def _passes(labels: Array, room: Array) -> Passes:
    first, second, width = [], [], []
    for here, there in _NEIGHBOURS:
        touch = labels[here] != labels[there]
        a, b = labels[here][touch], labels[there][touch]
        first.append(np.minimum(a, b))
        second.append(np.maximum(a, b))
        width.append(np.minimum(room[here][touch], room[there][touch]))
    wide = np.concatenate(width)
    measures = (wide, (wide > 0).astype(np.float32), np.ones(len(wide), np.float32))
    return _gathered(np.concatenate(first), np.concatenate(second), measures, int(labels.max()) + 1)


def _gathered(first: Array, second: Array, measures: tuple[Array, ...], count: int) -> Passes:
    """One entry a pair, of entries (width, open, length) in any order."""
    code = first.astype(np.int64) * count + second
    order = np.argsort(code, kind="stable")
    code = code[order]
    starts = np.flatnonzero(np.append(True, code[1:] != code[:-1])[: len(code)])
    if not len(starts):
        nothing = np.zeros(0, np.float32)
        return Passes(code.astype(np.intp), code.astype(np.intp), nothing, nothing, nothing)
    width, clear, length = (part[order] for part in measures)
    pair = code[starts]
    return Passes(
        (pair // count).astype(np.intp),
        (pair % count).astype(np.intp),
        np.maximum.reduceat(width, starts),
        np.add.reduceat(clear, starts),
        np.add.reduceat(length, starts),
    )
