"""Exports a sketch colouriser: core/models/<id>/model.onnx and manifest.json.

    python -m export.sketch_to_onnx --preset sketch-v1 --checkpoint runs/sketch/checkpoint.pt
    python -m export.sketch_to_onnx --preset sketch-v1 --give-palette core/models/sketch-v1

The second adds the palette's output to a model that was exported without it; nothing else of
the graph changes.

picture   (1, 1, H, W) mask: 0 paper to 1 ink; H and W multiples of 32
hint      (1, 3, H, W) sRGB, hint-mask (1, 1, H, W): where its colours are meant
noise     (1, 8): zeros, or draws from a standard normal distribution
->        (1, 3, H/2, W/2) sRGB: the colours beneath the lines,
          (1, K, H/4, W/4): logits over the palette that the draft was chosen from

BatchNorm is folded, kernels are stored as fp16. Nothing is written unless PyTorch, with the very
same rounded kernels, and ONNX Runtime agree at three sizes.
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
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from core.catalog import Model
from core.color import srgb_to_lab
from core.errors import LimnerError
from core.generator import Generator
from core.manifest import Manifest, Parity, SizeSpec, TensorSpec, TilingSpec, file_sha256
from export.arguments import option, parse_arguments
from export.checkpoint import Checkpoint, git_commit, load_checkpoint
from export.errors import ExportRefused
from export.graph import check, fold_constants, halve_kernels, whole_vectors
from export.networks.sketcher import CODE_SIZE, Sketcher
from export.to_onnx import OPSET, PARITY_SIZES, fold_norms, round_kernels, with_temperature

INPUTS = (
    TensorSpec("picture", "mask", (0.0, 1.0)),
    TensorSpec("hint", "srgb", (0.0, 1.0), role="hint"),
    TensorSpec("hint_mask", "mask", (0.0, 1.0), role="hint-mask"),
    TensorSpec("noise", "latent", (0.0, 1.0), layout="NC", role="noise", size=CODE_SIZE),
)
OUTPUT = TensorSpec("colors", "srgb", (0.0, 1.0))
PALETTE = "palette"


@dataclass(frozen=True)
class Args:
    """Exports a sketch colouriser."""

    checkpoint: Path = option(Path("checkpoint.pt"), "the checkpoint to export")
    models: Path = option(Path("core/models"), "folder in which the model's folder is made")
    id: str = option("", "id and folder name of the model, e.g. sketch-v1")
    title: str = option("", "the name in menus")
    description: str = option("", "one or two sentences for people who choose")
    license: str = option("", "licence of the weights")
    trained_on: str = option("", "sentence about the training pictures and their licences")
    work: int = option(0, "longer side at which the generator is run, 0 for the picture's own")
    temperature: float = option(0.0, "softmax temperature of the palette, 0 for the trained one")
    tolerance: float = option(1e-3, "largest allowed parity error, in sRGB")
    default: bool = option(False, "make it the default of its task")
    give_palette: Path = option(Path(), "only add the palette's output to this model's folder")


def main() -> None:
    args = parse_arguments(Args)
    try:
        if args.give_palette != Path():
            give_palette(args.give_palette)
            return
        manifest = export(args)
    except LimnerError as error:
        sys.exit(str(error))
    assert manifest.parity is not None
    size = (args.models / args.id / manifest.file).stat().st_size / 1e6
    print(f"{args.id}: {size:.2f} MB, opset {manifest.opset}, step {manifest.made_by['steps']}")
    print(f"parity error    {manifest.parity.max_abs_error:.2e} (limit {args.tolerance:.0e})")
    print(f"rounding error  {manifest.parity.rounding_error:.2e} (fp16 kernels against fp32)")


def export(args: Args) -> Manifest:
    """Writes the model's folder and returns its manifest. Raises ExportRefused."""
    checkpoint = load_checkpoint(args.checkpoint, network="sketcher")
    checkpoint = with_temperature(checkpoint, args.temperature)
    exact = fold_norms(checkpoint.generator())
    rounded = round_kernels(fold_norms(checkpoint.generator()))
    graph = halve_kernels(whole_vectors(fold_constants(trace(rounded))))
    palette, temperature = add_palette(graph)
    if error := check(graph):
        raise ExportRefused(f"The exported graph is malformed: {error}.")
    folder = args.models / args.id
    folder.mkdir(parents=True, exist_ok=True)
    # Beside its final place, so that the rename stays on one disk and is never half done.
    with tempfile.TemporaryDirectory(dir=args.models, prefix=".export-") as draft_name:
        draft = Path(draft_name) / args.id
        draft.mkdir()
        (draft / "model.onnx").write_bytes(graph.SerializeToString())
        manifest = describe(args, checkpoint, draft / "model.onnx")
        manifest = with_palette(manifest, palette, temperature)
        parity = measure_parity(manifest, draft, rounded, exact, args.tolerance)
        manifest = replace(manifest, parity=parity)
        os.replace(draft / "model.onnx", folder / "model.onnx")
    manifest.save(folder)
    return manifest


