"""Areas of flat pictures: which colours are flat, which pixels hang together, and what lies
beneath lines. NumPy alone; pictures are a few hundred pixels wide.
"""

from __future__ import annotations

import numpy as np

Array = np.ndarray


def connected_areas(values: Array) -> Array:
    """Numbers the areas of equal value of (H, W) whole numbers, 4-connected: (H, W) int32.

    0 in `values` is no area and stays 0; the others are numbered from 1 in reading order.
    """
    height, width = values.shape
    starts = np.ones((height, width), bool)
    starts[:, 1:] = values[:, 1:] != values[:, :-1]
    runs = np.cumsum(starts.ravel()).reshape(height, width) - 1
    equal = values[1:] == values[:-1]
    pairs = np.unique(np.stack((runs[:-1][equal], runs[1:][equal]), axis=1), axis=0)
    parent = np.arange(int(runs[-1, -1]) + 1)
    while len(pairs):
        # Each root takes the lowest root among its neighbours, then every run finds its root.
        low, high = pairs.min(axis=1), pairs.max(axis=1)
        np.minimum.at(parent, high, low)
        while (parent != parent[parent]).any():
            parent = parent[parent]
        pairs = np.unique(parent[pairs], axis=0)
        pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    roots = parent[runs]
    roots[values == 0] = -1
    kept = np.unique(roots)
    kept = kept[kept >= 0]
    return (np.searchsorted(kept, roots) + 1).astype(np.int32) * (roots >= 0)


def grow(areas: Array, most_steps: int = 1000) -> Array:
    """Fills the zeros of (H, W) with the nearest area's number, step by step; a copy."""
    areas = areas.copy()
    for _ in range(most_steps):
        if areas.all() or not areas.any():
            break
        padded = np.pad(areas, 1)
        for neighbour in (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]):
            empty = areas == 0
            areas[empty] = neighbour[empty]
    return areas


def drop_small(areas: Array, smallest: int) -> Array:
    """(H, W) areas, numbered anew, without the ones of fewer than `smallest` pixels."""
    sizes = np.bincount(areas.ravel())
    kept = sizes >= smallest
    kept[0] = False
    return (np.cumsum(kept) * kept)[areas].astype(np.int32)


def flat_colors(pixels: Array, smallest: int = 12) -> Array:
    """The flat colours (K, 3) uint8 of a picture (H, W, 3) uint8.

    A colour is flat where a pixel and its four neighbours have it, at `smallest` places or more:
    the mixed colours along smoothed edges are not.
    """
    code = pixels.astype(np.int32) @ np.array((65536, 256, 1), np.int32)
    middle = code[1:-1, 1:-1]
    around = (code[:-2, 1:-1], code[2:, 1:-1], code[1:-1, :-2], code[1:-1, 2:])
    inside = np.logical_and.reduce([middle == other for other in around])
    colors, counts = np.unique(middle[inside], return_counts=True)
    colors = colors[counts >= smallest]
    return np.stack((colors >> 16, colors >> 8 & 255, colors & 255), axis=1).astype(np.uint8)


def flatten(pixels: Array, ink: Array, line: float, smallest: int = 12) -> tuple[Array, Array]:
    """A picture drawn with lines as areas of flat colour that meet beneath the lines.

    `pixels` (H, W, 3) uint8, `ink` (H, W) in [0, 1]: where it exceeds `line` no colour is read.
    Returns areas (H, W) int32 from 1 and their colours (areas + 1, 3) uint8, row 0 unused.
    ValueError for a picture without any flat colour off the lines.
    """
    off_line = ink <= line
    palette = flat_colors(np.where(off_line[..., None], pixels, 1), smallest)
    palette = palette[(palette != 1).any(axis=1)]
    if not len(palette):
        raise ValueError("The picture has no flat colour off its lines.")
    unique, place = np.unique(pixels.reshape(-1, 3), axis=0, return_inverse=True)
    distance = ((unique[:, None].astype(np.int32) - palette.astype(np.int32)) ** 2).sum(axis=2)
    nearest = distance.argmin(axis=1)[place].reshape(ink.shape) + 1
    areas = drop_small(connected_areas(nearest * off_line), smallest)
    if not areas.any():
        raise ValueError("The picture has no area off its lines.")
    colors = np.zeros((areas.max() + 1, 3), np.uint8)
    colors[areas.ravel()] = palette[nearest.ravel() - 1]
    return grow(areas), colors
