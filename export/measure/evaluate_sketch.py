r"""Measures an exported sketch colouriser on illustrations held out by subject.

    python -m export.measure.evaluate_sketch --model core/data/models/sketch-v1 \
        --illustrations illustrations.tar --squeezenet ... --lpips ... --json sketch.json

The generator is measured alone, where nothing snaps its colours to areas, and the whole way that
a user's drawing goes. What the numbers are: export/metrics/drawings.py. G'MIC's auto-fill
comes from files: `--write-lines DIR`, then
`export.tools.autofill_gmic DIR FLATS` where the package gmic is installed, then `--flats FLATS`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image as Picture
from torch import Tensor

from core.colorize.colorize import ColorizeSettings
from core.generator.catalog import Model
from core.generator.generator import Generator
from core.generator.manifest import Manifest
from core.image import Image
from core.request.work import Other
from core.sketch.sketch import color_sketch
from export.data.hints import HintLayer
from export.data.illustrations import Illustrations
from export.errors import DataUnusable
from export.measure.evaluate import table
from export.metrics.drawings import (
    Drawing,
    hint_numbers,
    lined,
    make_drawing,
    unhinted_numbers,
)
from export.networks.judges import LpipsSqueeze
from export.networks.weights import read_safetensors
from export.training.arguments import option
from export.training.shared import run_script, save_sheet

Array = np.ndarray


@dataclass(frozen=True)
class Args:
    """Measures an exported sketch colouriser."""

    model: Path = option(Path("core/data/models/sketch-v1"), "folder of the model")
    illustrations: Path = option(Path(), "tar of the illustrations that it was trained on")
    cache: Path = option(Path("runs/cache"), "folder of decoded pictures")
    pair_side: int = option(256, "side of the cached illustrations")
    validation: int = option(40, "subjects held out to look at in training")
    test: int = option(100, "subjects held out to measure with")
    on_validation: bool = option(False, "measure those to look at, for choosing settings")
    work: int = option(0, "longer side at which the generator is run, 0 for the manifest's")
    seed: int = option(0, "seed of the hints")
    squeezenet: Path = option(Path(), "SqueezeNet 1.1 weights, for LPIPS")
    lpips: Path = option(Path(), "LPIPS v0.1 heads for SqueezeNet")
    write_lines: Path = option(Path(), "only write the line pictures into this folder")
    flats: Path = option(Path(), "folder of G'MIC's colours for those lines")
    json: Path = option(Path(), "write the numbers to this file")
    sheet: Path = option(Path(), "write a sheet of 24 pictures to this PNG")
    threads: int = option(0, "CPU threads, 0 for the default")


@torch.no_grad()
def evaluate(args: Args) -> None:
    """Prints the tables; writes the JSON and the sheet that were asked for."""
    pairs = Illustrations.open(args.illustrations, args.cache, args.pair_side)
    training, validation, test = pairs.split(args.validation, args.test)
    chosen = validation if args.on_validation else test
    drawings = [make_drawing(pairs.names[i], pairs[i], (args.seed, i)) for i in chosen]
    if args.write_lines != Path():
        write_lines(drawings, args.write_lines)
        return
    model = Model(Manifest.load(args.model), args.model)
    generator = Generator.open(model, device="cpu", threads=args.threads)
    work = args.work or generator.manifest.size.work
    plain = [run(generator, d.ink, None, work) for d in drawings]
    hinted = [run(generator, d.ink, d.hints, work) for d in drawings]
    alone = hint_numbers(drawings, plain, hinted)
    print(f"{len(drawings)} held-out subjects, {args.pair_side} px, generator run at {work} px\n")
    print("With a hint in half of the areas, generator alone; CIEDE2000 of the areas' means")
    print(hint_table(alone))
    whole = [[run_whole(generator, d, hints) for d in drawings] for hints in (False, True)]
    numbers = {"generator alone": alone, "whole way": hint_numbers(drawings, *whole)}
    print("\nThe same, the whole way (core.sketch.sketch)")
    print(hint_table(numbers["whole way"]))
    candidates = {args.model.name: plain, f"{args.model.name}, the whole way": whole[0]}
    candidates |= baselines(drawings, mean_color(pairs, training), args)
    numbers["without hints"] = unhinted_numbers(drawings, candidates, load_judge(args))
    print("\nWithout any hint")
    print(unhinted_table(numbers["without hints"]))
    if args.json != Path():
        args.json.write_text(json.dumps(numbers, indent=1) + "\n")
    if args.sheet != Path():
        shown = [hinted, whole[1], whole[0], *(candidates[n] for n in candidates if n == "G'MIC")]
        save_sheet(args.sheet, sheet_rows(drawings, shown))


def run(
    generator: Generator, ink: Array, hints: HintLayer | None, work: int, noise: Array | None = None
) -> Array:
    """Colours (H, W, 3) in [0, 1] for ink (H, W), plainly interpolated to its size."""
    height, width = ink.shape
    multiple = generator.manifest.size.multiple_of
    scale = work / max(height, width)
    sides = [max(1, round(side * scale / multiple)) * multiple for side in (height, width)]

    def fit(planes: Array) -> Tensor:
        return F.interpolate(torch.from_numpy(planes)[None], size=sides, mode="area")

    inputs = {"picture": fit(ink[None]).numpy()}
    if hints is not None:
        mask = fit(hints.mask[None])
        colors = fit((hints.colors * hints.mask[..., None]).transpose(2, 0, 1)) / (mask + 1e-6)
        inputs |= {"hint": colors.numpy(), "hint-mask": mask.clamp(max=1).numpy()}
    if noise is not None:
        inputs["noise"] = noise
    found = torch.from_numpy(generator.run_all(inputs)["picture"])
    found = F.interpolate(found, size=(height, width), mode="bilinear", align_corners=False)
    return found[0].permute(1, 2, 0).clamp(0, 1).numpy()


def run_whole(generator: Generator, drawing: Drawing, hinted: bool) -> Array:
    """Colours (H, W, 3) in [0, 1] of the layer beneath the lines, as the filter makes it."""
    grey = ((1 - drawing.ink) * 255).round().astype(np.uint8)
    layer = np.concatenate((drawing.hints.colors, drawing.hints.mask[..., None]), axis=2)
    hint = Other("hint", Image((layer * 255).round().astype(np.uint8))) if hinted else None
    picture = Image(np.repeat(grey[..., None], 3, axis=2))
    settings = ColorizeSettings(unhinted="guess")
    _, layers = color_sketch(picture, generator, settings, lambda share, text: None, hint)
    colors = next(layer.image for layer in layers if layer.role == "colors")
    return colors.pixels[..., :3].astype(np.float32) / 255


def mean_color(pairs: Illustrations, training: list[int]) -> Array:
    """Mean sRGB (3) of the training pictures' pixels."""
    sums = []
    for index in training[::10]:
        one = pairs[index]
        sums.append(np.bincount(one.areas.ravel(), minlength=len(one.colors)) @ (one.colors / 255))
    return (np.sum(sums, axis=0) / (len(sums) * pairs.side**2)).astype(np.float32)


