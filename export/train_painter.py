r"""Trains a named painter without pairs: a CycleGAN over photographs and a painter's works.

    python -m export.train_painter --preset monet --sources photos.tar --works paintings.tar \
        --vgg vgg19.safetensors --colorizer core/models/photo-v2 --out runs/monet

Stage 2 of the two; its formulas stand in export.cycle. Half of the photographs wear stage 1's own
colours (`--colorizer`), so that a grey picture can go through both generators in one run. The
checkpoint is one of a `stylizer`: export.to_onnx makes the model of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from export.arguments import as_plain, option
from export.booster import Booster, moments_of_works
from export.checkpoint import (
    Checkpoint,
    git_commit,
    load_checkpoint,
    load_weights,
    read_safetensors,
)
from export.cycle import CycleLosses, Game, Weights
from export.data import Pictures, name_hash
from export.errors import DataUnusable
from export.exported import load_exported
from export.networks.stylizer import Stylizer
from export.networks.vgg import VGG19
from export.recolor import Recolored
from export.style_samples import as_tensor, resized
from export.training import (
    Progress,
    StopRequest,
    Timer,
    channels_last,
    learning_rate_factor,
    require_finite,
    run_script,
    save_sheet,
    set_learning_rate,
    update_ema,
)

NETWORK: dict[str, Any] = {"leak": 0.2}  # van-gogh-v1's, so that training may start from it
PHOTOGRAPHER: dict[str, Any] = {"channels": [16, 24, 32], "dilations": [1, 1], "leak": 0.2}


@dataclass(frozen=True)
class Args:
    """Trains a painter from unpaired works."""

    sources: tuple[Path, ...] = option((), "tars or folders of colour photographs")
    works: tuple[Path, ...] = option((), "tars or folders of paintings")
    work_names: tuple[str, ...] = option((), "use only works whose file name contains one of these")
    colorizer: Path = option(Path(), "exported colouriser (folder) that recolours photographs")
    recolored: float = option(0.5, "share of photographs in its colours, if there is one")
    vgg: Path = option(Path(), "normalised VGG19 weights (safetensors)")
    out: Path = option(Path("runs/painter"), "folder of checkpoint.pt and the sheets")
    cache: Path = option(Path("runs/cache"), "folder of decoded pictures")
    resume: bool = option(False, "go on from the checkpoint in `out`")
    start: Path = option(Path(), "another painter to start from: checkpoint or exported model")
    steps: int = option(16000, "optimizer steps in all")
    warm_up: int = option(50, "steps of linear warm-up of the learning rates")
    calm: int = option(200, "first steps without discriminators")
    batch: int = option(4, "photographs, and works, per step")
    size: int = option(128, "side of the training squares, a multiple of 8")
    short_side: int = option(256, "short side of the cached photographs")
    work_side: int = option(256, "short side of the works: smaller makes finer strokes")
    held_out: int = option(500, "photographs never trained on")
    held_out_works: int = option(40, "works never trained on")
    lr: float = option(2e-4, "peak learning rate of the generators")
    judge_lr: float = option(2e-4, "peak learning rate of the discriminators")
    ema_decay: float = option(0.998, "decay of the smoothed weights")
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
    variation_weight: float = option(0.1, "weight of total variation, against speckles")
    range_weight: float = option(10.0, "weight of values outside [0, 1]")
    judge_channels: int = option(48, "channels of the discriminators' first layer")
    judge_depth: int = option(3, "halvings in a discriminator; 3 judges patches of 70 pixels")
    judge_scales: int = option(2, "discriminators per domain, each at half the last one's size")
    judged_layer: str = option("", "VGG19 layer that works are judged by; empty: by their pixels")
    pool: int = option(50, "older outputs that the discriminators are shown too")
    seed: int = option(0, "seed of weights and crops")
    device: str = option("cpu", "where to train: cpu, cuda")
    threads: int = option(0, "CPU threads, 0 for PyTorch's choice")
    bf16: bool = option(True, "compute convolutions in bfloat16")
    save_minutes: float = option(2.5, "minutes between checkpoints")
    sheet_minutes: float = option(10.0, "minutes between sample sheets")


class Run:
    """Pictures, networks and optimizers of one training, and one step of it."""

    def __init__(self, args: Args) -> None:
        self.args, self.commit = args, git_commit()
        self.photos = Pictures.open(list(args.sources), args.cache, args.short_side)
        self.works = Pictures.open(list(args.works), args.cache, args.work_side)
        self.training, self.held_out = self.photos.split(args.held_out)
        self.work_indices, _ = split_works(self.works, args.work_names, args.held_out_works)
        self.recolored = None
        if args.colorizer != Path() and args.recolored:
            self.recolored = Recolored(self.photos, args.colorizer, args.cache)
        vgg = VGG19()
        load_weights(vgg, read_safetensors(args.vgg))
        torch.manual_seed(args.seed)
        game = Game(
            NETWORK,
            args.judge_channels,
            args.judge_depth,
            args.judge_scales,
            PHOTOGRAPHER,
            vgg.channels(args.judged_layer) if args.judged_layer else 0,
        )
        if args.start != Path():
            load_start(game.painter, args.start)
        self.game = channels_last(game).to(args.device)
        weights = Weights(
            args.adversarial_weight,
            args.cycle_weight,
            args.identity_weight,
            args.content_weight,
            args.variation_weight,
            args.range_weight,
            args.tone_weight,
        )
        vgg = channels_last(vgg).to(args.device)
        self.losses = CycleLosses(
            self.game,
            vgg,
            args.adversarial_loss,
            weights,
            args.content_layer,
            args.pool,
            self._booster(vgg) if args.booster_weight else None,
            args.judged_layer,
        )
        self.optimizer = adam(game.generators(), args.lr)
        self.judge_optimizer = adam(game.judges(), args.judge_lr)
        self.ema = {key: value.clone() for key, value in game.painter.state_dict().items()}
        self.first_step = 0
        if args.resume:
            self._restore(load_checkpoint(args.out / "checkpoint.pt", network="stylizer"))

    def _booster(self, vgg: VGG19) -> Booster:
        works = (as_tensor(self.works[i]).to(self.args.device) for i in self.work_indices)
        with torch.autocast(self.args.device, dtype=torch.bfloat16, enabled=self.args.bf16):
            return Booster(moments_of_works(vgg, works), self.args.booster_memory)

    def _restore(self, saved: Checkpoint) -> None:
        load_weights(self.game.painter, saved.weights)
        self.losses.restore(saved.companions["losses"], self.args.device)
        self.optimizer.load_state_dict(saved.optimizer)
        self.judge_optimizer.load_state_dict(saved.companions["judge_optimizer"])
        self.ema = {key: value.to(self.args.device) for key, value in saved.ema.items()}
        self.first_step = saved.step

    def save(self, step: int) -> None:
        Checkpoint(
            network="stylizer",
            network_arguments=NETWORK,
            weights=self.game.painter.state_dict(),
            ema=self.ema,
            optimizer=self.optimizer.state_dict(),
            step=step,
            arguments=as_plain(self.args),
            commit=self.commit,
            companions={
                "losses": self.losses.state(),
                "judge_optimizer": self.judge_optimizer.state_dict(),
            },
        ).save(self.args.out / "checkpoint.pt")

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Photographs and works (N, 3, S, S) in [0, 1]; the same for the same step."""
        args = self.args
        rng = np.random.default_rng((args.seed, step))
        photos = []
        for index in rng.choice(self.training, args.batch):
            source = self.photos
            if self.recolored is not None and rng.random() < args.recolored:
                source = self.recolored
            photos.append(source.crops(rng, np.array([index]), args.size))
        works = self.works.crops(rng, rng.choice(self.work_indices, args.batch), args.size)
        return self._ready(torch.cat(photos)), self._ready(works)

    def _ready(self, squares: Tensor) -> Tensor:
        squares = squares.to(self.args.device).float() / 255
        return squares.to(memory_format=torch.channels_last)

    def step(self, step: int) -> dict[str, float]:
        """One step of each optimizer; the weighted loss terms. Raises TrainingDiverged."""
        args = self.args
        photos, works = self.batch(step)
        random = torch.Generator().manual_seed(args.seed * 1_000_003 + step)
        plays, returns = step >= args.calm, step % args.return_every == 0
        boost = args.booster_weight * (1 - (1 - args.booster_last) * step / args.steps)
        factor = learning_rate_factor(step, args.steps, args.warm_up)
        with torch.autocast(args.device, dtype=torch.bfloat16, enabled=args.bf16):
            terms, painted, pictured = self.losses.of_generators(
                photos, works, plays, random, returns, boost
            )
        descend(self.optimizer, terms, self.game.generators(), factor, step)
        update_ema(self.ema, self.game.painter, args.ema_decay, step)
        if plays:
            with torch.autocast(args.device, dtype=torch.bfloat16, enabled=args.bf16):
                judged = self.losses.of_judges(photos, works, painted, pictured, random)
            descend(self.judge_optimizer, judged, self.game.judges(), factor, step)
            terms |= judged
        return {name: float(value.detach()) for name, value in terms.items()}

    @torch.no_grad()
    def write_sheet(self, step: int) -> None:
        """Photograph and painting, by the smoothed weights, of twelve held-out photographs."""
        painter = Stylizer(**NETWORK)
        painter.load_state_dict(self.ema)
        cells = []
        for index in self.held_out[:: max(1, len(self.held_out) // 12)][:12]:
            rgb = resized(as_tensor(self.photos[index]), 192)
            height, width = (side // 4 * 4 for side in rgb.shape[-2:])
            rgb = rgb[:, :, :height, :width]
            cells += [rgb[0], painter(rgb)[0]]
        rows = [cells[i : i + 4] for i in range(0, len(cells), 4)]
        save_sheet(self.args.out / f"sheet-{step:06d}.png", rows)


def main() -> None:
    run_script(Args, train)


def train(args: Args) -> list[dict[str, float]]:
    """Runs to `args.steps`, or until asked to stop; returns the loss terms of each step taken."""
    run, stop = Run(args), StopRequest()
    progress = Progress(run.first_step, args.steps, args.batch)
    save_timer, sheet_timer = Timer(args.save_minutes * 60), Timer(args.sheet_minutes * 60)
    history = []
    for step in range(run.first_step, args.steps):
        history.append(run.step(step))
        if step % 20 == 19:
            progress.show(step + 1, history[-1])
        if stop or step + 1 == args.steps or save_timer.due():
            run.save(step + 1)
        if step + 1 == args.steps or sheet_timer.due():
            run.write_sheet(step + 1)
        if stop:
            break
    return history


def load_start(painter: Stylizer, start: Path) -> None:
    """Fills the painter from a checkpoint or an exported model's folder. CheckpointUnusable."""
    if start.is_dir():
        load_exported(painter, start)
    else:
        load_weights(painter, load_checkpoint(start, network="stylizer").ema)


def adam(parameters: list[torch.nn.Parameter], rate: float) -> torch.optim.Optimizer:
    """Adam with CycleGAN's momentum."""
    return torch.optim.Adam([{"params": parameters, "peak_lr": rate}], lr=rate, betas=(0.5, 0.999))


def descend(
    optimizer: torch.optim.Optimizer,
    terms: dict[str, Tensor],
    parameters: list[torch.nn.Parameter],
    factor: float,
    step: int,
) -> None:
    """One step against the sum of the terms. Raises TrainingDiverged."""
    require_finite(terms, step)
    set_learning_rate(optimizer, factor)
    optimizer.zero_grad(set_to_none=True)
    torch.stack(list(terms.values())).sum().backward()
    torch.nn.utils.clip_grad_norm_(parameters, 5.0)
    optimizer.step()


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


if __name__ == "__main__":
    main()
