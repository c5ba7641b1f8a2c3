"""Who gets which part of a drawing: hints and the paper race over the passes, the widest first.

strokes -> basins that they hold             core.sketch.strokes
paper   -> wide places at the sheet's edge that are parted from every hint by narrow passes
race    -> basins join over ever narrower passes; two colours never meet, so they part at the
           narrowest pass between them
rest    -> strands and slivers take what most of their border touches; all else stays unasked
"""

import heapq
from dataclasses import dataclass

import numpy as np

from core.sketch.basins import Basins, Ground, contract, renumbered
from core.sketch.strokes import Stroke

Array = np.ndarray

PAPER, NOTHING = -1, -2
"""Of basins: the paper around things, and what no hint reaches."""

GAP = 0.02
"""Widest break of a line that may be closed, of the longer side."""

STRONG, WEAK = 0.45, 0.2
"""How wide a pass is, compared to the narrower side, so that both are one: at once, and where
none contests it.
"""

OUTDOORS = 0.6
"""A way is as good as open from so much of the width of the places at its ends on."""

LEAST_PAPER = 0.03
"""Paper at the edge is larger than a square of this side, of the longer side ..."""

LEAST_WIDTH = 0.006
"""... and farther from lines than this, of the longer side."""

THIN = 0.03
"""Strands are nowhere farther from their lines than this, of the longer side."""

SHARE = 0.34
"""A strand takes a colour that has so much of its border."""

OPEN_WEIGHT, LINE_WEIGHT = 4.25, 0.25
"""What a pixel of border counts where it is open, and across a line."""


@dataclass(frozen=True, eq=False)
class Parted:
    """Groups of basins, each of one meaning.

    Attributes:
        names: (basins,), the group of every basin.
        colors: (groups,), the colour of Hints, or PAPER or NOTHING.
        shared: for each group that holds strokes of several colours, those strokes.
    """

    names: Array
    colors: Array
    shared: dict[int, list[Stroke]]


def part(ground: Ground, strokes: list[Stroke], paper_colors: Array, gap: float = GAP) -> Parted:
    """Part a drawing among strokes.

    Args:
        paper_colors: bool (colours of the hints,), which of them are the paper's own.
        gap: of the longer side.
    """
    side = max(ground.labels.shape)
    found = [stroke.basins(ground.labels) for stroke in strokes]
    held = np.zeros(ground.basins.count, bool)
    for basins, _ in found:
        held[basins] = True
    names, joined = contract(ground.basins, held)
    tags = np.full(joined.count, NOTHING)
    for stroke, (basins, _) in zip(strokes, found, strict=True):
        tags[names[basins]] = PAPER if paper_colors[stroke.color] else stroke.color
    starts = [int(names[most]) for _, most in found]
    tags[_paper(joined, starts, tags, side) & (tags == NOTHING)] = PAPER
    groups, colors = _race(joined, tags, gap * side / 2)
    groups, count = renumbered(groups)
    whole = joined.grouped(groups, count)
    named = np.full(count, NOTHING)
    np.maximum.at(named, groups, colors)
    named = _inherited(whole, named, side)
    names = groups[names]
    return Parted(names, named, _shared(strokes, found, names))


def _shared(
    strokes: list[Stroke], found: list[tuple[Array, int]], names: Array
) -> dict[int, list[Stroke]]:
    inside: dict[int, list[Stroke]] = {}
    for stroke, (basins, _) in zip(strokes, found, strict=True):
        for group in np.unique(names[basins]).tolist():
            inside.setdefault(group, []).append(stroke)
    return {g: s for g, s in inside.items() if len({stroke.color for stroke in s}) > 1}


