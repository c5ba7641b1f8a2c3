"""Drawings for tests, in letters: lines on paper, and hint layers."""

import numpy as np

from core.image import Image
from core.request.work import Other
from tests.pixels import LETTERS, draw


def lines(text, scale=12, width=2):
    """Cells of letters, with black lines of `width` pixels between unequal ones and around.

    Returns:
        (uint8 (H, W, 3) in black on white, (H, W) of the letters).
    """
    cells = np.array([list(row) for row in text.split()])
    letters = cells.repeat(scale, axis=0).repeat(scale, axis=1)
    ink = np.zeros(letters.shape, bool)
    ink[:, 1:] |= letters[:, 1:] != letters[:, :-1]
    ink[1:] |= letters[1:] != letters[:-1]
    ink[[0, -1]] = ink[:, [0, -1]] = True
    for _ in range(width - 1):
        ink[:-1, :-1] |= ink[1:, 1:]
        ink[:-1] |= ink[1:]
        ink[:, :-1] |= ink[:, 1:]
    return np.where(ink[..., None], np.uint8(0), np.uint8(255)).repeat(3, axis=2), letters


def hint_layer(shape, dabs, soft=False, offset=(0, 0)):
    """A hint layer of shape (H, W) with dabs (x, y, letter, radius), as an Other at offset."""
    pixels = np.zeros((*shape, 4), np.uint8)
    y, x = np.mgrid[: shape[0], : shape[1]]
    for left, top, letter, radius in dabs:
        far = np.hypot(x - left, y - top)
        alpha = np.clip((radius - far) / 3 + 0.5, 0, 1) if soft else far <= radius
        pixels[alpha > 0, :3] = LETTERS[letter]
        pixels[..., 3] = np.maximum(pixels[..., 3], alpha * 255)
    return Other("hint", Image(pixels), *offset)


def solid(letter, shape=(8, 8)):
    return draw(letter, 1)[0, 0] * np.ones((*shape, 3), np.uint8)
