"""Which parts of a picture a generator sees, when it cannot see all of it at once.

Pure arithmetic: no pixels, no models. All tiles of a plan have the same size, so that a
generator meets one shape only, and start at multiples of the generator's step, so that its
downsampling falls on the same pixels in a tile as in the whole.
"""

from dataclasses import dataclass

from core.generator.manifest import SizeSpec
from core.generator.sizes import legal_size


@dataclass(frozen=True)
class Rect:
    """A place and a size, in pixels, from the upper left corner."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Tile:
    """One run of the generator.

    Attributes:
        read: what the generator gets, in the picture padded to a legal size.
        write: what of its result is used, in the same coordinates, inside the picture.
        blend: (across, down): that many first columns and rows of `write` were written by the
            tiles before and are cross-faded.
    """

    read: Rect
    write: Rect
    blend: tuple[int, int] = (0, 0)


def whole(width: int, height: int, size: SizeSpec) -> list[Tile]:
    """The plan of one tile."""
    return [Tile(Rect(0, 0, *legal_size(width, height, size)), Rect(0, 0, width, height))]


def plan(
    width: int, height: int, size: SizeSpec, overlap: int, side: int, blend: bool = False
) -> list[Tile]:
    """Cover a picture with tiles, row by row.

    Args:
        width, height: of the picture.
        size: what the generator takes.
        overlap: pixels of context wanted around what is used of a tile.
        side: most pixels of a tile's side; more where the overlap leaves nothing else.
        blend: cross-fade neighbours over the overlap, for generators whose tiles differ.
    """
    fixed = size.fixed or (0, 0)
    legal = legal_size(width, height, size)
    columns = _spans(width, legal[0], fixed[0], size, overlap, side)
    rows = _spans(height, legal[1], fixed[1], size, overlap, side)
    tiles = []
    for top in rows:
        for left in columns:
            fade = (left.fade, top.fade) if blend else (0, 0)
            read = Rect(left.start, top.start, left.length, top.length)
            x, y = left.used - fade[0], top.used - fade[1]
            write = Rect(x, y, left.stop - x, top.stop - y)
            tiles.append(Tile(read, write, fade))
    return tiles


@dataclass(frozen=True)
class _Span:
    """A tile along one axis: start and length of what is read, used..stop of what is kept."""

    start: int
    length: int
    used: int
    stop: int
    fade: int


def _spans(
    length: int, legal: int, fixed: int, size: SizeSpec, overlap: int, side: int
) -> list[_Span]:
    step = 1 if fixed else size.multiple_of
    margin = -(-overlap // step) * step
    if fixed:
        side = fixed
        margin = min(margin, (fixed - 1) // 2)
    else:
        least = max(size.minimum, 2 * margin + step)
        side = -(-max(least, side // step * step) // step) * step
    if legal <= side:
        return [_Span(0, legal, 0, length, 0)]
    count = -(-(legal - 2 * margin) // (side - 2 * margin))
    if not fixed:  # even the tiles out, so that the last one is no sliver
        even = -(-(legal - 2 * margin) // count) + 2 * margin
        side = max(-(-even // step) * step, -(-size.minimum // step) * step)
    spans, used = [], 0
    for number in range(count):
        start = min(number * (side - 2 * margin), legal - side)
        stop = length if number == count - 1 else min(start + side - margin, length)
        fade = min(margin, used - start) if number else 0
        if stop > used:
            spans.append(_Span(start, side, used, stop, fade))
        used = stop
    return spans
