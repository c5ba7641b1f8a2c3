"""The photo colouriser: lightness in, the two colour axes out, at a quarter of the size.

MobileNetV2 encoder, decoder with skip connections, and a head that chooses softly among a
palette of colours (Zhang 2016, arXiv 1603.08511) and corrects the choice by a small residual.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from export.networks.mobilenet import FEATURE_CHANNELS, MobileNetV2

RESIDUAL_RANGE = 5.0  # the residual's largest correction, in CIE ab units


class DecoderLevel(nn.Module):
    """Doubles the size, joins the encoder's features of that size, two 3x3 convolutions."""

    def __init__(self, inputs: int, skip: int, outputs: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs + skip, outputs, 3, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        x = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
        x = F.relu(self.first_norm(self.first(torch.cat((x, skip), dim=1))))
        return F.relu(x + self.second_norm(self.second(x)))


class Colorizer(nn.Module):
    """Lightness L* (N, 1, H, W) in [0, 100] -> ab (N, 2, H/4, W/4), CIE a*, b* in [-110, 110].

    H and W must be multiples of 32. `palette_size` colours are chosen among with a softmax at
    `temperature`: below 1 the result is more decided and more colourful, above it greyer.
    """

    size_multiple = 32
    downscale = 4

    def __init__(
        self,
        channels: tuple[int, int, int, int] = (256, 128, 96, 64),
        palette_size: int = 72,
        temperature: float = 0.5,
    ) -> None:
        super().__init__()
        self.temperature = temperature
        self.encoder = MobileNetV2()
        _, stride4, stride8, stride16, stride32 = FEATURE_CHANNELS
        self.neck = nn.Conv2d(stride32, channels[0], 1)
        self.context = nn.Sequential(
            nn.Linear(stride32, channels[0]), nn.ReLU(), nn.Linear(channels[0], channels[0])
        )
        self.levels = nn.ModuleList(
            [
                DecoderLevel(channels[0], stride16, channels[1]),
                DecoderLevel(channels[1], stride8, channels[2]),
                DecoderLevel(channels[2], stride4, channels[3]),
            ]
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

    def predict(self, lightness: Tensor) -> tuple[Tensor, Tensor]:
        """L* (N, 1, H, W) -> palette logits (N, K, H/4, W/4), residual (N, 2, H/4, W/4) in ab."""
        features = self.encoder(lightness / 50.0 - 1.0)
        deepest = features[-1]
        context = self.context(deepest.mean(dim=(2, 3)))
        x = F.relu(self.neck(deepest) + context[:, :, None, None])
        for level, skip in zip(self.levels, reversed(features[1:-1]), strict=True):
            x = level(x, skip)
        return self.logits(x), RESIDUAL_RANGE * torch.tanh(self.residual(x))

    def expectation(self, logits: Tensor, residual: Tensor) -> Tensor:
        """The palette's mean under the softmax at `temperature`, plus the residual: ab."""
        weights = torch.softmax(logits / self.temperature, dim=1)
        return F.conv2d(weights, self.palette.t()[:, :, None, None]) + residual

    def forward(self, lightness: Tensor) -> Tensor:
        ab = self.expectation(*self.predict(lightness))
        return torch.clamp(ab, -110.0, 110.0)
