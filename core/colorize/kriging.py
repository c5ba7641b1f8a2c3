"""What hints tell of the rest of the picture: Gaussian process regression ("kriging").

At a hint, the network's error is known. Errors are taken for a Gaussian process: places that are
near, as light and coloured alike are likely wrong alike (Rasmussen and Williams, "Gaussian
Processes for Machine Learning", 2006, equations 2.25 and 2.30).

How far that goes is asked of the hints themselves. One dab on a jacket is no word about the wall;
ten dabs that all miss the same warmth are one about the light of the whole picture. So there are
a near and a far process and a mixture; each counts as much as it explains what the hints say
together, against odds that favour the near one.
"""

from dataclasses import dataclass

import numpy as np

from core.color import spaces
from core.colorize.hints import Spread
from core.raster.bands import chunk_rows
from core.raster.flood import connected
from core.raster.resample import block_mean, pad_zeros

Array = np.ndarray

MOST_POINTS = 48
"""Places with hints that are computed with; of more, those that differ most."""

ERROR = 20.0
"""Standard deviation of a network's ab, in CIE units; the processes' sizes are shares of it."""

NUGGET = 0.25
"""Size of what a place has for itself."""

MIXTURES = (0.0, 0.5, 1.0)
"""Shares of the far process."""

ODDS = (0.98, 0.01, 0.01)
"""Of the mixtures, before a hint has spoken."""


@dataclass(frozen=True)
class Scales:
    """A process: its size, and the distances at which places are 0.6 times as alike.

    Attributes:
        size: share of ERROR.
        way: across the picture, in longer sides.
        lightness, ab: between the places' L* and predicted colours, in CIE units.
    """

    size: float
    way: float
    lightness: float = np.inf
    ab: float = np.inf


# Found by gradient descent on the colours of 100 photographs; of the near one the way is shorter.
NEAR = Scales(1.3, 0.15, 30.0, 25.0)
FAR = (Scales(1.2, 2.0, 28.0, 25.0), Scales(0.35, 0.12), Scales(0.3, np.inf))


@dataclass(frozen=True, eq=False)
class Places:
    """n cells as the processes see them.

    Attributes:
        lightness: (n), L*.
        ab: (n, 2), as predicted.
        way: (n, 2), y and x in longer sides of the picture.
        reach: (n), 1 at a hint .. 0 where the ways without edges from all of them end.
    """

    lightness: Array
    ab: Array
    way: Array
    reach: Array

    def at(self, index: Array | slice) -> "Places":
        """Some of them."""
        return Places(self.lightness[index], self.ab[index], self.way[index], self.reach[index])


def carry(reached: Spread, lightness: Array, ab: Array) -> Array:
    """What hints change of predicted colours everywhere.

    Args:
        reached: the hints, (h, w).
        lightness: L* (H, W), of the hints' size or padded to the right and below.
        ab: predicted a* and b*, (2, H / n, W / n).

    Returns:
        float32, of ab's shape. At hints it is almost what is missing, not all; nowhere more than
        what the most wrong one misses.
    """
    shape, ratio = ab.shape[1:], lightness.shape[0] // ab.shape[1]
    strength, asked, reach = _cells(reached, lightness.shape, ratio)
    places = Places(
        block_mean(lightness, ratio).ravel(),
        ab.reshape(2, -1).T,
        np.indices(shape, np.float32).reshape(2, -1).T / np.float32(max(shape)),
        reach.ravel(),
    )
    chosen, weight = _choose(places, strength, asked)
    points = places.at(chosen)
    missing = spaces.fit_gamut(points.lightness, asked[chosen]) - points.ab
    noise = (NUGGET / strength.flat[chosen]) ** 2
    far, near = _solve(points, missing / ERROR, noise, weight)
    change = np.empty((reach.size, 2), np.float32)
    rows = chunk_rows(len(chosen))
    for top in range(0, len(change), rows):
        here = places.at(slice(top, top + rows))
        change[top : top + rows] = _far(here, points) @ far + _near(here, points) @ near
    # between and beyond points a process may swing farther than at any of them
    change = np.clip(ERROR * change, missing.min(axis=0, initial=0), missing.max(axis=0, initial=0))
    return np.ascontiguousarray(change.T).reshape(ab.shape)


