"""Pictures drawn as text, and comparisons that say which pixel, how far, and how many.

assert_pixels(result, '''
    rbbr
    rbbr''')
"""

import numpy as np

LETTERS = {
    "k": (0, 0, 0),
    "w": (255, 255, 255),
    "r": (255, 0, 0),
    "g": (0, 255, 0),
    "b": (0, 0, 255),
    "y": (255, 255, 0),
    "c": (0, 255, 255),
    "m": (255, 0, 255),
    "1": (32, 32, 32),
    "2": (64, 64, 64),
    "4": (128, 128, 128),
    "6": (192, 192, 192),
}
"""Letter -> red, green, blue; the digits are greys, in steps of 32."""


def draw(text, scale=1):
    """Letters to uint8 (H, W, 3); every letter becomes scale x scale pixels."""
    rows = text.split()
    assert len({len(row) for row in rows}) == 1, "the rows have different lengths"
    pixels = np.array([[LETTERS[letter] for letter in row] for row in rows], np.uint8)
    return pixels.repeat(scale, axis=0).repeat(scale, axis=1)


def grey(text, scale=1):
    """Letters to uint8 (H, W, 1): the red channel of draw."""
    return draw(text, scale)[..., :1]


def assert_pixels(actual, text):
    """Compare uint8 (H, W, 3) with a drawing, exactly."""
    assert_close(actual, draw(text), 0)


def assert_close(actual, expected, tolerance):
    """Compare two (H, W, C) arrays of one type; tolerance in the channels' own units."""
    assert actual.dtype == expected.dtype, f"{actual.dtype}, not {expected.dtype}"
    assert actual.shape == expected.shape, f"{actual.shape}, not {expected.shape} (H, W, C)"
    error = np.abs(actual.astype(np.float64) - expected.astype(np.float64))
    if not np.isfinite(error).all() or error.max() > tolerance:
        raise AssertionError(_explain(actual, expected, error, tolerance))


def _explain(actual, expected, error, tolerance):
    error = np.where(np.isfinite(error), error, np.inf)
    y, x, channel = np.unravel_index(error.argmax(), error.shape)
    lines = [
        f"{(error.max(axis=2) > tolerance).sum()} of {error[..., 0].size} pixels are more than "
        f"{tolerance:g} off, by {error.mean():.4g} on average.",
        f"Worst at x {x}, y {y}, channel {channel}: {actual[y, x]} where {expected[y, x]} "
        f"is expected, {error[y, x, channel]:g} off.",
        "error      values",
    ]
    edges = [0, *(max(tolerance, 1e-12) * 2.0**k for k in range(6)), np.inf]
    for low, high in zip(edges, edges[1:], strict=False):
        count = ((error > low) & (error <= high)).sum()
        lines.append(f"to {high:<8.3g}{count:>8}")
    return "\n".join(lines)
