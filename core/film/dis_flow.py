"""Optical flow by OpenCV's DIS, and what is carried along it.

Kroeger et al., "Fast Optical Flow using Dense Inverse Search", arXiv:1603.03590. Faster than
core.motion.flow, by which the layers of an animation are steadied where OpenCV is not installed.
"""

import cv2
import numpy as np

from core.motion import flow
from core.motion.flow import belief_in, grid

Array = np.ndarray


class Motion(flow.Motion):
    """The way from a frame to an earlier one."""

    def carry(self, planes: Array) -> Array:
        """Planes (n, h, w) of the earlier frame, moved to where they are now."""
        moved = remap(np.ascontiguousarray(planes.transpose(1, 2, 0)), self.there, cv2.INTER_CUBIC)
        return moved.reshape(*planes.shape[1:], -1).transpose(2, 0, 1)

    def enlarged(self, size: tuple[int, int]) -> "Motion":
        """The same motion for frames of size (width, height)."""
        height, width = self.belief.shape
        scale = np.array([size[0] / width, size[1] / height], np.float32)
        there = cv2.resize(self.there - grid(self.belief.shape), size) * scale
        there += grid((size[1], size[0]))
        return Motion(there, cv2.resize(self.belief, size))


def find_motion(lightness: Array, earlier: Array) -> Motion:
    """The motion between two frames' L* (h, w), 0..100, of one size."""
    now, before = _bytes(lightness), _bytes(earlier)
    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    dis.setFinestScale(0 if min(lightness.shape) < 400 else 1)
    back = dis.calc(now, before, None)
    forth = dis.calc(before, now, None)
    there = grid(lightness.shape) + back
    returned = back + remap(forth, there)
    change = cv2.blur(lightness - remap(earlier, there), (3, 3))
    return Motion(there, belief_in(there, returned, change))


def _bytes(lightness: Array) -> Array:
    return np.rint(lightness * np.float32(2.55)).astype(np.uint8)


def remap(values: Array, there: Array, how: int = cv2.INTER_LINEAR) -> Array:
    """Values (h, w, ...) read at there, float32 (h, w, 2); beyond the edge the edge goes on."""
    border = cv2.BORDER_REPLICATE
    # OpenCV's type stubs do not know that the second map may be left out
    return cv2.remap(values, there, None, how, borderMode=border)  # pyright: ignore
