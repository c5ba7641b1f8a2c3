"""What is done to a frame: coloured or painted. Both in three steps, for the pipeline.

see     alone with one frame, on any thread: what it says
(steady: what the frames before say is mixed in)
lay     alone with one frame, on any thread: onto the frame at full size
"""

from dataclasses import dataclass
from typing import Any, Protocol

import av
import cv2
import numpy as np

from core.colorize import ColorizeSettings, predict, work_size
from core.film.planes import (
    Coding,
    chroma,
    chroma_codes,
    chroma_values,
    plane,
    small_lightness,
)
from core.film.reference import Reference
from core.generator import Generator
from core.image import Image
from core.merge import fold
from core.resample import fit_size, guided_upsample, pad
from core.steady import COLOR_MEMORY, FLOW_SIDE, STYLE_MEMORY
from core.stylize import StylizeSettings, stylize
from core.tiling import legal_size

Array = np.ndarray


class Look(Protocol):
    """One of the two filters, frame by frame."""

    memory: float

    def lightness(self, frame: av.VideoFrame) -> Array:
        """L* (h, w), 0..100, at the size at which motion is found."""
        ...

    def see(self, frame: av.VideoFrame, lightness: Array, number: int) -> Array:
        """What the frame alone says, float32 (n, h, w)."""
        ...

    def lay(self, frame: av.VideoFrame, lightness: Array, said: Array) -> av.VideoFrame:
        """The finished frame, in the coding, its timestamp not yet set."""
        ...

    def scale(self, lightness: Array) -> tuple[int, int] | None:
        """(width, height) of what is said where it is not the lightness's."""
        ...


@dataclass
class ColorLook:
    """Colour: ab is predicted and steadied at the generator's work size."""

    generator: Generator
    settings: ColorizeSettings
    coding: Coding
    memory: float = COLOR_MEMORY
    references: tuple[Reference, ...] = ()

    def lightness(self, frame: av.VideoFrame) -> Array:
        size = self.generator.manifest.size
        work = work_size(size, frame.width, frame.height)
        small = small_lightness(plane(frame, 0), self.coding, work)
        return pad(small, *legal_size(*work, size))

    def see(self, frame: av.VideoFrame, lightness: Array, number: int) -> Array:
        """a* and b* (2, h, w)."""
        guide, ab = predict(lightness, self.generator)
        slopes, offsets = guided_upsample(guide, ab)
        said = slopes * guide + offsets
        for reference in self.references:
            if number in reference.frames:
                said = reference.recolor(guide, said)
        return said

    def lay(self, frame: av.VideoFrame, lightness: Array, said: Array) -> av.VideoFrame:
        work = work_size(self.generator.manifest.size, frame.width, frame.height)
        slopes, offsets = guided_upsample(lightness, said * np.float32(self.settings.saturation))
        coefficients = fold(slopes, offsets)[:, : work[1], : work[0]]
        luma = plane(frame, 0)
        result = blank(frame, self.coding)
        target = plane(result, 1).shape
        values = chroma(luma, coefficients, self.coding, (target[1], target[0]))
        strength = np.float32(self.settings.strength)
        for number in (1, 2):
            new = values[number - 1]
            if strength != 1:
                old = np.zeros_like(new)
                if len(frame.planes) >= 3:
                    codes = chroma_values(plane(frame, number), self.coding)
                    old = cv2.resize(codes, (target[1], target[0]), interpolation=cv2.INTER_LINEAR)
                new = old + (new - old) * strength
            plane(result, number)[...] = chroma_codes(new, self.coding)
        return result

    def scale(self, lightness: Array) -> tuple[int, int] | None:
        return None


