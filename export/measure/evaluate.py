"""Measures an exported model on held-out photographs, and makes sheets to look at.

    python -m export.measure.evaluate --model core/data/models/photo-v3 --sources photos.tar ...

A colouriser is compared with doing nothing (grey) and with one mean colour everywhere; a painter
with the photograph unchanged, and its tiles with the whole. Everything goes through the exported
graph, as it will for the user.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core.generator.catalog import Model
from core.generator.generator import Generator
from core.generator.manifest import Manifest
from export.colorize.previews import center_square, to_array
from export.colorize.report import (
    Judges,
    baselines,
    color_numbers,
    colorize,
    colorize_wholly,
    hint_numbers,
)
from export.data.pictures import Pictures, decode, name_hash, read_files
from export.data.split import Split
from export.errors import DataUnusable
from export.metrics import pictures as metrics
from export.networks import moments
from export.networks.vgg import VGG19
from export.networks.weights import load_weights, read_safetensors
from export.training.arguments import option
from export.training.color import lab_to_srgb, srgb_to_lab
from export.training.shared import run_script, save_sheet

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
TILE = 256
Act = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Args:
    """Measures an exported model."""

    model: Path = option(Path("core/data/models/photo-v3"), "folder of the model")
    sources: tuple[Path, ...] = option((), "the tars or folders that it was trained on")
    cache: Path = option(Path("runs/cache"), "folder of decoded pictures")
    short_side: int = option(256, "short side of the cached pictures; squares of it are compared")
    split: Path = option(Path(), "file of export.data.split: which photographs were held out")
    validation: bool = option(False, "measure on the split's validation pictures instead")
    all: bool = option(False, "measure on every picture of the sources: none was trained on")
    held_out: int = option(500, "photographs held out in training, where there is no split file")
    also_held_out: int = option(0, "only those also among so many lowest hashes of names")
    count: int = option(500, "how many of them to measure")
    work: int = option(0, "longer side at which a colouriser is run, 0 for the manifest's")
    saturation: float = option(1.0, "factor on a colouriser's ab")
    squeezenet: Path = option(Path(), "SqueezeNet 1.1 weights, for LPIPS")
    lpips: Path = option(Path(), "LPIPS v0.1 heads for SqueezeNet")
    resnet: Path = option(Path(), "ResNet-50 v2 weights to stage 3, for the Frechet distance")
    vgg: Path = option(Path(), "normalised VGG19 weights, for a painter")
    works: tuple[Path, ...] = option((), "tars or folders of the painter's works")
    work_names: str = option("", "use only works whose file name contains this")
    work_side: int = option(256, "short side of the works")
    baselines: bool = option(True, "measure grey, mean colour and the truth too")
    out: Path = option(Path(), "folder for report.json, report.md and sheet.png")
    sheet: Path = option(Path(), "write a sheet of held-out photographs to this PNG")
    shown: int = option(24, "photographs on the sheet")
    look: tuple[Path, ...] = option((), "more pictures to run, without numbers")
    look_sheet: Path = option(Path(), "write a sheet of those to this PNG")
    threads: int = option(0, "CPU threads, 0 for the default")


def evaluate_model(args: Args) -> None:
    model = Model(Manifest.load(args.model), args.model)
    evaluate(Generator.open(model, device="cpu", threads=args.threads), args)


@torch.no_grad()
def evaluate(generator: Generator, args: Args) -> None:
    """Prints the tables of the model's task and writes the report and sheets asked for."""
    colorizes = generator.manifest.task == "colorize"
    work = args.work or generator.manifest.size.work

    def result(rgb: Tensor, **given: Tensor) -> Tensor:
        if colorizes:
            return colorize(generator, rgb, work, args.saturation, **given)
        return paint(generator, rgb)

    if args.sources:
        squares = choose_pictures(args)
        if colorizes:
            report = color_report(generator, squares, result, args)
            text = color_text(report)
            if args.out != Path():
                write_report(args.out, report, text)
        else:
            text = style_table(generator, squares, result, args)
        print(text)
        sheet = args.out / "sheet.png" if args.out != Path() else args.sheet
        if sheet != Path():
            shown = squares[:: max(1, len(squares) // args.shown)][: args.shown]
            save_sheet(sheet, sheet_rows(shown, result, colorizes))
    if args.look and args.look_sheet != Path():
        shown = [shrink(picture, 256) for picture in read_pictures(args.look)][:72]
        save_sheet(args.look_sheet, sheet_rows(shown, result, False))


def paint(generator: Generator, rgb: Tensor) -> Tensor:
    """Repaints (1, 3, H, W) sRGB in [0, 1]; trims H and W to the multiple that it needs."""
    multiple = generator.manifest.size.multiple_of
    height, width = (side // multiple * multiple for side in rgb.shape[-2:])
    return torch.from_numpy(generator.run(rgb[:, :, :height, :width].numpy()))


def color_report(
    generator: Generator,
    squares: list[Tensor],
    result: Callable[..., Tensor],
    args: Args,
) -> dict[str, Any]:
    """Model, baselines and truth; and what hints are worth to a model that takes them."""
    found = [result(square) for square in squares]
    candidates = {args.model.name: found}
    if args.baselines:
        candidates |= {**baselines(squares), "truth": squares}
    judges = Judges(squares, args.squeezenet, args.lpips, args.resnet)
    rows = {
        # the truth is at no distance from itself
        name: {**color_numbers(pictures, squares), **(judges(pictures) if name != "truth" else {})}
        for name, pictures in candidates.items()
    }
    report: dict[str, Any] = {
        "model": args.model.name,
        "sha256": generator.manifest.sha256,
        "pictures": len(squares),
        "side": args.short_side,
        "rows": rows,
    }
    if generator.manifest.takes("hint"):
        wholly = functools.partial(colorize_wholly, generator)
        report["hints"] = {
            "generator alone": hint_numbers(squares, found, result),
            "whole way": hint_numbers(squares, [wholly(square) for square in squares], wholly),
        }
    return report


def color_text(report: dict[str, Any]) -> str:
    """The report as Markdown."""
    rows = report["rows"]
    header = ["", *next(iter(rows.values()))]
    text = f"{report['pictures']} held-out photographs, {report['side']} px squares\n\n"
    cells = [[name, *(row.get(key, 0.0) for key in header[1:])] for name, row in rows.items()]
    text += table(header, cells)
    if "hints" in report:
        ways = report["hints"]
        header = ["", *ways["whole way"]]
        text += "\n\n" + table(header, [[way, *row.values()] for way, row in ways.items()])
    return text


def choose_pictures(args: Args) -> list[Tensor]:
    """Squares (1, 3, side, side) of the held-out pictures to measure, spread over all sources."""
    pictures = Pictures.open(list(args.sources), args.cache, args.short_side)
    if args.split != Path():
        _, validation, held_out = Split.load(args.split).indices(pictures, to_train=False)
        held_out = validation if args.validation else held_out
    elif args.all:
        held_out = list(range(len(pictures)))
    else:
        _, held_out = pictures.split(args.held_out)
    if args.also_held_out:
        order = sorted(name_hash(entry.name) for entry in pictures.entries)[: args.also_held_out]
        common = set(order)
        held_out = [i for i in held_out if name_hash(pictures.entries[i].name) in common]
    if not held_out:
        raise DataUnusable("None of the held-out pictures is in the sources.")
    chosen = held_out[:: max(1, len(held_out) // args.count)][: args.count]
    return [center_square(pictures[index], args.short_side) for index in chosen]


def write_report(folder: Path, report: dict[str, Any], text: str) -> None:
    """report.json and report.md."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    (folder / "report.md").write_text(text + "\n")


def style_table(generator: Generator, squares: list[Tensor], result: Act, args: Args) -> str:
    """Painter and unchanged photograph: style and content distance in VGG19, SSIM; and tiles."""
    vgg = VGG19()
    load_weights(vgg, read_safetensors(args.vgg))
    works = [
        shrink(work, args.work_side, min) for work in read_pictures(args.works, args.work_names)
    ]
    wanted = [statistics(vgg(work, STYLE_LAYERS)) for work in works]
    target = [torch.stack(values).mean(dim=0) for values in zip(*wanted, strict=True)]
    rows = []
    for name, act in ((args.model.name, result), ("photo unchanged", lambda rgb: rgb)):
        numbers = []
        for square in squares:
            painted = act(square)
            found, original = vgg(painted, STYLE_LAYERS), vgg(square, ("relu4_1",))
            style = sum(
                float(F.mse_loss(one, other))
                for one, other in zip(statistics(found), target, strict=True)
            )
            content = float(F.mse_loss(found["relu4_1"], original["relu4_1"]))
            structure = metrics.ssim(to_array(painted), to_array(square))
            numbers.append((style, content, structure))
        rows.append([name, *np.mean(numbers, axis=0)])
    header = ["", "style", "content", "SSIM"]
    seam = tile_difference(generator, squares)
    return (
        f"{len(squares)} held-out photographs, {args.short_side} px squares\n"
        + table(header, rows)
        + f"\ntiles against the whole: largest difference {seam:.1e}"
    )


def statistics(features: dict[str, Tensor]) -> list[Tensor]:
    """Mean and deviation of each layer, each (1, C)."""
    return [moment for value in features.values() for moment in moments.mean_and_deviation(value)]


def tile_difference(generator: Generator, squares: list[Tensor]) -> float:
    """Largest difference between one inner tile, given its overlap, and the whole picture."""
    overlap = generator.manifest.tiling.overlap
    mosaic = torch.cat([torch.cat(squares[i : i + 3], dim=3) for i in (0, 3, 6)], dim=2)
    whole = generator.run(mosaic.numpy())
    start, stop = TILE, TILE * 2
    around = mosaic[:, :, start - overlap : stop + overlap, start - overlap : stop + overlap]
    tile = generator.run(around.numpy())[:, :, overlap:-overlap, overlap:-overlap]
    return float(np.abs(tile - whole[:, :, start:stop, start:stop]).max())


def sheet_rows(squares: list[Tensor], result: Act, with_truth: bool) -> list[list[Tensor]]:
    """Cells of a sheet, three pictures to a row: input, result and, for colours, the truth."""
    cells = []
    for square in squares:
        lightness = srgb_to_lab(square)[:, :1]
        grey = lab_to_srgb(torch.cat((lightness, torch.zeros_like(square[:, :2])), dim=1))
        first = grey if with_truth else square
        cells.append([first[0], result(square)[0]] + ([square[0]] if with_truth else []))
    return [sum(cells[i : i + 3], []) for i in range(0, len(cells), 3)]


def read_pictures(sources: tuple[Path, ...], names: str = "") -> list[Tensor]:
    """Every readable picture (1, 3, H, W) in [0, 1] whose file name contains `names`."""
    pictures = []
    for source in sources:
        for name, content in read_files(source):
            picture = decode(content) if names in name else None
            if picture is not None:
                pixels = torch.from_numpy(np.array(picture))
                pictures.append(pixels.permute(2, 0, 1)[None].float() / 255)
    return pictures


def shrink(rgb: Tensor, side: int, which: Callable[..., int] = max) -> Tensor:
    """Scales (1, 3, H, W) so that its longer (max) or shorter (min) side is `side`."""
    scale = side / which(rgb.shape[-2:])
    size = [round(length * scale) for length in rgb.shape[-2:]]
    return F.interpolate(rgb, size=size, mode="bicubic", antialias=True).clamp(0, 1)


def table(header: list[str], rows: list[list]) -> str:
    """A Markdown table; numbers with four significant digits."""
    text = [[cell if isinstance(cell, str) else f"{cell:.4g}" for cell in row] for row in rows]
    lines = [header, ["---"] * len(header), *text]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    run_script(Args, evaluate_model)
