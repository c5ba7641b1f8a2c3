"""Colours that a drawing shall be made of, as they are: one for each area."""

from collections.abc import Sequence

import numpy as np

from core.color.spaces import srgb_to_lab
from core.image import Image

Array = np.ndarray

_SAMPLES = 1 << 13


def swatches_of(palette: Sequence[str]) -> Array:
    """ "#rrggbb" of a checked palette as float32 (count, 3), encoded sRGB 0..1."""
    numbers = [[int(entry[i : i + 2], 16) for i in (1, 3, 5)] for entry in palette]
    return np.array(numbers, np.float32).reshape(-1, 3) / np.float32(255)


def nearest_swatches(colors: Array, swatches: Array) -> Array:
    """The nearest of swatches (k, 3) in CIE L*a*b* for each of colours (n, 3): (n, 3)."""
    lab, known = srgb_to_lab(colors.astype(np.float64)), srgb_to_lab(swatches.astype(np.float64))
    result = np.empty_like(colors)
    for start in range(0, len(lab), 4096):
        part = lab[start : start + 4096, None] - known[None]
        result[start : start + 4096] = swatches[np.square(part).sum(axis=2).argmin(axis=1)]
    return result


def dominant_colors(image: Image, count: int = 12) -> Array:
    """The colours that a picture is made of, float32 (at most count, 3), encoded sRGB.

    k-means in CIE L*a*b*, begun with the pixels that lie farthest apart, so that it gives the
    same every time.
    """
    step = max(1, int(np.sqrt(image.width * image.height / _SAMPLES)))
    pixels = image.pixels[::step, ::step].reshape(-1, image.channels)
    if image.has_alpha:
        pixels = pixels[pixels[:, -1] > image.full / 2]
    if not len(pixels):
        return np.zeros((0, 3), np.float32)
    colors = np.clip(pixels[:, : 1 if image.is_grey else 3] / image.full, 0, 1)
    colors = np.nan_to_num(np.broadcast_to(colors, (len(colors), 3)).astype(np.float64))
    lab = srgb_to_lab(colors)
    centers = [lab.mean(axis=0)]
    far = np.full(len(lab), np.inf)
    for _ in range(count):
        far = np.minimum(far, np.square(lab - centers[-1]).sum(axis=1))
        centers.append(lab[far.argmax()])
    centers = np.array(centers[1:])
    for _ in range(8):
        nearest = np.square(lab[:, None] - centers).sum(axis=2).argmin(axis=1)
        size = np.bincount(nearest, minlength=len(centers))
        sums = [np.bincount(nearest, lab[:, axis], len(centers)) for axis in range(3)]
        centers = (np.stack(sums, axis=1) / np.maximum(size, 1)[:, None])[size > 0]
    nearest = np.square(lab[:, None] - centers).sum(axis=2).argmin(axis=1)
    # a colour that is in the picture, not a mean of several
    found = [colors[nearest == i][np.square(lab[nearest == i] - c).sum(axis=1).argmin()]
             for i, c in enumerate(centers) if (nearest == i).any()]  # fmt: skip
    return np.array(found, np.float32)
