"""Exports a colouriser's or a painter's checkpoint: core/data/models/<id>/model.onnx,
manifest.json.

    python -m export.onnx.to_onnx --preset photo-v2 --checkpoint runs/photo/checkpoint.pt

What is done to the graph, and what it is measured by, stands in export.onnx.packing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import nn

from core.generator.manifest import Manifest, SizeSpec, TensorSpec, TilingSpec
from export.errors import ExportRefused
from export.networks.colorizer import Colorizer
from export.networks.stylizer import Stylizer
from export.onnx.packing import (
    ExportArgs,
    Form,
    Inputs,
    Specs,
    export_one_graph,
    run_export,
    smooth_picture,
    with_argument,
)
from export.training.arguments import option
from export.training.checkpoint import Checkpoint, load_checkpoint


@dataclass(frozen=True)
class Args(ExportArgs):
    """Exports a checkpoint as a model."""

    work: int = option(0, "longer side at which the generator is run, 0 for the picture's own")
    temperature: float = option(0.0, "softmax temperature of a colouriser, 0 for the trained one")
    saturation: float = option(1.0, "factor on a colouriser's palette, against washed-out colours")


def main() -> None:
    run_export(Args, export)


def export(args: Args) -> Manifest:
    """Writes the model's folder and returns its manifest. Raises ExportRefused."""
    checkpoint = with_argument(load_checkpoint(args.checkpoint), "temperature", args.temperature)
    if args.saturation != 1:
        checkpoint = saturated(checkpoint, args.saturation)
    return export_one_graph(args, checkpoint, lambda generator: form_of(generator, args.work))


def saturated(checkpoint: Checkpoint, factor: float) -> Checkpoint:
    """The same with its palette's colours `factor` times as far from grey.

    Expectations over a palette are duller than any one of its colours. Raises ExportRefused.
    """
    if "palette" not in checkpoint.ema:
        raise ExportRefused("A saturation can be given to colourisers alone.")
    palette = (factor * checkpoint.ema["palette"]).clamp(-110, 110)
    return replace(checkpoint, ema={**checkpoint.ema, "palette": palette})


def form_of(generator: nn.Module, work: int) -> Form:
    """Raises ExportRefused for a network that another script exports."""
    if isinstance(generator, Colorizer):
        return colorizer_form(generator, work)
    if not isinstance(generator, Stylizer):
        raise ExportRefused("This network is exported by sketch_to_onnx or by transfer_to_onnx.")
    inputs = (TensorSpec("input", "srgb", (0.0, 1.0)),)
    return Form(
        task="stylize",
        inputs=inputs,
        outputs=(TensorSpec("output", "srgb", (0.0, 1.0)),),
        examples=lambda width, height: [test_inputs(inputs, width, height)],
        output_axes=(("height", "width"),),
        size=SizeSpec(generator.size_multiple, generator.size_multiple, work),
        tiling=TilingSpec("allowed", generator.receptive_radius()),
    )


def colorizer_form(generator: Colorizer, work: int) -> Form:
    inputs = (
        TensorSpec("lightness", "lab-l", (0.0, 100.0)),
        TensorSpec("hint", "lab-ab", (-110.0, 110.0), role="hint"),
        TensorSpec("hint_mask", "mask", (0.0, 1.0), role="hint-mask"),
        TensorSpec("noise", "latent", (0.0, 1.0), "NC", role="noise", size=generator.noise_size),
    )
    count = len(generator.palette)
    return Form(
        task="colorize",
        inputs=inputs,
        outputs=(
            TensorSpec("ab", "lab-ab", (-110.0, 110.0)),
            TensorSpec("palette", "latent", (0.0, 1.0), role="palette", size=count),
        ),
        examples=lambda width, height: [test_inputs(inputs, width, height)],
        output_axes=(("out_height", "out_width"),) * 2,
        size=SizeSpec(generator.size_multiple, generator.size_multiple, work),
        more={
            "palette": tuple((float(a), float(b)) for a, b in generator.palette),
            "temperature": generator.temperature,
        },
    )


def test_inputs(specs: Specs, width: int, height: int) -> Inputs:
    """Smooth random pictures and random vectors in the inputs' units, by role.

    A mask marks a third of the blocks of 16 pixels, so that hints and their absence both count.
    """
    random = torch.Generator().manual_seed(width * 10_000 + height)
    inputs = {}
    for spec in specs:
        if spec.layout == "NC":
            inputs[spec.role] = torch.randn(1, spec.channels, generator=random)
        elif spec.space == "mask":
            coarse = torch.rand(1, spec.channels, height // 16, width // 16, generator=random)
            marked = (coarse < 1 / 3).float()
            inputs[spec.role] = nn.functional.interpolate(marked, size=(height, width))
        else:
            low, high = spec.range
            picture = smooth_picture(width, height, spec.channels, random)
            inputs[spec.role] = low + (high - low) * picture
    return inputs


if __name__ == "__main__":
    main()
