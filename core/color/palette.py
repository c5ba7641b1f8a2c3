"""Colours that are allowed, and how often: a user's palette, or those of a reference picture.

Both are a Wanted: some colours, each with the share of the picture that it may be expected to
take. What a network says of a place, a distribution over its own palette or one colour alone, is
read as how well each wanted colour suits there; the answer is their mean by that.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.color import spaces
from core.color.luminance import decode_table
from core.errors import BadRequest, FileUnreadable, ImageUnsupported
from core.image import Image
from core.raster.resample import area_resize, fit_size

Array = np.ndarray

MOST_COLORS = 256

ALIKE = 12.0
"""ab distance at which a wanted colour suits a place 1/e^0.5 as well as the very colour said."""

TONES = 25.0
"""The same for the distance in L* between a palette's colour and the place."""

MOST_PRIOR = 2.0
"""Largest logarithm by which a share can speak for or against a colour."""

CELL = 10.0
"""Side in ab units of the cells in which a reference's colours are counted."""

LEAST_SHARE = 0.002
REFERENCE_SIDE = 160


@dataclass(frozen=True, eq=False)
class Wanted:
    """Colours to choose among.

    Attributes:
        lab: float32 (n, 3).
        tones: float32 (n,), how far in L* from its own a colour may be used.
        shares: float32 (n,), sum 1; None where nothing is known of them.
    """

    lab: Array
    tones: Array
    shares: Array | None = None


def check_palette(palette: Sequence[str]) -> tuple[str, ...]:
    """The colours, if they are "#rrggbb" and not too many. Raises BadRequest."""
    if not isinstance(palette, (list, tuple)) or len(palette) > MOST_COLORS:
        raise BadRequest(f"'palette' is no list of at most {MOST_COLORS} colours.")
    for entry in palette:
        if not isinstance(entry, str) or not re.fullmatch("#[0-9a-fA-F]{6}", entry):
            raise BadRequest(f"'{entry}' in 'palette' is no colour like #3366cc.")
    return tuple(entry.lower() for entry in palette)


MOST_BYTES = 1 << 20


def parse_palette(text: str) -> tuple[str, ...]:
    """Colours of a GIMP palette (FILE.gpl), or of a list "#rrggbb,#rrggbb"; none for "".

    Raises:
        BadRequest: neither; or no colour, or too many.
        FileUnreadable: the file is missing or no GIMP palette.
    """
    if not text.lower().endswith(".gpl"):
        return check_palette(tuple(part.strip() for part in text.split(",") if text.strip()))
    try:
        with Path(text).open("rb") as stream:
            lines = stream.read(MOST_BYTES).decode("utf-8", "replace").splitlines()
    except OSError as error:
        raise FileUnreadable(
            f"{text} cannot be read ({error.strerror}).", "Check the name and the permissions."
        ) from error
    if not lines or lines[0].strip() != "GIMP Palette":
        raise FileUnreadable(f"{text} is no GIMP palette.", "Export the palette from GIMP again.")
    found = []
    for line in lines[1:]:
        numbers = re.match(r"\s*(\d{1,3})\s+(\d{1,3})\s+(\d{1,3})(\s|$)", line)
        codes = [int(number) for number in numbers.groups()[:3]] if numbers else []
        if codes and max(codes) <= 255:
            found.append("#{:02x}{:02x}{:02x}".format(*codes))
    if not found:
        raise FileUnreadable(f"{text} has no colour.", "Choose another palette.")
    return check_palette(tuple(dict.fromkeys(found)))


def wanted_of(palette: Sequence[str]) -> Wanted:
    """The colours of a checked palette."""
    codes = [[int(entry[i : i + 2], 16) for i in (1, 3, 5)] for entry in dict.fromkeys(palette)]
    lab = spaces.srgb_to_lab(np.array(codes, np.float32) / np.float32(255))
    return Wanted(lab, np.full(len(lab), TONES, np.float32))


