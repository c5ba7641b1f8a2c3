"""Networks that others have trained: the judge VGG19 and the encoder MobileNetV2."""

from __future__ import annotations

from pathlib import Path

from export.errors import BadPreset, DataUnusable
from export.networks.mobilenet import MobileNetV2
from export.networks.vgg import VGG19
from export.networks.weights import load_weights, read_safetensors


def read_vgg(path: Path) -> VGG19:
    """The normalised VGG19, frozen. Raises BadPreset without a path, DataUnusable."""
    if path == Path():
        raise BadPreset("These losses need --vgg, the normalised VGG19's weights.")
    vgg = VGG19()
    load_weights(vgg, read_safetensors(path))
    return vgg.requires_grad_(False).eval()


def load_encoder(encoder: MobileNetV2, path: Path) -> None:
    """Fills it with ImageNet weights, if there is a path. Raises DataUnusable."""
    if path == Path():
        return
    try:
        encoder.load_imagenet(read_safetensors(path))
    except (KeyError, RuntimeError, ValueError, IndexError) as error:
        raise DataUnusable(f"{path} has another layout: {error}.") from error