def trace(generator: nn.Module) -> onnx.ModelProto:
    """The generator as an ONNX graph with fp32 weights and free height and width."""
    axes = {2: "height", 3: "width"}
    names = [spec.name for spec in INPUTS]
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        # The TorchScript exporter needs no package besides onnx; it warns that it is not the
        # newest one.
        warnings.simplefilter("ignore")
        path = Path(folder) / "traced.onnx"
        torch.onnx.export(
            generator.eval(),
            test_inputs(96, 64),
            str(path),
            input_names=names,
            output_names=[OUTPUT.name],
            dynamic_axes={
                **dict.fromkeys(names[:-1], axes),
                OUTPUT.name: {2: "half_height", 3: "half_width"},
            },
            opset_version=OPSET,
            dynamo=False,
        )
        return onnx.load(path)


def add_palette(graph: onnx.ModelProto) -> tuple[np.ndarray, float]:
    """Gives the graph an output of the logits before its softmax over the palette, in place.

    Returns the palette, sRGB (K, 3), and the temperature that the logits are divided by. Raises
    ExportRefused.
    """
    nodes = {name: node for node in graph.graph.node for name in node.output}
    constants = {t.name: numpy_helper.to_array(t) for t in graph.graph.initializer}
    softmax = [node for node in graph.graph.node if node.op_type == "Softmax"]
    warm = nodes.get(softmax[0].input[0]) if len(softmax) == 1 else None
    if warm is None or warm.op_type != "Div" or warm.input[1] not in constants:
        raise ExportRefused("The graph has no softmax over a palette, divided by a temperature.")
    mixer = next(n for n in graph.graph.node if softmax[0].output[0] in n.input)
    kernel = mixer.input[1]
    while kernel not in constants:
        kernel = nodes[kernel].input[0]  # stored in fp16, cast
    palette = constants[kernel].astype(np.float32).reshape(3, -1).T
    logits = warm.input[0]
    for node in graph.graph.node:
        node.input[:] = [PALETTE if name == logits else name for name in node.input]
        node.output[:] = [PALETTE if name == logits else name for name in node.output]
    shape = [1, len(palette), "quarter_height", "quarter_width"]
    graph.graph.output.append(helper.make_tensor_value_info(PALETTE, TensorProto.FLOAT, shape))
    return palette, float(constants[warm.input[1]])


def with_palette(manifest: Manifest, palette: np.ndarray, temperature: float) -> Manifest:
    """The manifest of a graph to which add_palette gave an output."""
    lab = srgb_to_lab(palette.astype(np.float64))
    spec = TensorSpec(PALETTE, "latent", (0.0, 1.0), role="palette", size=len(palette))
    return replace(
        manifest,
        outputs=(OUTPUT, spec),
        palette=tuple(tuple(round(float(value), 3) for value in color) for color in lab),
        temperature=round(temperature, 6),
    )


