"""Arbitrary style: repaints a picture in the manner of another, from numbers about both.

Three graphs are exported. `StyleCode` turns the style picture into a vector; `encode` turns a
picture into features whose plain mean over the whole picture is its `statistics`; `render` paints.
Only through `statistics` does a pixel depend on pixels out of its receptive field, so that tiles
equal the whole when all are given the same. Everything is one normalisation of the bottleneck's
features (AdaIN, Huang 2017, arXiv 1703.06868), and one closed-form move of the colours (Pitie 2007,
"The linear Monge-Kantorovitch linear colour mapping"), which the painting is added to.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from export.networks import moments
from export.networks.stylizer import conv
from export.networks.vgg import VGG19

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
VGG_NUMBERS = 2 * (64 + 128 + 256 + 512)
COLOR_NUMBERS = 3 + 6  # mean of R'G'B' and of their products, see color_moments
CODE_NUMBERS = VGG_NUMBERS + COLOR_NUMBERS
COLOR_FLOOR = 1e-3  # added to variances of R'G'B' in [0, 1]: noise of a grey picture stays small
PRODUCTS = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))


class StyleCode(nn.Module):
    """Style picture (N, 3, H, W) in [0, 1] -> code (N, CODE_NUMBERS): what a style is, in numbers.

    Mean and deviation of each channel of VGG19 (relu1_1 to relu4_1, means first, layer by layer),
    then the moments of its colours. Nothing here is trained; a mean of codes is a mix of styles.
    """

    def __init__(self) -> None:
        super().__init__()
        self.vgg = VGG19()

    def forward(self, style: Tensor) -> Tensor:
        features = self.vgg(style, STYLE_LAYERS)
        return torch.cat((vgg_statistics(features), color_moments(style).mean(dim=(2, 3))), dim=1)


def vgg_statistics(features: dict[str, Tensor]) -> Tensor:
    """(N, VGG_NUMBERS): mean and deviation of relu1_1, then those of relu2_1, ..."""
    both = [moments.mean_and_deviation(features[layer].float()) for layer in STYLE_LAYERS]
    return torch.cat([moment for pair in both for moment in pair], dim=1)


def color_moments(rgb: Tensor) -> Tensor:
    """(N, 3, H, W) -> (N, 9, H, W): the colours and their six products, whose means are moments."""
    products = [rgb[:, i : i + 1] * rgb[:, j : j + 1] for i, j in PRODUCTS]
    return torch.cat((rgb, *products), dim=1)


def mean_and_covariance(moments: Tensor) -> tuple[Tensor, Tensor]:
    """Means of color_moments (N, 9) -> mean (N, 3) and covariance (N, 3, 3) with COLOR_FLOOR."""
    mean, products = moments[:, :3], moments[:, 3:]
    order = torch.tensor((0, 1, 2, 1, 3, 4, 2, 4, 5), device=moments.device)
    second = products.index_select(1, order).view(-1, 3, 3)
    covariance = second - mean[:, :, None] * mean[:, None, :]
    return mean, covariance + COLOR_FLOOR * torch.eye(3, device=moments.device)


def square_root(matrix: Tensor, rounds: int = 20) -> tuple[Tensor, Tensor]:
    """Square root and its inverse of positive definite (N, 3, 3), by coupled Newton-Schulz steps.

    Higham 2008, "Functions of Matrices", equation 6.35. Products alone, so that it exports.
    """
    identity = torch.eye(3, device=matrix.device)
    norm = (matrix * matrix).sum(dim=(1, 2), keepdim=True).sqrt()
    root, inverse = matrix / norm, identity
    for _ in range(rounds):
        step = 1.5 * identity - 0.5 * inverse @ root
        root, inverse = root @ step, step @ inverse
    return root * norm.sqrt(), inverse / norm.sqrt()


def color_move(content: Tensor, style: Tensor) -> tuple[Tensor, Tensor]:
    """Means of color_moments (N, 9) of two pictures -> matrix (N, 3, 3), shift (N, 3).

    Of all linear maps that give the content's colours the style's mean and covariance, the one
    that moves them least: T = C^-1/2 (C^1/2 S C^1/2)^1/2 C^-1/2, colour -> T colour + shift.
    """
    mean, covariance = mean_and_covariance(content)
    wanted_mean, wanted = mean_and_covariance(style)
    root, inverse = square_root(covariance)
    middle, _ = square_root(root @ wanted @ root)
    matrix = inverse @ middle @ inverse
    return matrix, wanted_mean - (matrix @ mean[:, :, None])[:, :, 0]


def move_colors(rgb: Tensor, matrix: Tensor, shift: Tensor) -> Tensor:
    """matrix (N, 3, 3) and shift (N, 3) applied to every pixel of (N, 3, H, W)."""
    rows = [(rgb * matrix[:, i, :, None, None]).sum(dim=1, keepdim=True) for i in range(3)]
    return torch.cat(rows, dim=1) + shift[:, :, None, None]


def pixel_norm(x: Tensor) -> Tensor:
    """Each pixel's features to mean 0, deviation 1 over the channels: no neighbour is looked at."""
    x = x - x.mean(dim=1, keepdim=True)
    return x / torch.sqrt((x * x).mean(dim=1, keepdim=True) + 1e-3)


