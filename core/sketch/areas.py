"""One colour for every area: the generator's, the user's, or a palette's."""

from dataclasses import dataclass

import numpy as np

from core.color.spaces import srgb_to_lab
from core.raster.eikonal import nearest_seed
from core.raster.flood import spread
from core.raster.resample import box_mean
from core.sketch.basins import Ground
from core.sketch.hints import SAME_COLOR, Hints
from core.sketch.parting import PAPER, Parted, part
from core.sketch.regions import MOST_REACH, Areas, borders, follow
from core.sketch.strokes import read_strokes

Array = np.ndarray

SAMPLES = 3
"""Points across one of the generator's colours at which its area is asked for."""

MOST_COST = 4.0
"""The way across a pixel beside a line is so many times as long as in the open."""

ALIKE = 7.0
"""Areas with an opening between them are coloured alike where their colours differ less (CIE76)."""


@dataclass(frozen=True, eq=False)
class Colored:
    """Areas with what the user asked of them.

    Attributes:
        areas: where several colours were asked for in one, there are several now.
        hint: int32 (count,), the colour of Hints that is asked for, -1 for none.
        family: int32 (count,), areas of equal number were one before the hints.
        paper: bool (count,), those that are the paper around things, whatever is guessed.
    """

    areas: Areas
    hint: Array
    family: Array
    paper: Array


def without_hints(areas: Areas) -> Colored:
    """Areas of which nothing was asked."""
    none = np.full(areas.count, -1, np.int32)
    family = np.arange(areas.count, dtype=np.int32)
    return Colored(areas, none, family, np.zeros(areas.count, bool))


def apply_hints(ground: Ground, hints: Hints, paper: Array | None) -> Colored:
    """Find out which areas the hints mean, and part those in which there are several colours.

    Args:
        ground: the drawing, read.
        hints: on its grid.
        paper: the paper's colour, encoded sRGB (3,), which a hint keeps; None where every hint
            paints.
    """
    keeps = np.zeros(len(hints.colors), bool)
    if paper is not None:
        lab = srgb_to_lab(np.concatenate((hints.colors, paper[None])).astype(np.float64))
        keeps = np.linalg.norm(lab[:-1] - lab[-1], axis=1) < SAME_COLOR
    parted = part(ground, read_strokes(hints, ground.free), keeps)
    room = np.minimum(np.square(ground.room), MOST_REACH**2).astype(np.int32)
    names = parted.names.astype(np.int32)
    areas = Areas(names[ground.labels], len(parted.colors), ground.free, room)
    labels, family, tags = _parted(areas, parted)
    wanted = np.array(tags, np.int32)
    asks = wanted >= 0
    paper_kept = (wanted == PAPER) | (asks & keeps[np.maximum(wanted, 0)])
    hint = np.where(asks & ~paper_kept, wanted, -1).astype(np.int32)
    parts = Areas(labels, len(tags), areas.free, areas.room)
    return Colored(parts, hint, np.array(family, np.int32), paper_kept)


def _parted(areas: Areas, parted: Parted) -> tuple[Array, list[int], list[int]]:
    """Part areas among the strokes that share them: (labels, family, tags)."""
    family, tags = list(range(areas.count)), parted.colors.tolist()
    if not parted.shared:
        return areas.labels, family, tags
    seeds = np.full(areas.labels.shape, -1, np.int32)
    for home, strokes in parted.shared.items():
        names: dict[int, int] = {}
        for stroke in strokes:
            if stroke.color not in names:
                names[stroke.color] = home if not names else len(family)
            if names[stroke.color] == len(family):
                family.append(home)
                tags.append(stroke.color)
            inside = stroke.pixels[areas.labels.ravel()[stroke.pixels] == home]
            seeds.ravel()[inside] = names[stroke.color]
        tags[home] = strokes[0].color
    inside = np.isin(areas.labels, list(parted.shared))
    return nearest_parts(areas, seeds, inside), family, tags


def nearest_parts(areas: Areas, seeds: Array, inside: Array) -> Array:
    """Part areas among seeds: each pixel goes to the one that is nearest on the way between lines.

    A way through a narrow place is longer than one in the open. Borders are where round fronts
    meet (core.raster.eikonal); what winds too much for those is flooded.

    Args:
        seeds: int32 (h, w), the new label from there on, -1 elsewhere.
        inside: bool (h, w), the areas that are parted, whole.

    Returns:
        int32 (h, w), labels, as they were where no seed is to be reached.
    """
    slowness = MOST_COST - (MOST_COST - 1) / MOST_REACH * np.sqrt(areas.room, dtype=np.float32)
    open_labels = np.where(inside & (areas.free | (seeds >= 0)), areas.labels, -1)
    between_lines = nearest_seed(seeds, open_labels, slowness)
    even = np.ones(seeds.shape, np.uint8)
    if ((between_lines < 0) & (open_labels >= 0)).any():
        between_lines = spread(between_lines, open_labels, even)
    found = spread(between_lines, np.where(inside, areas.labels, -1), even)
    return np.where(found >= 0, found, areas.labels)


