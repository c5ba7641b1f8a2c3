"""Finds out by trying what a stranger's style model takes and returns: sizes, ranges, tiles."""

from dataclasses import dataclass

import numpy as np

from core.errors import ModelUnsupported, OutOfMemory
from core.generator.generator import Generator
from core.generator.manifest import SizeSpec, TilingSpec
from core.raster.resample import box_mean
from core.style.brush import LUMA

Array = np.ndarray
Ends = tuple[float, float]

RANGES: tuple[Ends, ...] = ((0.0, 255.0), (-1.0, 1.0), (0.0, 1.0))
"""The commonest first; a later one must be better by CLEARLY."""

CLEARLY = 0.03
MULTIPLES = (1, 2, 4, 8, 16, 32, 64)
LEAST_LIKENESS = 0.2
"""Of a painting to its photograph; white noise has about 0.0, a good painting 0.5 and more."""

_SIDE = 256
_OVERLAPS = (16, 32, 48, 64, 96)
_SAME = 1.5 / 255


class Raw:
    """A generator whose manifest says nothing of its ranges: numbers go in and out as they are."""

    def __init__(self, generator: Generator) -> None:
        self._generator = generator
        self.title = generator.manifest.title

    def run(self, picture: Array, ends: Ends) -> Array:
        """(3, h, w) of 0..1, given as ends[0]..ends[1]; returns (3, H, W) as it comes."""
        given = picture * np.float32(ends[1] - ends[0]) + np.float32(ends[0])
        return self._generator.run(np.ascontiguousarray(given[None], np.float32))[0]


@dataclass(frozen=True)
class Ranges:
    """What black..white are called in a model's input and output."""

    given: Ends
    returned: Ends


