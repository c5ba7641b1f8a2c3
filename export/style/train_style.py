r"""Trains a painter: one network that repaints any picture in one style.

    python -m export.style.train_style --preset van-gogh --sources photos.tar --works
    starry_night.jpg \
        --vgg vgg19.safetensors --out runs/van-gogh
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from lightning_fabric import Fabric
from PIL import Image
from torch import Tensor, nn

from export.data.pictures import decode, read_files
from export.errors import DataUnusable
from export.networks import moments
from export.networks.stylizer import Stylizer
from export.networks.vgg import VGG19
from export.style.styling import StyleArgs, StyleRun, adam, painted_sheet, tidiness
from export.training import loop, losses
from export.training.arguments import option
from export.training.shared import run_script

NETWORK: dict[str, Any] = {"leak": 0.2}


@dataclass(frozen=True)
class Args(StyleArgs):
    """Trains a painter."""

    works: tuple[Path, ...] = option((), "tars, folders or files of the painter's works")
    work_names: str = option("", "use only works whose file name contains this")
    out: Path = option(Path("runs/style"), "folder of checkpoint.pt and the sheets")
    steps: int = option(5000, "optimizer steps in all")
    size: int = option(128, "side of the training squares, a multiple of 4")
    work_side: int = option(256, "short side of the works: smaller makes finer strokes")
    content_layer: str = option("relu3_1", "VGG19 layer in which the content is compared")
    style_layers: tuple[str, ...] = option(
        ("relu1_1", "relu2_1", "relu3_1"), "VGG19 layers of the style statistics"
    )
    content_weight: float = option(0.2, "weight of the content loss")
    covariance_weight: float = option(3.0, "weight of the distance of covariances")
    moment_weight: float = option(1.0, "weight of the distance of means and deviations")
    tone_weight: float = option(2.0, "weight of the loss that keeps light places light")


@dataclass(frozen=True)
class StyleTarget:
    """Statistics of the painter's works per VGG19 layer, averaged over the works."""

    covariance: dict[str, Tensor]  # (1, C, C)
    mean: dict[str, Tensor]  # (1, C)
    deviation: dict[str, Tensor]  # (1, C)

    def to(self, device: torch.device) -> StyleTarget:
        parts = (self.covariance, self.mean, self.deviation)
        return StyleTarget(*({k: v.to(device) for k, v in part.items()} for part in parts))


class StyleObjective(nn.Module):
    """The painter with its losses; one call gives the weighted terms of a batch."""

    def __init__(self, generator: Stylizer, vgg: VGG19, target: StyleTarget, args: Args) -> None:
        super().__init__()
        self.generator, self.vgg = generator, vgg
        self.target, self.args = target, args

    def forward(self, rgb: Tensor) -> dict[str, Tensor]:
        """Of squares (N, 3, S, S), encoded sRGB in [0, 1]."""
        args, layer = self.args, self.args.content_layer
        wanted = tuple(dict.fromkeys((*args.style_layers, layer)))
        with torch.autocast(rgb.device.type, dtype=torch.bfloat16, enabled=args.bf16):
            with torch.no_grad():
                content = self.vgg(rgb, (layer,))[layer]
            painted = self.generator.repaint(rgb)
            features = self.vgg(painted, wanted)
        painted = painted.float()
        features = {name: value.float() for name, value in features.items()}
        covariance, moment = style_distance(features, self.target, args.style_layers)
        return {
            "content": args.content_weight * F.mse_loss(features[layer], content.float()),
            "covariance": args.covariance_weight * covariance,
            "moment": args.moment_weight * moment,
            "tone": args.tone_weight * losses.tone_loss(painted, rgb),
            **tidiness(painted, args),
        }


