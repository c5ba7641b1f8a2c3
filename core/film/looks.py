"""What is done to a frame: coloured or painted. Both in three steps, for the pipeline.

see     alone with one frame, on any thread: what it says
(steady: what the frames before say is mixed in)
lay     alone with one frame, on any thread: onto the frame at full size

Where a film is coloured and painted, the painter sees frames with the steady colours of the first
look, which is not laid.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import av
import cv2
import numpy as np

from core.color import spaces
from core.color.luminance import fold
from core.color.palette import wanted_of
from core.colorize.colorize import ColorizeSettings, work_size
from core.colorize.prediction import Asked, predict_asked
from core.film.planes import (
    Coding,
    chroma,
    chroma_codes,
    chroma_values,
    encoded_luma,
    plane,
    small_lightness,
)
from core.film.reference import PaintedReference, Reference
from core.generator.generator import Generator
from core.generator.sizes import legal_size
from core.image import Image
from core.motion.temporal_mean import COLOR_MEMORY, FLOW_SIDE, STYLE_MEMORY
from core.raster.resample import fit_size, guided_upsample, pad
from core.style.painter_input import Colored, Coloring, Plain, Source
from core.style.stylize import StylizeSettings, stylize_many

Array = np.ndarray
AnyReference = Reference | PaintedReference


@dataclass(frozen=True, eq=False)
class View:
    """A frame of the coding, its L* as Look.lightness gives it, and its number in the film.

    Attributes:
        coloring: what it is to be coloured with before it is painted; None to take it as it is.
    """

    frame: av.VideoFrame
    lightness: Array
    number: int
    coloring: Coloring | None = None


class Look(Protocol):
    """One of the two filters, frame by frame."""

    memory: float
    generator: Generator
    references: "tuple[AnyReference, ...]"

    def lightness(self, frame: av.VideoFrame) -> Array:
        """L* (h, w), 0..100, at the size at which motion is found."""
        ...

    def see(self, views: list["View"]) -> list[Array]:
        """What each frame alone says, float32 (n, h, w)."""
        ...

    def lay(self, frame: av.VideoFrame, lightness: Array, said: Array) -> av.VideoFrame:
        """The finished frame, in the coding, its timestamp not yet set."""
        ...

    def scale(self, lightness: Array) -> tuple[int, int] | None:
        """(width, height) of what is said where it is not the lightness's."""
        ...

    def reference(
        self, frames: range, lightness: Array, colors: Array, said: Array
    ) -> AnyReference:
        """A reference for some frames, out of R'G'B' float32 (H, W, 3), 0..1, and what the frame
        that it is of has as lightness and says alone.
        """
        ...


Looks = tuple[Look, ...]
"""One, or a ColorLook and then a StyleLook."""


@dataclass
class ColorLook:
    """Colour: ab is predicted and steadied at the generator's work size."""

    generator: Generator
    settings: ColorizeSettings
    coding: Coding
    memory: float = COLOR_MEMORY
    references: tuple[AnyReference, ...] = ()

    def lightness(self, frame: av.VideoFrame) -> Array:
        size = self.generator.manifest.size
        work = work_size(size, frame.width, frame.height)
        small = small_lightness(plane(frame, 0), self.coding, work)
        return pad(small, *legal_size(*work, size))

    def see(self, views: list[View]) -> list[Array]:
        """a* and b* (2, h, w)."""
        palette = self.settings.palette
        asked = Asked(wanted=wanted_of(palette) if palette else None, seed=self.settings.seed)
        predicted = predict_asked([view.lightness for view in views], self.generator, asked)
        return [self._said(view.number, *each) for view, each in zip(views, predicted, strict=True)]

    def coloring(self, frame: av.VideoFrame, lightness: Array, said: Array) -> Coloring:
        """What was said of a frame, for the painter."""
        work = work_size(self.generator.manifest.size, frame.width, frame.height)
        return Coloring(lightness[None], said[None], work)

    def _said(self, number: int, guide: Array, ab: Array) -> Array:
        slopes, offsets = guided_upsample(guide, ab)
        return _locked(self.references, number, guide, slopes * guide + offsets)

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

    def reference(
        self, frames: range, lightness: Array, colors: Array, said: Array
    ) -> AnyReference:
        height, width = lightness.shape
        lab = spaces.srgb_to_lab(colors)
        ab = [cv2.resize(lab[..., i], (width, height), interpolation=cv2.INTER_AREA)
              for i in (1, 2)]  # fmt: skip
        return Reference(frames, lightness, np.stack(ab), said)


@dataclass
class StyleLook:
    """Paint: every frame is painted whole, and steadied at full size.

    Attributes:
        colorizer: colours every frame for itself first; None where there is no need.
    """

    generator: Generator
    settings: StylizeSettings
    coding: Coding
    memory: float = STYLE_MEMORY
    references: tuple[AnyReference, ...] = ()
    colorizer: Generator | None = None

    def lightness(self, frame: av.VideoFrame) -> Array:
        size = fit_size(frame.width, frame.height, FLOW_SIDE)
        return small_lightness(plane(frame, 0), self.coding, size)

    def see(self, views: list[View]) -> list[Array]:
        """R'G'B' 0..1, (3, H, W)."""
        sources = self._sources(views)
        images = [source.image for source in sources]
        painted = stylize_many(images, self.generator, self.settings, sources)
        planes = [p.pixels.transpose(2, 0, 1) * np.float32(1 / p.full) for p in painted]
        return [
            _locked(self.references, view.number, view.lightness, said)
            for view, said in zip(views, planes, strict=True)
        ]

    def _sources(self, views: list[View]) -> list[Source]:
        """What is painted. The lightness of a frame that is coloured is that of its luma."""
        colorings = [view.coloring for view in views if view.coloring is not None]
        if self.colorizer is None and not colorings:
            return [Plain(self._image(view.frame)) for view in views]
        images = [Image(encoded_luma(plane(view.frame, 0), self.coding)) for view in views]
        if self.colorizer is not None:
            together = Coloring.predict(images, self.colorizer, keep=True)
            return [Colored(image, together, number) for number, image in enumerate(images)]
        pairs = zip(images, colorings, strict=True)
        return [Colored(image, coloring) for image, coloring in pairs]

    def _image(self, frame: av.VideoFrame) -> Image:
        deep = self.coding.bits > 8
        source = 2 if self.coding.is_full else 1
        rgb = frame.reformat(
            format="rgb48le" if deep else "rgb24",
            src_colorspace=MATRIX_NAMES[self.coding.matrix], src_color_range=source,
            dst_color_range=2,
        )  # fmt: skip
        return Image(rgb.to_ndarray())

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

    def reference(
        self, frames: range, lightness: Array, colors: Array, said: Array
    ) -> AnyReference:
        size = said.shape[2], said.shape[1]
        wanted = cv2.resize(np.ascontiguousarray(colors), size, interpolation=cv2.INTER_AREA)
        planes = np.ascontiguousarray(wanted.transpose(2, 0, 1), np.float32)
        return PaintedReference(frames, lightness, planes, np.ascontiguousarray(said))


def _locked(
    references: tuple[AnyReference, ...], number: int, lightness: Array, said: Array
) -> Array:
    """What a frame says, its references having changed it."""
    for reference in references:
        if number in reference.frames:
            said = reference.recolor(lightness, said)
    return said


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
