"""What arbitrary style is trained on: squares of photographs, and codes of style pictures."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from export.data.pictures import Pictures
from export.networks.transfer import StyleCode

if TYPE_CHECKING:
    from export.style.train_transfer import Args


@dataclass
class StyleBook:
    """Codes of style pictures at several sides, computed when first asked for, kept in a file."""

    pictures: Pictures
    network: StyleCode
    file: Path
    device: str
    bf16: bool
    codes: dict[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.file.exists():
            self.codes = torch.load(self.file, map_location="cpu", weights_only=True)

    @torch.no_grad()
    def code(self, index: int, side: int) -> Tensor:
        """(CODE_NUMBERS) of the picture, its short side brought to `side`."""
        key = f"{self.pictures.entries[index].name}@{side}"
        if key not in self.codes:
            rgb = resized(as_tensor(self.pictures[index]), side).to(self.device)
            with torch.autocast(self.device, dtype=torch.bfloat16, enabled=self.bf16):
                self.codes[key] = self.network(rgb)[0].float().cpu()
        return self.codes[key]

    def save(self) -> None:
        """Writes the codes by way of a temporary name."""
        temporary = self.file.with_suffix(".tmp")
        torch.save(self.codes, temporary)
        os.replace(temporary, self.file)


def style_codes(book: StyleBook, styles: list[int], rng: np.random.Generator, args: Args) -> Tensor:
    """Codes (batch, CODE_NUMBERS) of random styles, some of them mixtures of two."""
    codes = []
    for _ in range(args.styles_per_step):
        side = int(rng.choice(args.style_sides))
        code = book.code(int(rng.choice(styles)), side)
        if rng.random() < args.mixed:
            share = float(rng.random())
            code = share * code + (1 - share) * book.code(int(rng.choice(styles)), side)
        codes += [code] * (args.batch // args.styles_per_step)
    return torch.stack(codes)


def squares(pictures: Pictures, indices: list[int], rng: np.random.Generator, args: Args) -> Tensor:
    """Random squares of random photographs, resized: (batch, 3, size, size) in [0, 1].

    Small squares are enlarged, large ones reduced: the network meets soft pictures and sharp ones.
    """
    found = []
    for index in rng.choice(indices, args.batch):
        side = int(rng.integers(args.least_crop, args.short_side + 1))
        square = pictures.crops(rng, np.array([index]), side).float() / 255
        found.append(resized(square, args.size))
    return torch.cat(found)


def as_tensor(pixels: np.ndarray) -> Tensor:
    """(H, W, 3) uint8 -> (1, 3, H, W) in [0, 1]."""
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() / 255


def resized(rgb: Tensor, side: int) -> Tensor:
    """(N, 3, H, W) with its shorter side brought to `side`."""
    scale = side / min(rgb.shape[-2:])
    size = [round(length * scale) for length in rgb.shape[-2:]]
    return F.interpolate(rgb, size=size, mode="bicubic", antialias=True).clamp(0, 1)


def middle_square(pixels: np.ndarray, side: int) -> Tensor:
    """The middle of (H, W, 3) uint8, its short side brought to `side`: (1, 3, side, side)."""
    rgb = resized(as_tensor(pixels), side)
    top, left = (rgb.shape[2] - side) // 2, (rgb.shape[3] - side) // 2
    return rgb[:, :, top : top + side, left : left + side].contiguous()
