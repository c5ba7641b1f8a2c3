"""What can be said of a picture before anything is done with it."""

import math

import numpy as np

from core.color.spaces import srgb_to_lab
from core.image import Image

SAMPLES = 1 << 14
"""About this many pixels are looked at, evenly spread, however large the picture is."""

LEAST_CHROMA = 10.0
"""CIE chroma from which on a pixel has a colour that is seen, and is no cast or JPEG noise."""

TONE_WIDTH = math.radians(25)
"""How far apart hues may lie that are still one tone: sepia, cyanotype, yellowed paper."""


def colored_share(image: Image) -> float:
    """Share of the visible pixels that have a colour of their own, 0..1.

    A picture in shades of a single hue is as good as grey: photographs were toned, and paper
    yellows. So a pixel counts whose hue differs from the picture's mean hue, weighted by chroma.
    """
    if image.is_grey:
        return 0.0
    step = max(1, math.isqrt(image.width * image.height // SAMPLES))
    pixels = image.pixels[::step, ::step].reshape(-1, image.channels)
    if image.has_alpha:
        pixels = pixels[pixels[:, 3] > image.full / 2]
    values = np.nan_to_num(pixels[:, :3] * np.float32(1 / image.full))
    lab = srgb_to_lab(np.clip(values, 0, 1))
    ab = lab[:, 1] + 1j * lab[:, 2]
    ab = ab[np.abs(ab) > LEAST_CHROMA]
    if not len(ab):
        return 0.0
    apart = np.abs(np.angle(ab * np.conj(ab.sum())))
    return float((apart > TONE_WIDTH).sum() / len(pixels))
