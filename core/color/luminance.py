"""Lightness out of pixels, and colour back onto them, a chunk of rows at a time.

The picture's own luminance stays what it is, to rounding, at every strength: colour is added in
linear light as a difference d = rgb - Y that has no luminance, and where a channel would leave
0..1 the whole d is made shorter. Float pixels may lie outside 0..1: above white (HDR) and below
black there is no room for colour, so that such pixels come back neutral, at their own luminance.

8-bit pixels go through tables with 65536 steps of linear light, a step being at most a
twentieth of an 8-bit level; 16-bit and float ones through the formulas themselves.
"""

from functools import cache
from typing import Any

import numpy as np

from core.color import spaces
from core.image import Image

Array = np.ndarray

_STEPS = 65535
_TINY = np.float32(1e-12)


@cache
def decode_table(dtype: np.dtype[Any]) -> Array:
    """Linear light, float32, for every value of uint8 or uint16."""
    full = np.iinfo(dtype).max
    return spaces.srgb_to_linear(np.arange(full + 1) / full).astype(np.float32)


@cache
def _root_table() -> Array:
    """cube_root, float32, for luminance in steps of 1 / 65535."""
    return spaces.cube_root(np.arange(_STEPS + 1) / _STEPS).astype(np.float32)


@cache
def _encode_table() -> Array:
    """sRGB-encoded uint8 for linear light in steps of 1 / 65535."""
    encoded = spaces.linear_to_srgb(np.arange(_STEPS + 1) / _STEPS)
    return np.rint(encoded * 255).astype(np.uint8)


class Light:
    """Luminance of a chunk of pixels, with the memory to compute it in.

    One object serves one thread; every `read` overwrites what the last one gave.

    Attributes, float32 (h, w) after `read`:
        linear: tuple of the linear channels, one for a grey picture, else three.
        luminance: Y, 0..1.
        root: cube_root(Y), which is (L* + 16) / 116.
    """

    def __init__(self, image: Image, rows: int) -> None:
        shape = (rows, image.width)
        colors = 1 if image.is_grey else 3
        self._dtype = image.pixels.dtype
        self._linear = np.empty((colors, *shape), np.float32)
        self._luminance = np.empty(shape, np.float32)
        self._root = np.empty(shape, np.float32)
        self._index = np.empty(shape, np.int32)
        self.linear: Array = self._linear
        self.luminance: Array = self._luminance
        self.root: Array = self._root

    def read(self, pixels: Array) -> None:
        """Take in (h, w, C) pixels of the image, h at most the rows given at the start."""
        count = len(pixels)
        self.linear = self._linear[:, :count]
        self.root = self._root[:count]
        for channel, plane in enumerate(self.linear):
            self._decode(pixels[..., channel], plane)
        if len(self.linear) == 1:
            self.luminance = self.linear[0]
        else:
            self.luminance = self._luminance[:count]
            self._mix(self.luminance, self.root)
        if self._dtype == np.uint8:
            self._root_by_table()
        else:
            self.root[...] = spaces.cube_root(self.luminance)

    def _decode(self, values: Array, plane: Array) -> None:
        if self._dtype == np.float32:
            plane[...] = spaces.srgb_to_linear(values)
        else:
            np.take(decode_table(self._dtype), values, out=plane, mode="clip")

    def _mix(self, out: Array, spare: Array) -> None:
        """Weighted sum of the three linear channels."""
        weights = spaces.LUMINANCE.astype(np.float32)
        np.multiply(self.linear[0], weights[0], out=out)
        for plane, weight in zip(self.linear[1:], weights[1:], strict=True):
            np.multiply(plane, weight, out=spare)
            np.add(out, spare, out=out)

    def _root_by_table(self) -> None:
        index = self._index[: len(self.root)]
        _to_steps(self.luminance, self.root, index)
        np.take(_root_table(), index, out=self.root, mode="clip")


