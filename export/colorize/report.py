"""A colouriser's numbers and pictures: against the truth, against doing nothing, with hints."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core.color.spaces import delta_e_2000
from core.colorize.colorize import ColorizeSettings
from core.colorize.photo import color_photo
from core.generator.generator import Generator
from core.image import Image
from core.request.work import Other, Work
from export.colorize.previews import to_array
from export.data.color_hints import draw_dabs
from export.metrics import pictures as metrics
from export.networks.judges import LpipsSqueeze, ResNet50Features
from export.networks.weights import read_safetensors
from export.training.color import lab_to_srgb, srgb_to_lab

HINTS, HINT_SIZE = 10, 5  # dabs per picture, and their side in pixels
Row = dict[str, float]


def colorize(
    generator: Generator,
    rgb: Tensor,
    work: int,
    saturation: float = 1.0,
    hint: Tensor | None = None,
    mask: Tensor | None = None,
    noise: Tensor | None = None,
) -> Tensor:
    """Forgets the colours of (1, 3, H, W) sRGB in [0, 1] and colours it anew, same shape.

    hint (1, 2, H, W) in ab units where mask (1, 1, H, W) is 1; noise (1, D).
    """
    lightness = srgb_to_lab(rgb)[:, :1]
    height, width = lightness.shape[-2:]
    multiple = generator.manifest.size.multiple_of
    scale = work / max(height, width)
    sides = [max(1, round(side * scale / multiple)) * multiple for side in (height, width)]
    small = F.interpolate(lightness, size=sides, mode="bilinear", antialias=True)
    inputs = {"picture": small.clamp(0, 100).numpy()}
    if hint is not None and mask is not None:
        cover = F.interpolate(mask, size=sides, mode="area")
        color = F.interpolate(hint * mask, size=sides, mode="area") / cover.clamp_min(1e-6)
        inputs |= {"hint": (color * (cover > 0)).numpy(), "hint-mask": cover.numpy()}
    if noise is not None:
        inputs["noise"] = noise.numpy()
    found = generator.run_all(inputs, wanted=("picture",))["picture"]
    colors = torch.from_numpy(found.copy()) * saturation
    ab = F.interpolate(colors, size=(height, width), mode="bicubic")
    return lab_to_srgb(torch.cat((lightness, ab), dim=1))


def colorize_wholly(
    generator: Generator, rgb: Tensor, hint: Tensor | None = None, mask: Tensor | None = None
) -> Tensor:
    """As `colorize`, the way of a user's picture (core.colorize.photo): hints on a layer of their
    own.

    Hints become colours of the picture's own lightness, as far as sRGB has them there.
    """
    lab = srgb_to_lab(rgb)

    def pixels(ab: Tensor) -> np.ndarray:
        return to_array(lab_to_srgb(torch.cat((lab[:, :1], ab), dim=1))).astype(np.float32)

    others = ()
    if hint is not None and mask is not None:
        layer = np.concatenate((pixels(hint), to_array(mask).astype(np.float32)), axis=2)
        others = (Other("hint", Image(layer)),)
    work = Work(
        Image(pixels(torch.zeros_like(lab[:, 1:]))),
        ColorizeSettings(),
        lambda *_: generator,
        "",
        lambda *_: None,
        others,
    )
    found = color_photo(work, generator).image.pixels
    return torch.from_numpy(found).permute(2, 0, 1)[None]


class Judges:
    """Distances to the truths by networks that no model was trained with; {} without weights."""

    def __init__(self, truths: list[Tensor], squeezenet: Path, lpips: Path, resnet: Path) -> None:
        self._truths = truths
        self._lpips = self._resnet = None
        if squeezenet != Path() and lpips != Path():
            weights = read_safetensors(squeezenet), read_safetensors(lpips)
            self._lpips = LpipsSqueeze().load(*weights)
        if resnet != Path():
            self._resnet = ResNet50Features().load(read_safetensors(resnet))
            self._wanted = self._features(truths)

    def __call__(self, pictures: list[Tensor]) -> Row:
        row = {}
        if self._lpips is not None:
            pairs = zip(pictures, self._truths, strict=True)
            row["LPIPS-squeeze"] = float(np.mean([float(self._lpips(a, b)) for a, b in pairs]))
        if self._resnet is not None:
            found = self._features(pictures)
            row["Frechet R50"] = metrics.frechet_distance(found, self._wanted)
            row["KID R50 x1000"] = 1000 * metrics.kernel_distance(found, self._wanted)
        return row

    def _features(self, pictures: list[Tensor]) -> np.ndarray:
        assert self._resnet is not None
        return torch.cat([self._resnet(picture) for picture in pictures]).double().numpy()


def color_numbers(pictures: list[Tensor], truths: list[Tensor]) -> Row:
    """Means over the pictures; colourfulness also as a share of the truth's and as an error."""
    columns: dict[str, list[float]] = {}
    for picture, truth in zip(pictures, truths, strict=True):
        found, wanted = to_array(picture), to_array(truth)
        found_lab, wanted_lab = to_array(srgb_to_lab(picture)), to_array(srgb_to_lab(truth))
        colors, true_colors = metrics.colorfulness(found), metrics.colorfulness(wanted)
        numbers = {
            "ab error": metrics.ab_error(found_lab[..., 1:], wanted_lab[..., 1:]),
            "PSNR dB": metrics.psnr(found, wanted),
            "SSIM, square window": metrics.ssim(found, wanted),
            "delta E 2000": float(delta_e_2000(found_lab, wanted_lab).mean()),
            "colourfulness": colors,
            "of truth": true_colors,
            "its error": abs(colors - true_colors),
        }
        for name, value in numbers.items():
            columns.setdefault(name, []).append(value)
    row = {name: float(np.mean(values)) for name, values in columns.items()}
    row["of truth"] = row["colourfulness"] / row["of truth"]
    return row


