"""Auto Colorize: colour is predicted small and laid over the picture's own lightness.

    pixels -> L*, reduced -> generator -> ab, smaller still
           -> ab = slope * L* + offset, fitted in windows of the reduced L* (guided filter)
           -> slope and offset enlarged, applied to the full-size L*, merged in linear light

The full-size lightness is never resampled: it is read twice, band by band, and goes out as it
came in. Colours that the source has are not looked at, only its L*; `strength` mixes them back.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.color.luminance import Light, Merger, fold
from core.color.palette import check_palette
from core.colorize.variants import MOST_SEED
from core.errors import BadRequest, ModelCorrupt
from core.generator.generator import Generator, Kept
from core.generator.manifest import SizeSpec
from core.generator.sizes import legal_size
from core.image import Image, check_usable
from core.raster.bands import chunk_rows, for_each_band
from core.raster.resample import area_rows, area_taps, fit_size, guided_upsample, pad, pad_zeros
from core.request.viewport import Place

Array = np.ndarray
Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class ColorizeSettings:
    """What the user can choose.

    Attributes:
        strength: 0 keeps the picture's own colours, 1 takes the new ones; mixed in linear light,
            so that luminance stays at every strength.
        saturation: 0 grey .. 1 as predicted .. 2 twice as colourful.
        seed: 0 for the likeliest colouring, any other for another plausible one.
        variants: how many colourings to make, 1..6, of seed, seed + 1, ...
        palette: "#rrggbb" of the only colours to use; empty for any.
        strictness: of drawings: 0 as the generator paints .. 1 one flat colour an area.
        flats: of drawings: whether layers of flat colours, and of areas to select, are made, too.
        unhinted: of drawings with hints: "leave" areas without one as they are, or "guess" their
            colours.
        kind: what the picture is taken for where no model is chosen: one of KINDS.
    """

    strength: float = 1.0
    saturation: float = 1.0
    seed: int = 0
    variants: int = 1
    palette: Sequence[str] = ()
    strictness: float = 0.5
    flats: bool = False
    unhinted: str = "leave"
    kind: str = "auto"

    def __post_init__(self) -> None:
        check_range("strength", self.strength, 1.0)
        check_range("saturation", self.saturation, 2.0)
        check_whole("seed", self.seed, 0, MOST_SEED)
        check_whole("variants", self.variants, 1, MOST_VARIANTS)
        object.__setattr__(self, "palette", check_palette(self.palette))
        check_range("strictness", self.strictness, 1.0)
        if type(self.flats) is not bool:
            raise BadRequest(f"'flats' is {self.flats!r}, not true or false.")
        if self.unhinted not in UNHINTED:
            raise BadRequest(f"'unhinted' is {self.unhinted!r}, not one of {', '.join(UNHINTED)}.")
        if self.kind not in KINDS:
            raise BadRequest(f"'kind' is {self.kind!r}, not one of {', '.join(KINDS)}.")


MOST_VARIANTS = 6

UNHINTED = ("leave", "guess")

KINDS = ("auto", "photo", "sketch")
"""What a picture can be taken for; "auto" looks at it."""


def check_range(name: str, value: Any, most: float) -> None:
    """Raise BadRequest unless value is a number in 0..most."""
    if type(value) not in (int, float) or not 0 <= value <= most:
        raise BadRequest(f"'{name}' is {value!r}, not a number from 0 to {most:g}.")


def check_whole(name: str, value: Any, least: int, most: int) -> None:
    """Raise BadRequest unless value is a whole number in least..most."""
    if type(value) is not int or not least <= value <= most:
        raise BadRequest(f"'{name}' is {value!r}, not a whole number from {least} to {most}.")


def colorize(
    image: Image,
    generator: Generator,
    settings: ColorizeSettings,
    progress: Progress,
    out: Array | None = None,
) -> Image:
    """Colour a picture.

    Args:
        image: any Image; of R'G'B' only the lightness is used.
        generator: of task "colorize": L* (1, 1, h, w) to ab (1, 2, h/n, w/n).
        settings: strength and saturation.
        progress: told (fraction 0..1, text), on the caller's thread.
        out: memory for the result, writable (H, W, 3 or 4) of the image's channel type; may be
            image.pixels itself where that has as many channels.

    Returns:
        R'G'B', or R'G'B'A with the source's alpha, of the same channel type and size.

    Raises:
        ImageUnsupported: see core.image.check_usable.
        ModelCorrupt: the generator's output does not fit its input's size.
    """
    check_usable(image)
    result = image.color_result(out)
    work = work_size(generator.manifest.size, image.width, image.height)
    reading = "Reading lightness"
    lightness = reduced_lightness(image, work, lambda share: progress(0.3 * share, reading))
    progress(0.3, f"Predicting colour ({generator.provider.removesuffix('ExecutionProvider')})")
    guide, ab = predict(lightness, generator)
    lay(image, guide, ab, work, settings, result, progress)
    return result


def lay(
    image: Image,
    guide: Array,
    ab: Array,
    work: tuple[int, int],
    settings: ColorizeSettings,
    result: Image,
    progress: Progress,
) -> None:
    """Lay a* and b* over the picture's own lightness, into result.

    Args:
        guide, ab: as `predict` returns them.
        work: (width, height) of the part of the guide that is no padding.
    """
    progress(0.6, "Laying colour over the picture")
    lay_fit(image, guided_upsample(guide, ab), work, settings, result, progress)


def lay_fit(
    image: Image,
    fit: tuple[Array, Array],
    work: tuple[int, int],
    settings: ColorizeSettings,
    result: Image,
    progress: Progress,
    place: Place | None = None,
) -> None:
    """As `lay`, for the slopes and offsets (2, h, w) that `guided_upsample` found.

    place: where the image lies in the whole that they are of; None where it is the whole.
    """
    visible = np.s_[:, : work[1], : work[0]]
    saturation = np.float32(settings.saturation)
    slopes, offsets = (plane[visible] * saturation for plane in fit)
    place = place or Place.whole(image)
    _merge(image, fold(slopes, offsets), settings.strength, result, progress, place)


def reduced_lightness(
    image: Image, size: tuple[int, int], done: Callable[[float], None] = lambda share: None
) -> Array:
    """CIE L* (h, w) of the picture, 0..100, reduced by area to size (width, height).

    Transparent pixels count by their alpha; where nothing is visible stands the mean lightness
    of what is, so that colours hidden under transparency do not reach the generator.
    """
    width, height = size
    sums = np.zeros((1 + image.has_alpha, height, width), np.float32)
    lock = threading.Lock()
    rows = chunk_rows(image.width)

    def work(start: int, stop: int, light: Light) -> None:
        band, _ = area_taps(image.height, height, start, stop)
        part = np.zeros((len(sums), band.stop - band.start, image.width), np.float32)
        for top in range(start, stop, rows):
            pixels = image.pixels[top : min(top + rows, stop)]
            light.read(pixels)
            lightness = np.clip(light.root * 116 - 16, 0, 100)
            touched, weights = area_taps(image.height, height, top, top + len(pixels))
            inner = slice(touched.start - band.start, touched.stop - band.start)
            if image.has_alpha:
                alpha = pixels[..., -1] * np.float32(1 / image.full)
                part[1, inner] += weights @ alpha
                lightness *= alpha
            part[0, inner] += weights @ lightness
        reduced = [area_rows(plane.T, width).T for plane in part]
        with lock:
            for plane, addition in zip(sums, reduced, strict=True):
                plane[band] += addition

    for_each_band(image.height, work, lambda: Light(image, rows), done)
    if image.has_alpha:
        visible = sums[0].sum() / max(float(sums[1].sum()), 1e-6)
        return np.clip(sums[0] + (1 - sums[1]) * np.float32(visible), 0, 100)
    return np.clip(sums[0], 0, 100)


def predict(lightness: Array, generator: Generator) -> tuple[Array, Array]:
    """Run the generator on reduced L* (h, w).

    Returns:
        (guide, ab): the lightness (H, W) as the generator saw it, padded to the right and below,
        and its a* and b* (2, H / n, W / n), n a whole number.

    Raises:
        ModelCorrupt: the output has another size.
    """
    return predict_many([lightness], generator)[0]


def predict_many(lightness: list[Array], generator: Generator) -> list[tuple[Array, Array]]:
    """As predict, for several pictures of one size, in as few runs as the generator can."""
    guides = guides_of(lightness, generator)
    outputs = generator.run_many({"picture": guides[:, None]}, ("picture",))
    check_sizes(outputs, guides.shape[1:], generator)
    return list(zip(guides, outputs["picture"], strict=True))


def predict_kept(lightness: list[Array], generator: Generator) -> tuple[Array, Kept]:
    """As predict_many, in one run, ab staying where it was computed.

    Returns:
        (guides, ab): (N, H, W), and (N, 2, H / n, W / n).
    """
    guides = guides_of(lightness, generator)
    kept = generator.run_kept({"picture": guides[:, None]}, ("picture",))["picture"]
    check_sizes({"picture": kept}, guides.shape[1:], generator)
    return guides, kept


def guides_of(lightness: list[Array], generator: Generator) -> Array:
    """L* of pictures of one size, padded to what the generator takes: (N, H, W)."""
    height, width = lightness[0].shape
    size = legal_size(width, height, generator.manifest.size)
    return np.stack([pad(plane, *size) for plane in lightness]).astype(np.float32, copy=False)


def infer(
    lightness: Array, generator: Generator, inputs: Mapping[str, Array], wanted: tuple[str, ...]
) -> tuple[Array, dict[str, Array]]:
    """Run the generator on reduced L* (h, w) and what else it takes.

    Args:
        inputs: role -> (1, C, h, w), of the lightness's size, or (1, C).
        wanted: roles of the outputs.

    Returns:
        (guide, outputs): the lightness as in `predict`; role -> (1, C, H / n, W / n).

    Raises:
        ModelCorrupt: an output has another size.
    """
    height, width = lightness.shape
    guide = pad(lightness, *legal_size(width, height, generator.manifest.size))
    given = {"picture": np.ascontiguousarray(guide[None, None], np.float32)}
    for role, array in inputs.items():
        given[role] = pad_zeros(array, guide.shape) if array.ndim == 4 else array
    outputs = generator.run_all(given, wanted)
    check_sizes(outputs, guide.shape, generator)
    return guide, outputs


def check_sizes(
    outputs: Mapping[str, Array | Kept], shape: tuple[int, ...], generator: Generator
) -> None:
    """Raise ModelCorrupt unless every output (N, C, h, w) is (H, W) divided by a whole number."""
    for output in outputs.values():
        rows, columns = output.shape[2:]
        ratio = shape[0] // max(rows, 1)
        if ratio < 1 or (rows * ratio, columns * ratio) != shape:
            raise ModelCorrupt(
                f"The model '{generator.manifest.title}' returned {columns}×{rows} "
                f"colours for {shape[1]}×{shape[0]} pixels."
            )


def work_size(size: SizeSpec, width: int, height: int) -> tuple[int, int]:
    """(width, height) at which the generator sees a picture of that size."""
    side = min(size.fixed) if size.fixed else size.work
    return fit_size(width, height, side or max(width, height))


def _merge(
    image: Image,
    coefficients: Array,
    strength: float,
    result: Image,
    progress: Progress,
    place: Place,
) -> None:
    """Lay the enlarged coefficients (4, h, w) over the picture's lightness, into result."""
    height, width = coefficients.shape[1:]
    across = place.columns(width, image.width)
    rows = chunk_rows(image.width)

    def work(start: int, stop: int, merger: Merger) -> None:
        used, _ = place.rows(height, start, stop).matrix()
        wide = across.columns(coefficients[:, used])
        for top in range(start, stop, rows):
            end = min(top + rows, stop)
            inner, weights = place.rows(height, top, end).matrix()
            part = wide[:, inner.start - used.start : inner.stop - used.start]
            merger.merge(image.pixels[top:end], part, weights, result.pixels[top:end])

    for_each_band(
        image.height,
        work,
        lambda: Merger(image, rows, strength),
        lambda share: progress(0.6 + 0.4 * share, "Laying colour over the picture"),
    )
