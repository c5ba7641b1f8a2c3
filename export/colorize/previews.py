"""What a run shows of itself: numbers on the validation pictures, and a sheet to look at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from export.metrics import pictures as metrics
from export.training.color import lab_to_srgb, srgb_to_lab
from export.training.shared import save_sheet

SHOWN = 12


@torch.no_grad()
def validate(
    generator: nn.Module, pictures: list[np.ndarray], size: int, sheet: Path
) -> dict[str, float]:
    """Mean |ab| error and colourfulness, of pictures (H, W, 3) uint8; draws some on a sheet.

    Each picture is run as a square of `size`, without hints, z = 0. The error is compared with
    that of no colour at all ("of grey"), the colourfulness with the truth's ("of truth").
    """
    generator = generator.cpu()
    rows, numbers = [], []
    shown = set(range(0, len(pictures), max(1, len(pictures) // SHOWN)))
    for index, pixels in enumerate(pictures):
        rgb = center_square(pixels, size)
        lab = srgb_to_lab(rgb)
        lightness, truth = lab[:, :1], lab[:, 1:]
        ab = F.interpolate(generator(lightness)[0], size=rgb.shape[-2:], mode="bicubic")
        colored = lab_to_srgb(torch.cat((lightness, ab), dim=1))
        numbers.append(
            (
                float((ab - truth).abs().mean()),
                float(truth.abs().mean()),
                metrics.colorfulness(to_array(colored)),
                metrics.colorfulness(to_array(rgb)),
            )
        )
        if index in shown and len(rows) < SHOWN:
            grey = lab_to_srgb(torch.cat((lightness, torch.zeros_like(ab)), dim=1))
            rows.append((grey[0], colored[0], rgb[0]))
    # Two photographs side by side keep the sheet near square.
    save_sheet(sheet, [sum(rows[i : i + 2], ()) for i in range(0, len(rows), 2)])
    error, grey_error, colors, true_colors = np.mean(numbers, axis=0)
    return {
        "validation ab error": error,
        "validation ab error of grey": error / grey_error,
        "validation colourfulness": colors,
        "validation colourfulness of truth": colors / true_colors,
    }


def center_square(pixels: np.ndarray, side: int) -> Tensor:
    """The middle square of (H, W, 3) uint8, scaled to (1, 3, side, side) in [0, 1]."""
    length = min(pixels.shape[:2])
    top, left = (pixels.shape[0] - length) // 2, (pixels.shape[1] - length) // 2
    square = pixels[top : top + length, left : left + length].copy()
    rgb = torch.from_numpy(square).permute(2, 0, 1)[None].float() / 255
    if length != side:
        rgb = F.interpolate(rgb, size=(side, side), mode="bicubic", antialias=True).clamp(0, 1)
    return rgb


def to_array(picture: Tensor) -> np.ndarray:
    """(1, C, H, W) -> (H, W, C)."""
    return picture[0].permute(1, 2, 0).numpy()