def give_palette(folder: Path) -> None:
    """Adds the palette's output to a model that was exported without it. Raises ExportRefused."""
    manifest = Manifest.load(folder)
    if manifest.gives("palette"):
        raise ExportRefused(f"The model in {folder} gives its palette already.")
    before = Generator.open(Model(manifest, folder), device="cpu")
    inputs = {s.role: x.numpy() for s, x in zip(INPUTS, test_inputs(96, 64), strict=True)}
    expected = before.run_all(inputs)["picture"]
    graph = onnx.load(folder / manifest.file)
    palette, temperature = add_palette(graph)
    if error := check(graph):
        raise ExportRefused(f"The changed graph is malformed: {error}.")
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".export-") as name:
        draft = Path(name)
        (draft / manifest.file).write_bytes(graph.SerializeToString())
        manifest = replace(manifest, sha256=file_sha256(draft / manifest.file))
        manifest = with_palette(manifest, palette, temperature)
        found = Generator.open(Model(manifest, draft), device="cpu").run_all(inputs)["picture"]
        if not np.array_equal(found, expected):
            raise ExportRefused("The colours changed with the new output.")
        os.replace(draft / manifest.file, folder / manifest.file)
    manifest.save(folder)
    print(f"{manifest.id}: gives the palette's {len(palette)} colours, the same result")


def describe(args: Args, checkpoint: Checkpoint, file: Path) -> Manifest:
    """The manifest, but for the parity that is yet to be measured."""
    return Manifest(
        id=args.id,
        task="sketch",
        title=args.title,
        description=args.description,
        file="model.onnx",
        sha256=file_sha256(file),
        opset=OPSET,
        inputs=INPUTS,
        outputs=(OUTPUT,),
        size=SizeSpec(
            minimum=Sketcher.size_multiple, multiple_of=Sketcher.size_multiple, work=args.work
        ),
        tiling=TilingSpec("never"),
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
    )


@torch.no_grad()
def measure_parity(
    manifest: Manifest, folder: Path, rounded: nn.Module, exact: nn.Module, tolerance: float
) -> Parity:
    """Runs both at three sizes, with hints and without. Raises ExportRefused."""
    session = Generator.open(Model(manifest, folder), device="cpu")
    parity_error = rounding_error = 0.0
    for width, height in PARITY_SIZES:
        for hinted in (False, True):
            inputs = test_inputs(width, height, hinted)
            given = {s.role: x.numpy() for s, x in zip(INPUTS, inputs, strict=True)}
            expected = rounded(*inputs).numpy()
            found = session.run_all(given)["picture"]
            if found.shape != expected.shape:
                raise ExportRefused(
                    f"At {width}x{height} PyTorch returns {expected.shape}, ONNX {found.shape}."
                )
            parity_error = max(parity_error, float(np.abs(found - expected).max()))
            difference = np.abs(exact(*inputs).numpy() - expected).max()
            rounding_error = max(rounding_error, float(difference))
    if not parity_error <= tolerance:  # also refuses NaN
        raise ExportRefused(
            f"PyTorch and ONNX Runtime differ by {parity_error:.2e}, more than {tolerance:.0e}."
        )
    sizes = tuple(f"{width}x{height}" for width, height in PARITY_SIZES)
    return Parity(parity_error, tolerance, rounding_error, sizes)


def test_inputs(width: int, height: int, hinted: bool = True) -> tuple[Tensor, ...]:
    """Lines around patches, hints on a few pixels and a code: (1, ..., height, width) each."""
    random = torch.Generator().manual_seed(width * 10_000 + height)

    def patches(channels: int) -> Tensor:
        coarse = torch.rand(1, channels, height // 16, width // 16, generator=random)
        return F.interpolate(coarse, size=(height, width), mode="nearest")

    borders = patches(1)
    ink = ((F.max_pool2d(borders, 3, 1, 1) - borders) > 0).float()
    mask = (torch.rand(1, 1, height, width, generator=random) < 0.01).float() * hinted
    noise = torch.randn(1, CODE_SIZE, generator=random) * hinted
    return ink, patches(3), mask, noise


if __name__ == "__main__":
    main()
