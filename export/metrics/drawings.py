"""Numbers that compare colourings of drawings with the truth.

Errors are CIEDE2000 of the colours beneath the lines, where no line covers them; areas are
connected pixels of one colour between lines.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from export.data.hints import HintLayer, hint_area
from export.data.illustrations import Illustration
from export.metrics.pictures import srgb_difference

Array = np.ndarray
VISIBLE = 0.1  # less ink than this covers nothing
LEAST_AREA = 24  # visible pixels of an area that is measured
BLEED_REACH = 6  # pixels beyond a line in which colour of its other side is looked for
DISTINCT = 10.0  # colours that differ less cannot be seen to cross


@dataclass(frozen=True)
class Drawing:
    """A held-out picture: name, ink (H, W) 0..1, areas (H, W), truth (H, W, 3) sRGB 0..1, the
    areas measured, those of them with a hint, and the hints."""

    name: str
    ink: Array
    areas: Array
    truth: Array
    measured: list[int]
    hinted: list[int]
    hints: HintLayer

    @property
    def visible(self) -> Array:
        return self.ink < VISIBLE


def make_drawing(name: str, one: Illustration, seed: tuple[int, ...]) -> Drawing:
    """A held-out picture with dabs and strokes in half (rounded up) of its measured areas."""
    rng = np.random.default_rng(seed)
    ink, areas = one.ink.astype(np.float32) / 255, one.areas.astype(np.int64)
    colors = one.colors.astype(np.float32) / 255
    sizes = np.bincount(areas[ink < VISIBLE], minlength=len(colors))
    measured = [int(area) for area in np.flatnonzero(sizes >= LEAST_AREA)]
    hints = HintLayer(*ink.shape)
    hinted = sorted(rng.permutation(measured)[: (len(measured) + 1) // 2].tolist())
    for area in hinted:
        inside = (areas == area) & (ink < VISIBLE)
        hint_area(hints, rng, inside, colors[area], largest=ink.shape[0] / 32)
    return Drawing(name, ink, areas, colors[areas], measured, hinted, hints)


def hint_numbers(drawings: list[Drawing], plain: list[Array], hinted: list[Array]) -> dict:
    """Errors of areas with a hint and without, in both runs; and what crosses lines."""
    errors: dict[str, list[float]] = {
        "hinted areas": [],
        "hinted areas, no hints given": [],
        "other areas": [],
        "other areas, no hints given": [],
    }
    crossing = looked_at = 0
    for drawing, without, colors in zip(drawings, plain, hinted, strict=True):
        difference = srgb_difference(colors, drawing.truth)
        before = srgb_difference(without, drawing.truth)
        for area in drawing.measured:
            inside = (drawing.areas == area) & drawing.visible
            kind = "hinted areas" if area in drawing.hinted else "other areas"
            errors[kind].append(float(difference[inside].mean()))
            errors[f"{kind}, no hints given"].append(float(before[inside].mean()))
        crossed, seen = bleeding(drawing, colors)
        crossing, looked_at = crossing + crossed, looked_at + seen
    numbers = {
        kind: {
            "areas": len(values),
            "median": float(np.median(values)),
            "mean": float(np.mean(values)),
            "share above 12": float(np.mean(np.array(values) > 12)),
        }
        for kind, values in errors.items()
    }
    return {
        "hints": numbers,
        "crossing share": crossing / max(1, looked_at),
        "looked at": looked_at,
    }


def bleeding(drawing: Drawing, colors: Array) -> tuple[int, int]:
    """(pixels whose colour comes from beyond a line, pixels looked at).

    Looked at are the visible pixels within BLEED_REACH of another area that a line parts from
    theirs all along, both areas having clearly different colours in the result. One is counted
    when its colour is nearer to the other area's median than to that of its own.
    """
    masks = {a: (drawing.areas == a) & drawing.visible for a in drawing.measured}
    medians = {a: np.median(colors[mask], axis=0) for a, mask in masks.items()}
    crossing = np.zeros(drawing.ink.shape, bool)
    looked_at = np.zeros(drawing.ink.shape, bool)
    for other, mask in masks.items():
        near, touching = dilate(mask, BLEED_REACH), dilate(mask, 1)
        for own in drawing.measured:
            zone = near & masks[own]
            if own == other or not zone.any() or (touching & masks[own]).any():
                continue
            if srgb_difference(medians[own], medians[other]) < DISTINCT:
                continue
            looked_at |= zone
            strange = srgb_difference(colors[zone], medians[other])
            crossing[zone] |= strange < srgb_difference(colors[zone], medians[own])
    return int(crossing.sum()), int(looked_at.sum())


def dilate(mask: Array, reach: int) -> Array:
    """(H, W) bool, grown by `reach` pixels in every direction."""
    planes = torch.from_numpy(mask.astype(np.float32))[None]
    return F.max_pool2d(planes, 2 * reach + 1, 1, reach)[0].numpy() > 0


def unhinted_numbers(
    drawings: list[Drawing],
    candidates: dict[str, list[Array]],
    judge: Callable[[Array, Array], float],
) -> dict[str, dict[str, float]]:
    """Mean CIEDE2000 where no line is, the same where truth is not white, the judge's distance."""
    found = {}
    for name, pictures in candidates.items():
        everywhere, colored, distance = [], [], []
        for drawing, colors in zip(drawings, pictures, strict=True):
            difference = srgb_difference(colors, drawing.truth)
            inside = drawing.visible & (drawing.truth.min(axis=2) < 0.98)
            everywhere.append(float(difference[drawing.visible].mean()))
            if inside.any():
                colored.append(float(difference[inside].mean()))
            distance.append(judge(lined(drawing, colors), lined(drawing, drawing.truth)))
        found[name] = {
            "delta E": float(np.mean(everywhere)),
            "delta E where not white": float(np.mean(colored)),
            "LPIPS-squeeze": float(np.mean(distance)),
        }
    return found


def lined(drawing: Drawing, colors: Array) -> Array:
    """Colours (H, W, 3) with the lines multiplied over them."""
    return colors * (1 - drawing.ink[..., None])
