"""What a network with a palette thinks: how sure it is, and which colours come next.

Its logits over the palette, at the manifest's temperature, are a distribution for every place.
"""

from dataclasses import dataclass

import numpy as np

from core.color import spaces
from core.color.palette import softmax

Array = np.ndarray

APART = 10.0
"""Least CIEDE2000 between two colours of the list: less is the same colour to a user."""

SURE = 15.0
"""ab distance at which a colour counts exp(-1/2) for the one that was chosen."""


@dataclass(frozen=True)
class Likely:
    """A colour that a place may have: "#rrggbb", and its share 0..1 of the distribution."""

    color: str
    share: float


def chances(logits: Array, temperature: float) -> Array:
    """The distribution (K, h, w) of logits (K, h, w)."""
    return softmax(logits / np.float32(temperature))


def confidence_map(distribution: Array, colors: Array, ab: Array) -> Array:
    """How sure the network is of each place, 0..1: the share of like colours in its choice.

    Args:
        distribution: (K, h, w), from `chances`.
        colors: the palette's a* and b* (K, 2).
        ab: what was chosen, (2, h, w).
    """
    sure = np.zeros(distribution.shape[1:], np.float32)
    for chance, (a, b) in zip(distribution, np.asarray(colors), strict=True):
        apart = (ab[0] - np.float32(a)) ** 2 + (ab[1] - np.float32(b)) ** 2
        sure += chance * np.exp(-apart / (2 * SURE**2))
    return np.clip(sure, 0, 1)


def likeliest(
    distribution: Array, colors: Array, lightness: float, most: int = 3
) -> tuple[Likely, ...]:
    """The likeliest colours of one place, each visibly different from those before.

    Colours that look alike there are one: the likeliest of them stands for all, with their
    shares together. The darker or lighter the place, the fewer colours sRGB has for it, and the
    fewer come back.

    Args:
        distribution: (K,).
        colors: the palette's a* and b* (K, 2).
        lightness: L* of the place; the colours are those of sRGB at that lightness.
    """
    light = np.full(len(colors), lightness)
    ab = spaces.fit_gamut(light, np.asarray(colors, np.float64))
    lab = np.concatenate((light[:, None], ab), axis=1)
    apart = spaces.delta_e_2000(lab[:, None], lab[None])
    chosen: list[int] = []
    around = (apart < APART / 2).astype(np.float64) @ distribution
    for index in np.argsort(-around, kind="stable"):
        if len(chosen) < most and all(apart[index, other] >= APART for other in chosen):
            chosen.append(int(index))
    owner = apart[:, chosen].argmin(axis=1)
    belongs = apart[np.arange(len(lab)), np.array(chosen)[owner]] < APART
    shares = [float(distribution[belongs & (owner == i)].sum()) for i in range(len(chosen))]
    found = [
        Likely(_code(lab[index]), round(min(share, 1.0), 3))
        for index, share in zip(chosen, shares, strict=True)
    ]
    return tuple(sorted(found, key=lambda likely: -likely.share))


def _code(lab: Array) -> str:
    values = np.rint(np.clip(spaces.lab_to_srgb(lab), 0, 1) * 255).astype(int)
    return "#" + "".join(f"{value:02x}" for value in values)
