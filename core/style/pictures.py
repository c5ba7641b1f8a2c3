"""Style pictures: from layers and files to the code that arbitrary style is told.

A style picture is reduced to STYLE_SIDE and turned into numbers by the model's part "style-code";
a mix of styles is the weighted mean of their codes.
"""

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from core.errors import BadRequest, ImageUnsupported
from core.generator.generator import Generator
from core.image import Image
from core.raster.resample import area_rows, area_taps, pad

Array = np.ndarray

STYLE_SIDE = 512
"""Longer side, in pixels, at which a style picture is looked at; smaller ones are not enlarged."""

LEAST_SIDE = 32
"""Smaller ones are repeated, mirrored, up to this."""

MOST_STYLES = 16
KEPT_CODES = 32


@dataclass(frozen=True, eq=False)
class Style:
    """A style picture, small, and its share in a mix.

    Attributes:
        pixels: sRGB-encoded float32 (3, h, w), 0..1.
        weight: above 0; only its relation to the others' counts.
    """

    pixels: Array
    weight: float = 1.0


def check_weight(weight: Any) -> None:
    """Raise BadRequest unless it is a number from 0."""
    if type(weight) not in (int, float) or not 0 <= weight < math.inf:
        raise BadRequest(f"The weight {weight!r} of a style is no number from 0.")


def check_files(styles: Any) -> None:
    """Raise BadRequest unless this is a list of {"path", "weight"}; the weight may be missing."""
    if not isinstance(styles, (list, tuple)) or len(styles) > MOST_STYLES:
        raise BadRequest(f"'styles' is no list of at most {MOST_STYLES} pictures.")
    for entry in styles:
        known = isinstance(entry, dict) and set(entry) <= {"path", "weight"}
        if not known or not isinstance(entry.get("path"), str) or not entry["path"]:
            raise BadRequest("'styles' has an entry without a path.")
        check_weight(entry.get("weight", 1))


def gather(images: list[Image], weights: tuple[float, ...], files: Any) -> list[Style]:
    """The styles of a request: its pictures, then its files; those of weight 0 are left out.

    Args:
        images: of the role "style".
        weights: theirs; empty for all alike.
        files: see check_files.

    Raises:
        BadRequest: not as many weights as pictures, or nothing is left.
        ImageUnsupported, FileUnreadable: a picture cannot be used.
    """
    if weights and len(weights) != len(images):
        raise BadRequest(f"There are {len(weights)} weights for {len(images)} style pictures.")
    shares = weights or (1,) * len(images)
    wanted = [(image, share) for image, share in zip(images, shares, strict=True)]
    wanted += [(Path(entry["path"]), entry.get("weight", 1)) for entry in files]
    if len(wanted) > MOST_STYLES:
        raise BadRequest(f"At most {MOST_STYLES} styles can be mixed.")
    if wanted and not any(share for _, share in wanted):
        raise BadRequest("Every style has the weight 0.", "Give one of them a weight above 0.")
    return [Style(style_pixels(given), share) for given, share in wanted if share]


