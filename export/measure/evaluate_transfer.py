"""Measures arbitrary style on held-out pairs of a photograph and a style picture.

    python -m export.measure.evaluate_transfer --model core/data/models/any-style-v1 --sources
    photos.tar \
        --styles paintings.tar styles.tar --vgg vgg19.safetensors --decoder adain.safetensors

The exported graphs, the teacher (AdaIN), the colour move alone, and the photograph unchanged: the
style's means and deviations in VGG19, the content's relu4_1, SSIM of luma. Then: tiles against the
whole, and what strength does.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core.generator.catalog import Model
from core.generator.generator import Generator
from core.generator.manifest import Manifest
from export.data.pictures import Pictures
from export.measure.evaluate import statistics, table, to_array
from export.metrics import pictures as metrics
from export.networks.adain import AdaIN
from export.networks.transfer import (
    STYLE_LAYERS,
    StyleTransfer,
    color_moments,
    color_move,
    move_colors,
)
from export.networks.vgg import VGG19
from export.networks.weights import load_weights, read_safetensors
from export.onnx.transfer_to_onnx import run_graphs
from export.style.samples import middle_square
from export.training.arguments import option
from export.training.checkpoint import load_checkpoint
from export.training.shared import run_script, save_sheet


@dataclass(frozen=True)
class Pair:
    """A photograph and a style, each (1, 3, side, side) in [0, 1], and what the judge sees in them.

    `wanted` are the style's statistics, `content` the photograph's relu4_1.
    """

    photo: Tensor
    style: Tensor
    wanted: list[Tensor]
    content: Tensor


TILE = 256
STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Args:
    """Measures arbitrary style transfer."""

    model: Path = option(Path("core/data/models/any-style-v1"), "folder of the model")
    checkpoint: Path = option(Path(), "measure this checkpoint, with PyTorch, in place of `model`")
    sources: tuple[Path, ...] = option((), "the photographs that it was trained on")
    styles: tuple[Path, ...] = option((), "the style pictures that it was trained on")
    cache: Path = option(Path("runs/cache"), "folder of decoded pictures")
    vgg: Path = option(Path(), "normalised VGG19 weights (safetensors)")
    decoder: Path = option(Path(), "AdaIN decoder (safetensors): the teacher, and colours alone")
    side: int = option(384, "side of the squares that are compared")
    short_side: int = option(256, "short side of the cached photographs")
    style_side: int = option(384, "short side of the cached style pictures")
    held_out: int = option(500, "photographs held out in training")
    held_out_styles: int = option(30, "style pictures held out in training")
    count: int = option(30, "pairs to measure")
    sheet: Path = option(Path(), "write a sheet of the pairs to this PNG")
    threads: int = option(0, "CPU threads, 0 for the default")


@torch.no_grad()
def evaluate(args: Args) -> None:
    """Prints the table and writes the sheet."""
    vgg = VGG19()
    load_weights(vgg, read_safetensors(args.vgg))
    pairs = held_out_pairs(args, vgg)
    paintings = {
        name: [act(pair.photo, pair.style) for pair in pairs] for name, act in candidates(args, vgg)
    }
    paintings["photo unchanged"] = [pair.photo for pair in pairs]
    numbers = {name: measure(found, pairs, vgg) for name, found in paintings.items()}
    unchanged = numbers["photo unchanged"][0]
    rows = [[name, style, style / unchanged, *rest] for name, (style, *rest) in numbers.items()]
    print(f"{len(pairs)} held-out pairs, {args.side} px")
    print(table(["", "style", "of unchanged", "content", "SSIM"], rows))
    first = next(iter(paintings))
    print(strength_table(paintings[first], pairs, vgg))
    if args.checkpoint == Path():
        seam = tile_difference(open_model(args), pairs)
        print(f"tiles against the whole: {seam:.0f} dB")
    if args.sheet != Path():
        names = [name for name in paintings if name != "photo unchanged"]
        rows = [
            [pair.photo[0], pair.style[0], *(paintings[name][i][0] for name in names)]
            for i, pair in enumerate(pairs)
        ]
        save_sheet(args.sheet, [sum(rows[i : i + 2], []) for i in range(0, len(rows), 2)])


def held_out_pairs(args: Args, vgg: VGG19) -> list[Pair]:
    """Squares of the middle of held-out photographs and styles, one of each to a pair."""
    photos = Pictures.open(list(args.sources), args.cache, args.short_side)
    styles = Pictures.open(list(args.styles), args.cache, args.style_side)
    _, photo_indices = photos.split(args.held_out)
    _, style_indices = styles.split(args.held_out_styles)
    photo_indices = photo_indices[:: max(1, len(photo_indices) // args.count)]
    pairs = []
    for one, other in zip(photo_indices[: args.count], style_indices[: args.count], strict=True):
        photo = middle_square(photos[one], args.side)
        style = middle_square(styles[other], args.side)
        wanted = statistics(vgg(style, STYLE_LAYERS))
        pairs.append(Pair(photo, style, wanted, vgg(photo, ("relu4_1",))["relu4_1"]))
    return pairs


def candidates(args: Args, vgg: VGG19):
    """(name, function of photograph and style) of everything that paints."""
    if args.checkpoint != Path():
        generator = load_checkpoint(args.checkpoint, network="transfer").generator()
        assert isinstance(generator, StyleTransfer)
        yield "checkpoint", lambda photo, style: paint(generator, vgg, photo, style)
    else:
        session = open_model(args)
        yield (
            args.model.name,
            lambda photo, style: torch.from_numpy(run_graphs(session, style, photo)["render"]),
        )
    if args.decoder != Path():
        teacher = AdaIN()
        teacher.vgg = vgg
        load_weights(teacher.decoder, read_safetensors(args.decoder))
        yield "AdaIN (teacher)", teacher
        yield "colours moved", only_colors


def paint(generator: StyleTransfer, vgg: VGG19, photo: Tensor, style: Tensor) -> Tensor:
    """What the exported graphs do, with the network itself."""
    code = torch.cat((*statistics(vgg(style, STYLE_LAYERS)), moments(style)), dim=1)
    return generator(photo, generator.encode(photo).mean(dim=(2, 3)), code)


def only_colors(photo: Tensor, style: Tensor) -> Tensor:
    """The closed-form part of the network alone."""
    return move_colors(photo, *color_move(moments(photo), moments(style))).clamp(0, 1)


def moments(rgb: Tensor) -> Tensor:
    return color_moments(rgb).mean(dim=(2, 3))


def measure(found: list[Tensor], pairs: list[Pair], vgg: VGG19) -> list[float]:
    """Style and content distance in VGG19 and SSIM to the photograph, averaged over pairs."""
    numbers = []
    for painted, pair in zip(found, pairs, strict=True):
        features = vgg(painted, STYLE_LAYERS)
        distance = sum(
            float(F.mse_loss(one, other))
            for one, other in zip(statistics(features), pair.wanted, strict=True)
        )
        content = float(F.mse_loss(features["relu4_1"], pair.content))
        numbers.append((distance, content, metrics.ssim(to_array(painted), to_array(pair.photo))))
    return [float(value) for value in np.mean(numbers, axis=0)]


def strength_table(found: list[Tensor], pairs: list[Pair], vgg: VGG19, count: int = 4) -> str:
    """Numbers of (1 - strength) photograph + strength painting, over the first pairs."""
    some = list(zip(found[:count], pairs[:count], strict=True))
    rows = []
    for strength in STRENGTHS:
        mixed = [pair.photo + strength * (painted - pair.photo) for painted, pair in some]
        changes = [
            float((one - pair.photo).abs().max() * 255)
            for one, (_, pair) in zip(mixed, some, strict=True)
        ]
        rows.append([f"strength {strength:g}", *measure(mixed, pairs[:count], vgg), max(changes)])
    return table(["", "style", "content", "SSIM", "largest change of 255"], rows)


def tile_difference(session: Generator, pairs: list[Pair]) -> float:
    """PSNR in dB of a mosaic of four photographs in tiles, both passes, against the whole."""
    photos = [pair.photo for pair in pairs[:4]]
    photos += photos[: 4 - len(photos)] * 3
    mosaic = torch.cat([torch.cat(photos[i : i + 2], dim=3) for i in (0, 2)], dim=2).numpy()
    parts = run_graphs(session, pairs[0].style, torch.from_numpy(mosaic))
    sums = np.zeros(parts["encode"].shape[1])
    for _, inner, tile in tiles(mosaic, session.manifest.tiling.overlap):
        features = session.run_all({"picture": tile}, part="encode")["features"]
        quarter = [slice(side.start // 4, side.stop // 4) for side in inner]
        sums += features[:, :, *quarter].sum(axis=(0, 2, 3), dtype=np.float64)
    mean = (sums / parts["encode"][0, 0].size).astype(np.float32)[None]
    painted = np.empty_like(mosaic)
    for place, inner, tile in tiles(mosaic, session.manifest.tiling.overlap):
        given = {"picture": tile, "features": mean, "code": parts["style-code"]}
        painted[:, :, *place] = session.run_all(given)["picture"][:, :, *inner]
    return metrics.psnr(painted.astype(np.float64), parts["render"].astype(np.float64))


def tiles(picture: np.ndarray, overlap: int):
    """(place in the picture, place in the tile, tile with its overlap) of (1, 3, H, W)."""
    height, width = picture.shape[2:]
    for top in range(0, height, TILE):
        for left in range(0, width, TILE):
            place, inner, around = [], [], []
            for start, length in ((top, height), (left, width)):
                stop = min(start + TILE, length)
                first = max(0, start - overlap)
                place.append(slice(start, stop))
                inner.append(slice(start - first, stop - first))
                around.append(slice(first, min(length, stop + overlap)))
            yield place, inner, np.ascontiguousarray(picture[:, :, *around])


def open_model(args: Args) -> Generator:
    model = Model(Manifest.load(args.model), args.model)
    return Generator.open(model, device="cpu", threads=args.threads)


if __name__ == "__main__":
    run_script(Args, evaluate)
