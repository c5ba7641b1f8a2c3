r"""Trains a painter: one network that repaints any picture in one style.

    python -m export.train_style --preset van-gogh --sources photos.tar --works starry_night.jpg \
        --vgg vgg19.safetensors --out runs/van-gogh
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
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
from export.data import Pictures, decode, read_files
from export.errors import DataUnusable
from export.networks.stylizer import Stylizer
from export.networks.vgg import VGG19
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

NETWORK: dict[str, Any] = {"leak": 0.2}


@dataclass(frozen=True)
class Args:
    """Trains a painter."""

    sources: tuple[Path, ...] = option((), "tars or folders of colour photographs")
    works: tuple[Path, ...] = option((), "tars, folders or files of the painter's works")
    work_names: str = option("", "use only works whose file name contains this")
    vgg: Path = option(Path(), "normalised VGG19 weights (safetensors)")
    out: Path = option(Path("runs/style"), "folder of checkpoint.pt and the sheets")
    cache: Path = option(Path("runs/cache"), "folder of decoded pictures")
    resume: bool = option(False, "go on from the checkpoint in `out`")
    start: Path = option(Path(), "checkpoint of another painter whose weights to start from")
    steps: int = option(5000, "optimizer steps in all")
    warm_up: int = option(50, "steps of linear warm-up")
    batch: int = option(4, "pictures per step")
    size: int = option(128, "side of the training squares, a multiple of 4")
    short_side: int = option(256, "short side of the cached pictures")
    held_out: int = option(500, "photographs never trained on")
    work_side: int = option(256, "short side of the works: smaller makes finer strokes")
    lr: float = option(1e-3, "peak learning rate")
    ema_decay: float = option(0.998, "decay of the smoothed weights")
    content_layer: str = option("relu3_1", "VGG19 layer in which the content is compared")
    style_layers: tuple[str, ...] = option(
        ("relu1_1", "relu2_1", "relu3_1"), "VGG19 layers of the style statistics"
    )
    content_weight: float = option(0.2, "weight of the content loss")
    covariance_weight: float = option(3.0, "weight of the distance of covariances")
    moment_weight: float = option(1.0, "weight of the distance of means and deviations")
    tone_weight: float = option(2.0, "weight of the loss that keeps light places light")
    variation_weight: float = option(0.1, "weight of total variation, against speckles")
    range_weight: float = option(10.0, "weight of values outside [0, 1]")
    seed: int = option(0, "seed of weights and crops")
    threads: int = option(0, "CPU threads, 0 for PyTorch's choice")
    bf16: bool = option(True, "compute convolutions in bfloat16")
    save_minutes: float = option(2.5, "minutes between checkpoints")
    sheet_minutes: float = option(10.0, "minutes between sample sheets")


@dataclass(frozen=True)
class StyleTarget:
    """Statistics of the painter's works per VGG19 layer, averaged over the works."""

    covariance: dict[str, Tensor]  # (1, C, C)
    mean: dict[str, Tensor]  # (1, C)
    deviation: dict[str, Tensor]  # (1, C)


def main() -> None:
    run_script(Args, train)


def train(args: Args) -> list[float]:
    """Runs to `args.steps`, or until asked to stop; returns the loss of each step taken."""
    pictures = Pictures.open(list(args.sources), args.cache, args.short_side)
    training, held_out = pictures.split(args.held_out)
    vgg = VGG19()
    load_weights(vgg, read_safetensors(args.vgg))
    vgg = channels_last(vgg)
    target = style_target(vgg, read_works(args), args)
    torch.manual_seed(args.seed)
    generator = channels_last(Stylizer(**NETWORK))
    if args.start != Path():
        load_weights(generator, load_checkpoint(args.start, network="stylizer").weights)
    optimizer = torch.optim.Adam(
        [{"params": list(generator.parameters()), "peak_lr": args.lr}], lr=args.lr
    )
    ema = {key: value.clone() for key, value in generator.state_dict().items()}
    first_step = 0
    if args.resume:
        restored = load_checkpoint(args.out / "checkpoint.pt", network="stylizer")
        load_weights(generator, restored.weights)
        optimizer.load_state_dict(restored.optimizer)
        ema, first_step = restored.ema, restored.step

    def save(step: int) -> None:
        Checkpoint(
            network="stylizer",
            network_arguments=NETWORK,
            weights=generator.state_dict(),
            ema=ema,
            optimizer=optimizer.state_dict(),
            step=step,
            arguments=as_plain(args),
            commit=commit,
        ).save(args.out / "checkpoint.pt")

    commit = git_commit()
    stop, progress = StopRequest(), Progress(first_step, args.steps, args.batch)
    save_timer, sheet_timer = Timer(args.save_minutes * 60), Timer(args.sheet_minutes * 60)
    history = []
    for step in range(first_step, args.steps):
        # Seeded by the step, so that a resumed run sees the very same pictures.
        rng = np.random.default_rng((args.seed, step))
        squares = pictures.crops(rng, rng.choice(training, args.batch), args.size)
        terms = compute_losses(generator, vgg, squares.float() / 255, target, args)
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
            write_sheet(args.out / f"sheet-{step + 1:06d}.png", ema, pictures, held_out)
        if stop:
            break
    return history


