"""Measures an exported model on held-out photographs, and makes sheets to look at.

    python -m export.evaluate --model core/models/photo-v1 --sources photos.tar ...

A colouriser is compared with doing nothing (grey) and with one mean colour everywhere; a painter
with the photograph unchanged, and its tiles with the whole. Everything goes through the exported
graph, as it will for the user.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core.catalog import Model
from core.errors import LimnerError
from core.generator import Generator
from core.manifest import Manifest
from export import losses, metrics
from export.arguments import option, parse_arguments
from export.checkpoint import load_weights, read_safetensors
from export.color import lab_to_srgb, srgb_to_lab
from export.data import Pictures, decode, read_files
from export.networks.judges import LpipsSqueeze, ResNet50Features
from export.networks.vgg import VGG19
from export.training import save_sheet

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
TILE = 256
Act = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Args:
    """Measures an exported model."""

    model: Path = option(Path("core/models/photo-v1"), "folder of the model")
    sources: tuple[Path, ...] = option((), "the tars or folders that it was trained on")
    cache: Path = option(Path("runs/cache"), "folder of decoded pictures")
    short_side: int = option(256, "short side of the cached pictures; squares of it are compared")
    held_out: int = option(500, "photographs held out in training")
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
    sheet: Path = option(Path(), "write a sheet of held-out photographs to this PNG")
    look: tuple[Path, ...] = option((), "more pictures to run, without numbers")
    look_sheet: Path = option(Path(), "write a sheet of those to this PNG")
    threads: int = option(0, "CPU threads, 0 for the default")


def main() -> None:
    args = parse_arguments(Args)
    if args.threads:
        torch.set_num_threads(args.threads)
    try:
        model = Model(Manifest.load(args.model), args.model)
        generator = Generator.open(model, device="cpu", threads=args.threads)
        evaluate(generator, args)
    except LimnerError as error:
        sys.exit(str(error))


@torch.no_grad()
def evaluate(generator: Generator, args: Args) -> None:
    """Prints the table of the model's task and writes the sheets that were asked for."""
    colorizes = generator.manifest.task == "colorize"
    work = args.work or generator.manifest.size.work

    def result(rgb: Tensor) -> Tensor:
        if colorizes:
            return colorize(generator, rgb, work, args.saturation)
        return paint(generator, rgb)

    if args.sources:
        pictures = Pictures.open(list(args.sources), args.cache, args.short_side)
        _, held_out = pictures.split(args.held_out)
        # Every n-th, so that a small count still sees every source.
        chosen = held_out[:: max(1, len(held_out) // args.count)][: args.count]
        squares = [center_square(pictures[index], args.short_side) for index in chosen]
        if colorizes:
            print(colorize_table(squares, result, args))
        else:
            print(style_table(generator, squares, result, args))
        if args.sheet != Path():
            shown = squares[:: max(1, len(squares) // 24)][:24]
            save_sheet(args.sheet, sheet_rows(shown, result, colorizes))
    if args.look and args.look_sheet != Path():
        shown = [shrink(picture, 256) for picture in read_pictures(args.look)][:72]
        save_sheet(args.look_sheet, sheet_rows(shown, result, False))


def colorize(generator: Generator, rgb: Tensor, work: int, saturation: float = 1.0) -> Tensor:
    """Forgets the colours of (1, 3, H, W) sRGB in [0, 1] and colours it anew, same shape."""
    lightness = srgb_to_lab(rgb)[:, :1]
    height, width = lightness.shape[-2:]
    multiple = generator.manifest.size.multiple_of
    scale = work / max(height, width)
    sides = [max(1, round(side * scale / multiple)) * multiple for side in (height, width)]
    small = F.interpolate(lightness, size=sides, mode="bilinear", antialias=True)
    ab = torch.from_numpy(generator.run(small.clamp(0, 100).numpy())) * saturation
    ab = F.interpolate(ab, size=(height, width), mode="bicubic", align_corners=False)
    return lab_to_srgb(torch.cat((lightness, ab), dim=1))


def paint(generator: Generator, rgb: Tensor) -> Tensor:
    """Repaints (1, 3, H, W) sRGB in [0, 1]; trims H and W to the multiple that it needs."""
    multiple = generator.manifest.size.multiple_of
    height, width = (side // multiple * multiple for side in rgb.shape[-2:])
    return torch.from_numpy(generator.run(rgb[:, :, :height, :width].numpy()))


def colorize_table(squares: list[Tensor], result: Act, args: Args) -> str:
    """Model, grey and mean colour against the truth, averaged over the pictures."""
    labs = [srgb_to_lab(square) for square in squares]
    mean_ab = torch.stack([lab[0, 1:].mean(dim=(1, 2)) for lab in labs]).mean(dim=0)

    def flat(lab: Tensor, ab: Tensor) -> Tensor:
        return lab_to_srgb(torch.cat((lab[:, :1], ab.view(1, 2, 1, 1).expand_as(lab[:, 1:])), 1))

    candidates = {
        args.model.name: [result(square) for square in squares],
        "grey": [flat(lab, torch.zeros(2)) for lab in labs],
        "mean colour": [flat(lab, mean_ab) for lab in labs],
        "truth": squares,
    }
    judge = load_judges(args, squares)
    rows = [
        [name, *color_numbers(pictures, squares), *judge(pictures)]
        for name, pictures in candidates.items()
    ]
    header = ["", "|ab| error", "PSNR dB", "colourfulness", "of truth", "LPIPS-sq", "Frechet R50"]
    return f"{len(squares)} held-out photographs, {args.short_side} px squares\n" + table(
        header, rows
    )


def color_numbers(pictures: list[Tensor], truths: list[Tensor]) -> list[float]:
    """|ab| error, PSNR, colourfulness, and its mean ratio to the truth's."""
    errors, ratios, colors, true_colors = [], [], [], []
    for picture, truth in zip(pictures, truths, strict=True):
        found, wanted = to_array(picture), to_array(truth)
        found_ab = to_array(srgb_to_lab(picture))[..., 1:]
        wanted_ab = to_array(srgb_to_lab(truth))[..., 1:]
        errors.append(metrics.ab_error(found_ab, wanted_ab))
        ratios.append(metrics.psnr(found, wanted))
        colors.append(metrics.colorfulness(found))
        true_colors.append(metrics.colorfulness(wanted))
    share = float(np.mean(colors) / np.mean(true_colors))
    return [float(np.mean(errors)), float(np.mean(ratios)), float(np.mean(colors)), share]


def load_judges(args: Args, truths: list[Tensor]) -> Callable[[list[Tensor]], list[float]]:
    """A function pictures -> [LPIPS, Frechet distance] to the truths; NaN where weights lack."""
    lpips = resnet = wanted = None
    if args.squeezenet != Path() and args.lpips != Path():
        weights = read_safetensors(args.squeezenet), read_safetensors(args.lpips)
        lpips = LpipsSqueeze().load(*weights)
    if args.resnet != Path():
        resnet = ResNet50Features().load(read_safetensors(args.resnet))
        wanted = torch.cat([resnet(truth) for truth in truths]).double().numpy()

    def judge(pictures: list[Tensor]) -> list[float]:
        distance = frechet = float("nan")
        if lpips is not None:
            pairs = zip(pictures, truths, strict=True)
            distance = float(np.mean([float(lpips(one, other)) for one, other in pairs]))
        if resnet is not None and wanted is not None:
            found = torch.cat([resnet(picture) for picture in pictures]).double().numpy()
            frechet = metrics.frechet_distance(found, wanted)
        return [distance, frechet]

    return judge


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
    return [moment for value in features.values() for moment in losses.mean_and_deviation(value)]


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


def center_square(pixels: np.ndarray, side: int) -> Tensor:
    """The middle square of (H, W, 3) uint8 as (1, 3, side, side) in [0, 1]."""
    top, left = (pixels.shape[0] - side) // 2, (pixels.shape[1] - side) // 2
    square = pixels[top : top + side, left : left + side].copy()
    return torch.from_numpy(square).permute(2, 0, 1)[None].float() / 255


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


def to_array(picture: Tensor) -> np.ndarray:
    """(1, C, H, W) -> (H, W, C)."""
    return picture[0].permute(1, 2, 0).numpy()


def table(header: list[str], rows: list[list]) -> str:
    """A Markdown table; numbers with four significant digits."""
    text = [[cell if isinstance(cell, str) else f"{cell:.4g}" for cell in row] for row in rows]
    lines = [header, ["---"] * len(header), *text]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    main()