def baselines(squares: list[Tensor]) -> dict[str, list[Tensor]]:
    """Doing nothing, and one mean colour everywhere."""
    labs = [srgb_to_lab(square) for square in squares]
    mean_ab = torch.stack([lab[0, 1:].mean(dim=(1, 2)) for lab in labs]).mean(dim=0)

    def flat(lab: Tensor, ab: Tensor) -> Tensor:
        return lab_to_srgb(torch.cat((lab[:, :1], ab.view(1, 2, 1, 1).expand_as(lab[:, 1:])), 1))

    return {
        "grey": [flat(lab, torch.zeros(2)) for lab in labs],
        "mean colour": [flat(lab, mean_ab) for lab in labs],
    }


def hint_numbers(
    squares: list[Tensor], plain: list[Tensor], hinted: Callable[..., Tensor]
) -> dict[str, Any]:
    """What HINTS random dabs of HINT_SIZE px in the truth's colours are worth.

    PSNR outside the hinted pixels with and without the hints; and at each dab the CIEDE2000
    between its mean colour and what came back there, whose lightness is the picture's own.
    """
    with_hints, without, differences = [], [], []
    for number, (square, unhinted) in enumerate(zip(squares, plain, strict=True)):
        lab = srgb_to_lab(square)
        rng = np.random.default_rng(number)
        hint, mask = draw_dabs(lab[:, 1:], rng, HINTS, HINT_SIZE)
        result = hinted(square, hint=hint, mask=mask)
        outside = to_array(mask)[..., 0] == 0
        truth = to_array(square)[outside]
        with_hints.append(metrics.psnr(to_array(result)[outside], truth))
        without.append(metrics.psnr(to_array(unhinted)[outside], truth))
        asked = lab_to_srgb(torch.cat((lab[:, :1], hint), dim=1))  # into the gamut
        pair = (to_array(srgb_to_lab(picture))[~outside] for picture in (asked, result))
        differences.append(delta_e_2000(*pair))
    gains = np.array(with_hints) - np.array(without)
    return {
        "hints": f"{HINTS} of {HINT_SIZE} px",
        "PSNR dB without": float(np.mean(without)),
        "PSNR dB with": float(np.mean(with_hints)),
        "gain dB, mean": float(gains.mean()),
        "gain dB, median": float(np.median(gains)),
        "delta E 2000 at the hints, median": float(np.median(np.concatenate(differences))),
    }