def cell_labels(labels: Array, shape: tuple[int, int], visible: tuple[float, float]) -> Array:
    """The area that each of the generator's colours lies in, (h, w); -1 for several.

    Args:
        labels: whole numbers (H, W), the area of every pixel.
        shape: (h, w), how many colours there are.
        visible: (across, down), how many of them, with fractions, the picture covers; what lies
            beyond is padding.
    """
    height, width = labels.shape
    votes = []
    for down in range(SAMPLES):
        for right in range(SAMPLES):
            y = (np.arange(shape[0]) + (down + 0.5) / SAMPLES) * (height / visible[1])
            x = (np.arange(shape[1]) + (right + 0.5) / SAMPLES) * (width / visible[0])
            rows = np.minimum(y.astype(np.intp), height - 1)
            columns = np.minimum(x.astype(np.intp), width - 1)
            votes.append(labels[rows[:, None], columns[None]])
    middle = votes[len(votes) // 2]
    same = sum((vote == middle).astype(np.int8) for vote in votes)
    return np.where(same >= 6, middle, labels.dtype.type(-1))


def area_colors(colors: Array, cells: Array, count: int) -> tuple[Array, Array]:
    """The median of the generator's colours in each area.

    Args:
        colors: float32 (3, h, w). cells: int32 (h, w), see cell_labels. count: of areas.

    Returns:
        (float32 (count, 3), bool (count,): whether there was one).
    """
    known = cells >= 0
    label = cells[known]
    size = np.bincount(label, minlength=count)
    ends = np.cumsum(size)
    middle = np.minimum(ends - (size + 1) // 2, max(len(label) - 1, 0))
    result = np.zeros((count, 3), np.float32)
    if len(label):
        for channel in range(3):
            value = colors[channel][known]
            order = np.lexsort((value, label))
            result[:, channel] = value[order][middle]
    result[size == 0] = 0
    return result, size > 0


def fill_missing(table: Array, known: Array, areas: Areas, colors: Array) -> Array:
    """Areas too small for a colour of the generator's own take the mean of what lies there.

    colors: (3, h, w) on the grid of the areas.
    """
    if known.all():
        return table
    lost = ~known[areas.labels]
    label = areas.labels[lost]
    size = np.maximum(np.bincount(label, minlength=areas.count), 1)
    for channel in range(3):
        mean = np.bincount(label, colors[channel][lost], areas.count) / size
        table[~known, channel] = mean[~known]
    return table


def even_out(table: Array, colored: Colored) -> Array:
    """Give one colour to areas with an opening between them that are coloured almost alike.

    What was parted at a narrow place, though it is one thing, looks like one thing again.
    Hinted areas stay as they are.
    """
    areas = colored.areas
    first, second, length = borders(areas.labels, areas.free)
    lab = srgb_to_lab(table.astype(np.float64))
    alike = (length >= 10) & (np.linalg.norm(lab[first] - lab[second], axis=1) < ALIKE)
    alike &= (colored.hint[first] < 0) & (colored.hint[second] < 0)
    parent = np.arange(areas.count, dtype=np.int32)
    for a, b in zip(first[alike].tolist(), second[alike].tolist(), strict=True):
        root_a, root_b = _end(parent, a), _end(parent, b)
        parent[max(root_a, root_b)] = min(root_a, root_b)
    parent = follow(parent)
    size = np.bincount(areas.labels.ravel(), minlength=areas.count).astype(np.float64)
    total = np.maximum(np.bincount(parent, size, areas.count), 1)
    for channel in range(3):
        mean = np.bincount(parent, size * table[:, channel], areas.count) / total
        table[:, channel] = mean[parent]
    return table


def _end(parent: Array, item: int) -> int:
    while parent[item] != item:
        item = int(parent[item])
    return item


def shading(
    colors: Array, cells: Array, table: Array, areas: Areas, visible: tuple[float, float]
) -> Array:
    """What the generator painted beyond one colour an area: float32 (3, h, w), areas' grid.

    Interpolated between those of its colours alone that lie in the same area, so that nothing
    comes over a line; 0 where there are none.
    """
    height, width = areas.labels.shape
    shape = cells.shape
    flat = np.where(cells >= 0, cells, 0)
    rest = (colors - table[flat].transpose(2, 0, 1)).reshape(3, -1)
    y = (np.arange(height) + 0.5) * (visible[1] / height) - 0.5
    x = (np.arange(width) + 0.5) * (visible[0] / width) - 0.5
    top, left = np.floor(y).astype(np.intp), np.floor(x).astype(np.intp)
    part_y, part_x = (y - top).astype(np.float32), (x - left).astype(np.float32)
    result = np.zeros((3, height, width), np.float32)
    total = np.zeros((height, width), np.float32)
    for down in (0, 1):
        row = np.clip(top + down, 0, shape[0] - 1)
        weight_y = part_y if down else 1 - part_y
        for right in (0, 1):
            column = np.clip(left + right, 0, shape[1] - 1)
            weight_x = part_x if right else 1 - part_x
            place = row[:, None] * shape[1] + column[None]
            weight = weight_y[:, None] * weight_x[None]
            weight = weight * (cells.ravel()[place] == areas.labels)
            total += weight
            for channel in range(3):
                result[channel] += weight * rest[channel][place]
    result *= 1 / np.maximum(total, np.float32(0.05))
    return result


def soft_borders(table: Array, colored: Colored, reach: int) -> Array:
    """What softens the borders between the parts of one area: float32 (3, h, w), to be added."""
    labels = colored.areas.labels
    result = np.zeros((3, *labels.shape), np.float32)
    parts = np.flatnonzero(np.bincount(colored.family) > 1)
    for home in parts.tolist():
        whole = colored.family[labels] == home
        rows, columns = np.flatnonzero(whole.any(axis=1)), np.flatnonzero(whole.any(axis=0))
        place = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        mask = whole[place].astype(np.float32)
        colors = table[labels[place]].transpose(2, 0, 1)
        share = np.maximum(box_mean(mask, reach), np.float32(1e-3))
        for channel in range(3):
            blurred = box_mean(colors[channel] * mask, reach) / share
            result[channel][place] += (blurred - colors[channel]) * mask
    return result
