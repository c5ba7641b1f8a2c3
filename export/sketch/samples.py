"""Batches for training the sketch colouriser: flat illustrations with drawn or extracted lines,
photographs and paintings with extracted ones, and hints for about half of them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from export.data.hints import HintLayer, hint_area
from export.data.illustrations import Illustration, Illustrations
from export.data.lines import draw, extract_lines
from export.data.pictures import Pictures

Array = np.ndarray
HINT_LINE = 0.5  # hints are not painted where ink exceeds this


@dataclass
class Batch:
    """ink, hint_mask, hinted, flat: (N, 1, S, S); target, hint: (N, 3, S, S); all in [0, 1].

    `hinted` is 1 on areas that a hint belongs to, `flat` (N, 1, 1, 1) where areas are known.
    """

    ink: Tensor
    target: Tensor
    hint: Tensor
    hint_mask: Tensor
    hinted: Tensor
    flat: Tensor

    def inputs(self) -> tuple[Tensor, Tensor, Tensor]:
        """Ink, hint and hint mask, laid out as convolutions on a CPU like them."""
        ordered = (self.ink, self.hint, self.hint_mask)
        ink, hint, mask = (value.to(memory_format=torch.channels_last) for value in ordered)
        return ink, hint, mask

    def to(self, device: torch.device) -> Batch:
        return Batch(*(getattr(self, f.name).to(device) for f in fields(Batch)))

    @staticmethod
    def join(parts: list[Batch]) -> Batch:
        return Batch(*(torch.cat([getattr(part, f.name) for part in parts]) for f in fields(Batch)))


@dataclass(frozen=True)
class Mixture:
    """What a batch is made of. The rest of it are illustrations.

    `unhinted`: share of the samples without any hint; `recolored`: share of the hinted
    illustrations in which some hinted areas have another colour than the artist's;
    `redrawn`: share of the illustrations whose lines are extracted, not drawn.
    """

    photos: float = 0.2
    unhinted: float = 0.45
    recolored: float = 0.4
    redrawn: float = 0.2


class Sampler:
    """Makes the batch of a step, the same for the same step."""

    def __init__(
        self,
        illustrations: Illustrations,
        pairs: list[int],
        pictures: Pictures | None,
        chosen: list[int],
        mixture: Mixture,
    ) -> None:
        self._illustrations, self._pairs = illustrations, pairs
        self._pictures, self._chosen = pictures, chosen
        self._mixture = mixture

    def batch(self, seed: tuple[int, ...], count: int, side: int) -> Batch:
        """`count` samples of `side` pixels, seeded by whole numbers."""
        rng = np.random.default_rng(seed)
        random = torch.Generator().manual_seed(int(rng.integers(2**62)))
        photos = round(count * self._mixture.photos) if self._pictures else 0
        parts = [self._illustration(rng, side) for _ in range(count - photos)]
        batch = Batch.join(parts)
        redrawn = torch.rand(len(parts), generator=random) < self._mixture.redrawn
        if redrawn.any():
            batch.ink[redrawn] = extract_lines(batch.target[redrawn], random)
        if photos:
            batch = Batch.join([batch, self._photos(rng, random, photos, side)])
        batch.ink = draw(batch.ink, random)
        return batch

    def _illustration(self, rng: np.random.Generator, side: int) -> Batch:
        one = window(rng, self._illustrations[int(rng.choice(self._pairs))], side)
        areas, colors, ink = one.areas, one.colors.astype(np.float32) / 255, one.ink / 255
        hinted = np.zeros(len(colors), bool)
        layer = HintLayer(side, side)
        if rng.random() >= self._mixture.unhinted:
            present = np.unique(areas)
            most = len(present)
            count = (most + 1) // 2 if rng.random() < 0.4 else int(rng.integers(1, most + 1))
            chosen = rng.choice(present, count, replace=False)
            if rng.random() < self._mixture.recolored:
                for area in chosen[: int(rng.integers(1, count + 1))]:
                    colors[area] = any_color(rng)
            for area in chosen:
                inside = (areas == area) & (ink < HINT_LINE)
                hint_area(layer, rng, inside, colors[area], largest=side / 16)
                hinted[area] = layer.mask[inside].any()
        return as_batch(ink, colors[areas], layer, hinted[areas], flat=True)

    def _photos(
        self, rng: np.random.Generator, random: torch.Generator, count: int, side: int
    ) -> Batch:
        """Photographs and paintings, lighter than they are: paper and lines add the dark."""
        assert self._pictures is not None
        crops = self._pictures.crops(rng, rng.choice(self._chosen, count), side).float() / 255
        ink = extract_lines(crops, random)
        target = 0.12 + 0.88 * crops
        parts = []
        for index in range(count):
            layer = HintLayer(side, side)
            if rng.random() >= self._mixture.unhinted:
                self._dabs(rng, layer, target[index], side)
            rgb = target[index].permute(1, 2, 0).numpy()
            parts.append(as_batch(ink[index, 0].numpy(), rgb, layer, layer.mask, flat=False))
        return Batch.join(parts)

    @staticmethod
    def _dabs(rng: np.random.Generator, layer: HintLayer, target: Tensor, side: int) -> None:
        smooth = F.avg_pool2d(target[None], 7, 1, 3, count_include_pad=False)[0]
        everywhere = np.ones((side, side), bool)
        for _ in range(int(rng.integers(1, 16))):
            y, x = (int(v) for v in rng.integers(0, side, 2))
            radius = float(rng.uniform(0.7, 3))
            layer.dab((y, x), radius, smooth[:, y, x].numpy(), everywhere)


def window(rng: np.random.Generator, one: Illustration, side: int) -> Illustration:
    """A random square of the picture, some of it perhaps beyond its edge, scaled to `side`.

    Half of them are mirrored. Areas beyond the edge are those at the edge, lines are none.
    """
    full = one.areas.shape[0]
    length = full * float(rng.uniform(0.7, 1.3))
    free = full - length
    top, left = (rng.uniform(min(0, free), max(0, free)) for _ in range(2))
    steps = (np.arange(side) + 0.5) * length / side
    rows = np.clip(top + steps, 0, full - 1).astype(int)
    columns = np.clip(left + steps, 0, full - 1).astype(int)
    margin = int(0.32 * full)  # more than a window reaches beyond the edge
    ink = Image.fromarray(np.pad(one.ink, margin))
    box = (left + margin, top + margin, left + margin + length, top + margin + length)
    small = np.asarray(ink.resize((side, side), Image.Resampling.BILINEAR, box))
    areas = one.areas[rows][:, columns]
    if rng.random() < 0.5:
        areas, small = areas[:, ::-1], small[:, ::-1]
    return Illustration(areas, one.colors, small)


def any_color(rng: np.random.Generator) -> Array:
    """A colour that somebody may choose, sRGB (3) in [0, 1]: any, often a saturated one."""
    color = rng.random(3)
    if rng.random() < 0.5:
        low, high = color.min(), color.max()
        color = (color - low) / max(1e-3, high - low) * rng.uniform(0.4, 1)
        color += (1 - color) * rng.uniform(0, 0.5)
    return color.astype(np.float32)


def as_batch(ink: Array, rgb: Array, layer: HintLayer, hinted: Array, flat: bool) -> Batch:
    """One sample as tensors: ink and hinted (H, W), rgb (H, W, 3)."""

    def plane(values: Array) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values, np.float32))[None, None]

    def color(values: Array) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values, np.float32)).permute(2, 0, 1)[None]

    return Batch(
        ink=plane(ink),
        target=color(rgb),
        hint=color(layer.colors),
        hint_mask=plane(layer.mask),
        hinted=plane(hinted),
        flat=torch.full((1, 1, 1, 1), float(flat)),
    )
