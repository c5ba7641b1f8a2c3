r"""Trains the photo colouriser.

    python -m export.train_colorize --preset photo --sources photos.tar \
        --encoder mobilenetv2.safetensors --out runs/photo
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

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
from export.hints import draw_hints
from export.networks.colorizer import ColorEncoder, Colorizer
from export.palette import color_weights, make_palette, sample_colors
from export.split import Split
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
    start: Path = option(Path(), "begin with the smoothed weights of this checkpoint")
    steps: int = option(3000, "optimizer steps in all")
    warm_up: int = option(100, "steps of linear warm-up")
    batch: int = option(32, "pictures per step")
    size: int = option(128, "side of the training squares, a multiple of 32")
    short_side: int = option(160, "short side of the cached pictures")
    split: Path = option(Path(), "file of export.split: which photographs are held out")
    held_out: int = option(500, "photographs never trained on, where there is no split file")
    decoder_lr: float = option(1.5e-3, "peak learning rate of the decoder")
    encoder_lr: float = option(3e-4, "peak learning rate of the pretrained encoder")
    weight_decay: float = option(0.01, "AdamW's decoupled weight decay")
    ema_decay: float = option(0.999, "decay of the smoothed weights")
    frozen_stages: int = option(0, "stages of the encoder that stay as pretrained, of 7")
    channels: tuple[int, ...] = option((256, 128, 96, 64), "widths of the decoder's four levels")
    dropout: float = option(0.0, "share of the decoder's channels dropped in training")
    palette_size: int = option(72, "colours of the palette")
    temperature: float = option(0.5, "softmax temperature of the expectation")
    saturation: float = option(1.1, "factor on the target ab, against washed-out colours")
    classification_weight: float = option(1.0, "weight of the rebalanced classification loss")
    huber_weight: float = option(1.0, "weight of the Huber loss on ab")
    divergence_weight: float = option(0.02, "weight of the KL divergence of the noise, in nats")
    hint_share: float = option(0.5, "share of the training pictures with colour hints")
    noise_share: float = option(0.5, "share whose noise tells the truth's colours, else zeros")
    noise_size: int = option(8, "length of the noise vector z")
    rebalancing: float = option(0.5, "lambda of the rebalancing: 1 leaves all colours equal")
    seed: int = option(0, "seed of weights, crops and degradation")
    threads: int = option(0, "CPU threads, 0 for PyTorch's choice")
    bf16: bool = option(False, "compute convolutions in bfloat16")
    save_minutes: float = option(2.5, "minutes between checkpoints")
    sheet_minutes: float = option(10.0, "minutes between sample sheets")


class Example(NamedTuple):
    """One batch: lightness (N, 1, S, S), hint (N, 2, S, S), mask (N, 1, S, S), ab at a quarter."""

    lightness: Tensor
    hint: Tensor
    mask: Tensor
    ab: Tensor


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
    training, validation = split_pictures(pictures, args)
    crop_sizes = range(args.size, args.short_side + 1, 8)

    def colors() -> Tensor:
        return sample_colors(pictures, training, args.size, args.saturation, args.seed)

    generator, restored = make_generator(args, colors)
    color_encoder = channels_last(ColorEncoder(args.noise_size))
    if restored and "color_encoder" in restored.companions:
        load_weights(color_encoder, restored.companions["color_encoder"])
    class_weights = color_weights(generator.palette, colors(), args.rebalancing)
    optimizer = make_optimizer(generator, color_encoder, args)
    ema = {key: value.clone() for key, value in generator.state_dict().items()}
    first_step = 0
    if restored and args.resume:
        optimizer.load_state_dict(restored.optimizer)
        ema, first_step = restored.ema, restored.step

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
            companions={"color_encoder": color_encoder.state_dict()},
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
        example = make_example(squares, rng, random, args)
        terms = compute_losses(generator, color_encoder, example, class_weights, random, args)
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
            write_sheet(args.out / f"sheet-{step + 1:06d}.png", args.out, pictures, validation)
        if stop:
            break
    return history


def split_pictures(pictures: Pictures, args: Args) -> tuple[list[int], list[int]]:
    """Indices to train on and to look at, by the split's file or else by the names' hashes."""
    if args.split == Path():
        return pictures.split(args.held_out)
    training, validation, _ = Split.load(args.split).indices(pictures)
    return training, validation


def make_example(
    squares: Tensor, rng: np.random.Generator, random: torch.Generator, args: Args
) -> Example:
    """Inputs and target from squares (N, 3, S, S) uint8: lightness as of old photographs."""
    rgb = squares.float() / 255
    if rgb.shape[-1] != args.size:
        size = (args.size, args.size)
        rgb = F.interpolate(rgb, size=size, mode="bilinear", antialias=True, align_corners=False)
    ab = srgb_to_lab(rgb)[:, 1:] * args.saturation
    hint, mask = draw_hints(ab, rng, args.hint_share)
    lightness = degrade(rgb, random).to(memory_format=torch.channels_last)
    return Example(lightness, hint, mask, F.avg_pool2d(ab, Colorizer.downscale))


def compute_losses(
    generator: Colorizer,
    color_encoder: ColorEncoder,
    example: Example,
    class_weights: Tensor,
    random: torch.Generator,
    args: Args,
) -> dict[str, Tensor]:
    """Weighted loss terms of one batch."""
    mean, log_variance = color_encoder(example.ab)
    drawn = mean + torch.exp(0.5 * log_variance) * torch.randn(mean.shape, generator=random)
    told = (torch.rand(len(mean), generator=random) < args.noise_share).float()
    noise = drawn * told[:, None]
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=args.bf16):
        logits, residual = generator.predict(example.lightness, example.hint, example.mask, noise)
    logits, residual = logits.float(), residual.float()
    ab = generator.expectation(logits, residual)
    classification = losses.classification_loss(
        logits, example.ab, generator.palette, class_weights
    )
    divergence = (losses.kl_divergence(mean, log_variance) * told).mean()
    return {
        "classification": args.classification_weight * classification,
        "huber": args.huber_weight * losses.huber_loss(ab, example.ab),
        "divergence": args.divergence_weight * divergence,
    }


def make_generator(args: Args, colors: Callable[[], Tensor]) -> tuple[Colorizer, Checkpoint | None]:
    """A pretrained start, or the weights of the checkpoint to go on from, which is returned too."""
    torch.manual_seed(args.seed)
    generator = Colorizer(**network_arguments(args))
    restored = None
    if args.resume or args.start != Path():
        path = args.out / "checkpoint.pt" if args.resume else args.start
        restored = load_checkpoint(path, network="colorizer")
        load_weights(generator, restored.weights if args.resume else restored.ema)
    else:
        generator.palette.copy_(make_palette(colors(), args.palette_size, args.seed))
        if args.encoder != Path():
            try:
                generator.encoder.load_imagenet(read_safetensors(args.encoder))
            except (KeyError, RuntimeError, ValueError, IndexError) as error:
                raise DataUnusable(f"{args.encoder} has another layout: {error}.") from error
    generator.encoder.freeze_stages(args.frozen_stages)
    return channels_last(generator), restored


def network_arguments(args: Args) -> dict[str, Any]:
    return {
        "channels": list(args.channels),
        "palette_size": args.palette_size,
        "temperature": args.temperature,
        "noise_size": args.noise_size,
        "dropout": args.dropout,
    }


def make_optimizer(
    generator: Colorizer, color_encoder: ColorEncoder, args: Args
) -> torch.optim.Optimizer:
    """AdamW with a lower rate for the encoder; no decay on norms and biases."""
    encoder = [p for p in generator.encoder.parameters() if p.requires_grad]
    seen = {id(parameter) for parameter in generator.encoder.parameters()}
    others = [p for p in generator.parameters() if id(p) not in seen]
    others += list(color_encoder.parameters())
    groups = []
    for parameters, rate in ((encoder, args.encoder_lr), (others, args.decoder_lr)):
        for decays in (True, False):
            members = [parameter for parameter in parameters if (parameter.ndim > 1) == decays]
            decay = args.weight_decay if decays else 0.0
            groups.append({"params": members, "peak_lr": rate, "weight_decay": decay})
    return torch.optim.AdamW(groups, lr=args.decoder_lr, fused=True)


def sample_inputs(pictures: Pictures, training: list[int], args: Args) -> Iterator[tuple]:
    """Sixteen batches of the generator's inputs, always the same: for `settle_norms`."""
    rng = np.random.default_rng(args.seed)
    random = torch.Generator().manual_seed(args.seed)
    for _ in range(16):
        squares = pictures.crops(rng, rng.choice(training, args.batch), args.size)
        example = make_example(squares, rng, random, args)
        noise = torch.zeros(args.batch, args.noise_size)
        yield example.lightness, example.hint, example.mask, noise


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
        ab = F.interpolate(generator(lightness)[0], size=(height, width), mode="bicubic")
        colored = lab_to_srgb(torch.cat((lightness, ab), dim=1))
        grey = lab_to_srgb(torch.cat((lightness, torch.zeros_like(ab)), dim=1))
        rows.append((grey[0], colored[0], rgb[0]))
    # Two photographs side by side keep the sheet near square.
    save_sheet(path, [sum(rows[i : i + 2], ()) for i in range(0, len(rows), 2)])


if __name__ == "__main__":
    main()
