r"""Trains the sketch colouriser.

    python -m export.train_sketch --preset sketch --illustrations illustrations.tar \
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
from torch import Tensor

from export.arguments import as_plain, option
from export.checkpoint import (
    Checkpoint,
    git_commit,
    load_checkpoint,
    load_weights,
    read_safetensors,
)
from export.color import srgb_to_lab
from export.data import Pictures
from export.errors import BadPreset, DataUnusable
from export.illustrations import Illustrations
from export.networks.sketcher import CODE_SIZE, Sketcher
from export.sketch_colors import color_weights, lab_points, make_palette, nearest_colors
from export.sketch_samples import Batch, Mixture, Sampler
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
    settle_norms,
    update_ema,
)


@dataclass(frozen=True)
class Args:
    """Trains the sketch colouriser."""

    illustrations: Path = option(Path(), "tar of flat illustrations with their lines")
    sources: tuple[Path, ...] = option((), "tars or folders of photographs and paintings")
    encoder: Path = option(Path(), "MobileNetV2 ImageNet weights (safetensors, GluonCV layout)")
    out: Path = option(Path("runs/sketch"), "folder of checkpoint.pt and the sheets")
    cache: Path = option(Path("runs/cache"), "folder of decoded pictures")
    resume: bool = option(False, "go on from the checkpoint in `out`")
    steps: int = option(4000, "optimizer steps in all")
    warm_up: int = option(60, "steps of linear warm-up")
    batch: int = option(12, "pictures per step")
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
    ema_decay: float = option(0.998, "decay of the smoothed weights")
    palette_size: int = option(96, "colours of the palette")
    temperature: float = option(0.5, "softmax temperature of the expectation")
    color_weight: float = option(1.0, "weight of the Huber loss on Lab, of the output")
    spread_weight: float = option(0.5, "weight of the same on the hints' colours in their areas")
    follow_weight: float = option(0.3, "weight of the cross-entropy of what to follow")
    classification_weight: float = option(0.3, "weight of the rebalanced classification loss")
    code_weight: float = option(0.01, "weight of the code's Kullback-Leibler divergence")
    coded: float = option(0.5, "share of samples that are told the code of their truth")
    rebalancing: float = option(0.5, "lambda of the rebalancing: 1 leaves all colours equal")
    seed: int = option(0, "seed of weights and samples")
    threads: int = option(0, "CPU threads, 0 for PyTorch's choice")
    bf16: bool = option(False, "compute convolutions in bfloat16")
    save_minutes: float = option(3.0, "minutes between checkpoints")
    sheet_minutes: float = option(10.0, "minutes between sample sheets")


def main() -> None:
    run_script(Args, train)


def train(args: Args) -> list[float]:
    """Runs to `args.steps`, or until asked to stop; returns the loss of each step taken."""
    if any(side % Sketcher.size_multiple for side in args.sizes):
        raise BadPreset(f"The sizes are to be multiples of {Sketcher.size_multiple}.")
    sampler, validation = make_samplers(args)
    colors = sample_colors(sampler, args)
    generator, first_step, restored = make_generator(args, colors)
    class_weights = color_weights(generator.palette, colors, args.rebalancing)
    optimizer = make_optimizer(generator, args)
    ema = {key: value.clone() for key, value in generator.state_dict().items()}
    if restored:
        optimizer.load_state_dict(restored.optimizer)
        ema = restored.ema
    commit = git_commit()

    def save(step: int) -> None:
        settled = settle_norms(
            Sketcher(**network_arguments(args)), ema, sample_inputs(sampler, args)
        )
        Checkpoint(
            network="sketcher",
            network_arguments=network_arguments(args),
            weights=generator.state_dict(),
            ema=settled,
            optimizer=optimizer.state_dict(),
            step=step,
            arguments=as_plain(args),
            commit=commit,
        ).save(args.out / "checkpoint.pt")

    stop, progress = StopRequest(), Progress(first_step, args.steps, args.batch)
    save_timer, sheet_timer = Timer(args.save_minutes * 60), Timer(args.sheet_minutes * 60)
    history = []
    generator.train()
    for step in range(first_step, args.steps):
        # Seeded by the step, so that a resumed run sees the very same pictures.
        size = int(np.random.default_rng((args.seed, step, 1)).choice(args.sizes))
        batch = sampler.batch((args.seed, step), args.batch, size)
        random = torch.Generator().manual_seed(args.seed * 1_000_003 + step)
        terms = compute_losses(generator, batch, class_weights, random, args)
        require_finite(terms, step)
        loss = torch.stack(list(terms.values())).sum()
        set_learning_rate(optimizer, learning_rate_factor(step, args.steps, args.warm_up))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(generator.parameters(), 5.0)
        optimizer.step()
        update_ema(ema, generator, args.ema_decay, step)
        history.append(float(loss.detach()))
        if step % 20 == 19:
            progress.show(step + 1, {name: float(value.detach()) for name, value in terms.items()})
        sheet_due = step + 1 == args.steps or sheet_timer.due()
        if stop or sheet_due or save_timer.due():
            save(step + 1)
        if sheet_due:
            path = args.out / f"sheet-{step + 1:06d}.png"
            write_sheet(path, args.out, validation, min(192, args.short_side // 32 * 32))
        if stop:
            break
    return history


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


def compute_losses(
    generator: Sketcher,
    batch: Batch,
    class_weights: Tensor,
    random: torch.Generator,
    args: Args,
) -> dict[str, Tensor]:
    """Weighted loss terms of one batch."""
    half = F.avg_pool2d(batch.target, 2)
    coded = torch.rand(len(half), 1, generator=random) < args.coded
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=args.bf16):
        mean, log_variance = generator.posterior(
            F.avg_pool2d(batch.target, 4), F.avg_pool2d(batch.ink, 4)
        )
        mean, log_variance = mean.float(), log_variance.float()
        drawn = torch.randn(mean.shape, generator=random)
        code = (mean + torch.exp(log_variance / 2) * drawn) * coded
        found = generator.predict(*batch.inputs(), code)
    found = {name: value.float() for name, value in found.items()}
    truth = srgb_to_lab(half) / 10
    # Ink covers what lies beneath it.
    seen = 1 - 0.8 * F.avg_pool2d(batch.ink, 2)
    inside = (F.avg_pool2d(batch.hinted, 2) > 0.99).float() * batch.flat * seen

    def error(colors: Tensor, weight: Tensor) -> Tensor:
        difference = F.smooth_l1_loss(srgb_to_lab(colors) / 10, truth, reduction="none")
        return (difference * weight).sum() / (3 * weight.sum() + 1)

    hinted = batch.hinted[:, :, ::2, ::2]
    follow = F.binary_cross_entropy_with_logits(found["follow"], hinted, reduction="none")
    classes = classification(generator, found, batch, class_weights)
    divergence = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(dim=1)
    return {
        "color": args.color_weight * error(found["colors"], seen),
        "spread": args.spread_weight * error(found["spread"], inside),
        "follow": args.follow_weight * (follow * seen * batch.flat).mean(),
        "class": args.classification_weight * classes,
        "code": args.code_weight * (divergence * coded[:, 0]).mean(),
    }


def classification(
    generator: Sketcher, found: dict[str, Tensor], batch: Batch, class_weights: Tensor
) -> Tensor:
    """Rebalanced cross-entropy of the nearest palette colour, at a quarter of the size."""
    wanted = nearest_colors(batch.target[:, :, 2::4, 2::4], generator.palette)
    entropy = F.cross_entropy(found["logits"], wanted, class_weights, reduction="none")
    return (entropy * (1 - 0.8 * batch.ink[:, 0, 2::4, 2::4])).mean()


def make_generator(args: Args, colors: Tensor) -> tuple[Sketcher, int, Checkpoint | None]:
    """A pretrained start, or the checkpoint to go on from; and the step to begin with."""
    torch.manual_seed(args.seed)
    generator = Sketcher(**network_arguments(args))
    restored = None
    if args.resume:
        restored = load_checkpoint(args.out / "checkpoint.pt", network="sketcher")
        load_weights(generator, restored.weights)
    else:
        random = torch.Generator().manual_seed(args.seed)
        generator.palette.copy_(make_palette(colors, args.palette_size, random))
        if args.encoder != Path():
            try:
                generator.encoder.load_imagenet(read_safetensors(args.encoder))
            except (KeyError, RuntimeError, ValueError, IndexError) as error:
                raise DataUnusable(f"{args.encoder} has another layout: {error}.") from error
    return channels_last(generator), restored.step if restored else 0, restored


def network_arguments(args: Args) -> dict[str, Any]:
    return {"palette_size": args.palette_size, "temperature": args.temperature}


def make_optimizer(generator: Sketcher, args: Args) -> torch.optim.Optimizer:
    """AdamW with a lower rate for the encoder; no decay on norms and biases."""
    groups = []
    for in_encoder, rate in ((True, args.encoder_lr), (False, args.decoder_lr)):
        named = [
            parameter
            for name, parameter in generator.named_parameters()
            if name.startswith("encoder.") == in_encoder
        ]
        for decays in (True, False):
            members = [parameter for parameter in named if (parameter.ndim > 1) == decays]
            decay = args.weight_decay if decays else 0.0
            groups.append({"params": members, "peak_lr": rate, "weight_decay": decay})
    return torch.optim.AdamW(groups, lr=args.decoder_lr)


def sample_colors(sampler: Sampler, args: Args) -> Tensor:
    """Lab (M, 3) of forty batches of training targets, at a quarter of their size."""
    side = min(args.sizes)
    targets = [sampler.batch((args.seed, i, 3), args.batch, side).target for i in range(40)]
    return lab_points(torch.cat(targets)[:, :, 2::4, 2::4])


def sample_inputs(sampler: Sampler, args: Args) -> Iterator[tuple[Tensor, ...]]:
    """Twelve batches of inputs, always the same ones, with codes half of which are zeros."""
    random = torch.Generator().manual_seed(args.seed)
    for index in range(12):
        batch = sampler.batch((args.seed, index, 2), args.batch, max(args.sizes))
        codes = torch.randn(args.batch, CODE_SIZE, generator=random)
        yield *batch.inputs(), codes * (torch.arange(args.batch) % 2)[:, None]


def write_sheet(path: Path, out: Path, sampler: Sampler, side: int) -> None:
    """Lines with hints, output and truth, each under the lines, of pictures held out."""
    generator = load_checkpoint(out / "checkpoint.pt").generator()
    cells = []
    for index in range(8):
        batch = sampler.batch((index, 4), 5, side)
        code = torch.zeros(5, CODE_SIZE)
        colors = generator(*batch.inputs(), code)
        colors = F.interpolate(colors, scale_factor=2.0, mode="bilinear", align_corners=False)
        paper = 1 - batch.ink
        hints = paper + batch.hint_mask * (batch.hint - paper)
        for one, found, truth in zip(hints, colors * paper, batch.target * paper, strict=True):
            cells.append((one, found, truth))
    save_sheet(path, [sum(cells[i : i + 4], ()) for i in range(0, len(cells), 4)])


if __name__ == "__main__":
    main()