class _Ways:
    """How wide the widest way between basins is."""

    def __init__(self, basins: Basins) -> None:
        self.tops = basins.tops.tolist()
        self.next: list[list[tuple[int, float]]] = [[] for _ in self.tops]
        passes = basins.passes
        for a, b, width in zip(
            passes.first.tolist(), passes.second.tolist(), passes.width.tolist(), strict=True
        ):
            if width > 0:
                self.next[a].append((b, width))
                self.next[b].append((a, width))

    def widest(self, starts: list[int]) -> Array:
        """Width of the widest way from any of the starts to every basin, 0 where there is none."""
        best = np.zeros(len(self.tops))
        heap = [(-self.tops[start], start) for start in starts]
        for width, start in heap:
            best[start] = -width
        heapq.heapify(heap)
        while heap:
            width, at = heapq.heappop(heap)
            if -width < best[at]:
                continue
            for there, passage in self.next[at]:
                way = min(-width, passage)
                if way > best[there]:
                    best[there] = way
                    heapq.heappush(heap, (-way, there))
        return best

    def within(self, start: int, least: float) -> set[int]:
        """What is reached over passes of at least that width."""
        seen, waiting = {start}, [start]
        while waiting:
            for there, passage in self.next[waiting.pop()]:
                if there not in seen and passage >= least:
                    seen.add(there)
                    waiting.append(there)
        return seen

    def hill(self, start: int) -> float:
        """The highest top that is reached without a narrow place on the way."""
        best, seen, waiting = self.tops[start], {start}, [start]
        floor = 0.75 * max(best, 1.0)
        while waiting:
            for there, passage in self.next[waiting.pop()]:
                if there not in seen and passage >= max(floor, OUTDOORS * best):
                    seen.add(there)
                    waiting.append(there)
                    best = max(best, self.tops[there])
        return best


def _paper(basins: Basins, starts: list[int], tags: Array, side: int) -> Array:
    """Which basins are paper: bool (count,).

    A stroke from which an open way leads to the edge is on the background, and keeps it.
    """
    ways = _Ways(basins)
    at_edge = np.flatnonzero(basins.edges > 0).tolist()
    out = ways.widest(at_edge)
    hills = {start: ways.hill(start) for start in starts}
    outdoors = {s for s, hill in hills.items() if out[s] >= max(OUTDOORS * hill, 0.004 * side)}
    kept = np.zeros(basins.count, bool)
    for start in outdoors:
        kept[list(ways.within(start, min(OUTDOORS * hills[start], 0.04 * side)))] = True
    indoors = [(hills[s], ways.widest([s])) for s in hills if s not in outdoors]
    found, held = np.zeros(basins.count, bool), set(np.flatnonzero(tags != NOTHING).tolist())
    level = OUTDOORS * max(hills.values(), default=0.0)
    while level > max(LEAST_WIDTH * side, 1):
        for place in _open_places(ways, basins, level, side):
            if held.isdisjoint(place.tolist()) and _is_apart(place, indoors, basins.tops):
                found[place] = True
        level *= 0.8
    return found & ~kept


def _open_places(ways: _Ways, basins: Basins, level: float, side: int) -> list[Array]:
    """What reaches the sheet's sides and hangs together over passes of that width, if large."""
    seen: set[int] = set()
    places = []
    for start in np.flatnonzero(basins.sides > 0).tolist():
        if start not in seen and ways.tops[start] >= level:
            reached = ways.within(start, level)
            seen |= reached
            place = np.array(sorted(reached))
            if basins.sizes[place].sum() >= (LEAST_PAPER * side) ** 2:
                places.append(place)
    return places


def _is_apart(place: Array, indoors: list[tuple[float, Array]], tops: Array) -> bool:
    """Whether every hint's way to a place is narrow, for the hint's own place and for this one."""
    top = float(tops[place].max())
    return all(float(way[place].max()) < OUTDOORS * min(hill, top) for hill, way in indoors)


class _Groups:
    """Basins that join; two tags never do."""

    def __init__(self, basins: Basins, tags: Array) -> None:
        self.parent = list(range(basins.count))
        self.tops = basins.tops.tolist()
        self.tags = tags.tolist()

    def root(self, item: int) -> int:
        while self.parent[item] != item:
            self.parent[item] = self.parent[self.parent[item]]
            item = self.parent[item]
        return item

    def relative(self, width: float, a: int, b: int) -> float:
        """Width of a pass compared to the narrower side's."""
        return width / max(min(self.tops[a], self.tops[b]), 1e-6)

    def join(self, a: int, b: int) -> None:
        self.parent[b] = a
        self.tops[a] = max(self.tops[a], self.tops[b])
        self.tags[a] = max(self.tags[a], self.tags[b])  # the other one has none, or the same


