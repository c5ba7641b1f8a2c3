"""Where each pixel was in another frame, and how far that can be believed.

Optical flow by OpenCV's DIS (Kroeger et al., "Fast Optical Flow using Dense Inverse Search",
arXiv:1603.03590). A pixel is believed where the way there and back ends where it began, and where
the lightness met there is its own (occlusions, flashes and cuts fail one of the two).
"""

from dataclasses import dataclass

import cv2
import numpy as np

Array = np.ndarray

MOST_RETURN = 0.6
"""Pixels off after the way there and back, at which belief has dropped to exp(-1/2)."""

MOST_CHANGE = 6.0
"""Units of L* between a pixel and where it came from, likewise."""


@dataclass(frozen=True, eq=False)
class Motion:
    """The way from a frame to an earlier one.

    Attributes:
        there: float32 (h, w, 2), x and y of each pixel in the earlier frame.
        belief: float32 (h, w), 0..1.
    """

    there: Array
    belief: Array

    def carry(self, planes: Array) -> Array:
        """Planes (n, h, w) of the earlier frame, moved to where they are now."""
        moved = remap(np.ascontiguousarray(planes.transpose(1, 2, 0)), self.there, cv2.INTER_CUBIC)
        return moved.reshape(*planes.shape[1:], -1).transpose(2, 0, 1)

    def enlarged(self, size: tuple[int, int]) -> "Motion":
        """The same motion for frames of size (width, height)."""
        height, width = self.belief.shape
        scale = np.array([size[0] / width, size[1] / height], np.float32)
        there = cv2.resize(self.there - _grid(self.belief.shape), size) * scale
        there += _grid((size[1], size[0]))
        return Motion(there, cv2.resize(self.belief, size))


def find_motion(lightness: Array, earlier: Array) -> Motion:
    """The motion between two frames' L* (h, w), 0..100, of one size."""
    now, before = _bytes(lightness), _bytes(earlier)
    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    dis.setFinestScale(0 if min(lightness.shape) < 400 else 1)
    back = dis.calc(now, before, None)
    forth = dis.calc(before, now, None)
    there = _grid(lightness.shape) + back
    returned = back + remap(forth, there)
    change = lightness - remap(earlier, there)
    error = (returned**2).sum(axis=2) / np.float32(MOST_RETURN**2)
    error += cv2.blur(change, (3, 3)) ** 2 / np.float32(MOST_CHANGE**2)
    height, width = lightness.shape
    outside = (there < -1).any(axis=2) | (there[..., 0] > width) | (there[..., 1] > height)
    belief = np.exp(-0.5 * error)
    belief[outside] = 0
    return Motion(there, belief)


def _bytes(lightness: Array) -> Array:
    return np.rint(lightness * np.float32(2.55)).astype(np.uint8)


def remap(values: Array, there: Array, how: int = cv2.INTER_LINEAR) -> Array:
    """Values (h, w, ...) read at there, float32 (h, w, 2); beyond the edge the edge goes on."""
    border = cv2.BORDER_REPLICATE
    # OpenCV's type stubs do not know that the second map may be left out
    return cv2.remap(values, there, None, how, borderMode=border)  # pyright: ignore


def _grid(shape: tuple[int, ...]) -> Array:
    """(h, w, 2): x and y of each pixel."""
    x, y = np.meshgrid(np.arange(shape[1]), np.arange(shape[0]))
    return np.stack((x, y), axis=2).astype(np.float32)