def compute_losses(
    generator: Stylizer, vgg: VGG19, rgb: Tensor, target: StyleTarget, args: Args
) -> dict[str, Tensor]:
    """Weighted loss terms of one batch of squares (N, 3, S, S), encoded sRGB in [0, 1]."""
    rgb = rgb.to(memory_format=torch.channels_last)
    wanted = tuple(dict.fromkeys((*args.style_layers, args.content_layer)))
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=args.bf16):
        with torch.no_grad():
            content = vgg(rgb, (args.content_layer,))[args.content_layer]
        painted = generator.repaint(rgb)
        features = vgg(painted, wanted)
    painted = painted.float()
    features = {name: value.float() for name, value in features.items()}
    covariance, moment = style_distance(features, target, args.style_layers)
    outside = F.relu(painted - 1) + F.relu(-painted)
    return {
        "content": args.content_weight * F.mse_loss(features[args.content_layer], content.float()),
        "covariance": args.covariance_weight * covariance,
        "moment": args.moment_weight * moment,
        "tone": args.tone_weight * losses.tone_loss(painted, rgb),
        "variation": args.variation_weight * losses.total_variation(painted),
        "range": args.range_weight * (outside**2).mean(),
    }


def style_distance(
    features: dict[str, Tensor], target: StyleTarget, layers: tuple[str, ...]
) -> tuple[Tensor, Tensor]:
    """Distance of covariances, and of means and deviations, summed over the layers.

    The former is relative to the target's own size, so that every layer counts alike. The batch
    is taken as one large picture: a dark square may stay dark, if the others make up for it.
    """
    covariance, moment = torch.zeros(()), torch.zeros(())
    for layer in layers:
        as_one = features[layer].transpose(0, 1).flatten(1)[None, :, :, None]  # (1, C, NHW, 1)
        wanted = target.covariance[layer]
        difference = losses.covariance(as_one) - wanted
        covariance = covariance + difference.norm() / wanted.norm()
        mean, deviation = losses.mean_and_deviation(as_one)
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
            covariances[layer].append(losses.covariance(features))
            mean, deviation = losses.mean_and_deviation(features)
            means[layer].append(mean)
            deviations[layer].append(deviation)

    def average(lists: dict[str, list[Tensor]]) -> dict[str, Tensor]:
        return {layer: torch.stack(values).mean(dim=0) for layer, values in lists.items()}

    return StyleTarget(average(covariances), average(means), average(deviations))


@torch.no_grad()
def write_sheet(
    path: Path, ema: dict[str, Tensor], pictures: Pictures, held_out: list[int]
) -> None:
    """Photograph and painting, by the smoothed weights, of twelve held-out photographs."""
    generator = Stylizer(**NETWORK)
    generator.load_state_dict(ema)
    cells = []
    for index in held_out[:: max(1, len(held_out) // 12)][:12]:
        pixels = pictures[index]
        height, width = (side // 4 * 4 for side in pixels.shape[:2])
        rgb = torch.from_numpy(pixels[:height, :width].copy()).permute(2, 0, 1)[None] / 255
        cells += [rgb[0], generator(rgb)[0]]
    save_sheet(path, [cells[i : i + 4] for i in range(0, len(cells), 4)])


if __name__ == "__main__":
    main()
