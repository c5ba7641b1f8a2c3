"""Reference pictures from disk, brought to the size at which colours are predicted."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from core.errors import BadRequest
from core.film.job import FilmJob
from core.film.looks import AnyReference, Look, View, to_coding
from core.film.pipeline import frame_at
from core.film.plan import Plan
from core.film.reader import FilmReader
from core.picture_file import PictureFile
from core.resample import area_resize
from core.scenes import THUMB

Array = np.ndarray

MOST_ASPECT_ERROR = 0.03


def read_references(job: FilmJob, plan: Plan, look: Look) -> Iterator[AnyReference]:
    """The job's references for its plan. Raises BadRequest, FileUnreadable."""
    numbers = plan.references
    for (path, _), number in zip(job.references, numbers, strict=True):
        with FilmReader(job.source, plan.interlaced) as reader:
            frame = to_coding(frame_at(reader, plan, number), look.coding)
        lightness = look.lightness(frame)
        scene = plan.scene_of(number)
        others = [n for n in numbers if n in scene]
        start = max(((n + number) // 2 for n in others if n < number), default=scene.start)
        stop = min(((n + number) // 2 for n in others if n > number), default=scene.stop)
        (said,) = look.see([View(frame, lightness, -1)])
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
