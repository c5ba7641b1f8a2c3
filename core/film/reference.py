"""A coloured frame that locks the colours of its scene.

Where the motion from the reference to a frame can be believed, the reference's own ab is taken.
Elsewhere colours are looked up: each place takes the mean ab of those places of the reference
that look alike to the generator, by lightness, its surroundings and what the generator says of
both. So that a scene far from the reference still has its colours, not the generator's.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from core.film.dis_flow import find_motion

Array = np.ndarray

GRID = 24
"""Places across the longer side that colours are looked up from."""

_PERCENT = 100
_LIGHTNESS, _SURROUNDING, _COLOR, _PLACE = 1 / 8, 1 / 12, 1 / 6, 4.0


@dataclass(frozen=True, eq=False)
class Reference:
    """A reference at the generator's work size.

    Attributes:
        frames: numbers of the frames whose colours it locks.
        lightness: L* (h, w) of the film's frame.
        ab: (2, h, w), the colours that it shall have.
        said: (2, h, w), the colours that the generator says it has.
    """

    frames: range
    lightness: Array
    ab: Array
    said: Array

    def recolor(self, lightness: Array, said: Array) -> Array:
        """ab (2, h, w) for a frame of the scene, from its L* and what the generator says."""
        motion = find_motion(lightness, self.lightness)
        direct = motion.carry(self.ab)
        alike = self._looked_up(lightness, said)
        return alike + (direct - alike) * motion.belief

    def _looked_up(self, lightness: Array, said: Array) -> Array:
        height, width = lightness.shape
        size = _grid_size(width, height)
        known = _features(self.lightness, self.said, size)
        asked = _features(lightness, said, size)
        distance = ((asked[:, None] - known[None]) ** 2).sum(axis=2)
        weight = np.exp(-0.5 * (distance - distance.min(axis=1, keepdims=True)))
        weight /= weight.sum(axis=1, keepdims=True)
        change = _small(self.ab - self.said, size)
        moved = (weight @ change).reshape(size[1], size[0], -1).astype(np.float32)
        wide = cv2.resize(moved, (width, height), interpolation=cv2.INTER_LINEAR)
        return said + wide.transpose(2, 0, 1)


@dataclass(frozen=True, eq=False)
class PaintedReference:
    """A painted frame that locks the look of its scene, at the film's own size.

    Attributes:
        frames: numbers of the frames that it is for.
        lightness: L* (h, w) of the film's frame, at the size at which motion is found.
        painted: R'G'B' (3, H, W), 0..1, how the frame shall look.
        said: R'G'B' (3, H, W), how the generator paints it.
    """

    frames: range
    lightness: Array
    painted: Array
    said: Array

    def recolor(self, lightness: Array, said: Array) -> Array:
        """R'G'B' (3, H, W) for a frame of the scene, from its L* and how it was painted.

        As Reference does: the reference itself where motion leads there, else its change of colour
        at places that look alike.
        """
        size = said.shape[2], said.shape[1]
        motion = find_motion(lightness, self.lightness).enlarged(size)
        small = [_shrunk(planes, lightness.shape) for planes in (self.painted, self.said, said)]
        alike = Reference(self.frames, self.lightness, small[0], small[1])
        change = (alike._looked_up(lightness, small[2]) - small[2]) / np.float32(_PERCENT)
        moved = said + np.stack([cv2.resize(plane, size) for plane in change])
        return moved + (motion.carry(self.painted) - moved) * motion.belief


def _shrunk(planes: Array, shape: tuple[int, ...]) -> Array:
    """R'G'B' (3, H, W) 0..1 to (3, h, w) in per cent, which weigh as a* and b* do."""
    size = shape[1], shape[0]
    small = [cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in planes]
    return np.stack(small) * np.float32(_PERCENT)


def _grid_size(width: int, height: int) -> tuple[int, int]:
    scale = GRID / max(width, height)
    return max(2, round(width * scale)), max(2, round(height * scale))


def _small(planes: Array, size: tuple[int, int]) -> Array:
    """(n, h, w) -> (places, n)."""
    small = [cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in planes]
    return np.stack(small, axis=2).reshape(size[0] * size[1], -1)


def _features(lightness: Array, said: Array, size: tuple[int, int]) -> Array:
    height, width = lightness.shape
    around = cv2.blur(lightness, (width // 8 * 2 + 1,) * 2)
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j].astype(np.float32)
    return _small(
        np.stack(
            (lightness * _LIGHTNESS, around * _SURROUNDING, said[0] * _COLOR, said[1] * _COLOR,
             x * _PLACE, y * _PLACE)
        ).astype(np.float32),
        size,
    )  # fmt: skip