def wanted_like(reference: Image) -> Wanted:
    """The colours of a picture, by how often they are.

    Raises:
        ImageUnsupported: nothing of it can be seen.
    """
    lab, weights = _small_lab(reference)
    cells = np.rint(lab[:, 1:] / CELL).astype(np.int64)
    _, cell = np.unique(cells, axis=0, return_inverse=True)
    cell = cell.ravel()
    shares = np.bincount(cell, weights)
    kept = shares >= min(LEAST_SHARE * shares.sum(), shares.max())
    sums = [np.bincount(cell, weights * plane)[kept] for plane in (*lab.T, lab[:, 0] ** 2)]
    means = np.stack(sums, axis=1) / shares[kept][:, None]
    spread = np.sqrt(np.maximum(means[:, 3] - means[:, 0] ** 2, 0))
    share = shares[kept] / shares[kept].sum()
    order = np.argsort(-share)[:MOST_COLORS]
    return Wanted(
        means[order, :3].astype(np.float32),
        np.maximum(spread, 10.0)[order].astype(np.float32),
        share[order].astype(np.float32),
    )


def _small_lab(image: Image) -> tuple[Array, Array]:
    """L*, a*, b* (n, 3) of a picture made small, and how visible each is (n,)."""
    size = fit_size(image.width, image.height, REFERENCE_SIDE)
    step = max(1, min(image.width // (4 * size[0]), image.height // (4 * size[1])))
    pixels = image.pixels[::step, ::step]
    if image.is_float:
        pixels = np.clip(np.nan_to_num(pixels), 0, 1)
        light = spaces.srgb_to_linear(pixels[..., : 1 if image.is_grey else 3])
    else:
        light = decode_table(pixels.dtype)[pixels[..., : 1 if image.is_grey else 3]]
    full = np.float32(1 / image.full)
    alpha = pixels[..., -1] * full if image.has_alpha else np.ones(pixels.shape[:2], np.float32)
    size = min(size[0], pixels.shape[1]), min(size[1], pixels.shape[0])
    cover = area_resize(alpha, size)
    if not cover.max() > 0:
        raise ImageUnsupported(
            "The reference picture is fully transparent.", "Choose another reference picture."
        )
    planes = [area_resize(light[..., i] * alpha, size) for i in range(light.shape[2])]
    linear = np.stack(planes * (3 if len(planes) == 1 else 1), axis=-1)
    seen = cover > 1e-3 * cover.max()
    return spaces.linear_to_lab(linear[seen] / cover[seen][:, None]), cover[seen]


def steer(
    lightness: Array,
    ab: Array,
    wanted: Wanted,
    chances: Array | None = None,
    colors: Array | None = None,
) -> Array:
    """Predicted colours in those that are wanted.

    At every place the score of a wanted colour j is log sum_k p_k exp(-|c_k - q_j|^2 / 2 s^2),
    less the squared distance of the tones; where shares are known, plus log share_j - log of
    what j would take of the picture otherwise, clipped: Bayes' rule with the prior changed from
    the network's to the reference's. The result is the mean of q under the scores' softmax.

    Args:
        lightness: L* (h, w) at the size of ab.
        ab: a* and b* (2, h, w) as predicted, used where there are no chances.
        chances: the network's softmax (K, h, w) over its palette.
        colors: that palette, a* and b* (K, 2).

    Returns:
        float32 (2, h, w).
    """
    height, width = lightness.shape
    targets = wanted.lab[:, 1:]
    if chances is None or colors is None:
        said = ab.reshape(2, -1).T
        scores = -_squares(targets, said) / (2 * ALIKE**2)
    else:
        alike = np.exp(-_squares(targets, np.asarray(colors, np.float32)) / (2 * ALIKE**2))
        scores = np.log(alike @ chances.reshape(len(chances), -1) + np.float32(1e-9))
    tones = (lightness.reshape(1, -1) - wanted.lab[:, :1]) / wanted.tones[:, None]
    scores = scores - tones**2 / 2
    chosen = softmax(scores)
    if wanted.shares is not None:
        otherwise = chosen.mean(axis=1)
        prior = np.log(wanted.shares) - np.log(otherwise + 1e-6)
        prior = np.clip(prior, -MOST_PRIOR, MOST_PRIOR)
        chosen = softmax(scores + prior[:, None].astype(np.float32))
    return (targets.T @ chosen).reshape(2, height, width).astype(np.float32)


def softmax(scores: Array) -> Array:
    """Over the first axis."""
    weights = np.exp(scores - scores.max(axis=0, keepdims=True))
    return weights / weights.sum(axis=0, keepdims=True)


def _squares(one: Array, other: Array) -> Array:
    """Squared distances (n, m) of (n, 2) and (m, 2)."""
    return ((one[:, None] - other[None]) ** 2).sum(axis=2)
