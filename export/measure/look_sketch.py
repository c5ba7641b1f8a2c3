r"""Sheets to look at: drawings without a truth, coloured as a user gets them.

    python -m export.measure.look_sketch --model core/data/models/sketch-v1 --pictures sketches.tar
    \
        --sheet sketches.png --hints export/measure/sketch_hints.json

Everything goes the whole way: paper, lines, areas, generator, layers. A row has the drawing (with
its hints, where it has some), the likeliest colouring, another seed's and, with hints, theirs.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image as Picture
from PIL import ImageColor
from torch import Tensor

from core.colorize.colorize import ColorizeSettings
from core.errors import LimnerError
from core.generator.catalog import Model
from core.generator.generator import Generator
from core.generator.manifest import Manifest
from core.image import Image
from core.request.work import Other
from core.sketch.sketch import color_sketch
from export.data.pictures import decode, read_files
from export.errors import DataUnusable
from export.training.arguments import option, parse_arguments
from export.training.shared import save_sheet

Array = np.ndarray
Dab = tuple[float, float, float, str]  # x, y, radius as shares of width, height, width; "#rrggbb"


@dataclass(frozen=True)
class Args:
    """Colours drawings and puts them on a sheet."""

    model: Path = option(Path("core/data/models/sketch-v1"), "folder of the model")
    pictures: tuple[Path, ...] = option((), "tars or folders of drawings")
    hints: Path = option(Path(), "JSON: start of a file name -> [[x, y, radius, '#rrggbb'], ...]")
    only_hinted: bool = option(False, "only the drawings that have hints")
    strictness: float = option(0.5, "0 as the generator paints .. 1 one flat colour an area")
    seed: int = option(1, "seed of the other colouring")
    side: int = option(256, "longer side of the pictures on the sheet")
    columns: int = option(3, "drawings side by side")
    sheet: Path = option(Path("sketches.png"), "the PNG to write")


def main() -> None:
    args = parse_arguments(Args)
    try:
        look(args)
    except LimnerError as error:
        sys.exit(str(error))


def look(args: Args) -> list[str]:
    """Writes the sheet; returns, and prints, what each drawing that was refused was told."""
    generator = Generator.open(Model(Manifest.load(args.model), args.model), device="cpu")
    hints = read_hints(args.hints)
    rows, refused = [], []
    for source in args.pictures:
        for name, content in read_files(source):
            dabs = next((hints[start] for start in hints if name.startswith(start)), [])
            picture = decode(content)
            if picture is None or (args.only_hinted and not dabs):
                continue
            try:
                rows.append(row(generator, np.array(picture), dabs, args))
            except LimnerError as error:
                refused.append(f"{name}: {error}")
    if not rows:
        raise DataUnusable("There is no drawing to look at.")
    save_sheet(
        args.sheet, [sum(rows[i : i + args.columns], []) for i in range(0, len(rows), args.columns)]
    )
    print(f"{len(rows)} drawings on {args.sheet}", *refused, sep="\n")
    return refused


def row(generator: Generator, pixels: Array, dabs: list[Dab], args: Args) -> list[Tensor]:
    """The pictures of one drawing (H, W, 3) uint8."""
    found = [pixels, colored(generator, pixels, [], 0, args)]
    found.append(colored(generator, pixels, [], args.seed, args))
    if dabs:
        layer = hint_layer(pixels.shape, dabs)
        opaque = layer[..., 3:] > 0
        found[0] = np.where(opaque, layer[..., :3], pixels)
        found.append(colored(generator, pixels, dabs, 0, args))
    return [small(picture, args.side) for picture in found]


def colored(generator: Generator, pixels: Array, dabs: list[Dab], seed: int, args: Args) -> Array:
    """The picture as the filter returns it, (H, W, 3) uint8."""
    settings = ColorizeSettings(seed=seed, strictness=args.strictness)
    hint = Other("hint", Image(hint_layer(pixels.shape, dabs))) if dabs else None
    picture, _ = color_sketch(
        Image(pixels), generator, settings, lambda share, text: None, hint, with_layers=False
    )
    return picture.pixels[..., :3]


def read_hints(path: Path) -> dict[str, list[Dab]]:
    """The hints file; empty for no path. Raises DataUnusable."""
    if path == Path():
        return {}
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise DataUnusable(f"{path} cannot be read as JSON: {error}.") from error


def hint_layer(shape: tuple[int, ...], dabs: list[Dab]) -> Array:
    """A transparent layer (H, W, 4) uint8 with opaque discs."""
    height, width = shape[:2]
    layer = np.zeros((height, width, 4), np.uint8)
    y, x = np.mgrid[:height, :width]
    for across, down, radius, color in dabs:
        disc = (x - across * width) ** 2 + (y - down * height) ** 2 <= (radius * width) ** 2
        layer[disc] = (*ImageColor.getrgb(color)[:3], 255)
    return layer


def small(pixels: Array, side: int) -> Tensor:
    """(H, W, 3) uint8 as (3, h, w) in [0, 1], the longer side `side`."""
    picture = Picture.fromarray(pixels)
    picture.thumbnail((side, side), Picture.Resampling.LANCZOS)
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1).float() / 255


if __name__ == "__main__":
    main()
