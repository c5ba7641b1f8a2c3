"""Reference pictures from disk, brought to the size at which colours are predicted."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from core.errors import BadRequest
from core.files.picture import PictureFile
from core.film.job import FilmJob
from core.film.looks import AnyReference, ColorLook, Look, View, to_coding
from core.film.pipeline import frame_at
from core.film.plan import Plan
from core.film.reader import FilmReader
from core.motion.scenes import THUMB
from core.raster.resample import area_resize

Array = np.ndarray

MOST_ASPECT_ERROR = 0.03


def read_references(
    job: FilmJob,
    plan: Plan,
    look: Look,
    given: list[tuple[Path, int]],
    color: ColorLook | None = None,
) -> Iterator[AnyReference]:
    """References for a look.

    Args:
        given: pictures, each with the number of the frame that it is for.
        color: what the film's frames are coloured by before this look sees them.

    Raises BadRequest, FileUnreadable.
    """
    numbers = [number for _, number in given]
    for path, number in given:
        with FilmReader(job.source, plan.interlaced) as reader:
            frame = to_coding(frame_at(reader, plan, number), look.coding)
        lightness = look.lightness(frame)
        scene = plan.scene_of(number)
        others = [n for n in numbers if n in scene]
        start = max(((n + number) // 2 for n in others if n < number), default=scene.start)
        stop = min(((n + number) // 2 for n in others if n > number), default=scene.stop)
        coloring = None
        if color is not None:
            seen = color.lightness(frame)
            (ab,) = color.see([View(frame, seen, number)])
            coloring = color.coloring(frame, seen, ab)
        (said,) = look.see([View(frame, lightness, -1, coloring)])
        colors = _colors(PictureFile.read(path))
        yield look.reference(range(start, stop), lightness, colors, said)


def reference_thumb(path: Path, aspect: float) -> Array:
    """Grey float32 at THUMB's size, 0..255. Raises BadRequest, FileUnreadable."""
    pixels = _colors(PictureFile.read(path))
    height, width = pixels.shape[:2]
    if abs(width / height / aspect - 1) > MOST_ASPECT_ERROR:
        raise BadRequest(
            f"The reference {path} is {width}×{height} pixels, not of the film's shape.",
            "Colour a whole frame of the film, without cutting it.",
        )
    grey = pixels @ np.array([0.299, 0.587, 0.114], np.float32)
    return area_resize(grey * 255, THUMB) if width >= THUMB[0] else cv2.resize(grey * 255, THUMB)


def _colors(picture: PictureFile) -> Array:
    """R'G'B' float32 (H, W, 3), 0..1."""
    image = picture.image
    if image.is_grey:
        raise BadRequest(
            f"The reference {picture.path} is grey.", "Give a coloured frame of the film."
        )
    return image.pixels[..., :3] * np.float32(1 / image.full)
