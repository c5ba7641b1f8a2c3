"""Open outlines: a hint inside one is kept from the paper outside.

A line that is open by more than a gap parts nothing, and a hint inside would colour the paper, too.
Two witnesses are asked before a part of the paper is taken from a hint: the outlines, closed
wider, in a smaller picture, must part it from the hint's place; and the generator, which has
learned from such lines where a thing ends, must not have followed the hint there. The paper is an
area that reaches the picture's edge; areas that lines enclose are always filled whole.
"""

from dataclasses import dataclass

import numpy as np

from core.color.spaces import srgb_to_lab
from core.sketch.areas import Colored, cell_labels, nearest_parts
from core.sketch.hints import Hints
from core.sketch.regions import Areas, find_areas, slide

Array = np.ndarray

SIDE = 256
"""Longer side, at most, at which outlines are closed; the generator sees no more either."""

OPENING = 0.06
"""Widest opening that is closed for this, of the longer side."""

FAR = 15.0
"""The generator did not follow a hint where its colour differs from it by more (CIE76)."""

DOUBT = 0.7
"""Share of a part in which it must not have."""

LEAST_PART = 1 / 40
"""Parts of less than this, of the longer side, squared stay with the hint."""


@dataclass(frozen=True, eq=False)
class Closed:
    """Areas of a drawing whose openings are closed, on a coarser grid.

    Attributes:
        labels: int32 (h, w), of cells of step x step pixels of the finer grid.
        step: side of a cell.
        count: how many areas.
    """

    labels: Array
    step: int
    count: int

    def on(self, shape: tuple[int, ...]) -> Array:
        """The labels on the finer grid (h, w)."""
        fine = self.labels.repeat(self.step, axis=0).repeat(self.step, axis=1)
        return fine[: shape[0], : shape[1]]


def close_openings(ink: Array) -> Closed:
    """Areas of ink, uint8 (h, w), with openings up to OPENING closed."""
    step = -(-max(ink.shape) // SIDE)
    height, width = (-(-side // step) for side in ink.shape)
    missing = ((0, height * step - ink.shape[0]), (0, width * step - ink.shape[1]))
    cells = np.pad(ink, missing, mode="edge").reshape(height, step, width, step)
    found = find_areas(cells.max(axis=(1, 3)), OPENING)
    return Closed(found.labels, step, found.count)


def keep_paper(
    colored: Colored, hints: Hints, closed: Closed, colors: Array, visible: tuple[float, float]
) -> Colored:
    """Take from hints what of the paper they reach through openings.

    Args:
        colored: areas with their hints. closed: of the same drawing.
        colors: the generator's, with the hints told, float32 (3, h, w), sRGB.
        visible: how many of them, across and down, the picture covers.

    Returns:
        The same, or areas parted further, the paper having no hint.
    """
    outer = np.flatnonzero(_reaching_the_edge(colored.areas) & (colored.hint >= 0))
    if not len(outer):
        return colored
    number = np.full(colored.areas.count, -1, np.int64)
    number[outer] = np.arange(len(outer))
    labels, count = colored.areas.labels, len(outer) * closed.count
    part = number[labels] * closed.count + closed.on(labels.shape)
    part[number[labels] < 0] = -1
    cells = cell_labels(part, colors.shape[1:], visible)
    known = cells >= 0
    cell = cells[known]
    wanted = hints.colors[colored.hint[outer[cell // closed.count]]]
    painted = colors[:, known].T
    far = np.linalg.norm(srgb_to_lab(painted) - srgb_to_lab(wanted), axis=1) > FAR
    size, doubt = np.bincount(cell, minlength=count), np.bincount(cell, far, count)
    at_edge, hinted = np.zeros(count + 1, bool), np.zeros(count + 1, bool)
    for ends in (part[[0, -1]], part[:, [0, -1]]):
        at_edge[ends.ravel()] = True
    hinted[part[hints.mask]] = True
    least = max((LEAST_PART * max(colors.shape[1:])) ** 2, 4)
    leaked = at_edge[:-1] & ~hinted[:-1] & (size >= least) & (doubt > DOUBT * size)
    return _parted(colored, hints, np.append(leaked, False)[part], closed.step)


def _reaching_the_edge(areas: Areas) -> Array:
    found = np.zeros(areas.count, bool)
    for ends in (areas.labels[[0, -1]], areas.labels[:, [0, -1]]):
        found[ends.ravel()] = True
    return found


def _parted(colored: Colored, hints: Hints, leaked: Array, step: int) -> Colored:
    """Areas of which what leaked, bool (h, w), is new areas without a hint."""
    areas = colored.areas
    homes = np.unique(areas.labels[leaked])
    if not len(homes):
        return colored
    names = np.full(areas.count, -1, np.int32)
    names[homes] = areas.count + np.arange(len(homes), dtype=np.int32)
    new = names[areas.labels]
    labels = np.where(leaked, new, areas.labels)
    if step > 1:  # the cells' stairs give way to a border midway between their far sides
        inside = new >= 0
        border = slide(leaked, step, np.maximum) & slide(inside & ~leaked, step, np.maximum)
        labels = nearest_parts(areas, np.where(inside & (hints.mask | ~border), labels, -1), inside)
    more = np.arange(len(homes), dtype=np.int32)
    return Colored(
        Areas(labels, areas.count + len(homes), areas.free, areas.room),
        np.concatenate((colored.hint, np.full_like(more, -1))),
        np.concatenate((colored.family, colored.family.max() + 1 + more)),
    )
