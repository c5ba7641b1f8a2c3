r"""Trains the photo colouriser.

    python -m export.train_colorize --preset photo --sources photos.tar \
        --encoder mobilenetv2.safetensors --out runs/photo
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core.errors import LimnerError
from export import losses
from export.arguments import as_plain, option, parse_arguments
from export.checkpoint import (
    Checkpoint,
    git_commit,
    load_checkpoint,
    load_weights,
    read_safetensors,
)
from export.color import lab_to_srgb, srgb_to_lab
from export.data import Pictures
from export.degrade import degrade
from export.errors import DataUnusable
from export.networks.colorizer import Colorizer
from export.training import (
    Progress,
    StopRequest,
    Timer,
    channels_last,
    learning_rate_factor,
    require_finite,
    save_sheet,
    set_learning_rate,
    settle_norms,
    update_ema,
)


@dataclass(frozen=True)
class Args:
    """Trains the photo colouriser."""

    sources: tuple[Path, ...] = option((), "tars or folders of colour photographs")
    encoder: Path = option(Path(), "MobileNetV2 ImageNet weights (safetensors, GluonCV layout)")
    out: Path = option(Path("runs/photo"), "folder of checkpoint.pt and the sheets")
    cache: Path = option(Path("runs/cache"), "folder of decoded pictures")
    resume: bool = option(False, "go on from the checkpoint in `out`")
    steps: int = option(3000, "optimizer steps in all")
    warm_up: int = option(100, "steps of linear warm-up")
    batch: int = option(32, "pictures per step")
    size: int = option(128, "side of the training squares, a multiple of 32")
    short_side: int = option(160, "short side of the cached pictures")
    held_out: int = option(500, "photographs never trained on")
    decoder_lr: float = option(1.5e-3, "peak learning rate of the decoder")
    encoder_lr: float = option(3e-4, "peak learning rate of the pretrained encoder")
    weight_decay: float = option(0.01, "AdamW's decoupled weight decay")
    ema_decay: float = option(0.999, "decay of the smoothed weights")
    palette_size: int = option(72, "colours of the palette")
    temperature: float = option(0.5, "softmax temperature of the expectation")
    saturation: float = option(1.1, "factor on the target ab, against washed-out colours")
    classification_weight: float = option(1.0, "weight of the rebalanced classification loss")
    huber_weight: float = option(1.0, "weight of the Huber loss on ab")
    rebalancing: float = option(0.5, "lambda of the rebalancing: 1 leaves all colours equal")
    seed: int = option(0, "seed of weights, crops and degradation")
    threads: int = option(0, "CPU threads, 0 for PyTorch's choice")
    bf16: bool = option(False, "compute convolutions in bfloat16")
    save_minutes: float = option(2.5, "minutes between checkpoints")
    sheet_minutes: float = option(10.0, "minutes between sample sheets")


def main() -> None:
    args = parse_arguments(Args)
    if args.threads:
        torch.set_num_threads(args.threads)
    try:
        train(args)
    except LimnerError as error:
        sys.exit(str(error))


def train(args: Args) -> list[float]:
    """Runs to `args.steps`, or until asked to stop; returns the loss of each step taken."""
    pictures = Pictures.open(list(args.sources), args.cache, args.short_side)
    training, held_out = pictures.split(args.held_out)
    crop_sizes = range(args.size, args.short_side + 1, 8)
    generator, first_step, restored = make_generator(args, pictures, training)
    class_weights = color_frequencies(generator.palette, pictures, training, args)
    optimizer = make_optimizer(generator, args)
    ema = {key: value.clone() for key, value in generator.state_dict().items()}
    if restored:
        optimizer.load_state_dict(restored.optimizer)
        ema = restored.ema

    def save(step: int) -> None:
        settled = settle_norms(
            Colorizer(**network_arguments(args)), ema, sample_inputs(pictures, training, args)
        )
        Checkpoint(
            network="colorizer",
            network_arguments=network_arguments(args),
            weights=generator.state_dict(),
            ema=settled,
            optimizer=optimizer.state_dict(),
            step=step,
            arguments=as_plain(args),
            commit=commit,
        ).save(args.out / "checkpoint.pt")

    commit = git_commit()
    stop, progress = StopRequest(), Progress(first_step, args.steps, args.batch)
    save_timer, sheet_timer = Timer(args.save_minutes * 60), Timer(args.sheet_minutes * 60)
    history = []
    generator.train()
    for step in range(first_step, args.steps):
        # Seeded by the step, so that a resumed run sees the very same pictures.
        rng = np.random.default_rng((args.seed, step))
        random = torch.Generator().manual_seed(args.seed * 1_000_003 + step)
        indices = rng.choice(training, args.batch)
        squares = pictures.crops(rng, indices, int(rng.choice(crop_sizes)))
        terms = compute_losses(generator, squares, class_weights, random, args)
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
            write_sheet(args.out / f"sheet-{step + 1:06d}.png", args.out, pictures, held_out)
        if stop:
            break
    return history


def compute_losses(
    generator: Colorizer,
    squares: Tensor,
    class_weights: Tensor,
    random: torch.Generator,
    args: Args,
) -> dict[str, Tensor]:
    """Weighted loss terms of one batch of squares (N, 3, S, S) uint8."""
    rgb = squares.float() / 255
    if rgb.shape[-1] != args.size:
        size = (args.size, args.size)
        rgb = F.interpolate(rgb, size=size, mode="bilinear", antialias=True, align_corners=False)
    with torch.no_grad():
        ab = F.avg_pool2d(srgb_to_lab(rgb)[:, 1:], Colorizer.downscale) * args.saturation
        lightness = degrade(rgb, random).to(memory_format=torch.channels_last)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=args.bf16):
        logits, residual = generator.predict(lightness)
    logits, residual = logits.float(), residual.float()
    classification = losses.classification_loss(logits, ab, generator.palette, class_weights)
    huber = losses.huber_loss(generator.expectation(logits, residual), ab)
    return {
        "classification": args.classification_weight * classification,
        "huber": args.huber_weight * huber,
    }


def make_generator(
    args: Args, pictures: Pictures, training: list[int]
) -> tuple[Colorizer, int, Checkpoint | None]:
    """A pretrained start, or the checkpoint to go on from; and the step to begin with."""
    torch.manual_seed(args.seed)
    generator = Colorizer(**network_arguments(args))
    restored = None
    if args.resume:
        restored = load_checkpoint(args.out / "checkpoint.pt", network="colorizer")
        load_weights(generator, restored.weights)
    else:
        generator.palette.copy_(make_palette(pictures, training, args))
        if args.encoder != Path():
            try:
                generator.encoder.load_imagenet(read_safetensors(args.encoder))
            except (KeyError, RuntimeError, ValueError, IndexError) as error:
                raise DataUnusable(f"{args.encoder} has another layout: {error}.") from error
    first_step = restored.step if restored else 0
    return channels_last(generator), first_step, restored


def network_arguments(args: Args) -> dict[str, Any]:
    return {"palette_size": args.palette_size, "temperature": args.temperature}


def make_optimizer(generator: Colorizer, args: Args) -> torch.optim.Optimizer:
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


def sample_inputs(pictures: Pictures, training: list[int], args: Args) -> Iterator[Tensor]:
    """Sixteen batches of degraded lightness (batch, 1, size, size), always the same."""
    rng = np.random.default_rng(args.seed)
    random = torch.Generator().manual_seed(args.seed)
    for _ in range(16):
        squares = pictures.crops(rng, rng.choice(training, args.batch), args.size)
        yield degrade(squares.float() / 255, random).to(memory_format=torch.channels_last)


def sample_colors(pictures: Pictures, training: list[int], args: Args) -> Tensor:
    """ab (M, 2) of the training pictures at a quarter of their size, as the targets are."""
    rng = np.random.default_rng(args.seed)
    chosen = rng.choice(training, min(len(training), 1500), replace=False)
    rgb = pictures.crops(rng, chosen, args.size).float() / 255
    ab = F.avg_pool2d(srgb_to_lab(rgb)[:, 1:], Colorizer.downscale) * args.saturation
    return ab.permute(0, 2, 3, 1).reshape(-1, 2)


def make_palette(pictures: Pictures, training: list[int], args: Args) -> Tensor:
    """k-means colours (K, 2). Grey is so common that points are thinned out near it first."""
    ab = sample_colors(pictures, training, args)
    random = torch.Generator().manual_seed(args.seed)
    chroma = ab.norm(dim=1)
    kept = torch.rand(len(ab), generator=random) < (0.05 + chroma / 60)
    points = ab[kept]
    points = points[torch.randperm(len(points), generator=random)[:60_000]]
    return losses.kmeans(points, args.palette_size, random)


def color_frequencies(
    palette: Tensor, pictures: Pictures, training: list[int], args: Args
) -> Tensor:
    """Rebalancing weights (K) from how often each palette colour is the nearest."""
    ab = sample_colors(pictures, training, args)
    nearest = torch.cdist(ab, palette).argmin(dim=1)
    frequency = torch.bincount(nearest, minlength=len(palette)).float()
    return losses.rebalancing_weights(frequency, args.rebalancing)


@torch.no_grad()
def write_sheet(path: Path, out: Path, pictures: Pictures, held_out: list[int]) -> None:
    """Grey, output of the last checkpoint and truth of twelve held-out photographs."""
    generator = load_checkpoint(out / "checkpoint.pt").generator()
    rows = []
    for index in held_out[:: max(1, len(held_out) // 12)][:12]:
        pixels = pictures[index]
        height, width = (side // 32 * 32 for side in pixels.shape[:2])
        rgb = torch.from_numpy(pixels[:height, :width].copy()).permute(2, 0, 1)[None] / 255
        lightness = srgb_to_lab(rgb)[:, :1]
        ab = F.interpolate(generator(lightness), size=(height, width), mode="bicubic")
        colored = lab_to_srgb(torch.cat((lightness, ab), dim=1))
        grey = lab_to_srgb(torch.cat((lightness, torch.zeros_like(ab)), dim=1))
        rows.append((grey[0], colored[0], rgb[0]))
    # Two photographs side by side keep the sheet near square.
    save_sheet(path, [sum(rows[i : i + 2], ()) for i in range(0, len(rows), 2)])


if __name__ == "__main__":
    main()
