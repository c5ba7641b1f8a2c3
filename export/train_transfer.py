r"""Trains arbitrary style: one network that repaints any picture in the manner of any other.

    python -m export.train_transfer --preset any-style --sources photos.tar \
        --styles paintings.tar styles.tar --vgg vgg19.safetensors --out runs/any-style

The teacher is AdaIN (Huang 2017, arXiv 1703.06868) in the feature space of the VGG19 that judges:
what its decoder would be asked to paint, the content's relu4_1 with the style's mean and deviation,
is what the small network's painting should have as relu4_1. The decoder itself is not needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from export import losses
from export.arguments import as_plain, option
from export.checkpoint import (
    Checkpoint,
    git_commit,
    load_checkpoint,
    load_weights,
    read_safetensors,
)
from export.data import Pictures
from export.networks.adain import adain
from export.networks.transfer import (
    STYLE_LAYERS,
    VGG_NUMBERS,
    StyleCode,
    StyleTransfer,
    vgg_statistics,
)
from export.style_samples import StyleBook, middle_square, squares, style_codes
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

NETWORK: dict[str, Any] = {}
CHANNELS = (64, 128, 256, 512)  # of STYLE_LAYERS
CONTENT_LAYER = "relu4_1"


@dataclass(frozen=True)
class Args:
    """Trains arbitrary style transfer."""

    sources: tuple[Path, ...] = option((), "tars or folders of colour photographs")
    styles: tuple[Path, ...] = option((), "tars or folders of style pictures")
    vgg: Path = option(Path(), "normalised VGG19 weights (safetensors)")
    out: Path = option(Path("runs/any-style"), "folder of checkpoint.pt and the sheets")
    cache: Path = option(Path("runs/cache"), "folder of decoded pictures and style codes")
    resume: bool = option(False, "go on from the checkpoint in `out`")
    start: Path = option(Path(), "checkpoint whose weights to start from")
    steps: int = option(20000, "optimizer steps in all")
    warm_up: int = option(50, "steps of linear warm-up")
    batch: int = option(4, "photographs per step")
    styles_per_step: int = option(2, "styles per step; a divisor of `batch`")
    size: int = option(144, "side of the training squares, a multiple of 8")
    least_crop: int = option(96, "side of the smallest square that is cut and resized to `size`")
    short_side: int = option(256, "short side of the cached photographs")
    style_sides: tuple[int, ...] = option((160, 256, 384), "short sides a style is looked at")
    held_out: int = option(500, "photographs never trained on")
    held_out_styles: int = option(30, "style pictures never trained on")
    mixed: float = option(0.2, "share of styles that are mixtures of two")
    lr: float = option(1e-3, "peak learning rate")
    ema_decay: float = option(0.998, "decay of the smoothed weights")
    content_weight: float = option(1.0, "weight of the distance to the wanted relu4_1")
    teacher_share: float = option(1.0, "share of AdaIN's relu4_1 in it; the rest is the photo's")
    style_weight: float = option(3.0, "weight of the distance of means and deviations")
    structure_weight: float = option(0.0, "weight of 1 - SSIM of luma to the photograph")
    variation_weight: float = option(0.1, "weight of total variation, against speckles")
    range_weight: float = option(10.0, "weight of values outside [0, 1]")
    seed: int = option(0, "seed of weights and crops")
    device: str = option("cpu", "where to train: cpu, cuda")
    threads: int = option(0, "CPU threads, 0 for PyTorch's choice")
    bf16: bool = option(True, "compute convolutions in bfloat16")
    save_minutes: float = option(2.5, "minutes between checkpoints")
    sheet_minutes: float = option(10.0, "minutes between sample sheets")


def main() -> None:
    run_script(Args, train)


def train(args: Args) -> list[float]:
    """Runs to `args.steps`, or until asked to stop; returns the loss of each step taken."""
    pictures = Pictures.open(list(args.sources), args.cache, args.short_side)
    training, held_out = pictures.split(args.held_out)
    style_pictures = Pictures.open(list(args.styles), args.cache, max(args.style_sides))
    styles, held_out_styles = style_pictures.split(args.held_out_styles)
    judge = StyleCode()
    load_weights(judge.vgg, read_safetensors(args.vgg))
    judge = channels_last(judge).to(args.device)
    book = StyleBook(style_pictures, judge, args.cache / "style-codes.pt", args.device, args.bf16)
    torch.manual_seed(args.seed)
    generator = channels_last(StyleTransfer(**NETWORK)).to(args.device)
    standardize(generator, book, styles, args)
    if args.start != Path():
        load_weights(generator, load_checkpoint(args.start, network="transfer").ema)
    optimizer = torch.optim.Adam(
        [{"params": list(generator.parameters()), "peak_lr": args.lr}], lr=args.lr
    )
    ema = {key: value.clone() for key, value in generator.state_dict().items()}
    first_step = 0
    if args.resume:
        restored = load_checkpoint(args.out / "checkpoint.pt", network="transfer")
        load_weights(generator, restored.weights)
        optimizer.load_state_dict(restored.optimizer)
        first_step = restored.step
        ema = {key: value.to(args.device) for key, value in restored.ema.items()}

    def save(step: int) -> None:
        Checkpoint(
            network="transfer",
            network_arguments=NETWORK,
            weights=generator.state_dict(),
            ema=ema,
            optimizer=optimizer.state_dict(),
            step=step,
            arguments=as_plain(args),
            commit=commit,
        ).save(args.out / "checkpoint.pt")
        book.save()

    commit = git_commit()
    stop, progress = StopRequest(), Progress(first_step, args.steps, args.batch)
    save_timer, sheet_timer = Timer(args.save_minutes * 60), Timer(args.sheet_minutes * 60)
    history = []
    for step in range(first_step, args.steps):
        # Seeded by the step, so that a resumed run sees the very same pictures.
        rng = np.random.default_rng((args.seed, step))
        rgb = squares(pictures, training, rng, args).to(args.device)
        code = style_codes(book, styles, rng, args).to(args.device)
        terms = compute_losses(generator, judge, rgb, code, args)
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
        if stop or step + 1 == args.steps or save_timer.due():
            save(step + 1)
        if step + 1 == args.steps or sheet_timer.due():
            path = args.out / f"sheet-{step + 1:06d}.png"
            write_sheet(path, ema, pictures, held_out, book, held_out_styles)
        if stop:
            break
    return history


def compute_losses(
    generator: StyleTransfer, judge: StyleCode, rgb: Tensor, code: Tensor, args: Args
) -> dict[str, Tensor]:
    """Weighted loss terms of one batch of squares (N, 3, S, S) in [0, 1], codes (N, K)."""
    rgb = rgb.to(memory_format=torch.channels_last)
    with torch.autocast(args.device, dtype=torch.bfloat16, enabled=args.bf16):
        with torch.no_grad():
            content = judge.vgg(rgb, (CONTENT_LAYER,))[CONTENT_LAYER].float()
        painted = generator.repaint(rgb, None, code)
        features = judge.vgg(painted, STYLE_LAYERS)
    features = {name: value.float() for name, value in features.items()}
    painted = painted.float()
    wanted = code[:, :VGG_NUMBERS]
    outside = F.relu(painted - 1) + F.relu(-painted)
    target = adain(content, wanted[:, -1024:-512], wanted[:, -512:])
    target = torch.lerp(content, target, args.teacher_share)
    terms = {
        "content": args.content_weight * F.mse_loss(features[CONTENT_LAYER], target),
        "style": args.style_weight * style_loss(vgg_statistics(features), wanted),
        "variation": args.variation_weight * losses.total_variation(painted),
        "range": args.range_weight * (outside**2).mean(),
    }
    if args.structure_weight:
        terms["structure"] = args.structure_weight * structure_loss(painted, rgb)
    return terms


def style_loss(found: Tensor, wanted: Tensor) -> Tensor:
    """Sum over the layers of the mean squared differences of means and of deviations.

    (N, VGG_NUMBERS) each, see vgg_statistics; the mean over the batch.
    """
    sizes = [channels for channels in CHANNELS for _ in range(2)]
    difference = ((found - wanted) ** 2).split(sizes, dim=1)
    return torch.stack([part.mean() for part in difference]).sum()


def structure_loss(painted: Tensor, rgb: Tensor, window: int = 8) -> Tensor:
    """1 - structural similarity (Wang 2004) of luma in square windows; (N, 3, H, W) in [0, 1]."""
    weights = rgb.new_tensor((0.299, 0.587, 0.114)).view(1, 3, 1, 1)
    x, y = (painted * weights).sum(dim=1, keepdim=True), (rgb * weights).sum(dim=1, keepdim=True)
    both = torch.cat((x, y, x * x, y * y, x * y), dim=1)
    mean_x, mean_y, square_x, square_y, product = F.avg_pool2d(both, window, 2).split(1, dim=1)
    variances = square_x - mean_x**2 + square_y - mean_y**2
    c1, c2 = 0.01**2, 0.03**2
    similar = (2 * mean_x * mean_y + c1) * (2 * (product - mean_x * mean_y) + c2)
    return 1 - (similar / ((mean_x**2 + mean_y**2 + c1) * (variances + c2))).mean()


def standardize(generator: StyleTransfer, book: StyleBook, styles: list[int], args: Args) -> None:
    """Sets the mean and scale by which the generator levels codes, from 64 of the styles."""
    some = styles[:: max(1, len(styles) // 64)][:64]
    codes = torch.stack([book.code(index, args.style_sides[0]) for index in some])
    generator.code_mean.copy_(codes.mean(dim=0))
    generator.code_scale.copy_(codes.std(dim=0, unbiased=False) + 0.02)


@torch.no_grad()
def write_sheet(
    path: Path,
    ema: dict[str, Tensor],
    pictures: Pictures,
    held_out: list[int],
    book: StyleBook,
    styles: list[int],
    side: int = 192,
) -> None:
    """Held-out photographs (rows) in held-out styles (columns), by the smoothed weights."""
    generator = StyleTransfer(**NETWORK)
    generator.load_state_dict(ema)
    chosen = styles[:: max(1, len(styles) // 7)][:7]
    rows = [
        [torch.ones(3, side, side), *(middle_square(book.pictures[i], side)[0] for i in chosen)]
    ]
    for index in held_out[:: max(1, len(held_out) // 5)][:5]:
        rgb = middle_square(pictures[index], side)
        painted = [generator.repaint(rgb, None, book.code(i, 256)[None])[0] for i in chosen]
        rows.append([rgb[0], *painted])
    save_sheet(path, rows)


if __name__ == "__main__":
    main()
