"""Exports a checkpoint: core/models/<id>/model.onnx and manifest.json.

    python -m export.to_onnx --preset photo-v2 --checkpoint runs/photo/checkpoint.pt

BatchNorm is folded into the convolutions, kernels are rounded to fp16 and stored so, each with a
Cast to fp32 that the runtime folds away when it loads the graph. Nothing is written unless
PyTorch, with the very same rounded kernels, and ONNX Runtime agree at three sizes.
"""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from core.catalog import Model
from core.errors import LimnerError
from core.generator import Generator
from core.manifest import Manifest, Parity, SizeSpec, TensorSpec, TilingSpec, file_sha256
from export.arguments import option, parse_arguments
from export.checkpoint import Checkpoint, git_commit, load_checkpoint
from export.errors import ExportRefused
from export.graph import check, fold_constants, halve_kernels, is_halved, whole_vectors
from export.networks.colorizer import Colorizer
from export.networks.stylizer import Stylizer

OPSET = 17
PARITY_SIZES = ((64, 64), (160, 96), (320, 256))  # (width, height), multiples of 32


@dataclass(frozen=True)
class Args:
    """Exports a checkpoint as a model."""

    checkpoint: Path = option(Path("checkpoint.pt"), "the checkpoint to export")
    models: Path = option(Path("core/models"), "folder in which the model's folder is made")
    id: str = option("", "id and folder name of the model, e.g. photo-v2")
    title: str = option("", "the name in menus")
    description: str = option("", "one or two sentences for people who choose")
    license: str = option("", "licence of the weights")
    trained_on: str = option("", "sentence about the training pictures and their licences")
    work: int = option(0, "longer side at which the generator is run, 0 for the picture's own")
    temperature: float = option(0.0, "softmax temperature of a colouriser, 0 for the trained one")
    tolerance: float = option(1e-3, "largest allowed parity error, in the output's units")
    default: bool = option(False, "make it the default of its task")


def main() -> None:
    args = parse_arguments(Args)
    try:
        manifest = export(args)
    except LimnerError as error:
        sys.exit(str(error))
    assert manifest.parity is not None
    size = (args.models / args.id / manifest.file).stat().st_size / 1e6
    print(f"{args.id}: {size:.2f} MB, opset {manifest.opset}")
    print(f"parity error    {manifest.parity.max_abs_error:.2e} (limit {args.tolerance:.0e})")
    print(f"rounding error  {manifest.parity.rounding_error:.2e} (fp16 kernels against fp32)")


def export(args: Args) -> Manifest:
    """Writes the model's folder and returns its manifest. Raises ExportRefused."""
    checkpoint = with_temperature(load_checkpoint(args.checkpoint), args.temperature)
    exact = fold_norms(checkpoint.generator())
    rounded = round_kernels(fold_norms(checkpoint.generator()))
    graph = halve_kernels(whole_vectors(fold_constants(trace(rounded))), exact_parts(rounded))
    if error := check(graph):
        raise ExportRefused(f"The exported graph is malformed: {error}.")
    folder = args.models / args.id
    folder.mkdir(parents=True, exist_ok=True)
    # Beside its final place, so that the rename stays on one disk and is never half done.
    with tempfile.TemporaryDirectory(dir=args.models, prefix=".export-") as draft_name:
        draft = Path(draft_name) / args.id
        draft.mkdir()
        (draft / "model.onnx").write_bytes(graph.SerializeToString())
        manifest = describe(args, checkpoint, exact, draft / "model.onnx")
        parity = measure_parity(manifest, draft, rounded, exact, args.tolerance)
        manifest = replace(manifest, parity=parity)
        os.replace(draft / "model.onnx", folder / "model.onnx")
    manifest.save(folder)
    return manifest


def with_temperature(checkpoint: Checkpoint, temperature: float) -> Checkpoint:
    """The checkpoint with another softmax temperature; unchanged for 0."""
    if temperature == 0:
        return checkpoint
    arguments = {**checkpoint.network_arguments, "temperature": temperature}
    return replace(checkpoint, network_arguments=arguments)


def fold_norms(module: nn.Module) -> nn.Module:
    """Folds every BatchNorm that directly follows a convolution into it, in place."""
    previous = None
    for name, child in list(module.named_children()):
        if isinstance(child, nn.BatchNorm2d) and previous is not None:
            setattr(module, previous[0], fuse_conv_bn_eval(previous[1], child))
            setattr(module, name, nn.Identity())
        previous = (name, child) if isinstance(child, nn.Conv2d) else None
        fold_norms(child)
    return module


@torch.no_grad()
def round_kernels(generator: nn.Module) -> nn.Module:
    """Rounds the weights that `halve_kernels` will store as fp16 to fp16's values, in place."""
    for name, parameter in generator.named_parameters():
        if is_halved(tuple(parameter.shape)) and not name.startswith(exact_parts(generator)):
            parameter.copy_(parameter.half().float())
    return generator


def exact_parts(generator: nn.Module) -> tuple[str, ...]:
    """Beginnings of the names of those weights that stay fp32."""
    return getattr(generator, "exact_parts", ())


