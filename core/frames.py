"""The frames of an animation in one picture, one below the other: colours that stay steady.

As in films: scenes are found, and inside one each thing keeps the mean of what the frames so far
said of it, carried along the motion (core.steady). Motion is found without OpenCV (core.motion),
so that an installation without the extra `film` has it too.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.colorize import (
    ColorizeSettings,
    Progress,
    lay,
    predict,
    reduced_lightness,
    work_size,
)
from core.errors import BadRequest
from core.generator import Generator
from core.image import Image, check_usable
from core.motion import find_motion
from core.resample import area_resize, bilinear_resize, fit_size, guided_upsample
from core.scenes import THUMB, Cuts
from core.steady import COLOR_MEMORY, FLOW_SIDE, STYLE_MEMORY, Steadier
from core.stylize import StylizeSettings, stylize

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame of several.

    Attributes:
        number: from 0.
        source: its part of the picture.
        target: its part of the result, in colour.
        lightness: L* (h, w), 0..100, at the size at which motion is found.
        begins: a scene begins with it.
    """

    number: int
    source: Image
    target: Image
    lightness: Array
    begins: bool


def colorize_frames(
    image: Image,
    count: int,
    generator: Generator,
    settings: ColorizeSettings,
    progress: Progress,
    out: Array | None = None,
) -> Image:
    """Colour an animation; see core.colorize.colorize for the rest.

    Args:
        image: `count` frames of one size, the first on top.
        out: as there; may be image.pixels.

    Raises:
        BadRequest: the picture cannot be cut into so many frames.
        ImageUnsupported: a frame is too small or has no finite numbers.
    """
    size = image.width, image_of(image, 0, count).height
    result = image.color_result(out)
    work = work_size(generator.manifest.size, *size)
    steadier = Steadier(COLOR_MEMORY)
    before = None
    for frame in _frames(image, count, result, work, progress):
        guide, ab = predict(frame.lightness, generator)
        slopes, offsets = guided_upsample(guide, ab)
        moved = None if frame.begins or before is None else find_motion(guide, before)
        steady = steadier.next(slopes * guide + offsets, moved)
        lay(frame.source, guide, steady, work, settings, frame.target, _ignore)
        before = guide
    return result


def stylize_frames(
    image: Image,
    count: int,
    generator: Generator,
    settings: StylizeSettings,
    progress: Progress,
    out: Array | None = None,
) -> Image:
    """Paint an animation; as colorize_frames, but out may not be image.pixels."""
    size = image.width, image_of(image, 0, count).height
    result = image.color_result(out)
    steadier = Steadier(STYLE_MEMORY)
    before = None
    for frame in _frames(image, count, result, fit_size(*size, FLOW_SIDE), progress):
        painted = stylize(frame.source, generator, settings, _ignore).pixels
        moved = None
        if not frame.begins and before is not None:
            moved = find_motion(frame.lightness, before).enlarged(size)
        colors = painted[..., :3].transpose(2, 0, 1).astype(np.float32)
        steady = steadier.next(colors, moved).transpose(1, 2, 0)
        if not image.is_float:
            steady = np.clip(np.rint(steady), 0, image.full)
        frame.target.pixels[..., :3] = steady
        if image.has_alpha:
            frame.target.pixels[..., 3] = painted[..., 3]
        before = frame.lightness
    return result


def image_of(image: Image, number: int, count: int) -> Image:
    """One frame's part of the picture. Raises BadRequest."""
    if type(count) is not int or not 1 <= count <= image.height or image.height % count:
        raise BadRequest(f"{image.height} rows are not {count!r} frames of one size.")
    height = image.height // count
    return Image(image.pixels[number * height : (number + 1) * height])


def _frames(
    image: Image, count: int, result: Image, size: tuple[int, int], progress: Progress
) -> Iterator[Frame]:
    """All frames in order; what is fully transparent is copied, and what follows begins anew."""
    sources = [image_of(image, number, count) for number in range(count)]
    lightness: list[Array | None] = []
    for source in sources:
        blank = source.has_alpha and not source.pixels[..., -1].any()
        if not blank:
            check_usable(source)
        lightness.append(None if blank else reduced_lightness(source, size))
    begins = set(_cuts(lightness)) | {0}
    for number, source in enumerate(sources):
        progress(number / count, f"Frame {number + 1} of {count}")
        target, seen = image_of(result, number, count), lightness[number]
        if seen is None:
            target.pixels[...] = source.pixels[..., [0, 0, 0, -1] if source.is_grey else slice(4)]
            begins.add(number + 1)
            continue
        yield Frame(number, source, target, seen, number in begins)


def _cuts(lightness: list[Array | None]) -> list[int]:
    """Numbers of the frames that begin a scene."""
    cuts = Cuts()
    thumb = np.zeros((THUMB[1], THUMB[0]), np.float32)
    for seen in lightness:
        if seen is not None:
            thumb = _thumbnail(seen)
        cuts.see(thumb)
    return cuts.close()


def _thumbnail(lightness: Array) -> Array:
    """Grey float32 of THUMB's size, 0..255."""
    height, width = lightness.shape
    larger = bilinear_resize(lightness, (max(width, THUMB[0]), max(height, THUMB[1])))
    return area_resize(larger, THUMB) * np.float32(2.55)


def _ignore(_fraction: float, _text: str) -> None:
    """The frames' own progress is told instead."""


FRAMES: dict[str, Any] = {"colorize": colorize_frames, "stylize": stylize_frames}
"""Filter of a request -> what makes all frames of an animation."""
