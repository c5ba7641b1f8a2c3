"""PatchGAN: is each patch of a picture a true one? (pix2pix, Isola 2017, arXiv 1611.07004.)

By its pixels, or by a trained network's features.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm


class PatchDiscriminator(nn.Module):
    """Condition and picture (N, `inputs`, H, W) -> one raw score for each patch, (N, 1, h, w).

    `depth` halvings with 4x4 convolutions, then two convolutions at stride 1. With depth 2 a
    patch is 34 pixels wide, with 3 it is 70 (pix2pix's own). `spectral` divides every kernel by
    its largest singular value (Miyato 2018, arXiv 1802.05957), which bounds the slope.
    """

    def __init__(
        self, inputs: int = 3, channels: int = 64, depth: int = 2, spectral: bool = True
    ) -> None:
        super().__init__()
        widths = [inputs] + [min(channels * 2**level, 512) for level in range(depth + 1)]
        strides = [2] * depth + [1]
        convolutions = [
            nn.Conv2d(before, after, 4, stride, 1)
            for before, after, stride in zip(widths, widths[1:], strides, strict=False)
        ]
        convolutions.append(nn.Conv2d(widths[-1], 1, 4, 1, 1))
        if spectral:
            convolutions = [spectral_norm(convolution) for convolution in convolutions]
        self.layers = nn.ModuleList(convolutions)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers[:-1]:
            x = F.leaky_relu(layer(x), 0.2)
        return self.layers[-1](x)


class FeatureDiscriminator(nn.Module):
    """Raw scores (N, 1, h, w) of a picture's VGG19 features (N, C, H, W), not of its pixels.

    After Projected GANs (Sauer 2021, arXiv 2111.01007): features tell a painter's works from what
    was painted within some hundred small steps, in which a PatchGAN did not leave chance. `depth`
    halvings with 4x4 convolutions; spectral norm as in PatchDiscriminator.
    """

    def __init__(self, features: int, channels: int, depth: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [spectral_norm(nn.Conv2d(features, channels, 1))]
        for _ in range(depth):
            layers += [nn.LeakyReLU(0.2), spectral_norm(nn.Conv2d(channels, channels, 4, 2, 1))]
        layers += [nn.LeakyReLU(0.2), spectral_norm(nn.Conv2d(channels, 1, 3, 1, 1))]
        self.layers = nn.Sequential(*layers)

    def forward(self, features: Tensor) -> Tensor:
        return self.layers(features).float()