def _race(basins: Basins, tags: Array, half_gap: float) -> tuple[Array, Array]:
    """(the group of every basin, its tag)."""
    groups, passes = _Groups(basins, tags), basins.passes
    order = np.argsort(-passes.width, kind="stable")
    order = order[passes.width[order] > 0]
    ways = [
        (float(passes.width[i]), int(passes.first[i]), int(passes.second[i]))
        for i in order.tolist()
    ]
    for width, a, b in ways:
        a, b = groups.root(a), groups.root(b)
        known = groups.tags[a], groups.tags[b]
        if a == b or (NOTHING not in known and known[0] != known[1]):
            continue
        if width >= half_gap or groups.relative(width, a, b) >= STRONG:
            groups.join(a, b)
    _uncontested(groups, ways, half_gap)
    roots = np.array([groups.root(i) for i in range(basins.count)])
    return roots, np.array(groups.tags)[roots]


def _uncontested(groups: _Groups, ways: list[tuple[float, int, int]], half_gap: float) -> None:
    """Colours go on over weaker passes into what is nobody's, the relatively widest first."""
    left = [(w, groups.root(a), groups.root(b)) for w, a, b in ways if w >= 1.5]
    ranked = sorted(
        ((groups.relative(w, a, b), w, a, b) for w, a, b in left if a != b), reverse=True
    )
    for share, width, a, b in ranked:
        if share < WEAK and width < half_gap / 2:
            break
        a, b = groups.root(a), groups.root(b)
        known = groups.tags[a], groups.tags[b]
        if a == b or (known[0] == NOTHING) == (known[1] == NOTHING):
            continue
        least = STRONG if PAPER in known else WEAK
        if share >= least and groups.relative(width, a, b) >= WEAK:
            groups.join(a, b)


def _inherited(basins: Basins, tags: Array, side: int) -> Array:
    """Strands and slivers take a neighbour's tag, those first that it surrounds most."""
    tags = tags.copy()
    borders: list[dict[int, float]] = [{} for _ in range(basins.count)]
    passes = basins.passes
    weight = (OPEN_WEIGHT - LINE_WEIGHT) * passes.open + LINE_WEIGHT * passes.length
    for a, b, share in zip(
        passes.first.tolist(), passes.second.tolist(), weight.tolist(), strict=True
    ):
        borders[a][b] = borders[b][a] = share
    waiting = (tags == NOTHING) & (basins.tops < THIN * side)
    heap = [(-_best_neighbour(borders[i], tags)[0], i) for i in np.flatnonzero(waiting).tolist()]
    heapq.heapify(heap)
    while heap:
        share, at = heapq.heappop(heap)
        now, tag = _best_neighbour(borders[at], tags)
        if not waiting[at] or now == 0:
            continue
        if now != -share:
            heapq.heappush(heap, (-now, at))
            continue
        waiting[at] = False
        if now >= SHARE or basins.tops[at] <= LEAST_WIDTH * side:
            tags[at] = tag
            for other in borders[at]:
                if waiting[other]:
                    heapq.heappush(heap, (-_best_neighbour(borders[other], tags)[0], other))
    return tags


def _best_neighbour(border: dict[int, float], tags: Array) -> tuple[float, int]:
    """(share of the border that the tag with most of it has, that tag); (0, NOTHING) of none."""
    shares: dict[int, float] = {}
    for other, share in border.items():
        tag = int(tags[other])
        if tag != NOTHING:
            shares[tag] = shares.get(tag, 0.0) + share
    if not shares:
        return 0.0, NOTHING
    best = max(shares, key=lambda tag: shares[tag])
    return shares[best] / sum(border.values()), best