def trace(generator: nn.Module) -> onnx.ModelProto:
    """The generator as an ONNX graph with fp32 weights and free height and width."""
    inputs, outputs = tensor_specs(generator)
    examples = tuple(test_inputs(inputs, 96, 64).values())
    axes = {spec.name: {2: "height", 3: "width"} for spec in inputs if spec.layout == "NCHW"}
    reduced = isinstance(generator, Colorizer)
    for spec in outputs:
        axes[spec.name] = {2: "out_height", 3: "out_width"} if reduced else axes[inputs[0].name]
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        # The TorchScript exporter needs no package besides onnx; it warns that it is not the
        # newest one.
        warnings.simplefilter("ignore")
        path = Path(folder) / "traced.onnx"
        torch.onnx.export(
            generator.eval(),
            examples,
            str(path),
            input_names=[spec.name for spec in inputs],
            output_names=[spec.name for spec in outputs],
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )
        return onnx.load(path)


Specs = tuple[TensorSpec, ...]


def tensor_specs(generator: nn.Module) -> tuple[Specs, Specs]:
    """Inputs in the order of `forward`, and outputs in the order of its results."""
    if isinstance(generator, Colorizer):
        inputs = (
            TensorSpec("lightness", "lab-l", (0.0, 100.0)),
            TensorSpec("hint", "lab-ab", (-110.0, 110.0), role="hint"),
            TensorSpec("hint_mask", "mask", (0.0, 1.0), role="hint-mask"),
            TensorSpec(
                "noise", "latent", (0.0, 1.0), "NC", role="noise", size=generator.noise_size
            ),
        )
        count = len(generator.palette)
        outputs = (
            TensorSpec("ab", "lab-ab", (-110.0, 110.0)),
            TensorSpec("palette", "latent", (0.0, 1.0), role="palette", size=count),
        )
        return inputs, outputs
    srgb = ("srgb", (0.0, 1.0))
    return (TensorSpec("input", *srgb),), (TensorSpec("output", *srgb),)


def describe(args: Args, checkpoint: Checkpoint, generator: nn.Module, file: Path) -> Manifest:
    """The manifest, but for the parity that is yet to be measured."""
    inputs, outputs = tensor_specs(generator)
    task, tiling, palette, temperature = "colorize", TilingSpec("never"), (), 1.0
    multiple = Colorizer.size_multiple
    if isinstance(generator, Stylizer):
        task, multiple = "stylize", generator.size_multiple
        tiling = TilingSpec("allowed", generator.receptive_radius())
    elif isinstance(generator, Colorizer):
        palette = tuple((float(a), float(b)) for a, b in generator.palette)
        temperature = generator.temperature
    return Manifest(
        id=args.id,
        task=task,
        title=args.title,
        description=args.description,
        file="model.onnx",
        sha256=file_sha256(file),
        opset=OPSET,
        inputs=inputs,
        outputs=outputs,
        size=SizeSpec(minimum=multiple, multiple_of=multiple, work=args.work),
        tiling=tiling,
        license=args.license,
        trained_on=args.trained_on,
        made_by={
            "trained_at_commit": checkpoint.commit,
            "exported_at_commit": git_commit(),
            "steps": str(checkpoint.step),
            "torch": str(torch.__version__),
            "onnx": onnx.__version__,
        },
        default=args.default,
        palette=palette,
        temperature=temperature,
    )


@torch.no_grad()
def measure_parity(
    manifest: Manifest, folder: Path, rounded: nn.Module, exact: nn.Module, tolerance: float
) -> Parity:
    """Runs both at three sizes, on random inputs of every role. Raises ExportRefused."""
    session = Generator.open(Model(manifest, folder), device="cpu")
    parity_error = rounding_error = 0.0
    for width, height in PARITY_SIZES:
        inputs = test_inputs(manifest.inputs, width, height)
        found = session.run_all({role: value.numpy() for role, value in inputs.items()})
        wanted = as_tuple(rounded(*inputs.values()))
        unrounded = as_tuple(exact(*inputs.values()))
        for spec, expected, precise in zip(manifest.outputs, wanted, unrounded, strict=True):
            result = found[spec.role]
            if result.shape != expected.shape:
                raise ExportRefused(
                    f"At {width}x{height} PyTorch returns {tuple(expected.shape)} as {spec.name}, "
                    f"ONNX {result.shape}."
                )
            parity_error = max(parity_error, float(np.abs(result - expected.numpy()).max()))
            if spec.role == "picture":  # logits have no unit that a limit could be given in
                difference = float((precise - expected).abs().max())
                rounding_error = max(rounding_error, difference)
    if not parity_error <= tolerance:  # also refuses NaN
        raise ExportRefused(
            f"PyTorch and ONNX Runtime differ by {parity_error:.2e}, more than {tolerance:.0e}."
        )
    sizes = tuple(f"{width}x{height}" for width, height in PARITY_SIZES)
    return Parity(parity_error, tolerance, rounding_error, sizes)


def as_tuple(result: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return result if isinstance(result, tuple) else (result,)


def test_inputs(specs: Specs, width: int, height: int) -> dict[str, Tensor]:
    """Smooth random pictures and random vectors in the inputs' units, by role.

    A mask marks a third of the blocks of 16 pixels, so that hints and their absence both count.
    """
    random = torch.Generator().manual_seed(width * 10_000 + height)
    inputs = {}
    for spec in specs:
        if spec.layout == "NC":
            inputs[spec.role] = torch.randn(1, spec.channels, generator=random)
            continue
        coarse = torch.rand(1, spec.channels, height // 16, width // 16, generator=random)
        if spec.space == "mask":
            marked = (coarse < 1 / 3).float()
            inputs[spec.role] = nn.functional.interpolate(marked, size=(height, width))
            continue
        picture = nn.functional.interpolate(
            coarse, size=(height, width), mode="bilinear", align_corners=False
        )
        low, high = spec.range
        inputs[spec.role] = low + (high - low) * picture
    return inputs


if __name__ == "__main__":
    main()