@dataclass
class StyleLook:
    """Paint: every frame is painted whole, and steadied at full size."""

    generator: Generator
    settings: StylizeSettings
    coding: Coding
    memory: float = STYLE_MEMORY

    def lightness(self, frame: av.VideoFrame) -> Array:
        size = fit_size(frame.width, frame.height, FLOW_SIDE)
        return small_lightness(plane(frame, 0), self.coding, size)

    def see(self, frame: av.VideoFrame, lightness: Array, number: int) -> Array:
        """R'G'B' 0..1, (3, H, W)."""
        deep = self.coding.bits > 8
        source = 2 if self.coding.is_full else 1
        rgb = frame.reformat(
            format="rgb48le" if deep else "rgb24",
            src_colorspace=MATRIX_NAMES[self.coding.matrix], src_color_range=source,
            dst_color_range=2,
        )  # fmt: skip
        pixels = rgb.to_ndarray()
        image = Image(pixels)
        painted = stylize(image, self.generator, self.settings, lambda fraction, text: None)
        values = painted.pixels.transpose(2, 0, 1)
        return values * np.float32(1 / image.full)

    def lay(self, frame: av.VideoFrame, lightness: Array, said: Array) -> av.VideoFrame:
        deep = self.coding.bits > 8
        full, dtype = (65535, np.uint16) if deep else (255, np.uint8)
        pixels = np.rint(np.clip(said, 0, 1) * np.float32(full)).astype(dtype)
        rows: Any = np.ascontiguousarray(pixels.transpose(1, 2, 0))
        rgb = av.VideoFrame.from_ndarray(rows, "rgb48le" if deep else "rgb24")
        result = rgb.reformat(
            format=self.coding.pix_fmt, dst_colorspace=MATRIX_NAMES[self.coding.matrix],
            src_color_range=2, dst_color_range=2 if self.coding.is_full else 1,
        )  # fmt: skip
        return fitted(result, self.coding)

    def scale(self, lightness: Array) -> tuple[int, int] | None:
        return self.coding.width, self.coding.height


MATRIX_NAMES = {"bt601": "itu601", "bt709": "itu709", "bt2020": "bt2020"}


def blank(frame: av.VideoFrame, coding: Coding) -> av.VideoFrame:
    """A frame of the coding with this one's luma and alpha; chroma to be filled in."""
    result = av.VideoFrame(coding.width, coding.height, coding.pix_fmt)
    plane(result, 0)[...] = plane(frame, 0)
    if len(result.planes) == 4:
        plane(result, 3)[...] = plane(frame, 3)
    return result


def to_coding(frame: av.VideoFrame, coding: Coding) -> av.VideoFrame:
    """A decoded frame with luma (at least) as in the coding, of the coding's size.

    Values are not changed where the film's own layout is the coding's or a grey one's of the
    same depth; everything else (R'G'B', packed or semi-planar layouts, other depths or sizes)
    goes through libswscale.
    """
    name = frame.format.name.replace("yuvj", "yuv")
    grey = "gray" if coding.bits == 8 else f"gray{coding.bits}le"
    if name not in (coding.pix_fmt, grey):
        tagged = 2 if coding.is_full else 1
        is_rgb = frame.format.is_rgb
        frame = frame.reformat(
            format=coding.pix_fmt,
            src_colorspace=None if is_rgb else MATRIX_NAMES[coding.matrix],
            dst_colorspace=MATRIX_NAMES[coding.matrix],
            src_color_range=2 if is_rgb else tagged, dst_color_range=tagged,
        )  # fmt: skip
    return fitted(frame, coding)


def fitted(frame: av.VideoFrame, coding: Coding) -> av.VideoFrame:
    """The frame at the coding's size: a missing last row or column is repeated."""
    if (frame.width, frame.height) == (coding.width, coding.height):
        return frame
    grown = 0 <= coding.width - frame.width <= 1 and 0 <= coding.height - frame.height <= 1
    if not grown:  # a film that changes its size in the middle
        return frame.reformat(width=coding.width, height=coding.height)
    result = av.VideoFrame(coding.width, coding.height, frame.format.name)
    for number in range(len(frame.planes)):
        source, target = plane(frame, number), plane(result, number)
        across, down = target.shape[1] - source.shape[1], target.shape[0] - source.shape[0]
        target[...] = np.pad(source, ((0, down), (0, across)), mode="edge")
    return result
