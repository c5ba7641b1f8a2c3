"""VGG19 up to relu4_1, as judge of content and style.

The "normalised" VGG19 of AdaIN (Huang 2017, arXiv 1703.06868): every channel is about 1 on
average, so that layers can be compared. Keys `conv0`, `conv1_1` ... `conv4_1`.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

LAYERS = (
    ("conv1_1", 3, 64), ("conv1_2", 64, 64), ("pool", 0, 0),
    ("conv2_1", 64, 128), ("conv2_2", 128, 128), ("pool", 0, 0),
    ("conv3_1", 128, 256), ("conv3_2", 256, 256), ("conv3_3", 256, 256), ("conv3_4", 256, 256),
    ("pool", 0, 0),
    ("conv4_1", 256, 512),
)  # fmt: skip


class VGG19(nn.Module):
    """Encoded sRGB (N, 3, H, W) in [0, 1] -> {"relu1_1": (N, 64, H, W), ...}, ReLU outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.conv0 = nn.Conv2d(3, 3, 1)  # RGB in [0, 1] to BGR less the mean
        for name, inputs, outputs in LAYERS:
            if name != "pool":
                layer = nn.Conv2d(inputs, outputs, 3, padding=1, padding_mode="reflect")
                self.add_module(name, layer)
        self.requires_grad_(False)

    def channels(self, layer: str) -> int:
        """Of a layer such as "relu3_1"."""
        return self.get_submodule(layer.replace("relu", "conv")).out_channels  # type: ignore

    def forward(self, rgb: Tensor, wanted: tuple[str, ...]) -> dict[str, Tensor]:
        """The layers named in `wanted`, e.g. ("relu1_1", "relu3_1"); stops after the last."""
        features: dict[str, Tensor] = {}
        x = self.conv0(rgb)
        for name, _, _ in LAYERS:
            if name == "pool":
                x = F.max_pool2d(x, 2, ceil_mode=True)
                continue
            x = F.relu(self.get_submodule(name)(x))
            relu = name.replace("conv", "relu")
            if relu in wanted:
                features[relu] = x
            if len(features) == len(wanted):
                break
        return features
