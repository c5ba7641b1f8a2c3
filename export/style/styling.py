"""What the three trainings of styles share: photographs, the judge, Adam, sheets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from lightning_fabric import Fabric
from torch import Tensor, nn

from export.data.pictures import Pictures
from export.networks.pretrained import read_vgg
from export.style.samples import as_tensor, resized
from export.training import losses, run
from export.training.arguments import option
from export.training.shared import save_sheet


@dataclass(frozen=True)
class StyleArgs(run.TrainingArgs):
    """What every training of a style takes."""

    sources: tuple[Path, ...] = option((), "tars or folders of colour photographs")
    vgg: Path = option(Path(), "normalised VGG19 weights (safetensors)")
    short_side: int = option(256, "short side of the cached photographs")
    held_out: int = option(500, "photographs never trained on")
    lr: float = option(1e-3, "peak learning rate of the generator")
    variation_weight: float = option(0.1, "weight of total variation, against speckles")
    range_weight: float = option(10.0, "weight of values outside [0, 1]")
    bf16: bool = option(True, "compute convolutions in bfloat16")


A = TypeVar("A", bound=StyleArgs)


class StyleRun(run.Run[A]):
    """A training with photographs, split by the names' hashes, and VGG19 as the judge."""

    def __init__(self, args: A, fabric: Fabric) -> None:
        super().__init__(args, fabric)
        with fabric.rank_zero_first():  # one process decodes, the others read its cache
            self.photos = Pictures.open(list(args.sources), args.cache, args.short_side)
        self.training, self.held_out = self.photos.split(args.held_out)
        self.vgg = read_vgg(args.vgg)

    def ready(self, rgb: Tensor) -> Tensor:
        """Pictures on the device, laid out as convolutions like them."""
        return rgb.to(self.device).to(memory_format=torch.channels_last)

    def some_held_out(self, count: int) -> list[np.ndarray]:
        """Held-out photographs (H, W, 3) uint8, always the same ones."""
        indices = self.held_out[:: max(1, len(self.held_out) // count)][:count]
        return [self.photos[index] for index in indices]


def adam(
    parameters: Iterable[nn.Parameter], rate: float, momentum: float = 0.9
) -> torch.optim.Optimizer:
    groups = [{"params": list(parameters), "peak_lr": rate}]
    return torch.optim.Adam(groups, lr=rate, betas=(momentum, 0.999))


def tidiness(painted: Tensor, args: StyleArgs) -> dict[str, Tensor]:
    """Weighted terms of total variation and of values outside [0, 1], of (N, 3, H, W)."""
    outside = F.relu(painted - 1) + F.relu(-painted)
    return {
        "variation": args.variation_weight * losses.total_variation(painted),
        "range": args.range_weight * (outside**2).mean(),
    }


def painted_sheet(path: Path, generator: nn.Module, photos: list[np.ndarray], side: int) -> None:
    """Photographs (H, W, 3) uint8, their short sides brought to `side`, beside their paintings."""
    cells = []
    for pixels in photos:
        rgb = resized(as_tensor(pixels), side)
        height, width = (length // 4 * 4 for length in rgb.shape[-2:])
        rgb = rgb[:, :, :height, :width]
        cells += [rgb[0], generator(rgb)[0]]
    save_sheet(path, [cells[i : i + 4] for i in range(0, len(cells), 4)])