class Modulation(nn.Module):
    """Scale and shift of channels, linear in the style vector; at first 1 and 0."""

    def __init__(self, style: int, channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(style, 2 * channels)
        nn.init.normal_(self.linear.weight, std=0.02)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        both = self.linear(style)[:, :, None, None]
        scale, shift = both.split(both.shape[1] // 2, dim=1)
        return x * (1 + scale) + shift


class ModulatedBlock(nn.Module):
    """x + two 3x3 convolutions, each levelled per pixel and modulated by the style."""

    def __init__(self, channels: int, dilation: int, style: int) -> None:
        super().__init__()
        self.first = conv(channels, channels, 3, dilation=dilation)
        self.first_style = Modulation(style, channels)
        self.second = conv(channels, channels, 3, dilation=dilation)
        self.second_style = Modulation(style, channels)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        y = F.leaky_relu(self.first_style(pixel_norm(self.first(x)), style), 0.1)
        return x + self.second_style(pixel_norm(self.second(y)), style)


class StyleTransfer(nn.Module):
    """Picture, its statistics and a style's code -> the picture repainted.

    H and W: multiples of 4. Of the picture's features only the mean over the whole picture is
    used, and that is an input.
    """

    size_multiple = 4

    def __init__(
        self,
        channels: tuple[int, int, int] = (16, 32, 64),
        dilations: tuple[int, ...] = (1, 2, 2, 2, 1),
        style: int = 256,
        gain: float = 1.0,
    ) -> None:
        super().__init__()
        self.gain = gain  # of the paint that is added to the moved colours
        full, half, quarter = channels
        self.quarter, self.dilations = quarter, tuple(dilations)
        self.register_buffer("code_mean", torch.zeros(CODE_NUMBERS))
        self.register_buffer("code_scale", torch.ones(CODE_NUMBERS))
        self.code_mean: Tensor
        self.code_scale: Tensor
        self.style = nn.Sequential(
            nn.Linear(CODE_NUMBERS, style), nn.LeakyReLU(0.1), nn.Linear(style, style)
        )
        self.stem = conv(3, full, 5)
        self.down_half = conv(full, half, 3, stride=2)
        self.down_quarter = conv(half, quarter, 3, stride=2)
        self.bottleneck = conv(quarter, quarter, 3)
        self.bottleneck_style = Modulation(style, quarter)
        self.blocks = nn.ModuleList(ModulatedBlock(quarter, d, style) for d in dilations)
        self.up_half = conv(quarter, half, 3)
        self.half_style = Modulation(style, half)
        self.up_full = conv(half, full, 3)
        self.full_style = Modulation(style, full)
        self.moved_stem = conv(3, full, 3)
        self.paint = conv(full, 3, 5)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]
        with torch.no_grad():
            self.paint.weight.mul_(0.1)

    @property
    def statistics_numbers(self) -> int:
        return 2 * self.quarter + COLOR_NUMBERS

    def _encode(self, rgb: Tensor) -> tuple[Tensor, Tensor]:
        """Features at 1/2 and at 1/4."""
        half = F.leaky_relu(self.down_half(F.leaky_relu(self.stem(rgb * 2 - 1), 0.1)), 0.1)
        return half, self.bottleneck(F.leaky_relu(self.down_quarter(half), 0.1))

    def encode(self, rgb: Tensor) -> Tensor:
        """(N, 3, H, W) -> (N, statistics_numbers, H/4, W/4); its mean is render's `statistics`.

        The features, their squares, and the moments of the colours of each 4x4 square.
        """
        features = self._encode(rgb)[1]
        colors = F.avg_pool2d(color_moments(rgb), 4)
        return torch.cat((features, features * features, colors), dim=1)

    def repaint(self, rgb: Tensor, statistics: Tensor | None, code: Tensor) -> Tensor:
        """The painting before clipping, for training; without statistics, by the picture's own."""
        half, x = self._encode(rgb)
        if statistics is None:
            colors = color_moments(rgb.float()).mean(dim=(2, 3))
            mean, square = x.float().mean(dim=(2, 3)), (x.float() ** 2).mean(dim=(2, 3))
        else:
            mean, square, colors = statistics.split(
                (self.quarter, self.quarter, COLOR_NUMBERS), dim=1
            )
        deviation = torch.sqrt(F.relu(square - mean * mean) + 1e-4)
        style = F.leaky_relu(self.style((code - self.code_mean) / self.code_scale), 0.1)
        x = (x - mean[:, :, None, None]) / deviation[:, :, None, None]
        x = self.bottleneck_style(x, style)
        for block in self.blocks:
            x = block(x, style)
        x = self.half_style(pixel_norm(self.up_half(_double(x)) + half), style)
        x = self.up_full(_double(F.leaky_relu(x, 0.1)))
        with torch.autocast(rgb.device.type, enabled=False):
            matrix, shift = color_move(colors.float(), code[:, VGG_NUMBERS:].float())
            moved = move_colors(rgb.float(), matrix, shift)
        x = self.full_style(x + self.moved_stem(moved * 2 - 1), style)
        return moved + self.gain * self.paint(F.leaky_relu(x, 0.1))

    def forward(self, rgb: Tensor, statistics: Tensor, code: Tensor) -> Tensor:
        return self.repaint(rgb, statistics, code).clamp(0.0, 1.0)

    def receptive_radius(self) -> int:
        """Pixels beyond which an input pixel changes an output pixel through statistics alone.

        Rounded up to 4. Strided and resized grids: a pixel at 1/4 covers its neighbours too.
        """
        radius = 2 + 1 + 2 + 4  # stem; down_half; down_quarter on the half grid; bottleneck
        radius += 4 * sum(2 * dilation for dilation in self.dilations)
        radius += 4 + 2  # doubling reaches the next pixel at 1/4; up_half, on the half grid
        radius += 2 + 1  # doubling; up_full
        radius += 2  # paint
        return math.ceil(radius / 4) * 4


def _double(x: Tensor) -> Tensor:
    # Not "nearest": with it the network wove a grid of 4 pixels into every painting.
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
