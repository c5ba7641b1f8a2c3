r"""Trains the sketch colouriser.

    python -m export.sketch.train --preset sketch --illustrations illustrations.tar \
        --sources photos.tar paintings.tar --encoder mobilenetv2.safetensors --out runs/sketch
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from lightning_fabric import Fabric
from torch import Tensor

from export.data.illustrations import Illustrations
from export.data.pictures import Pictures
from export.errors import BadPreset
from export.networks.pretrained import load_encoder
from export.networks.sketcher import CODE_SIZE, Sketcher
from export.sketch.objective import SketchObjective
from export.sketch.palette import color_weights, lab_points, make_palette
from export.sketch.samples import Batch, Mixture, Sampler
from export.training import loop, run
from export.training.arguments import option
from export.training.shared import adamw, run_script, save_sheet


@dataclass(frozen=True)
class Args(run.TrainingArgs):
    """Trains the sketch colouriser."""

    illustrations: Path = option(Path(), "tar of flat illustrations with their lines")
    sources: tuple[Path, ...] = option((), "tars or folders of photographs and paintings")
    encoder: Path = option(Path(), "MobileNetV2 ImageNet weights (safetensors, GluonCV layout)")
    out: Path = option(Path("runs/sketch"), "folder of checkpoint.pt and the sheets")
    steps: int = option(4000, "optimizer steps in all")
    warm_up: int = option(60, "steps of linear warm-up")
    batch: int = option(12, "pictures per step and process")
    sizes: tuple[int, ...] = option((96, 128, 160), "sides of the training squares")
    pair_side: int = option(256, "side of the cached illustrations")
    short_side: int = option(192, "short side of the cached photographs")
    validation: int = option(40, "subjects held out to look at")
    test: int = option(100, "subjects held out to measure with")
    held_out: int = option(500, "photographs never trained on")
    photos: float = option(0.2, "share of photographs and paintings in a batch")
    unhinted: float = option(0.45, "share of samples without any hint")
    decoder_lr: float = option(1.5e-3, "peak learning rate of everything but the encoder")
    encoder_lr: float = option(3e-4, "peak learning rate of the pretrained encoder")
    weight_decay: float = option(0.01, "AdamW's decoupled weight decay")
    palette_size: int = option(96, "colours of the palette")
    temperature: float = option(0.5, "softmax temperature of the expectation")
    color_weight: float = option(1.0, "weight of the Huber loss on Lab, of the output")
    spread_weight: float = option(0.5, "weight of the same on the hints' colours in their areas")
    follow_weight: float = option(0.3, "weight of the cross-entropy of what to follow")
    classification_weight: float = option(0.3, "weight of the rebalanced classification loss")
    code_weight: float = option(0.01, "weight of the code's Kullback-Leibler divergence")
    coded: float = option(0.5, "share of samples that are told the code of their truth")
    rebalancing: float = option(0.5, "lambda of the rebalancing: 1 leaves all colours equal")
    save_minutes: float = option(3.0, "minutes between checkpoints")


class Run(run.Run[Args]):
    """The sketch colouriser with its samplers of training and of held-out drawings."""

    network = "sketcher"
    generator: Sketcher

    def __init__(self, args: Args, fabric: Fabric) -> None:
        if any(side % Sketcher.size_multiple for side in args.sizes):
            raise BadPreset(f"The sizes are to be multiples of {Sketcher.size_multiple}.")
        super().__init__(args, fabric)
        with fabric.rank_zero_first():  # one process decodes, the others read its cache
            self.sampler, self.validation = make_samplers(args)
        torch.manual_seed(args.seed)
        restored = self.begin(Sketcher(**self.network_arguments))
        colors = sample_colors(self.sampler, args)
        if self.is_fresh:
            random = torch.Generator().manual_seed(args.seed)
            self.generator.palette.copy_(make_palette(colors, args.palette_size, random))
            load_encoder(self.generator.encoder, args.encoder)
        weights = color_weights(self.generator.palette.cpu(), colors, args.rebalancing)
        optimizer = adamw(
            self.generator.encoder,
            (self.generator,),
            args.encoder_lr,
            args.decoder_lr,
            args.weight_decay,
        )
        objective = SketchObjective(self.generator, weights, args)
        self.objective = self.prepare(objective, optimizer)
        self.go_on(restored)

    @property
    def network_arguments(self) -> dict[str, Any]:
        return {"palette_size": self.args.palette_size, "temperature": self.args.temperature}

    def batch(self, step: int) -> Batch:
        args, rank = self.args, self.fabric.global_rank
        # One size for all processes, so that none waits for the others.
        size = int(np.random.default_rng((args.seed, step, 1)).choice(args.sizes))
        seed = (args.seed, step, 5, rank) if rank else (args.seed, step)
        return self.sampler.batch(seed, args.batch, size).to(self.device)

    def alone(self, batch: Batch) -> Tensor:
        code = torch.zeros(self.args.batch, CODE_SIZE, device=self.device)
        found = self.generator.predict(*batch.inputs(), code)
        return torch.stack([value.float().mean() for value in found.values()]).sum()

    def step(self, step: int) -> dict[str, float]:
        with self.clock.part("pictures"):
            batch = self.batch(step)
        with self.clock.part("losses"):
            terms = self.objective(batch, self.random(step))
        return self.learn(terms, step)

    def sample_inputs(self) -> Iterator[tuple[Tensor, ...]]:
        """Twelve batches, half of each with codes, the others with zeros."""
        args = self.args
        random = torch.Generator().manual_seed(args.seed)
        for index in range(12):
            batch = self.sampler.batch((args.seed, index, 2), args.batch, max(args.sizes))
            codes = torch.randn(args.batch, CODE_SIZE, generator=random)
            codes = codes * (torch.arange(args.batch) % 2)[:, None]
            yield *batch.to(self.device).inputs(), codes.to(self.device)

    def draw(self, generator: Any, path: Path) -> dict[str, float]:
        """Lines with hints, output and truth, each under the lines."""
        side = min(192, self.args.short_side // 32 * 32)
        cells = []
        for index in range(8):
            batch = self.validation.batch((index, 4), 5, side)
            colors, _ = generator(*batch.inputs(), torch.zeros(5, CODE_SIZE))
            colors = F.interpolate(colors, scale_factor=2.0, mode="bilinear", align_corners=False)
            paper = 1 - batch.ink
            hints = paper + batch.hint_mask * (batch.hint - paper)
            for one, found, truth in zip(hints, colors * paper, batch.target * paper, strict=True):
                cells.append((one, found, truth))
        save_sheet(path, [sum(cells[i : i + 4], ()) for i in range(0, len(cells), 4)])
        return {}


def make_samplers(args: Args) -> tuple[Sampler, Sampler]:
    """Of the training pictures, and of the ones held out for looking at."""
    illustrations = Illustrations.open(args.illustrations, args.cache, args.pair_side)
    pairs, validation, _ = illustrations.split(args.validation, args.test)
    pictures, chosen, held = None, [], []
    if args.sources and args.photos > 0:
        pictures = Pictures.open(list(args.sources), args.cache, args.short_side)
        chosen, held = pictures.split(args.held_out)
    mixture = Mixture(photos=args.photos, unhinted=args.unhinted)
    return (
        Sampler(illustrations, pairs, pictures, chosen, mixture),
        Sampler(illustrations, validation, pictures, held, mixture),
    )


def sample_colors(sampler: Sampler, args: Args) -> Tensor:
    """Lab (M, 3) of forty batches of training targets, at a quarter of their size."""
    side = min(args.sizes)
    targets = [sampler.batch((args.seed, i, 3), args.batch, side).target for i in range(40)]
    return lab_points(torch.cat(targets)[:, :, 2::4, 2::4])


def train(args: Args) -> loop.History:
    return loop.launch(Run, args)


if __name__ == "__main__":
    run_script(Args, train)
