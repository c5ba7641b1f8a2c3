r"""Trains arbitrary style: one network that repaints any picture in the manner of any other.

    python -m export.style.train_transfer --preset any-style --sources photos.tar \
        --styles paintings.tar styles.tar --vgg vgg19.safetensors --out runs/any-style

The teacher is AdaIN (Huang 2017, arXiv 1703.06868) in the feature space of the VGG19 that judges:
what its decoder would be asked to paint, the content's relu4_1 with the style's mean and deviation,
is what the small network's painting should have as relu4_1. The decoder itself is not needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from lightning_fabric import Fabric
from torch import Tensor, nn

from export.data.pictures import Pictures
from export.networks.adain import adain
from export.networks.transfer import (
    STYLE_LAYERS,
    VGG_NUMBERS,
    StyleCode,
    StyleTransfer,
    vgg_statistics,
)
from export.networks.vgg import VGG19
from export.style.samples import StyleBook, middle_square, squares, style_codes
from export.style.styling import StyleArgs, StyleRun, adam, tidiness
from export.training import loop
from export.training.arguments import option
from export.training.shared import channels_last, run_script, save_sheet

NETWORK: dict[str, Any] = {}
CHANNELS = (64, 128, 256, 512)  # of STYLE_LAYERS
CONTENT_LAYER = "relu4_1"


@dataclass(frozen=True)
class Args(StyleArgs):
    """Trains arbitrary style transfer."""

    styles: tuple[Path, ...] = option((), "tars or folders of style pictures")
    out: Path = option(Path("runs/any-style"), "folder of checkpoint.pt and the sheets")
    steps: int = option(20000, "optimizer steps in all")
    styles_per_step: int = option(2, "styles per step; a divisor of `batch`")
    size: int = option(144, "side of the training squares, a multiple of 8")
    least_crop: int = option(96, "side of the smallest square that is cut and resized to `size`")
    style_sides: tuple[int, ...] = option((160, 256, 384), "short sides a style is looked at")
    held_out_styles: int = option(30, "style pictures never trained on")
    mixed: float = option(0.2, "share of styles that are mixtures of two")
    content_weight: float = option(1.0, "weight of the distance to the wanted relu4_1")
    teacher_share: float = option(1.0, "share of AdaIN's relu4_1 in it; the rest is the photo's")
    style_weight: float = option(3.0, "weight of the distance of means and deviations")
    structure_weight: float = option(0.0, "weight of 1 - SSIM of luma to the photograph")


class Batch(NamedTuple):
    """Squares (N, 3, S, S) in [0, 1] and the codes (N, CODE_NUMBERS) of the styles wanted."""

    rgb: Tensor
    code: Tensor


class TransferObjective(nn.Module):
    """The generator with its losses; one call gives the weighted terms of a batch."""

    def __init__(self, generator: StyleTransfer, vgg: VGG19, args: Args) -> None:
        super().__init__()
        self.generator, self.vgg, self.args = generator, vgg, args

    def forward(self, rgb: Tensor, code: Tensor) -> dict[str, Tensor]:
        args = self.args
        with torch.autocast(rgb.device.type, dtype=torch.bfloat16, enabled=args.bf16):
            with torch.no_grad():
                content = self.vgg(rgb, (CONTENT_LAYER,))[CONTENT_LAYER].float()
            painted = self.generator.repaint(rgb, None, code)
            features = self.vgg(painted, STYLE_LAYERS)
        features = {name: value.float() for name, value in features.items()}
        painted = painted.float()
        wanted = code[:, :VGG_NUMBERS]
        target = adain(content, wanted[:, -1024:-512], wanted[:, -512:])
        target = torch.lerp(content, target, args.teacher_share)
        terms = {
            "content": args.content_weight * F.mse_loss(features[CONTENT_LAYER], target),
            "style": args.style_weight * style_loss(vgg_statistics(features), wanted),
            **tidiness(painted, args),
        }
        if args.structure_weight:
            terms["structure"] = args.structure_weight * structure_loss(painted, rgb)
        return terms


class Run(StyleRun[Args]):
    """The network that paints in any style, and the codes of the styles that it learns from."""

    network = "transfer"
    generator: StyleTransfer

    def __init__(self, args: Args, fabric: Fabric) -> None:
        super().__init__(args, fabric)
        judge = StyleCode()
        judge.vgg = self.vgg
        judge = channels_last(judge).to(self.device)
        with fabric.rank_zero_first():
            pictures = Pictures.open(list(args.styles), args.cache, max(args.style_sides))
            file = args.cache / "style-codes.pt"
            self.book = StyleBook(pictures, judge, file, self.device.type, args.bf16)
        self.styles, self.held_out_styles = pictures.split(args.held_out_styles)
        torch.manual_seed(args.seed)
        restored = self.begin(StyleTransfer(**NETWORK))
        if self.is_fresh:
            standardize(self.generator, self.book, self.styles, args)
        objective = TransferObjective(self.generator, self.vgg, args)
        self.objective = self.prepare(objective, adam(self.generator.parameters(), args.lr))
        self.go_on(restored)

    @property
    def network_arguments(self) -> dict[str, Any]:
        return NETWORK

    def batch(self, step: int) -> Batch:
        rng = self.rng(step)
        rgb = self.ready(squares(self.photos, self.training, rng, self.args))
        code = style_codes(self.book, self.styles, rng, self.args)
        return Batch(rgb, code.to(self.device))

    def alone(self, batch: Batch) -> Tensor:
        return self.generator.repaint(batch.rgb, None, batch.code).float().mean()

    def step(self, step: int) -> dict[str, float]:
        with self.clock.part("pictures"):
            batch = self.batch(step)
        with self.clock.part("losses"):
            terms = self.objective(*batch)
        return self.learn(terms, step)

    def save(self, step: int) -> None:
        super().save(step)
        if self.leads:
            self.book.save()

    def draw(self, generator: Any, path: Path, side: int = 192) -> dict[str, float]:
        """Held-out photographs (rows) in held-out styles (columns)."""
        styles = self.held_out_styles
        chosen = styles[:: max(1, len(styles) // 7)][:7]
        shown = [middle_square(self.book.pictures[index], side)[0] for index in chosen]
        rows = [[torch.ones(3, side, side), *shown]]
        for pixels in self.some_held_out(5):
            rgb = middle_square(pixels, side)
            codes = [self.book.code(index, 256)[None] for index in chosen]
            painted = [generator.repaint(rgb, None, code)[0] for code in codes]
            rows.append([rgb[0], *painted])
        save_sheet(path, rows)
        return {}


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


def train(args: Args) -> loop.History:
    return loop.launch(Run, args)


if __name__ == "__main__":
    run_script(Args, train)