class Run(StyleRun[Args]):
    """A painter that learns the statistics of the works."""

    network = "stylizer"
    generator: Stylizer

    def __init__(self, args: Args, fabric: Fabric) -> None:
        super().__init__(args, fabric)
        target = style_target(self.vgg, read_works(args), args).to(self.device)
        torch.manual_seed(args.seed)
        restored = self.begin(Stylizer(**NETWORK))
        objective = StyleObjective(self.generator, self.vgg, target, args)
        self.objective = self.prepare(objective, adam(self.generator.parameters(), args.lr))
        self.go_on(restored)

    @property
    def network_arguments(self) -> dict[str, Any]:
        return NETWORK

    def batch(self, step: int) -> Tensor:
        """Squares (N, 3, S, S) in [0, 1]."""
        rng = self.rng(step)
        indices = rng.choice(self.training, self.args.batch)
        return self.ready(self.photos.crops(rng, indices, self.args.size).float() / 255)

    def alone(self, batch: Tensor) -> Tensor:
        return self.generator.repaint(batch).float().mean()

    def step(self, step: int) -> dict[str, float]:
        with self.clock.part("pictures"):
            rgb = self.batch(step)
        with self.clock.part("losses"):
            terms = self.objective(rgb)
        return self.learn(terms, step)

    def draw(self, generator: Any, path: Path) -> dict[str, float]:
        """Photograph and painting, twelve times."""
        painted_sheet(path, generator, self.some_held_out(12), self.args.short_side)
        return {}


def style_distance(
    features: dict[str, Tensor], target: StyleTarget, layers: tuple[str, ...]
) -> tuple[Tensor, Tensor]:
    """Distance of covariances, and of means and deviations, summed over the layers.

    The former is relative to the target's own size, so that every layer counts alike. The batch
    is taken as one large picture: a dark square may stay dark, if the others make up for it.
    """
    covariance = moment = torch.zeros((), device=features[layers[0]].device)
    for layer in layers:
        as_one = features[layer].transpose(0, 1).flatten(1)[None, :, :, None]  # (1, C, NHW, 1)
        wanted = target.covariance[layer]
        difference = moments.covariance(as_one) - wanted
        covariance = covariance + difference.norm() / wanted.norm()
        mean, deviation = moments.mean_and_deviation(as_one)
        moment = moment + F.mse_loss(mean, target.mean[layer])
        moment = moment + F.mse_loss(deviation, target.deviation[layer])
    return covariance, moment


def read_works(args: Args) -> list[Tensor]:
    """The painter's works (1, 3, H, W) in [0, 1]. DataUnusable when none can be read."""
    works = []
    for source in args.works:
        files = (
            [(source.name, source.read_bytes())]
            if source.is_file() and source.suffix != ".tar"
            else read_files(source)
        )
        for name, content in files:
            picture = decode(content) if args.work_names in name else None
            if picture is None:
                continue
            scale = args.work_side / min(picture.size)
            size = (round(picture.width * scale), round(picture.height * scale))
            pixels = np.array(picture.resize(size, Image.Resampling.LANCZOS))
            works.append(torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255)
    if not works:
        raise DataUnusable("There is no work of the painter that can be read.")
    return works


@torch.no_grad()
def style_target(vgg: VGG19, works: list[Tensor], args: Args) -> StyleTarget:
    """Averages the statistics of all works."""
    covariances: dict[str, list[Tensor]] = {layer: [] for layer in args.style_layers}
    means: dict[str, list[Tensor]] = {layer: [] for layer in args.style_layers}
    deviations: dict[str, list[Tensor]] = {layer: [] for layer in args.style_layers}
    for work in works:
        for layer, features in vgg(work, args.style_layers).items():
            covariances[layer].append(moments.covariance(features))
            mean, deviation = moments.mean_and_deviation(features)
            means[layer].append(mean)
            deviations[layer].append(deviation)

    def average(lists: dict[str, list[Tensor]]) -> dict[str, Tensor]:
        return {layer: torch.stack(values).mean(dim=0) for layer, values in lists.items()}

    return StyleTarget(average(covariances), average(means), average(deviations))


def train(args: Args) -> loop.History:
    return loop.launch(Run, args)


if __name__ == "__main__":
    run_script(Args, train)