def style_pixels(given: Image | Path) -> Array:
    """A style picture, made small: sRGB-encoded float32 (3, h, w), 0..1.

    What is transparent is no style: the picture is cut to what can be seen, and what is still
    transparent in there gets the mean colour of the rest.

    Raises:
        ImageUnsupported: nothing can be seen, or pixels are no numbers.
        FileUnreadable: the file is missing, damaged or of another kind.
    """
    if isinstance(given, Path):
        from core.files.picture import read_reduced

        image, name = read_reduced(given, 2 * STYLE_SIDE), f"The style picture {given}"
    else:
        image, name = given, "The style picture"
    rows, columns = _visible(image, name)
    pixels = image.pixels[rows, columns]
    scale = min(1.0, STYLE_SIDE / max(pixels.shape[:2]))
    height, width = (max(1, round(side * scale)) for side in pixels.shape[:2])
    sums = np.zeros((4, height, width), np.float32)
    band = max(1, (1 << 20) // pixels.shape[1])
    for top in range(0, len(pixels), band):
        _add_rows(sums, pixels, top, min(top + band, len(pixels)), image)
    if not np.isfinite(sums).all():
        raise ImageUnsupported(
            f"{name} has pixels that are no finite numbers.", "Choose another picture."
        )
    alpha = np.clip(sums[3], 0, 1)
    mean = sums[:3].sum(axis=(1, 2)) / max(float(alpha.sum()), 1e-6)
    small = np.clip(sums[:3] + (1 - alpha) * mean[:, None, None], 0, 1)
    return pad(small, max(width, LEAST_SIDE), max(height, LEAST_SIDE))


def _visible(image: Image, name: str) -> tuple[slice, slice]:
    """The rows and columns around all that is not transparent. Raises ImageUnsupported."""
    if not image.has_alpha:
        return slice(None), slice(None)
    alpha = image.pixels[..., -1]
    rows = np.flatnonzero([row.any() for row in alpha])
    if not len(rows):
        raise ImageUnsupported(f"{name} is fully transparent.", "Choose another picture.")
    columns = np.flatnonzero(alpha[rows[0] : rows[-1] + 1].any(axis=0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _add_rows(sums: Array, pixels: Array, start: int, stop: int, image: Image) -> None:
    """Add what the rows start..stop are in the reduced picture: colour times alpha, alpha."""
    height, width = sums.shape[1:]
    rows, weights = area_taps(len(pixels), height, start, stop)
    band = pixels[start:stop] * np.float32(1 / image.full)
    alpha = band[..., -1] if image.has_alpha else np.ones(band.shape[:2], np.float32)
    for channel in range(3):
        plane = np.clip(band[..., 0 if image.is_grey else channel], 0, 1) * alpha
        sums[channel, rows] += area_rows((weights @ plane).T, width).T
    sums[3, rows] += area_rows((weights @ alpha).T, width).T


_codes: WeakKeyDictionary[Generator, dict[bytes, Array]] = WeakKeyDictionary()


def mixed_code(generator: Generator, styles: list[Style], move: "ColorMove | None" = None) -> Array:
    """The code of a mix of styles, float32 (1, K).

    Codes are remembered, so that a preview does not look at the same style picture again.

    Args:
        move: what is done with the style pictures' colours first.

    Raises:
        BadRequest: there is no style.
        OutOfMemory, ModelCorrupt: see Generator.run_all.
    """
    title = generator.manifest.title
    if not styles:
        raise BadRequest(f"'{title}' needs a style picture.", "Choose one, or another style.")
    total = sum(style.weight for style in styles)
    code = 0.0
    for style in styles:
        pixels = move.apply(style.pixels) if move else style.pixels
        code = code + _code(generator, pixels) * (style.weight / total)
    return np.asarray(code, np.float32)


def _code(generator: Generator, pixels: Array) -> Array:
    """The code of one style picture, float64 (1, K)."""
    known = _codes.setdefault(generator, {})
    key = hashlib.sha256(f"{pixels.shape}".encode() + pixels.tobytes()).digest()
    if key not in known:
        given = np.ascontiguousarray(pixels[None], np.float32)
        found = generator.run_all({"style": given}, ("code",), part="style-code")["code"]
        while len(known) >= KEPT_CODES:
            del known[next(iter(known))]
        known[key] = found.astype(np.float64)
    return known[key]


class ColorMove:
    """Style pictures get the photograph's colours before their style is read.

    Mean and covariance of a style picture's R'G'B' are made the photograph's by the symmetric
    map (Gatys 2016, arXiv 1606.05897), so that the painting keeps to the photograph's colours.
    """

    def __init__(self, photo: Array, share: float) -> None:
        """photo: (3, h, w), 0..1, a small copy; share: 0 no change .. 1 the photo's colours."""
        self._mean, covariance = _moments(photo)
        self._root = _power(covariance, 0.5)
        self._share = np.float32(share)

    def apply(self, pixels: Array) -> Array:
        """(3, h, w) -> (3, h, w), 0..1."""
        mean, covariance = _moments(pixels)
        matrix = self._root @ _power(covariance, -0.5)
        flat = pixels.reshape(3, -1).astype(np.float64)
        moved = matrix @ (flat - mean[:, None]) + self._mean[:, None]
        moved = np.clip(moved, 0, 1).reshape(pixels.shape).astype(np.float32)
        return pixels + (moved - pixels) * self._share


def _moments(pixels: Array) -> tuple[Array, Array]:
    """Mean (3,) and covariance (3, 3), float64, with a floor that keeps grey pictures sane."""
    flat = pixels.reshape(3, -1).astype(np.float64)
    mean = flat.mean(axis=1)
    away = flat - mean[:, None]
    return mean, away @ away.T / flat.shape[1] + 1e-4 * np.eye(3)


def _power(matrix: Array, exponent: float) -> Array:
    """A power of a positive definite symmetric matrix."""
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.maximum(values, 1e-8) ** exponent) @ vectors.T
