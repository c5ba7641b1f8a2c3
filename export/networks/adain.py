"""AdaIN itself (Huang 2017, arXiv 1703.06868), the teacher: VGG19, statistics, a decoder."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from export.networks import moments
from export.networks.vgg import VGG19

DECODER = ((512, 256), (256, 256), (256, 256), (256, 256), (256, 128), (128, 128), (128, 64),
           (64, 64), (64, 3))  # fmt: skip
DOUBLED_AFTER = (0, 4, 6)


class AdaIN(nn.Module):
    """Picture and style (N, 3, H, W) in [0, 1] -> the picture repainted, sides multiples of 8.

    `decoder` is loaded by itself: its keys are "0.weight" to "8.bias".
    """

    def __init__(self) -> None:
        super().__init__()
        self.vgg = VGG19()
        self.decoder = nn.ModuleList(
            nn.Conv2d(inputs, outputs, 3, padding=1, padding_mode="reflect")
            for inputs, outputs in DECODER
        )
        self.requires_grad_(False)

    def forward(self, rgb: Tensor, style: Tensor) -> Tensor:
        wanted = self.vgg(style, ("relu4_1",))["relu4_1"]
        content = self.vgg(rgb, ("relu4_1",))["relu4_1"]
        return self.decode(adain(content, *moments.mean_and_deviation(wanted))).clamp(0, 1)

    def decode(self, features: Tensor) -> Tensor:
        """relu4_1 (N, 512, H/8, W/8) -> (N, 3, H, W), not clipped."""
        for number, layer in enumerate(self.decoder):
            features = layer(features)
            if number + 1 < len(self.decoder):
                features = F.relu(features)
            if number in DOUBLED_AFTER:
                features = F.interpolate(features, scale_factor=2.0, mode="nearest")
        return features


def adain(content: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
    """Features (N, C, h, w) with the mean and deviation (N, C) given, channel by channel."""
    own_mean, own_deviation = moments.mean_and_deviation(content)
    level = (content - own_mean[:, :, None, None]) / own_deviation[:, :, None, None]
    return level * deviation[:, :, None, None] + mean[:, :, None, None]
