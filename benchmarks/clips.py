"""Clips whose true motion is known: a photograph panned and zoomed over, something moving in front.

Grain and unsteady light are put on top, as old films have them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from core.files.picture import PictureFile

Array = np.ndarray


@dataclass(frozen=True)
class Clip:
    """How a clip is made.

    Attributes:
        background, foreground: photographs, uint8 (H, W, 3).
        size: (width, height).
        frames: how many.
        grain: standard deviation of each frame's noise, in levels of 255.
        light: most change of each frame's brightness, as a share.
        pan, zoom, speed: pixels a frame, growth a frame, pixels a frame of the foreground.
    """

    name: str
    background: Array
    foreground: Array
    size: tuple[int, int] = (854, 480)
    frames: int = 72
    grain: float = 4.0
    light: float = 0.03
    pan: tuple[float, float] = (1.7, 0.6)
    zoom: float = 1.0012
    speed: tuple[float, float] = (-4.3, 0.9)

    def frame(self, number: int) -> Array:
        """R'G'B' uint8 (H, W, 3), without grain."""
        picture = self._warped(self.background, self._placed(number))
        x, y, radius = self._front(number)
        part = self._warped(self.foreground, self._front_placed(number))
        mask = self._mask(x, y, radius)[..., None]
        return np.rint(picture + (part - picture.astype(np.float32)) * mask).astype(np.uint8)

    def grey(self, number: int) -> Array:
        """Luma uint8 (H, W) with grain and unsteady light, the same at every call."""
        rng = np.random.default_rng(1000 + number)
        luma = self.frame(number).astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
        luma = luma * np.float32(1 + rng.uniform(-self.light, self.light))
        luma += rng.standard_normal(luma.shape, np.float32) * np.float32(self.grain)
        return np.clip(np.rint(luma), 0, 255).astype(np.uint8)

    def motion(self, number: int) -> tuple[Array, Array]:
        """Where each pixel was one frame earlier.

        Returns:
            (there, seen): float32 (H, W, 2), x and y; bool (H, W), false where it was hidden or
            outside.
        """
        width, height = self.size
        grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), 2).astype(np.float32)
        now, before = self._placed(number), self._placed(number - 1)
        step = _joined(before, now)
        there = grid @ step[:, :2].T + step[:, 2]
        x, y, radius = self._front(number)
        is_front = self._mask(x, y, radius) > 0.5
        there[is_front] = grid[is_front] - np.array(self.speed, np.float32)
        x, y, radius = self._front(number - 1)
        was_front = self._mask(x, y, radius)
        way = there.astype(np.float32)
        covered = cv2.remap(was_front, way, None, cv2.INTER_LINEAR) > 0.02  # pyright: ignore
        inside = ((there >= 0) & (there <= np.array([width - 1, height - 1]))).all(axis=2)
        edge = (self._mask(x + self.speed[0], y + self.speed[1], radius) > 0.02) & ~is_front
        seen = inside & (covered == is_front) & ~edge
        return there.astype(np.float32), seen

    def _placed(self, number: int) -> Array:
        """Affine map (2, 3) from the clip's pixels to the background's."""
        height, width = self.background.shape[:2]
        scale = 0.72 * min(width / self.size[0], height / self.size[1]) / self.zoom**number
        x = 0.1 * width + self.pan[0] * number * scale
        y = 0.1 * height + self.pan[1] * number * scale
        return np.array([[scale, 0, x], [0, scale, y]], np.float64)

    def _front(self, number: int) -> tuple[float, float, float]:
        """Centre and radius of the foreground's disc."""
        width, height = self.size
        x = width * (0.85 if self.speed[0] < 0 else 0.15) + self.speed[0] * number
        return x, height * 0.45 + self.speed[1] * number, height * 0.22

    def _front_placed(self, number: int) -> Array:
        x, y, radius = self._front(number)
        height, width = self.foreground.shape[:2]
        scale = 0.45 * min(width, height) / radius
        return np.array([[scale, 0, width / 2 - x * scale], [0, scale, height / 2 - y * scale]])

    def _mask(self, x: float, y: float, radius: float) -> Array:
        across = np.arange(self.size[0], dtype=np.float32) - np.float32(x)
        down = np.arange(self.size[1], dtype=np.float32) - np.float32(y)
        distance = np.sqrt(across[None] ** 2 + down[:, None] ** 2)
        return np.clip(np.float32(radius) - distance + np.float32(0.5), 0, 1)

    def _warped(self, picture: Array, placed: Array) -> Array:
        return cv2.warpAffine(picture, placed, self.size, borderMode=cv2.BORDER_REFLECT_101,
                              flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP)  # fmt: skip


def make_clips(photos: list[Path], frames: int, size: tuple[int, int]) -> Iterator[Clip]:
    """Clips that differ in motion and grain; each photograph is once behind and once in front."""
    pictures = [read_rgb(path) for path in photos]
    moves = [((1.7, 0.6), 1.0012, (-4.3, 0.9)), ((-0.9, 0.3), 1.004, (3.1, -0.6)),
             ((0.4, -1.1), 0.9985, (-2.2, 0.3)), ((2.9, 0.0), 1.0, (5.2, 0.2))]  # fmt: skip
    for number, (path, picture) in enumerate(zip(photos, pictures, strict=True)):
        pan, zoom, speed = moves[number % len(moves)]
        front = pictures[(number + 1) % len(pictures)]
        yield Clip(path.stem, picture, front, size, frames, pan=pan, zoom=zoom, speed=speed)


def read_rgb(path: Path) -> Array:
    """A photograph, uint8 (H, W, 3). Raises FileUnreadable."""
    pixels = PictureFile.read(path).image.pixels
    if pixels.dtype != np.uint8:
        pixels = (pixels >> 8).astype(np.uint8)
    return np.repeat(pixels[..., :1], 3, axis=2) if pixels.shape[2] < 3 else pixels[..., :3].copy()


def _joined(outer: Array, inner: Array) -> Array:
    """inverse(outer) after inner, affine maps of axis-aligned scale and shift."""
    scale = inner[0, 0] / outer[0, 0]
    shift = (inner[:, 2] - outer[:, 2]) / outer[0, 0]
    return np.array([[scale, 0, shift[0]], [0, scale, shift[1]]], np.float32)