def _cells(reached: Spread, shape: tuple[int, ...], ratio: int) -> tuple[Array, Array, Array]:
    """Of cells of ratio x ratio pixels: strongest mask (h, w), ab asked (n, 2), reach (h, w)."""
    hints = reached.hints
    planes = np.stack((hints.mask, reached.share(), *(hints.ab * hints.mask)))
    mask, reach, *sums = pad_zeros(planes, shape)
    cover = np.maximum(block_mean(mask, ratio), 1e-6)
    asked = np.stack([(block_mean(plane, ratio) / cover).ravel() for plane in sums], axis=-1)
    rows, columns = cover.shape
    strongest = mask.reshape(rows, ratio, columns, ratio).max(axis=(1, 3))
    return strongest, asked, block_mean(reach, ratio)


def _choose(places: Places, strength: Array, asked: Array) -> tuple[Array, float]:
    """Indices of the cells to compute with, and what share of a witness each is.

    A stroke is one witness, however many cells it covers.
    """
    candidates = np.flatnonzero(strength)
    _, strokes = connected(np.where(strength > 0, 0, -1))
    if len(candidates) > MOST_POINTS:
        features = np.concatenate(
            (places.way[candidates] / NEAR.way, asked[candidates] / NEAR.ab), axis=1
        )
        candidates = candidates[_farthest(features, MOST_POINTS)]
    return candidates, min(1.0, strokes / len(candidates))


def _farthest(features: Array, count: int) -> Array:
    """Indices of `count` of n points (n, d), each the farthest from those before it."""
    chosen = [0]
    distance = np.full(len(features), np.inf, np.float32)
    while len(chosen) < count:
        last = features[chosen[-1]]
        distance = np.minimum(distance, ((features - last) ** 2).sum(axis=1))
        chosen.append(int(distance.argmax()))
    return np.array(chosen)


def _solve(points: Places, missing: Array, noise: Array, weight: float) -> tuple[Array, Array]:
    """What the far and the near process's covariances with the points are to be multiplied by.

    Args:
        missing: (n, 2), in ERRORs.
        noise: (n), variance of each point.
        weight: of each point as a witness, 0..1.

    Returns:
        (n, 2) each.
    """
    far_points, near_points = _far(points, points), _near(points, points)
    evidence, solutions = [], []
    for share in MIXTURES:
        mixed = share * far_points + (1 - share) * near_points + np.diag(noise)
        values, vectors = np.linalg.eigh(mixed.astype(np.float64))
        values = np.maximum(values, 1e-3)
        turned = vectors.T @ missing
        # logarithm of the likelihood of both channels, less a constant (equation 2.30)
        fit = -0.5 * (turned**2 / values[:, None]).sum() - np.log(values).sum()
        evidence.append(weight * fit)
        solutions.append((vectors @ (turned / values[:, None])).astype(np.float32))
    logits = np.array(evidence) + np.log(ODDS)
    chances = np.exp(logits - logits.max())
    chances = (chances / chances.sum()).astype(np.float32)
    mixtures = list(zip(MIXTURES, chances, solutions, strict=True))
    far = np.sum([share * chance * found for share, chance, found in mixtures], axis=0)
    near = np.sum([(1 - share) * chance * found for share, chance, found in mixtures], axis=0)
    return far, near


def _far(one: Places, other: Places) -> Array:
    """Covariances (n, m) of the far process."""
    return np.sum([_alike(one, other, scales) for scales in FAR], axis=0)


def _near(one: Places, other: Places) -> Array:
    """The same of the near process, which ends at edges."""
    return _alike(one, other, NEAR) * one.reach[:, None] * other.reach


def _alike(one: Places, other: Places, scales: Scales) -> Array:
    exponent = np.zeros((len(one.lightness), len(other.lightness)), np.float32)
    if np.isfinite(scales.way):
        exponent += _squares(one.way, other.way) / np.float32(scales.way**2)
    if np.isfinite(scales.ab):
        exponent += _squares(one.ab, other.ab) / np.float32(scales.ab**2)
    if np.isfinite(scales.lightness):
        difference = one.lightness[:, None] - other.lightness
        exponent += (difference / np.float32(scales.lightness)) ** 2
    return np.float32(scales.size**2) * np.exp(exponent * np.float32(-0.5))


def _squares(one: Array, other: Array) -> Array:
    """Squared distances (n, m) of points (n, 2) and (m, 2)."""
    rows, columns = (one[:, None, axis] - other[None, :, axis] for axis in (0, 1))
    return rows**2 + columns**2
