r"""Trains a named painter without pairs: a CycleGAN over photographs and a painter's works.

    python -m export.style.train_painter --preset monet --sources photos.tar --works paintings.tar \
        --vgg vgg19.safetensors --colorizer core/data/models/photo-v2 --out runs/monet

Stage 2 of the two; its formulas stand in export.style.cycle. Half of the photographs wear stage 1's
own colours (`--colorizer`), so that a grey picture can go through both generators in one run. The
checkpoint is one of a `stylizer`: export.onnx.to_onnx makes the model of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor

from export.colorize.recolor import Recolored
from export.data.pictures import Pictures, name_hash
from export.errors import DataUnusable
from export.networks.stylizer import Stylizer
from export.style.booster import Booster, moments_of_works
from export.style.cycle import CycleLosses, Game, Side, Weights
from export.style.samples import as_tensor
from export.style.styling import StyleArgs, StyleRun, adam, painted_sheet
from export.training import loop
from export.training.arguments import option
from export.training.checkpoint import load_optimizer
from export.training.shared import channels_last, run_script

NETWORK: dict[str, Any] = {"leak": 0.2}  # van-gogh-v1's, so that training may start from it
PHOTOGRAPHER: dict[str, Any] = {"channels": [16, 24, 32], "dilations": [1, 1], "leak": 0.2}


@dataclass(frozen=True)
class Args(StyleArgs):
    """Trains a painter from unpaired works."""

    works: tuple[Path, ...] = option((), "tars or folders of paintings")
    work_names: tuple[str, ...] = option((), "use only works whose file name contains one of these")
    colorizer: Path = option(Path(), "exported colouriser (folder) that recolours photographs")
    recolored: float = option(0.5, "share of photographs in its colours, if there is one")
    out: Path = option(Path("runs/painter"), "folder of checkpoint.pt and the sheets")
    steps: int = option(16000, "optimizer steps in all")
    calm: int = option(200, "first steps without discriminators")
    size: int = option(128, "side of the training squares, a multiple of 8")
    work_side: int = option(256, "short side of the works: smaller makes finer strokes")
    held_out_works: int = option(40, "works never trained on")
    lr: float = option(2e-4, "peak learning rate of the generators")
    judge_lr: float = option(2e-4, "peak learning rate of the discriminators")
    adversarial_loss: str = option("lsgan", "lsgan, hinge, non-saturating or minimax")
    adversarial_weight: float = option(1.0, "weight of the adversarial loss")
    cycle_weight: float = option(10.0, "weight of what comes back: lambda in CycleGAN")
    identity_weight: float = option(5.0, "weight of leaving one's own domain alone")
    content_weight: float = option(1.0, "weight of the content loss")
    content_layer: str = option("relu3_1", "VGG19 layer in which the content is compared")
    return_every: int = option(1, "cycle and identity in each so-manieth step: four of six passes")
    booster_weight: float = option(0.0, "weight of the works' statistics at first, 0 for none")
    booster_last: float = option(0.2, "the same in the last step, as a share of the first")
    booster_memory: float = option(0.8, "share of earlier steps in the statistics compared")
    tone_weight: float = option(0.0, "weight of the loss that keeps light places light")
    judge_channels: int = option(48, "channels of the discriminators' first layer")
    judge_depth: int = option(3, "halvings in a discriminator; 3 judges patches of 70 pixels")
    judge_scales: int = option(2, "discriminators per domain, each at half the last one's size")
    judged_layer: str = option("", "VGG19 layer that works are judged by; empty: by their pixels")
    pool: int = option(50, "older outputs that the discriminators are shown too")


MOMENTUM = 0.5  # of Adam, CycleGAN's


class Run(StyleRun[Args]):
    """The game: photographs, works, four networks, and an optimizer for each side."""

    network = "stylizer"
    generator: Stylizer

    def __init__(self, args: Args, fabric: Fabric) -> None:
        super().__init__(args, fabric)
        self.recolored = None
        with fabric.rank_zero_first():
            self.works = Pictures.open(list(args.works), args.cache, args.work_side)
            if args.colorizer != Path() and args.recolored:
                self.recolored = Recolored(self.photos, args.colorizer, args.cache)
        self.work_indices, _ = split_works(self.works, args.work_names, args.held_out_works)
        torch.manual_seed(args.seed)
        self.game = game = Game(
            NETWORK,
            args.judge_channels,
            args.judge_depth,
            args.judge_scales,
            PHOTOGRAPHER,
            self.vgg.channels(args.judged_layer) if args.judged_layer else 0,
        )
        restored = self.begin(game.painter)
        self.losses = self._losses()
        self.painting = self.prepare(
            Side(self.losses.of_generators, game.painter, game.photographer),
            adam(game.generators(), args.lr, MOMENTUM),
        )
        self.judging, self.judge_optimizer = self.wrap(
            Side(self.losses.of_judges, game.judge_of_works, game.judge_of_photos),
            adam(game.judges(), args.judge_lr, MOMENTUM),
        )
        self.go_on(restored)

    def _losses(self) -> CycleLosses:
        args = self.args
        weights = Weights(
            args.adversarial_weight,
            args.cycle_weight,
            args.identity_weight,
            args.content_weight,
            args.variation_weight,
            args.range_weight,
            args.tone_weight,
        )
        vgg, booster = channels_last(self.vgg).to(self.device), None
        if args.booster_weight:
            works = (self.ready(as_tensor(self.works[index])) for index in self.work_indices)
            with self.autocast():
                booster = Booster(moments_of_works(vgg, works), args.booster_memory)
        return CycleLosses(
            self.game,
            vgg,
            args.adversarial_loss,
            weights,
            args.content_layer,
            args.pool,
            booster,
            args.judged_layer,
        )

    @property
    def network_arguments(self) -> dict[str, Any]:
        return NETWORK

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Photographs and works (N, 3, S, S) in [0, 1]."""
        args, rng = self.args, self.rng(step)
        photos = []
        for index in rng.choice(self.training, args.batch):
            source = self.photos
            if self.recolored is not None and rng.random() < args.recolored:
                source = self.recolored
            photos.append(source.crops(rng, np.array([index]), args.size))
        works = self.works.crops(rng, rng.choice(self.work_indices, args.batch), args.size)
        return self._ready(torch.cat(photos)), self._ready(works)

    def _ready(self, squares: Tensor) -> Tensor:
        return self.ready(squares.float() / 255)

    def alone(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        """Both generators, each on its own domain."""
        photos, works = batch
        painted, pictured = self.game.painter.repaint(photos), self.game.photographer.repaint(works)
        return painted.float().mean() + pictured.float().mean()

    def step(self, step: int) -> dict[str, float]:
        args = self.args
        with self.clock.part("pictures"):
            photos, works = self.batch(step)
        random = torch.Generator().manual_seed(self.torch_seed(step))
        plays, returns = step >= args.calm, step % args.return_every == 0
        boost = args.booster_weight * (1 - (1 - args.booster_last) * step / args.steps)
        with self.clock.part("losses"), self.autocast():
            terms, painted, pictured = self.painting(photos, works, plays, random, returns, boost)
        values = self.learn(terms, step, self.game.generators())
        if plays:
            with self.clock.part("losses"), self.autocast():
                judged = self.judging(photos, works, painted, pictured, random)
            values |= self.descend(self.judge_optimizer, judged, self.game.judges(), step)
        return values

    def companions(self) -> dict[str, Any]:
        return {
            "losses": self.losses.state(),
            "judge_optimizer": self.judge_optimizer.state_dict(),
        }

    def restore_companions(self, companions: dict[str, Any]) -> None:
        self.losses.restore(companions["losses"], self.device)
        load_optimizer(self.judge_optimizer, companions["judge_optimizer"])

    def draw(self, generator: Any, path: Path) -> dict[str, float]:
        """Photograph and painting, twelve times."""
        painted_sheet(path, generator, self.some_held_out(12), 192)
        return {}


def split_works(
    works: Pictures, names: tuple[str, ...], held_out: int
) -> tuple[list[int], list[int]]:
    """Indices of a painter's works to train on and held out, by their names' hashes.

    Of the works whose file name contains one of `names`, or of all. Raises DataUnusable.
    """
    chosen = [
        index
        for index, entry in enumerate(works.entries)
        if not names or any(name in entry.name for name in names)
    ]
    if held_out >= len(chosen):
        raise DataUnusable(
            f"{held_out} works are to be held out, but there are only {len(chosen)}."
        )
    chosen.sort(key=lambda index: name_hash(works.entries[index].name))
    return sorted(chosen[held_out:]), sorted(chosen[:held_out])


def train(args: Args) -> loop.History:
    return loop.launch(Run, args)


if __name__ == "__main__":
    run_script(Args, train)
