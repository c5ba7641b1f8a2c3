"""The frames of an animation in one picture, one below the other: colours that stay steady.

As in films: scenes are found, and inside one each thing keeps the mean of what the frames so far
said of it, carried along the motion (core.motion.temporal_mean). Motion is found without OpenCV
(core.motion.flow), so that an installation without the extra `film` has it too.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

import numpy as np

from core.colorize.colorize import lay, predict, reduced_lightness, work_size
from core.colorize.is_colored import colored_share
from core.errors import BadRequest
from core.filters import run_stylize
from core.image import Image, check_usable
from core.motion.flow import find_motion
from core.motion.scenes import THUMB, Cuts
from core.motion.temporal_mean import COLOR_MEMORY, FLOW_SIDE, STYLE_MEMORY, Steadier
from core.raster.resample import area_resize, bilinear_resize, fit_size, guided_upsample
from core.request.work import Answer, Work

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame of several.

    Attributes:
        source: its part of the picture.
        target: its part of the result, in colour.
        lightness: L* (h, w), 0..100, at the size at which motion is found.
        begins: a scene begins with it.
    """

    source: Image
    target: Image
    lightness: Array
    begins: bool


def run_frames(name: str, work: Work, count: int) -> Answer:
    """Run a filter over an animation.

    Args:
        name: of the filter, "colorize" or "stylize".
        work: its picture holds `count` frames of one size, the first on top.

    Raises:
        BadRequest: the picture cannot be cut into so many frames, or others came with it.
        ImageUnsupported: a frame is too small or has no finite numbers.
    """
    if name not in _FRAMES:
        raise BadRequest(f"The filter '{name}' works on no animation.")
    own = {"strength", "saturation"}
    usual = type(work.settings)()
    asked = {f.name for f in fields(work.settings)} - own
    changed = any(getattr(work.settings, name) != getattr(usual, name) for name in asked)
    if changed or any(other.role in ("hint", "reference") for other in work.others):
        raise BadRequest(
            "An animation gets the model's own colours.",
            "Leave out hints, reference, palette, seed and variants, or work on one layer.",
        )
    check_count(work.image, count)
    return _FRAMES[name](work, count)


def _colorize(work: Work, count: int) -> Answer:
    generator = work.find("colorize", work.model)
    facts = {"colored": round(colored_share(work.image), 3)}
    result = work.image.color_result(work.color_memory())
    height = work.image.height // count
    size = work_size(generator.manifest.size, work.image.width, height)
    steadier = Steadier(COLOR_MEMORY)
    before = None
    for frame in _frames(work, count, result, size):
        guide, ab = predict(frame.lightness, generator)
        slopes, offsets = guided_upsample(guide, ab)
        moved = None if frame.begins or before is None else find_motion(guide, before)
        steady = steadier.next(slopes * guide + offsets, moved)
        lay(frame.source, guide, steady, size, work.settings, frame.target, _ignore)
        before = guide
    return Answer(result, generator, facts=facts)


def _stylize(work: Work, count: int) -> Answer:
    generator = work.find("stylize", work.model)
    result = work.image.color_result()
    size = work.image.width, work.image.height // count
    steadier = Steadier(STYLE_MEMORY)
    before = None
    for frame in _frames(work, count, result, fit_size(*size, FLOW_SIDE)):
        alone = replace(work, image=frame.source, progress=_ignore, in_place=False)
        painted = run_stylize(alone).image.pixels
        moved = None
        if not frame.begins and before is not None:
            moved = find_motion(frame.lightness, before).enlarged(size)
        colors = painted[..., :3].transpose(2, 0, 1).astype(np.float32)
        steady = steadier.next(colors, moved).transpose(1, 2, 0)
        if not result.is_float:
            steady = np.clip(np.rint(steady), 0, result.full)
        frame.target.pixels[..., :3] = steady
        if result.has_alpha:
            frame.target.pixels[..., 3] = painted[..., 3]
        before = frame.lightness
    return Answer(result, generator)


_FRAMES = {"colorize": _colorize, "stylize": _stylize}


def check_count(image: Image, count: int) -> None:
    """Raise BadRequest unless the picture can be cut into so many frames of one size."""
    if type(count) is not int or not 1 <= count <= image.height or image.height % count:
        raise BadRequest(f"{image.height} rows are not {count!r} frames of one size.")


def _frames(work: Work, count: int, result: Image, size: tuple[int, int]) -> Iterator[Frame]:
    """All frames in order; what is fully transparent is copied, and what follows begins anew.

    Args:
        size: (width, height) of the lightness.
    """
    sources = [_part(work.image, number, count) for number in range(count)]
    lightness: list[Array | None] = []
    for source in sources:
        blank = source.has_alpha and not source.pixels[..., -1].any()
        if not blank:
            check_usable(source)
        lightness.append(None if blank else reduced_lightness(source, size))
    begins = set(_cuts(lightness))
    for number, (source, seen) in enumerate(zip(sources, lightness, strict=True)):
        work.progress(number / count, f"Frame {number + 1} of {count}")
        target = _part(result, number, count)
        if seen is None:
            target.pixels[...] = source.pixels[..., [0, 0, 0, 1] if source.is_grey else slice(4)]
            begins.add(number + 1)
        else:
            yield Frame(source, target, seen, number in begins)


def _part(image: Image, number: int, count: int) -> Image:
    """One frame, in the picture's own memory."""
    height = image.height // count
    return Image(image.pixels[number * height : (number + 1) * height])


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
