"""Exports a sketch colouriser: core/data/models/<id>/model.onnx and manifest.json.

    python -m export.onnx.sketch_to_onnx --preset sketch-v1 --checkpoint runs/sketch/checkpoint.pt

picture   (1, 1, H, W) mask: 0 paper to 1 ink; H and W multiples of 32
hint      (1, 3, H, W) sRGB, hint-mask (1, 1, H, W): where its colours are meant
noise     (1, 8): zeros, or draws from a standard normal distribution
->        (1, 3, H/2, W/2) sRGB: the colours beneath the lines,
          (1, K, H/4, W/4): logits over the palette that the draft was chosen from

What is done to the graph, and what it is measured by, stands in export.onnx.packing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core.color.spaces import srgb_to_lab
from core.generator.manifest import Manifest, SizeSpec, TensorSpec
from export.networks.sketcher import CODE_SIZE, Sketcher
from export.onnx.packing import (
    ExportArgs,
    Form,
    Inputs,
    export_one_graph,
    run_export,
    with_argument,
)
from export.training.arguments import option
from export.training.checkpoint import load_checkpoint

INPUTS = (
    TensorSpec("picture", "mask", (0.0, 1.0)),
    TensorSpec("hint", "srgb", (0.0, 1.0), role="hint"),
    TensorSpec("hint_mask", "mask", (0.0, 1.0), role="hint-mask"),
    TensorSpec("noise", "latent", (0.0, 1.0), layout="NC", role="noise", size=CODE_SIZE),
)


@dataclass(frozen=True)
class Args(ExportArgs):
    """Exports a sketch colouriser."""

    work: int = option(0, "longer side at which the generator is run, 0 for the picture's own")
    temperature: float = option(0.0, "softmax temperature of the palette, 0 for the trained one")


def main() -> None:
    run_export(Args, export)


def export(args: Args) -> Manifest:
    """Writes the model's folder and returns its manifest. Raises ExportRefused."""
    checkpoint = load_checkpoint(args.checkpoint, network="sketcher")
    checkpoint = with_argument(checkpoint, "temperature", args.temperature)
    return export_one_graph(args, checkpoint, lambda generator: form_of(generator, args.work))


def form_of(generator: Sketcher, work: int) -> Form:
    """How a sketcher stands in a manifest; its palette in CIE L*a*b*, as core.sketch.area_colors
    has it.
    """
    multiple, palette = Sketcher.size_multiple, generator.palette.numpy()
    lab = srgb_to_lab(palette.astype(np.float64))
    return Form(
        task="sketch",
        inputs=INPUTS,
        outputs=(
            TensorSpec("colors", "srgb", (0.0, 1.0)),
            TensorSpec("palette", "latent", (0.0, 1.0), role="palette", size=len(palette)),
        ),
        examples=lambda width, height: [test_inputs(width, height, h) for h in (False, True)],
        output_axes=(("half_height", "half_width"), ("quarter_height", "quarter_width")),
        size=SizeSpec(multiple, multiple, work),
        more={
            "palette": tuple(tuple(round(float(value), 3) for value in color) for color in lab),
            "temperature": generator.temperature,
        },
    )


def test_inputs(width: int, height: int, hinted: bool = True) -> Inputs:
    """Lines around patches, hints on a few pixels and a code, by role."""
    random = torch.Generator().manual_seed(width * 10_000 + height)

    def patches(channels: int) -> Tensor:
        coarse = torch.rand(1, channels, height // 16, width // 16, generator=random)
        return F.interpolate(coarse, size=(height, width), mode="nearest")

    borders = patches(1)
    ink = ((F.max_pool2d(borders, 3, 1, 1) - borders) > 0).float()
    mask = (torch.rand(1, 1, height, width, generator=random) < 0.01).float() * hinted
    noise = torch.randn(1, CODE_SIZE, generator=random) * hinted
    return {"picture": ink, "hint": patches(3), "hint-mask": mask, "noise": noise}


if __name__ == "__main__":
    main()
