"""Networks that only measure: SqueezeNet 1.1 for LPIPS, ResNet-50 v2 for Frechet distances."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from export.networks.mobilenet import IMAGENET_MEAN, IMAGENET_STD

# LPIPS's own scaling of pictures in [-1, 1] (richzhang/PerceptualSimilarity, lpips.py).
LPIPS_SHIFT = (-0.030, -0.088, -0.188)
LPIPS_SCALE = (0.458, 0.448, 0.450)


class Fire(nn.Module):
    """SqueezeNet's block: squeeze to few channels, expand by 1x1 and 3x3 side by side."""

    def __init__(self, inputs: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.squeeze(x))
        return torch.cat((F.relu(self.expand1x1(x)), F.relu(self.expand3x3(x))), dim=1)


class LpipsSqueeze(nn.Module):
    """LPIPS v0.1 on SqueezeNet 1.1 (Zhang 2018, arXiv 1801.03924).

    forward: two pictures (N, 3, H, W), encoded sRGB in [0, 1] -> distances (N).
    `load(squeezenet, heads)` takes torchvision's key names and LPIPS's `lin<i>.model.1.weight`.
    """

    taps = (1, 4, 7, 9, 10, 11, 12)

    def __init__(self) -> None:
        super().__init__()
        pool = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 3, stride=2), nn.ReLU(), pool,
            Fire(64, 16, 64), Fire(128, 16, 64), pool,
            Fire(128, 32, 128), Fire(256, 32, 128), pool,
            Fire(256, 48, 192), Fire(384, 48, 192), Fire(384, 64, 256), Fire(512, 64, 256),
        )  # fmt: skip
        self.heads: list[Tensor] = []

    def load(self, squeezenet: dict[str, Tensor], heads: dict[str, Tensor]) -> LpipsSqueeze:
        kept = {key: value for key, value in squeezenet.items() if key.startswith("features.")}
        self.load_state_dict(kept)
        self.heads = [heads[f"lin{index}.model.1.weight"] for index in range(len(self.taps))]
        return self.eval()

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        distance = torch.zeros(len(first))
        pairs = zip(self._layers(first), self._layers(second), self.heads, strict=True)
        for one, other, head in pairs:
            distance = distance + F.conv2d((one - other) ** 2, head).mean(dim=(1, 2, 3))
        return distance

    def _layers(self, rgb: Tensor) -> list[Tensor]:
        shift = torch.tensor(LPIPS_SHIFT).view(1, 3, 1, 1)
        scale = torch.tensor(LPIPS_SCALE).view(1, 3, 1, 1)
        x = (rgb * 2 - 1 - shift) / scale
        layers = []
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in self.taps:
                layers.append(x / (x.norm(dim=1, keepdim=True) + 1e-10))
        return layers


class PreActivation(nn.Module):
    """ResNet v2's bottleneck: normalise and rectify before each convolution."""

    def __init__(self, inputs: int, middle: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.b1, self.c1 = nn.BatchNorm2d(inputs), nn.Conv2d(inputs, middle, 1, bias=False)
        self.b2 = nn.BatchNorm2d(middle)
        self.c2 = nn.Conv2d(middle, middle, 3, stride, 1, bias=False)
        self.b3, self.c3 = nn.BatchNorm2d(middle), nn.Conv2d(middle, outputs, 1, bias=False)
        changes = stride != 1 or inputs != outputs
        self.down = nn.Conv2d(inputs, outputs, 1, stride, bias=False) if changes else None

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.b1(x))
        shortcut = x if self.down is None else self.down(y)
        y = self.c2(F.relu(self.b2(self.c1(y))))
        return self.c3(F.relu(self.b3(y))) + shortcut


class ResNet50Features(nn.Module):
    """ResNet-50 v2 (GluonCV) to stage 3: (N, 3, H, W) in [0, 1] -> mean features (N, 1024)."""

    layout = ((64, 256, 3), (128, 512, 4), (256, 1024, 6))  # middle, outputs, blocks per stage

    def __init__(self) -> None:
        super().__init__()
        self.bn_in = nn.BatchNorm2d(3, affine=False)
        self.c0 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.b0 = nn.BatchNorm2d(64)
        stages, channels = [], 64
        for stage, (middle, outputs, count) in enumerate(
            ((64, 256, 3), (128, 512, 4), (256, 1024, 6))
        ):
            blocks = []
            for block in range(count):
                stride = 2 if block == 0 and stage > 0 else 1
                blocks.append(PreActivation(channels, middle, outputs, stride))
                channels = outputs
            stages.append(nn.Sequential(*blocks))
        self.st = nn.ModuleList(stages)

    def load(self, weights: dict[str, Tensor]) -> ResNet50Features:
        missing, unexpected = self.load_state_dict(weights, strict=False)
        lost = [key for key in missing if not key.endswith("num_batches_tracked")]
        if lost or unexpected:
            raise KeyError((lost + unexpected)[0])
        return self.eval()

    def forward(self, rgb: Tensor) -> Tensor:
        mean = torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1)
        std = torch.tensor(IMAGENET_STD).view(1, 3, 1, 1)
        x = F.relu(self.b0(self.c0(self.bn_in((rgb - mean) / std))))
        x = F.max_pool2d(x, 3, 2, 1)
        for stage in self.st:
            x = stage(x)
        return x.mean(dim=(2, 3))
