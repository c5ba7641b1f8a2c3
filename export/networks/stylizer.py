"""The painter: repaints a picture in one fixed style, anywhere in it the same way.

After Johnson 2016 (arXiv 1603.08155), but with no normalisation over the picture: contrast is
levelled in a window around each pixel, features across the channels of each pixel. So an output
pixel depends on its receptive field alone, and tiles equal the whole picture.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CONTRAST_RADIUS = 12


def conv(inputs: int, outputs: int, kernel: int, stride: int = 1, dilation: int = 1) -> nn.Conv2d:
    """Convolution that keeps the size (or divides it by `stride`); borders are continued."""
    return nn.Conv2d(
        inputs,
        outputs,
        kernel,
        stride,
        padding=dilation * (kernel // 2),
        dilation=dilation,
        padding_mode="replicate",
    )


class PixelNorm(nn.Module):
    """Each pixel's features to mean 0 and deviation 1 over the channels, then scaled and shifted.

    (N, C, H, W) -> (N, C, H, W). Layer normalisation of single pixels: it reaches no neighbour.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1, channels, 1, 1))
        self.shift = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        if self.training:  # the same in one kernel, twice as fast to train
            scale, shift = self.scale.flatten(), self.shift.flatten()
            x = F.layer_norm(x.permute(0, 2, 3, 1), scale.shape, scale, shift, 1e-3)
            return x.permute(0, 3, 1, 2)
        x = x - x.mean(dim=1, keepdim=True)
        variance = (x * x).mean(dim=1, keepdim=True)
        return x / torch.sqrt(variance + 1e-3) * self.scale + self.shift


class ResidualBlock(nn.Module):
    """x + two 3x3 convolutions with PixelNorm."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.first = conv(channels, channels, 3, dilation=dilation)
        self.first_norm = PixelNorm(channels)
        self.second = conv(channels, channels, 3, dilation=dilation)
        self.second_norm = PixelNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.first_norm(self.first(x)))
        return x + self.second_norm(self.second(y))


def box(x: Tensor, size: int) -> Tensor:
    """Mean of each square of `size` pixels: (N, C, H, W) -> (N, C, H - size + 1, W - size + 1)."""
    return F.avg_pool2d(F.avg_pool2d(x, (size, 1), stride=1), (1, size), stride=1)


def box_by_sums(x: Tensor, size: int) -> Tensor:
    """The same to about 1e-6, from running sums: ten times as fast to train."""
    for dim in (2, 3):
        sums = F.pad(x.float().cumsum(dim), (0, 0, 1, 0) if dim == 2 else (1, 0))
        length = sums.shape[dim] - size
        x = (sums.narrow(dim, size, length) - sums.narrow(dim, 0, length)) / size
    return x


def level_contrast(
    rgb: Tensor, radius: int = CONTRAST_RADIUS, floor: float = 0.03, by_sums: bool = False
) -> Tensor:
    """(N, 3, H, W) less its local mean, over its local deviation (of all three channels).

    Mean and deviation are those of the square of `radius` around each pixel. Without it a smooth
    sky would stay smooth, since a convolution paints no strokes on an even ground. `floor` keeps
    noise under about one step of 255 from being blown up.
    """
    both = torch.cat((rgb, (rgb * rgb).mean(dim=1, keepdim=True)), dim=1)
    both = F.pad(both, (radius, radius, radius, radius), mode="replicate")
    both = (box_by_sums if by_sums else box)(both, 2 * radius + 1)
    mean, square = both[:, :3], both[:, 3:]
    variance = square - (mean * mean).mean(dim=1, keepdim=True)
    return (rgb - mean) / torch.sqrt(variance.clamp_min(0.0) + floor**2)


class Stylizer(nn.Module):
    """Encoded sRGB (N, 3, H, W) in [0, 1] -> the same, repainted. H and W: multiples of 4.

    The network adds a change to the picture, so that it starts as the identity.
    """

    size_multiple = 4

    def __init__(
        self,
        channels: tuple[int, int, int] = (32, 48, 64),
        dilations: tuple[int, ...] = (1, 2, 2, 2, 1),
        leak: float = 0.0,
    ) -> None:
        super().__init__()
        # Slope below zero of the last rectifier. At 0 it may end up shut for good, and with it
        # every layer but the first and the last: it did in van-gogh-v1.
        self.leak = leak
        full, half, quarter = channels
        self.dilations = tuple(dilations)
        self.stem = conv(6, full, 5)
        self.down_half = conv(full, half, 3, stride=2)
        self.half_norm = PixelNorm(half)
        self.down_quarter = conv(half, quarter, 3, stride=2)
        self.quarter_norm = PixelNorm(quarter)
        self.blocks = nn.Sequential(*(ResidualBlock(quarter, d) for d in dilations))
        self.up_half = conv(quarter, half, 3)
        self.up_norm = PixelNorm(half)
        self.up_full = conv(half, full, 3)
        self.paint = conv(full, 3, 5)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]
        with torch.no_grad():
            self.paint.weight.mul_(0.05)

    def start(self, color: Tensor, contrast: Tensor) -> Tensor:
        """The stem over both, three channels at a time.

        A convolution of six channels (or nine) gives wrong numbers on ONNX Runtime's WebGPU
        provider, 1.27 at least (microsoft/onnxruntime issue 29651); one of three does not.
        """
        parts = self.stem.weight.split(3, dim=1)
        color, contrast = (F.pad(x, (2, 2, 2, 2), mode="replicate") for x in (color, contrast))
        return F.conv2d(color, parts[0], self.stem.bias) + F.conv2d(contrast, parts[1])

    def repaint(self, rgb: Tensor) -> Tensor:
        """The repainted picture before clipping, for training: gradients reach it everywhere."""
        full = F.relu(self.start(rgb * 2 - 1, level_contrast(rgb, by_sums=self.training)))
        half = F.relu(self.half_norm(self.down_half(full)))
        x = self.blocks(F.relu(self.quarter_norm(self.down_quarter(half))))
        x = F.relu(self.up_norm(self.up_half(_double(x)))) + half
        x = F.leaky_relu(self.up_full(_double(x)), self.leak) + full
        return rgb + self.paint(x)

    def forward(self, rgb: Tensor) -> Tensor:
        return self.repaint(rgb).clamp(0.0, 1.0)

    def receptive_radius(self) -> int:
        """Pixels beyond which an input pixel cannot change an output pixel, rounded up to 4.

        Counted along the longest path. A kernel of radius r reaches r pixels of its own grid;
        doubling reaches one pixel further because a pixel's parent covers its neighbour too.
        """
        radius = CONTRAST_RADIUS + 2  # level_contrast; stem, kernel 5
        radius += 1  # down_half, on the full grid
        radius += 2  # down_quarter, on the half grid
        radius += 4 * sum(2 * dilation for dilation in self.dilations)
        radius += 2 + 2  # up_half, on the half grid, after doubling
        radius += 1 + 1  # up_full
        radius += 2  # paint
        return math.ceil(radius / 4) * 4


def _double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")
