"""Measures a painter against held-out works: the Frechet distance of VGG19's relu3_1.

    python -m export.measure.evaluate_painter --model core/data/models/monet-v1 --sources photos.tar
    \
        --works paintings.tar --work-names claude-monet --vgg vgg19.safetensors

Of each picture the mean of every channel of relu3_1 is taken, 256 numbers; the distance is that of
two sets of them (`metrics.frechet_distance`, the formula of FID, Heusel 2017, arXiv 1706.08500; the
numbers are not those of FID's Inception network). Photographs unchanged are the upper end, works
that were trained on the lower: no painter comes closer to his held-out works than he himself does.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from core.generator.catalog import Model
from core.generator.generator import Generator
from core.generator.manifest import Manifest
from export.data.pictures import Pictures
from export.measure.evaluate import center_square, paint, table, to_array
from export.metrics import pictures as metrics
from export.networks.vgg import VGG19
from export.networks.weights import load_weights, read_safetensors
from export.style.train_painter import split_works
from export.training.arguments import option
from export.training.shared import run_script, save_sheet


@dataclass(frozen=True)
class Args:
    """Measures a painter."""

    model: Path = option(Path("core/data/models/monet-v1"), "folder of the model")
    sources: tuple[Path, ...] = option((), "the photographs that it was trained on")
    works: tuple[Path, ...] = option((), "the paintings that it was trained on")
    work_names: tuple[str, ...] = option((), "use only works whose file name contains one of these")
    vgg: Path = option(Path(), "normalised VGG19 weights (safetensors)")
    cache: Path = option(Path("runs/cache"), "folder of decoded pictures")
    side: int = option(256, "side of the squares that are compared, of photographs and works")
    held_out: int = option(500, "photographs held out in training")
    held_out_works: int = option(40, "works held out in training")
    count: int = option(100, "photographs to measure, and at most so many works trained on")
    sheet: Path = option(Path(), "write a sheet of 40 held-out photographs to this PNG")
    threads: int = option(0, "CPU threads, 0 for the default")


@torch.no_grad()
def evaluate(args: Args) -> None:
    """Prints the table and writes the sheet."""
    photos = Pictures.open(list(args.sources), args.cache, args.side)
    works = Pictures.open(list(args.works), args.cache, args.side)
    _, indices = photos.split(args.held_out)
    squares = spread(photos, indices, args)
    trained, held_out = split_works(works, args.work_names, args.held_out_works)
    generator = Generator.open(
        Model(Manifest.load(args.model), args.model), device="cpu", threads=args.threads
    )
    painted = [paint(generator, square) for square in squares]
    vgg = VGG19()
    load_weights(vgg, read_safetensors(args.vgg))
    wanted = pooled(vgg, [center_square(works[index], args.side) for index in held_out])
    unchanged = metrics.frechet_distance(pooled(vgg, squares), wanted)
    rows = []
    for name, pictures in (
        (args.model.name, painted),
        ("photographs unchanged", squares),
        ("works trained on", spread(works, trained, args)),
    ):
        distance = metrics.frechet_distance(pooled(vgg, pictures), wanted)
        rows.append([name, distance, distance / unchanged])
    print(
        f"{len(squares)} held-out photographs against {len(held_out)} held-out works, "
        f"{args.side} px squares"
    )
    print(table(["", "Frechet distance (VGG19 relu3_1)", "of unchanged"], rows))
    pairs = zip(painted, squares, strict=True)
    ssim = [metrics.ssim(to_array(one), to_array(other)) for one, other in pairs]
    print(f"SSIM to the photograph: {np.mean(ssim):.3f}")
    if args.sheet != Path():
        cells = [[one[0], other[0]] for one, other in zip(squares, painted, strict=True)][:40]
        save_sheet(args.sheet, [sum(cells[i : i + 4], []) for i in range(0, len(cells), 4)])


def spread(pictures: Pictures, indices: list[int], args: Args) -> list[Tensor]:
    """Squares of `count` of the pictures at most, evenly chosen."""
    chosen = indices[:: max(1, len(indices) // args.count)][: args.count]
    return [center_square(pictures[index], args.side) for index in chosen]


def pooled(vgg: VGG19, pictures: list[Tensor]) -> np.ndarray:
    """Mean of each channel of relu3_1 of each picture, (N, 256) float64."""
    means = [vgg(picture, ("relu3_1",))["relu3_1"].mean(dim=(2, 3)) for picture in pictures]
    return torch.cat(means).double().numpy()


if __name__ == "__main__":
    run_script(Args, evaluate)
