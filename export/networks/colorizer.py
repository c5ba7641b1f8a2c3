"""The photo colouriser: lightness in, the two colour axes out, at a quarter of the size.

MobileNetV2 encoder, decoder with skip connections, and a head that chooses softly among a
palette of colours (Zhang 2016, arXiv 1603.08511) and corrects the choice by a small residual.

Two more inputs, neutral at zero: colour hints (Zhang 2017, arXiv 1705.02999) and the noise z of
a conditional variational autoencoder (Zhu 2017, "BicycleGAN", arXiv 1711.11586), from which
other plausible colourings are drawn.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from export.networks.mobilenet import FEATURE_CHANNELS, MobileNetV2

RESIDUAL_RANGE = 5.0  # the residual's largest correction, in CIE ab units
COLOR_UNIT = 50.0  # ab units that are 1 to the layers which see hints
HINT_CHANNELS = 3  # a*, b*, nearness


class DecoderLevel(nn.Module):
    """Doubles the size, joins the encoder's features of that size, two 3x3 convolutions."""

    def __init__(self, inputs: int, skip: int, outputs: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs + skip, outputs, 3, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(outputs)
        self.dropout = nn.Dropout2d(dropout)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        x = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
        x = F.relu(self.first_norm(self.first(torch.cat((x, skip), dim=1))))
        return F.relu(x + self.second_norm(self.second(self.dropout(x))))


class Colorizer(nn.Module):
    """Lightness L* (N, 1, H, W) in [0, 100] -> ab (N, 2, H/4, W/4), CIE a*, b* in [-110, 110].

    H and W must be multiples of 32. `palette_size` colours are chosen among with a softmax at
    `temperature`: below 1 the result is more decided and more colourful, above it greyer.

    Also given: hint (N, 2, H, W), ab units, with mask (N, 1, H, W), 1 where a hint is, else 0;
    and noise (N, `noise_size`), standard normal, or zeros for the default colouring. All three
    may be left out. Also returned: the palette's logits (N, K, H/4, W/4).
    """

    size_multiple = 32
    downscale = 4
    # Rounded to fp16 these few weights, which everything else sees the picture through, change
    # ab by up to 0.37; all the others by 0.02.
    exact_parts = (
        "encoder.stem.",
        "encoder.stages.0.",
        "encoder.stages.1.",
        "encoder.stages.2.",
        "encoder.stages.3.",
    )

    def __init__(
        self,
        channels: tuple[int, int, int, int] = (256, 128, 96, 64),
        palette_size: int = 72,
        temperature: float = 0.5,
        noise_size: int = 8,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.temperature = temperature
        self.noise_size = noise_size
        self.encoder = MobileNetV2()
        _, stride4, stride8, stride16, stride32 = FEATURE_CHANNELS
        self.hint_entry = nn.Conv2d(HINT_CHANNELS, stride8, 1, bias=False)
        nn.init.zeros_(self.hint_entry.weight)  # the pretrained encoder is not disturbed
        self.neck = nn.Conv2d(stride32 + HINT_CHANNELS, channels[0], 1)
        self.context = nn.Sequential(
            nn.Linear(stride32 + HINT_CHANNELS + noise_size, channels[0]),
            nn.ReLU(),
            nn.Linear(channels[0], channels[0]),
        )
        skips = (stride16, stride8, stride4)
        self.levels = nn.ModuleList(
            DecoderLevel(inputs, skip + HINT_CHANNELS, outputs, dropout)
            for inputs, skip, outputs in zip(channels[:3], skips, channels[1:], strict=True)
        )
        self.logits = nn.Conv2d(channels[3], palette_size, 1)
        self.residual = nn.Conv2d(channels[3], 2, 1)
        nn.init.zeros_(self.residual.weight)
        self.register_buffer("palette", torch.zeros(palette_size, 2))
        self.palette: Tensor

    def train(self, mode: bool = True) -> Colorizer:
        """Like nn.Module.train, but the encoder's BatchNorm statistics stay as pretrained."""
        super().train(mode)
        self.encoder.freeze_statistics()
        return self

    def predict(
        self, lightness: Tensor, hint: Tensor, mask: Tensor, noise: Tensor
    ) -> tuple[Tensor, Tensor]:
        """-> palette logits (N, K, H/4, W/4), residual (N, 2, H/4, W/4) in ab units."""
        stride4, stride8, stride16, stride32, whole = hint_pyramid(hint, mask)
        features = self.encoder(lightness / 50.0 - 1.0, self.hint_entry(stride8))
        deepest = features[-1]
        context = torch.cat((deepest.mean(dim=(2, 3)), whole, noise), dim=1)
        x = self.neck(torch.cat((deepest, stride32), dim=1))
        x = F.relu(x + self.context(context)[:, :, None, None])
        skips = zip(reversed(features[1:-1]), (stride16, stride8, stride4), strict=True)
        for level, skip in zip(self.levels, skips, strict=True):
            x = level(x, torch.cat(skip, dim=1))
        return self.logits(x), RESIDUAL_RANGE * torch.tanh(self.residual(x))

    def expectation(self, logits: Tensor, residual: Tensor) -> Tensor:
        """The palette's mean under the softmax at `temperature`, plus the residual: ab."""
        weights = torch.softmax(logits / self.temperature, dim=1)
        return F.conv2d(weights, self.palette.t()[:, :, None, None]) + residual

    def forward(
        self,
        lightness: Tensor,
        hint: Tensor | None = None,
        mask: Tensor | None = None,
        noise: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        hint, mask, noise = self.neutral(lightness, hint, mask, noise)
        logits, residual = self.predict(lightness, hint, mask, noise)
        ab = obey(self.expectation(logits, residual), hint, mask)
        return torch.clamp(ab, -110.0, 110.0), logits

    def neutral(
        self, lightness: Tensor, hint: Tensor | None, mask: Tensor | None, noise: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Zeros for what is left out: no hints, the default colouring."""
        count, _, height, width = lightness.shape
        if hint is None or mask is None:
            hint = lightness.new_zeros(count, 2, height, width)
            mask = lightness.new_zeros(count, 1, height, width)
        if noise is None:
            noise = lightness.new_zeros(count, self.noise_size)
        return hint, mask, noise


class ColorEncoder(nn.Module):
    """The truth's colours (N, 2, h, w) in ab units -> mean and log variance of z, (N, D) each.

    Only for training: it tells the generator which of the plausible colourings this one is.
    """

    def __init__(self, noise_size: int = 8) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(2, 32, 4, 2, 1), nn.LeakyReLU(0.2),
            nn.Conv2d(32, 64, 4, 2, 1), nn.LeakyReLU(0.2),
            nn.Conv2d(64, 128, 4, 2, 1), nn.LeakyReLU(0.2),
        )  # fmt: skip
        self.heads = nn.Linear(128, 2 * noise_size)

    def forward(self, ab: Tensor) -> tuple[Tensor, Tensor]:
        features = self.layers(ab / COLOR_UNIT).mean(dim=(2, 3))
        mean, log_variance = self.heads(features).chunk(2, dim=1)
        return mean, log_variance.clamp(-8.0, 4.0)


def hint_pyramid(hint: Tensor, mask: Tensor) -> list[Tensor]:
    """Hints (N, 2, H, W) with their mask (N, 1, H, W) at strides 4, 8, 16, 32, and as a whole.

    Each level (N, 3, h, w): the colour of the nearest hints, in COLOR_UNIT, and a nearness that
    is 1 at a hint, halves with every level that has none there, and is 0 in a picture without
    any. "Pull-push" (Gortler 1996, "The Lumigraph", section 3.4): averages downwards, then fills
    the gaps of each level from the coarser one. The last entry is the picture's mean, (N, 3).
    """
    colors, covers = [F.avg_pool2d(hint * mask, 4) / COLOR_UNIT], [F.avg_pool2d(mask, 4)]
    for _ in range(3):
        colors.append(F.avg_pool2d(colors[-1], 2))
        covers.append(F.avg_pool2d(covers[-1], 2))
    color, cover = (x[-1].mean(dim=(2, 3), keepdim=True) for x in (colors, covers))
    field = torch.cat((color / (cover + 1e-7), 0.0625 * cover / (cover + 1e-7)), dim=1)
    levels = [field.flatten(1)]
    for color, cover in zip(reversed(colors), reversed(covers), strict=True):
        if len(levels) > 1:
            field = F.interpolate(field, scale_factor=2.0, mode="bilinear", align_corners=False)
            field = field * field.new_tensor((1.0, 1.0, 0.5)).view(1, 3, 1, 1)
        weight = cover / (cover + 0.005)
        own = torch.cat((color, cover), dim=1) / (cover + 1e-7)
        field = field + weight * (own - field)
        levels.append(field)
    return levels[::-1]


def obey(ab: Tensor, hint: Tensor, mask: Tensor) -> Tensor:
    """ab (N, 2, h, w) with the hints themselves put in: in full where a quarter is covered."""
    color, cover = F.avg_pool2d(hint * mask, 4), F.avg_pool2d(mask, 4)
    weight = (cover * 4.0).clamp(0.0, 1.0)
    return ab + weight * (color / (cover + 1e-7) - ab)
