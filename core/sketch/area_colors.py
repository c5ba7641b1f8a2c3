"""Which colour an area gets, of all that the network holds possible for it.

The mean of a distribution over colours is beige: the likelier the network finds both red and green,
the greyer. So each area decides, first between paper and colour, softly, then for one kind of
colour: the palette's colours around the most likely one are averaged, the others are left out.

A seed decides otherwise, area by area, among what is likely there. Areas of which the network
thinks alike decide alike: both sleeves get the same colour.
"""

from dataclasses import dataclass

import numpy as np

from core.color.spaces import delta_e_2000, lab_to_srgb, srgb_to_lab
from core.colorize.distribution import chances
from core.sketch.areas import cell_labels

Array = np.ndarray

PAPER_LIGHTNESS, PAPER_CHROMA = 90.0, 8.0
"""Palette colours lighter than the one and greyer than the other are the paper's."""

EVEN = 0.5
"""Share of colours, of what is not the paper's, at which an area is half coloured ..."""

DECIDED = 0.5
"""... and the width of shares over which it goes from paper to colour."""

KIND = 25.0
"""CIEDE2000 at which a colour counts exp(-1/2) for one of the same kind."""

VIVID = 1.3
"""Chroma, relative to the mean over a kind of colours, which is a little greyer than each."""

DARING = 1.5
"""Standard deviation of what a seed adds to the logarithm of a kind's share."""

LIKE = 8.0
"""Areas whose expected colours are closer than about that (CIE76) are decided alike by a seed."""

WAVES = 64


@dataclass(frozen=True, eq=False)
class Decision:
    """One colour an area.

    Attributes:
        colors: float32 (count, 3), encoded sRGB 0..1, the colour decided for.
        expected: float32 (count, 3), the distribution's mean.
        share: float32 (count,), how far it is coloured, 0 paper .. 1.
        known: bool (count,), whether the network said anything of the area.
    """

    colors: Array
    expected: Array
    share: Array
    known: Array


@dataclass(frozen=True, eq=False)
class Thought:
    """What a network thinks of a picture.

    Attributes:
        logits: float32 (k, h, w), over the palette, before the temperature.
        palette: CIE L*a*b* (k, 3).
        temperature: of their softmax.
        visible: how many of w and h, with fractions, the picture covers.
    """

    logits: Array
    palette: Array
    temperature: float
    visible: tuple[float, float]


def decide(thought: Thought, labels: Array, count: int, paper: Array, seed: int = 0) -> Decision:
    """Decide for each area.

    Args:
        labels: int32 (H, W), areas 0..count - 1.
        paper: (3,), encoded sRGB 0..1, what an area without colour gets.
        seed: 0 for what is likeliest.
    """
    palette = np.asarray(thought.palette, np.float64)
    shares, known = _shares(thought, labels, count)
    grey = np.hypot(palette[:, 1], palette[:, 2]) < PAPER_CHROMA
    white = grey & (palette[:, 0] > PAPER_LIGHTNESS)
    rgb = np.clip(lab_to_srgb(palette), 0, 1)
    tinted = np.where(white, 0, shares)
    colored = tinted.sum(axis=1)
    tinted = np.where(colored[:, None] > 0, tinted, 1 / len(palette))
    tinted /= tinted.sum(axis=1, keepdims=True)
    alike = np.exp(-(delta_e_2000(palette[:, None], palette[None]) ** 2) / (2 * KIND**2))
    score = np.log(np.maximum(tinted @ alike, 1e-9))
    if seed:
        score += _whim(tinted @ palette, alike, seed)
    near = tinted * alike[score.argmax(axis=1)]
    lab = srgb_to_lab(near @ rgb / np.maximum(near.sum(axis=1, keepdims=True), 1e-12))
    lab[:, 1:] *= VIVID
    one = np.clip(lab_to_srgb(lab), 0, 1)
    share = np.clip((colored - EVEN) / DECIDED + 0.5, 0, 1)[:, None]
    colors = (paper + (one - paper) * share).astype(np.float32)
    expected = (shares @ rgb).astype(np.float32)
    return Decision(colors, expected, share[:, 0].astype(np.float32), known)


def _shares(thought: Thought, labels: Array, count: int) -> tuple[Array, Array]:
    """(the mean distribution in each area (count, k), whether there is one (count,))."""
    distribution = chances(thought.logits, thought.temperature)
    cells = cell_labels(labels, distribution.shape[1:], thought.visible)
    known = cells >= 0
    size = np.bincount(cells[known], minlength=count)
    sums = [np.bincount(cells[known], plane[known], count) for plane in distribution]
    return np.stack(sums, axis=1) / np.maximum(size, 1)[:, None], size > 0


def _whim(expected: Array, alike: Array, seed: int) -> Array:
    """Noise (count, k) that is like for like colours and for areas of like expectation.

    A sum of waves over CIE L*a*b* of the expected colours (random Fourier features of a Gaussian
    kernel), each carrying noise over the palette that is smoothed among colours of a kind.
    """
    rng = np.random.default_rng(seed)
    smooth = alike / np.sqrt(np.square(alike).sum(axis=1, keepdims=True))
    noise = smooth @ rng.standard_normal((len(alike), WAVES))
    turns = rng.standard_normal((3, WAVES)) / LIKE
    waves = np.cos(expected @ turns + rng.uniform(0, 2 * np.pi, WAVES))
    return DARING * np.sqrt(2 / WAVES) * waves @ noise.T