def probe(width: int, height: int) -> Array:
    """A picture with something of everything: slopes, edges, colours, grain; (3, h, w), 0..1."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / max(width, height)
    planes = np.stack((0.3 + 0.4 * x, 0.25 + 0.4 * y, 0.65 - 0.35 * x)).astype(np.float32)
    for number in range(14):
        at, radius = rng.random(2), 0.05 + 0.12 * rng.random()
        disc = (x - at[0]) ** 2 + (y - at[1] * height / width) ** 2 < radius**2
        planes[:, disc] = rng.random((3, 1)) if number % 3 else rng.random()
    stripes = (np.sin(x * 150) > 0) & (y < 0.15)
    planes[:, stripes] = 0.9
    return np.clip(planes + rng.normal(0, 0.01, planes.shape), 0, 1).astype(np.float32)


def find_size(run: Raw, multiple: int = 0) -> SizeSpec:
    """Which sizes a graph of any size really takes.

    Args:
        multiple: to try alone; 0 for all of MULTIPLES.

    Raises:
        ModelUnsupported: none, though it says that it takes any.
    """
    failure: ModelUnsupported | None = None
    for step in (multiple,) if multiple else MULTIPLES:
        counts = [next(n for n in range(first, 999, 2) if n * step >= 64) for first in (3, 5)]
        sides = [counts[0] * step, (max(counts) + 2) * step]
        try:
            if all(_keeps_size(run, w, h) for w in sides for h in reversed(sides)):
                return SizeSpec(minimum=-(-64 // step) * step, multiple_of=step)
        except ModelUnsupported as error:
            failure = error
        except OutOfMemory:
            break
    raise ModelUnsupported(
        f"{run.title} says that it takes pictures of any size, but fails at the sizes tried, or "
        "returns another one.",
        "Save it again with a fixed size that it was made for.",
    ) from failure


def _keeps_size(run: Raw, width: int, height: int) -> bool:
    return run.run(probe(width, height), RANGES[0]).shape == (3, height, width)


def find_range(
    run: Raw, size: SizeSpec, given: Ends | None = None, returned: Ends | None = None
) -> Ranges:
    """How black and white are called, by which numbers give the best painting.

    Most models call them alike on both sides, which counts where paintings are as good.

    Raises:
        ModelUnsupported: no range gives anything like the picture.
    """
    picture = _probe_for(size)
    best, most = None, LEAST_LIKENESS if given is None else -1.0
    for ends in [given] if given else RANGES:
        output = run.run(picture, ends)
        _check_size(run.title, output, picture)
        output = output[:, : picture.shape[1], : picture.shape[2]]
        named = returned or (given if given and _fits(output, given) else _named(output))
        share = (output - named[0]) / np.float32(named[1] - named[0])
        beyond = float(((share < -0.1) | (share > 1.1)).mean())
        score = likeness(np.clip(share, 0, 1), picture) - 0.5 * beyond + 0.15 * (named == ends)
        if score > most:
            best, most = Ranges(ends, named), score + CLEARLY
    if best is None:
        raise ModelUnsupported(
            f"Whatever {run.title} is given, its result looks nothing like the picture.",
            "If it is a style model, say what it takes with --range and --channels.",
        )
    return best


def _named(output: Array) -> Ends:
    """The range that numbers look like."""
    low, high = np.quantile(output, (0.02, 0.98))
    if high - low > 8 or high > 8:
        return 0.0, 255.0
    return (-1.0, 1.0) if low < -0.15 else (0.0, 1.0)


def _fits(output: Array, ends: Ends) -> bool:
    low, high = np.quantile(output, (0.05, 0.95))
    room = 0.25 * (ends[1] - ends[0])
    return low > ends[0] - room and high < ends[1] + room and high - low > 0.05 * room


def likeness(painted: Array, picture: Array) -> float:
    """How far light, dark and edges of two pictures (3, h, w), 0..1, lie in the same places.

    The mean of two correlations, of luma and of the luma's gradients; below 0 counts as 0. Luma
    counts by its size: a negative is as like as a positive.
    """
    lumas = [box_mean(np.tensordot(LUMA, planes, 1), 2) for planes in (painted, picture)]
    edges = [np.hypot(*np.gradient(luma)) for luma in lumas]
    return (abs(_correlation(*lumas)) + max(0.0, _correlation(*edges))) / 2


def _correlation(one: Array, other: Array) -> float:
    one, other = one - one.mean(), other - other.mean()
    size = float(np.sqrt((one * one).sum() * (other * other).sum()))
    flat = min(one.std(), other.std()) < 2e-3
    return 0.0 if flat or not size else float((one * other).sum() / size)


def find_tiling(generator: Generator) -> TilingSpec:
    """Whether tiles of a model fit together, by painting a picture and a part of it."""
    size = generator.manifest.size
    if size.fixed:
        return TilingSpec("discouraged", max(1, min(size.fixed) // 8))
    step = size.multiple_of
    length = -(-_SIDE // step) * step
    cut = -(-max(_OVERLAPS[-1], 1) // step) * step
    picture = probe(length + 2 * cut, length + cut)
    picture[:, :, : cut + length // 2] *= np.float32(0.4)  # so that means differ from part to part
    both = [generator.run(np.ascontiguousarray(planes[None], np.float32))[0]
            for planes in (picture, picture[:, :, cut:])]  # fmt: skip
    apart = np.abs(np.clip(both[0][:, :, cut:], 0, 1) - np.clip(both[1], 0, 1)).max(axis=(0, 1))
    for overlap in _OVERLAPS:
        if apart[overlap:].max(initial=0) < _SAME / 3:
            # what cannot be seen on one picture may reach further on another
            return TilingSpec("allowed", -(-(overlap + 16) // step) * step)
    return TilingSpec("discouraged", -(-64 // step) * step)


def prove(generator: Generator) -> float:
    """Likeness of a painting, through the very path that users' pictures take.

    Raises:
        ModelUnsupported: it is none.
    """
    picture = _probe_for(generator.manifest.size)
    painted = generator.run(picture[None])[0]
    _check_size(generator.manifest.title, painted, picture)
    painted = np.clip(painted[:, : picture.shape[1], : picture.shape[2]], 0, 1)
    found = likeness(painted, picture)
    if found < LEAST_LIKENESS / 2 or painted.std() < 0.01:
        raise ModelUnsupported(
            f"With these settings {generator.manifest.title} paints nothing like the picture.",
            "Try other values of --range and --channels.",
        )
    return found


def _probe_for(size: SizeSpec) -> Array:
    side = -(-_SIDE // size.multiple_of) * size.multiple_of
    return probe(*(size.fixed or (side, side)))


def _check_size(title: str, output: Array, picture: Array) -> None:
    (_, high, wide), (_, height, width) = output.shape, picture.shape
    if not (height <= high < height + 64 and width <= wide < width + 64):
        raise ModelUnsupported(
            f"{title} returns {wide}×{high} pixels for {width}×{height}.",
            "Only models that keep the picture's size can be added.",
        )
