"""Hints as people paint them: dabs and short strokes of one colour inside an area."""

from __future__ import annotations

import numpy as np

Array = np.ndarray


class HintLayer:
    """A picture's hints: `colors` (H, W, 3) float32 sRGB in [0, 1], `mask` (H, W) 0 or 1."""

    def __init__(self, height: int, width: int) -> None:
        self.colors = np.zeros((height, width, 3), np.float32)
        self.mask = np.zeros((height, width), np.float32)

    def dab(self, center: tuple[float, float], radius: float, color: Array, inside: Array) -> None:
        """A disc at (y, x), clipped to `inside` (H, W) bool."""
        height, width = self.mask.shape
        reach = int(np.ceil(radius))
        top, left = max(0, int(center[0]) - reach), max(0, int(center[1]) - reach)
        bottom = min(height, int(center[0]) + reach + 1)
        right = min(width, int(center[1]) + reach + 1)
        y, x = np.mgrid[top:bottom, left:right]
        disc = (y - center[0]) ** 2 + (x - center[1]) ** 2 <= radius**2
        disc &= inside[top:bottom, left:right]
        self.colors[top:bottom, left:right][disc] = color
        self.mask[top:bottom, left:right][disc] = 1

    def stroke(self, start: Array, end: Array, radius: float, color: Array, inside: Array) -> None:
        """Discs from (y, x) to (y, x), clipped to `inside`."""
        steps = int(max(np.abs(end - start).max() / max(1.0, radius), 1)) + 1
        for share in np.linspace(0, 1, steps):
            center = start + (end - start) * share
            self.dab((float(center[0]), float(center[1])), radius, color, inside)


def hint_area(
    layer: HintLayer, rng: np.random.Generator, inside: Array, color: Array, largest: float = 8.0
) -> None:
    """One or two dabs or a stroke of `color` (3) somewhere in `inside` (H, W) bool.

    Radii up to `largest` pixels and to a third of the area's size; at least one pixel is hit.
    """
    places = np.flatnonzero(inside)
    if not len(places):
        return
    most = max(0.8, min(largest, 0.35 * np.sqrt(len(places))))
    width = inside.shape[1]

    def place() -> Array:
        return np.array(divmod(int(rng.choice(places)), width), np.float64)

    if rng.random() < 0.4:
        start, end = place(), place()
        reach = np.clip(end - start, -40, 40)
        layer.stroke(
            start, start + reach, float(rng.uniform(0.7, max(0.8, most / 2))), color, inside
        )
        return
    for _ in range(int(rng.integers(1, 3))):
        center = place()
        layer.dab((center[0], center[1]), float(rng.uniform(0.7, most)), color, inside)