def baselines(drawings: list[Drawing], mean: Array, args: Args) -> dict[str, list[Array]]:
    """Name -> colours of every drawing."""
    found = {
        "white paper": [np.ones_like(d.truth) for d in drawings],
        "mean colour": [np.broadcast_to(mean, d.truth.shape).copy() for d in drawings],
    }
    if args.flats != Path():
        found["G'MIC"] = [read_flat(args.flats / f"{d.name}.png", d.truth.shape) for d in drawings]
    return found


def read_flat(path: Path, shape: tuple[int, ...]) -> Array:
    """A picture of G'MIC's. Raises DataUnusable."""
    try:
        pixels = np.asarray(Picture.open(path).convert("RGB"), np.float32) / 255
    except OSError as error:
        raise DataUnusable(
            f"{path} cannot be read: make it with export.tools.autofill_gmic."
        ) from error
    if pixels.shape != shape:
        raise DataUnusable(f"{path} has another size than the lines: make it anew.")
    return pixels


def load_judge(args: Args) -> Callable[[Array, Array], float]:
    """LPIPS-squeeze of two pictures (H, W, 3); NaN where the weights are not given."""
    if args.squeezenet == Path() or args.lpips == Path():
        return lambda first, second: float("nan")
    judge = LpipsSqueeze().load(read_safetensors(args.squeezenet), read_safetensors(args.lpips))
    return lambda first, second: float(judge(as_tensor(first)[None], as_tensor(second)[None]))


def as_tensor(picture: Array) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1), np.float32))


def hint_table(numbers: dict) -> str:
    columns = ("areas", "median", "mean", "share above 12")
    rows = [
        [kind, *(values[column] for column in columns)] for kind, values in numbers["hints"].items()
    ]
    share = 100 * numbers["crossing share"]
    crossing = f"\nColour across a line: {share:.2f} % of the pixels beside lines"
    return table(["", *columns], rows) + crossing


def unhinted_table(numbers: dict[str, dict[str, float]]) -> str:
    header = list(next(iter(numbers.values())))
    return table(["", *header], [[name, *values.values()] for name, values in numbers.items()])


def write_lines(drawings: list[Drawing], folder: Path) -> None:
    """The lines, black on white, as NAME.png."""
    folder.mkdir(parents=True, exist_ok=True)
    for drawing in drawings:
        grey = ((1 - drawing.ink) * 255).round().astype(np.uint8)
        Picture.fromarray(grey).save(folder / f"{drawing.name}.png")


def sheet_rows(drawings: list[Drawing], results: list[list[Array]]) -> list[list[Tensor]]:
    """Lines with hints, each result, and the truth, for every fourth drawing; two to a row."""
    cells = []
    for index in range(0, len(drawings), max(1, len(drawings) // 24)):
        drawing = drawings[index]
        paper = np.repeat(1 - drawing.ink[..., None], 3, axis=2)
        mask = drawing.hints.mask[..., None]
        pictures = [paper + mask * (drawing.hints.colors - paper)]
        pictures += [lined(drawing, result[index]) for result in results]
        cells.append([as_tensor(p) for p in [*pictures, lined(drawing, drawing.truth)]])
    return [sum(cells[i : i + 2], []) for i in range(0, len(cells), 2)]


if __name__ == "__main__":
    run_script(Args, evaluate)