class Merger:
    """Puts colour onto chunks of pixels; one object serves one thread.

    Args:
        image: the original.
        rows: most rows of a chunk.
        strength: 0 original colours .. 1 new ones, a mix in linear light.
    """

    def __init__(self, image: Image, rows: int, strength: float) -> None:
        self.light = Light(image, rows)
        self._image = image
        self._strength = np.float32(strength)
        self._shape = (rows, image.width)
        self._planes = np.empty((7, *self._shape), np.float32)
        self._index = np.empty(self._shape, np.int32)

    def merge(self, pixels: Array, coefficients: Array, weights: Array, out: Array) -> None:
        """Colour one chunk.

        Args:
            pixels: (h, w, C) of the original.
            coefficients: float32 (4, k, w), from `fold`, as wide as the picture.
            weights: float32 (h, k), which mix of the k rows each row takes.
            out: (h, w, 3 or 4), receives the result; may be the memory of pixels.
        """
        light = self.light
        light.read(pixels)
        planes = self._planes[:, : len(pixels)]
        np.matmul(weights, coefficients, out=planes[:4])
        self._differences(planes)
        self._fit_gamut(planes)
        for channel in range(3):
            difference = planes[channel]
            np.multiply(difference, planes[3], out=difference)
            np.add(difference, light.luminance, out=difference)
            if self._strength != 1:
                original = light.linear[channel % len(light.linear)]
                np.subtract(difference, original, out=difference)
                np.multiply(difference, self._strength, out=difference)
                np.add(difference, original, out=difference)
        if out.shape[2] == 4:
            out[..., 3] = pixels[..., -1]
        for channel in range(3):
            self._encode(planes[channel], planes[4], out[..., channel])

    def _differences(self, planes: Array) -> None:
        """rgb - Y before gamut mapping, into planes 0..2, from the mixed coefficients 0..3."""
        root, y = self.light.root, self.light.luminance
        for first in (0, 2):  # x = f(X) from planes 0 and 1, z = f(Z) from planes 2 and 3
            value, spare, line = planes[first], planes[first + 1], planes[4]
            np.multiply(value, root, out=value)
            np.add(value, spare, out=value)
            np.add(value, root, out=value)
            np.maximum(value, np.float32(spaces.F_KNEE), out=spare)
            np.subtract(value, spare, out=line)
            np.multiply(line, np.float32(3 * spaces.F_KNEE**2), out=line)
            np.multiply(spare, spare, out=value)
            np.multiply(value, spare, out=value)
            np.add(value, line, out=value)
            np.subtract(value, y, out=value)
        x, z = planes[5], planes[6]
        x[...], z[...] = planes[0], planes[2]
        for channel in range(3):
            to_x, _, to_z = spaces.XYZ_TO_RGB[channel].astype(np.float32)
            np.multiply(x, to_x, out=planes[channel])
            np.multiply(z, to_z, out=planes[3])
            np.add(planes[channel], planes[3], out=planes[channel])

    def _fit_gamut(self, planes: Array) -> None:
        """Into plane 3 the factor 0..1 that keeps Y + factor * d within black and white."""
        y = self.light.luminance
        factor, least, spare = planes[3], planes[4], planes[5]
        np.maximum(planes[0], planes[1], out=factor)
        np.maximum(factor, planes[2], out=factor)
        np.maximum(factor, _TINY, out=factor)
        np.subtract(np.float32(1), y, out=spare)
        np.divide(spare, factor, out=factor)
        np.minimum(planes[0], planes[1], out=least)
        np.minimum(least, planes[2], out=least)
        np.minimum(least, -_TINY, out=least)
        np.divide(y, least, out=least)
        np.negative(least, out=least)
        np.minimum(factor, least, out=factor)
        np.minimum(factor, np.float32(1), out=factor)
        np.maximum(factor, np.float32(0), out=factor)

    def _encode(self, linear: Array, spare: Array, out: Array) -> None:
        if out.dtype == np.uint8:
            index = self._index[: len(linear)]
            _to_steps(linear, spare, index)
            out[...] = np.take(_encode_table(), index, mode="clip")
        elif out.dtype == np.uint16:
            encoded = spaces.linear_to_srgb(linear)
            out[...] = np.clip(encoded * 65535 + np.float32(0.5), 0, 65535)
        else:
            out[...] = spaces.linear_to_srgb(linear)


def fold(slopes: Array, offsets: Array) -> Array:
    """Turn ab = slope * L* + offset, (2, h, w) each, into what `Merger.merge` takes, (4, h, w).

    With root = (L* + 16) / 116, f(X) = root + a / 500 and f(Z) = root - b / 200, the planes give
    f(X) - root = planes[0] * root + planes[1] and f(Z) - root = planes[2] * root + planes[3].
    """
    planes = np.empty((4, *slopes.shape[1:]), np.float32)
    for axis, share in ((0, 1 / 500), (1, -1 / 200)):
        planes[2 * axis] = slopes[axis] * np.float32(116 * share)
        planes[2 * axis + 1] = (offsets[axis] - 16 * slopes[axis]) * np.float32(share)
    return planes


def _to_steps(linear: Array, spare: Array, index: Array) -> None:
    """Round linear light to the tables' steps."""
    np.multiply(linear, np.float32(_STEPS), out=spare)
    np.add(spare, np.float32(0.5), out=spare)
    np.copyto(index, spare, casting="unsafe")
