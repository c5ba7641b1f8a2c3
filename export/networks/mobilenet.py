"""MobileNetV2 as an encoder: five feature maps at strides 2 to 32.

Layout of GluonCV's MobileNetV2 1.0 (Sandler 2018, arXiv 1801.04381): unlike torchvision's, the
first block also has a 1x1 expansion. `load_imagenet` reads weights with that layout.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

# Per stage: expansion, channels, blocks, stride of the first block.
STAGES = (
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2),
    (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
)  # fmt: skip
FEATURE_CHANNELS = (16, 24, 32, 96, 320)  # at strides 2, 4, 8, 16, 32
FEATURE_STAGES = (0, 1, 2, 4, 6)
ENTRY_STAGE = 2  # after it, at stride 8 and 32 channels, something may be added to the features
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def conv_norm(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, relu: bool = True
) -> nn.Sequential:
    """Convolution without bias, BatchNorm and, unless it is a linear bottleneck, ReLU6."""
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    if relu:
        layers.append(nn.ReLU6())
    return nn.Sequential(*layers)


class InvertedResidual(nn.Module):
    """1x1 expansion, 3x3 depthwise, 1x1 linear projection; a skip where shapes allow it."""

    def __init__(self, inputs: int, outputs: int, expansion: int, stride: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.layers = nn.Sequential(
            conv_norm(inputs, hidden, 1),
            conv_norm(hidden, hidden, 3, stride, groups=hidden),
            conv_norm(hidden, outputs, 1, relu=False),
        )
        self.has_skip = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y = self.layers(x)
        return x + y if self.has_skip else y


class MobileNetV2(nn.Module):
    """Encoder of one-channel pictures.

    Input (N, 1, H, W) in [-1, 1], H and W multiples of 32. Output: five tensors
    (N, FEATURE_CHANNELS[i], H / 2**(i+1), W / 2**(i+1)).
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = conv_norm(1, 32, 3, stride=2)
        stages = []
        channels = 32
        for expansion, outputs, count, stride in STAGES:
            blocks = []
            for index in range(count):
                first = stride if index == 0 else 1
                blocks.append(InvertedResidual(channels, outputs, expansion, first))
                channels = outputs
            stages.append(nn.Sequential(*blocks))
        self.stages = nn.ModuleList(stages)

    def forward(self, x: Tensor, entry: Tensor | None = None) -> list[Tensor]:
        """`entry` (N, 32, H / 8, W / 8) is added to the features of that size."""
        x = self.stem(x)
        features = []
        for index, stage in enumerate(self.stages):
            x = stage(x)
            if index == ENTRY_STAGE and entry is not None:
                x = x + entry
            if index in FEATURE_STAGES:
                features.append(x)
        return features

    def freeze_statistics(self) -> None:
        """Puts every BatchNorm into evaluation mode: small batches would spoil its statistics."""
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()

    def freeze_stages(self, count: int) -> None:
        """Leaves the stem and the first `count` stages untrained; 0 trains all.

        What is in front of the first trained stage needs no backward pass. Up to stride 8 that
        is more than half of the time of a step.
        """
        frozen = [self.stem, *self.stages[:count]] if count else []
        for module in frozen:
            module.requires_grad_(False)

    def load_imagenet(self, weights: dict[str, Tensor]) -> None:
        """Takes three-channel ImageNet weights; keys `stem.*`, `blocks.<n>.b.<m>.*`.

        The stem is summed over RGB for a grey picture x in [-1, 1] (grey value (x + 1) / 2),
        with ImageNet's mean and deviation folded into the convolution and the BatchNorm.
        Raises KeyError or RuntimeError when the weights have another layout.
        """
        state = _rename({key: value.float() for key, value in weights.items()})
        kernel = state["stem.0.weight"]  # (32, 3, 3, 3)
        mean = torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1)
        std = torch.tensor(IMAGENET_STD).view(1, 3, 1, 1)
        offset = (kernel * (0.5 - mean) / std).sum(dim=(1, 2, 3))
        state["stem.0.weight"] = (kernel / (2 * std)).sum(dim=1, keepdim=True)
        state["stem.1.running_mean"] = state["stem.1.running_mean"] - offset
        missing, unexpected = self.load_state_dict(state, strict=False)
        lost = [key for key in missing if not key.endswith("num_batches_tracked")]
        if lost or unexpected:
            raise KeyError(f"{(lost + unexpected)[0]} (of {len(lost + unexpected)} keys)")


def _rename(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """`blocks.<running number>.b.` -> `stages.<stage>.<block>.layers.`; drops the 1280 head."""
    names = [
        f"stages.{stage}.{block}.layers."
        for stage, (_, _, count, _) in enumerate(STAGES)
        for block in range(count)
    ]
    renamed = {}
    for key, value in weights.items():
        if key.startswith("head."):
            continue
        if key.startswith("blocks."):
            _, number, _, rest = key.split(".", 3)
            key = names[int(number)] + rest
        renamed[key] = value
    return renamed
