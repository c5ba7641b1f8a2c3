"""What the three exports share: arguments, graphs, a draft folder, the parity check, the report.

BatchNorm is folded into the convolutions, kernels are rounded to fp16 and stored so, each with a
Cast to fp32 that the runtime folds away when it loads the graph. Nothing is written unless
PyTorch, with the very same rounded kernels, and ONNX Runtime agree at three sizes.
"""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from core.cli.thumbnail import save_thumbnail
from core.errors import LimnerError
from core.generator.catalog import Model
from core.generator.generator import Generator
from core.generator.manifest import Manifest, Parity, SizeSpec, TensorSpec, TilingSpec, file_sha256
from export.errors import ExportRefused
from export.onnx.graph import check, fold_constants, halve_kernels, is_halved, whole_vectors
from export.training.arguments import option, parse_arguments
from export.training.checkpoint import Checkpoint, git_commit

OPSET = 17
PARITY_SIZES = ((64, 64), (160, 96), (320, 256))  # (width, height), multiples of 32
Specs = tuple[TensorSpec, ...]
Inputs = dict[str, Tensor]  # by role


@dataclass(frozen=True)
class ExportArgs:
    """What every export takes."""

    checkpoint: Path = option(Path("checkpoint.pt"), "the checkpoint to export")
    models: Path = option(Path("core/data/models"), "folder in which the model's folder is made")
    id: str = option("", "id and folder name of the model, e.g. photo-v2")
    title: str = option("", "the name in menus")
    description: str = option("", "one or two sentences for people who choose")
    license: str = option("", "licence of the weights")
    trained_on: str = option("", "sentence about the training pictures and their licences")
    tolerance: float = option(1e-3, "largest allowed parity error, in the output's units")
    default: bool = option(False, "make it the default of its task")


@dataclass(frozen=True)
class Form:
    """How a generator of one graph stands in a manifest.

    Attributes:
        task: one of core.generator.manifest.TASKS.
        inputs, outputs: in the order of `forward` and of its results.
        examples: (width, height) -> inputs to try, by role, one set or several.
        output_axes: for each output the names of its height and width in the graph.
        size, tiling: as in the manifest.
        more: further fields of the manifest.
    """

    task: str
    inputs: Specs
    outputs: Specs
    examples: Callable[[int, int], list[Inputs]]
    output_axes: tuple[tuple[str, str], ...]
    size: SizeSpec
    tiling: TilingSpec = field(default_factory=TilingSpec)
    more: dict[str, Any] = field(default_factory=dict)


def run_export(kind: type[ExportArgs], export: Callable[[Any], Manifest]) -> None:
    """An export's command line: read its arguments, export, and say how large and how exact."""
    args = parse_arguments(kind)
    try:
        manifest = export(args)
    except LimnerError as error:
        sys.exit(str(error))
    assert manifest.parity is not None
    for graph in manifest.graphs:
        size = (args.models / args.id / graph.file).stat().st_size / 1e6
        steps = manifest.made_by["steps"]
        print(f"{args.id}: {graph.file} {size:.2f} MB, opset {manifest.opset}, step {steps}")
    print(f"parity error    {manifest.parity.max_abs_error:.2e} (limit {args.tolerance:.0e})")
    print(f"rounding error  {manifest.parity.rounding_error:.2e} (fp16 kernels against fp32)")


def export_one_graph(
    args: ExportArgs, checkpoint: Checkpoint, form_of: Callable[[Any], Form]
) -> Manifest:
    """Writes a model of one graph and returns its manifest. Raises ExportRefused."""
    exact = fold_norms(checkpoint.generator())
    rounded = round_kernels(fold_norms(checkpoint.generator()))
    form = form_of(rounded)
    with draft_folder(args) as draft:
        graph = pack(trace_form(rounded, form), exact_parts(rounded))
        (draft / "model.onnx").write_bytes(graph)
        manifest = describe(
            args,
            checkpoint,
            draft,
            file="model.onnx",
            task=form.task,
            inputs=form.inputs,
            outputs=form.outputs,
            size=form.size,
            tiling=form.tiling,
            **form.more,
        )
        parity = compare(manifest, draft, rounded, exact, form, args.tolerance)
        return finish(args, draft, replace(manifest, parity=parity))


@contextmanager
def draft_folder(args: ExportArgs) -> Iterator[Path]:
    """A folder beside the model's final one: renames stay on one disk, nothing is half done."""
    args.models.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=args.models, prefix=".export-") as folder:
        draft = Path(folder) / args.id
        draft.mkdir()
        yield draft


def finish(args: ExportArgs, draft: Path, manifest: Manifest) -> Manifest:
    """Moves the graphs to their final place and writes the manifest, which it returns."""
    folder = args.models / args.id
    folder.mkdir(parents=True, exist_ok=True)
    for graph in manifest.graphs:
        os.replace(draft / graph.file, folder / graph.file)
    manifest.save(folder)
    if manifest.task == "stylize" and not manifest.takes("style"):
        save_thumbnail(Model(manifest, folder))
    return manifest


def describe(
    args: ExportArgs, checkpoint: Checkpoint, draft: Path, file: str, **more: Any
) -> Manifest:
    """The manifest, but for the parity that is yet to be measured; `more` of its fields."""
    return Manifest(
        id=args.id,
        title=args.title,
        description=args.description,
        file=file,
        sha256=file_sha256(draft / file),
        opset=OPSET,
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
        **more,
    )


def with_argument(checkpoint: Checkpoint, name: str, value: float) -> Checkpoint:
    """The checkpoint with another number among its network's arguments; unchanged for 0."""
    if value == 0:
        return checkpoint
    arguments = {**checkpoint.network_arguments, name: value}
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


def trace_form(generator: nn.Module, form: Form) -> onnx.ModelProto:
    """The generator as a graph with free height and width."""
    axes = {spec.name: {2: "height", 3: "width"} for spec in form.inputs if spec.layout == "NCHW"}
    for spec, names in zip(form.outputs, form.output_axes, strict=True):
        axes[spec.name] = dict(zip((2, 3), names, strict=True))
    given = form.examples(96, 64)[-1]
    named = {spec.name: given[spec.role] for spec in form.inputs}
    return trace(generator, named, [spec.name for spec in form.outputs], axes)


def trace(
    module: nn.Module, inputs: Inputs, outputs: list[str], axes: dict[str, dict[int, str]]
) -> onnx.ModelProto:
    """A module as an ONNX graph with fp32 weights; inputs and free axes by name."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        # The TorchScript exporter needs no package besides onnx; it warns that it is not the
        # newest one.
        warnings.simplefilter("ignore")
        path = Path(folder) / "traced.onnx"
        torch.onnx.export(
            module.eval(),
            tuple(inputs.values()),
            str(path),
            input_names=list(inputs),
            output_names=outputs,
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )
        return onnx.load(path)


def pack(graph: onnx.ModelProto, exact: tuple[str, ...] = ()) -> bytes:
    """The graph as a file, tidied, its kernels in fp16. Raises ExportRefused."""
    graph = halve_kernels(whole_vectors(fold_constants(graph)), exact)
    if error := check(graph):
        raise ExportRefused(f"The exported graph is malformed: {error}.")
    return graph.SerializeToString()


class ParityMeter:
    """Collects the differences between PyTorch and ONNX Runtime."""

    def __init__(self) -> None:
        self._parity = self._rounding = 0.0

    def compare(self, place: str, found: np.ndarray, expected: Tensor) -> None:
        """What ONNX Runtime found, and PyTorch with rounded weights. Raises ExportRefused."""
        if found.shape != tuple(expected.shape):
            raise ExportRefused(
                f"At {place} PyTorch returns {tuple(expected.shape)}, ONNX {found.shape}."
            )
        self._parity = max(self._parity, float(np.abs(found - expected.numpy()).max()))

    def compare_rounding(self, expected: Tensor, precise: Tensor) -> None:
        """PyTorch with rounded and with unrounded weights."""
        self._rounding = max(self._rounding, float((precise - expected).abs().max()))

    def result(self, tolerance: float) -> Parity:
        """Raises ExportRefused beyond the tolerance."""
        if not self._parity <= tolerance:  # also refuses NaN
            raise ExportRefused(
                f"PyTorch and ONNX Runtime differ by {self._parity:.2e}, more than {tolerance:.0e}."
            )
        sizes = tuple(f"{width}x{height}" for width, height in PARITY_SIZES)
        return Parity(self._parity, tolerance, self._rounding, sizes)


@torch.no_grad()
def compare(
    manifest: Manifest,
    folder: Path,
    rounded: nn.Module,
    exact: nn.Module,
    form: Form,
    tolerance: float,
) -> Parity:
    """Runs both at three sizes, on the form's examples. Raises ExportRefused."""
    session, meter = Generator.open(Model(manifest, folder), device="cpu"), ParityMeter()
    for width, height in PARITY_SIZES:
        for inputs in form.examples(width, height):
            found = session.run_all({role: value.numpy() for role, value in inputs.items()})
            wanted = as_tuple(rounded(*inputs.values()))
            unrounded = as_tuple(exact(*inputs.values()))
            for spec, expected, precise in zip(form.outputs, wanted, unrounded, strict=True):
                meter.compare(f"{width}x{height}, {spec.name},", found[spec.role], expected)
                if spec.role == "picture":  # logits have no unit that a limit could be given in
                    meter.compare_rounding(expected, precise)
    return meter.result(tolerance)


def as_tuple(result: Tensor | Iterable[Tensor]) -> tuple[Tensor, ...]:
    return (result,) if isinstance(result, Tensor) else tuple(result)


def smooth_picture(
    width: int, height: int, channels: int = 3, random: torch.Generator | None = None
) -> Tensor:
    """A smooth random picture (1, channels, height, width) in [0, 1]."""
    coarse = torch.rand(1, channels, height // 16, width // 16, generator=random)
    return nn.functional.interpolate(
        coarse, size=(height, width), mode="bilinear", align_corners=False
    )
