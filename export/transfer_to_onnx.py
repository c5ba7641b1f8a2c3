"""Exports arbitrary style: core/models/<id>/ with three graphs and one manifest.

    python -m export.transfer_to_onnx --preset any-style-v1 --vgg vgg19.safetensors \
        --checkpoint runs/any-style/checkpoint.pt

style-code  style (1, 3, H, W) sRGB, the style picture         -> code (1, K)
encode      picture (1, 3, h, w) sRGB                          -> features (1, S, h/4, w/4)
render      picture (1, 3, h, w), statistics (1, S), code      -> painted (1, 3, h, w)

`statistics` is the plain mean of `features` over every position of the whole picture, added up in
float64. `code` of a mix of styles is the weighted mean of their codes. Sides are multiples of 4,
and a tile needs `tiling.overlap` pixels of context. Nothing is written unless PyTorch, with the
very same rounded weights, and ONNX Runtime agree at three sizes.
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

from core.catalog import Model
from core.errors import LimnerError
from core.generator import Generator
from core.manifest import (
    GraphSpec,
    Manifest,
    Parity,
    SizeSpec,
    TensorSpec,
    TilingSpec,
    file_sha256,
)
from export.arguments import option, parse_arguments
from export.checkpoint import (
    Checkpoint,
    git_commit,
    load_checkpoint,
    load_weights,
    read_safetensors,
)
from export.errors import ExportRefused
from export.graph import check, fold_constants, halve_kernels, whole_vectors
from export.networks.transfer import CODE_NUMBERS, StyleCode, StyleTransfer
from export.to_onnx import OPSET, PARITY_SIZES, round_kernels

GRAPHS = ("render", "style-code", "encode")
LEAST_STYLE = 32  # pixels of a style picture's shorter side: VGG19's relu4_1 is at 1/8


@dataclass(frozen=True)
class Args:
    """Exports an arbitrary style transfer."""

    checkpoint: Path = option(Path("checkpoint.pt"), "the checkpoint to export")
    vgg: Path = option(Path(), "normalised VGG19 weights (safetensors): they become style-code")
    models: Path = option(Path("core/models"), "folder in which the model's folder is made")
    id: str = option("", "id and folder name of the model, e.g. any-style-v1")
    title: str = option("", "the name in menus")
    description: str = option("", "one or two sentences for people who choose")
    license: str = option("", "licence of the weights")
    trained_on: str = option("", "sentence about the training pictures and their licences")
    gain: float = option(0.0, "factor on the paint, 0 for the trained one: less keeps more content")
    tolerance: float = option(1e-3, "largest allowed parity error")
    default: bool = option(False, "make it the default of its task")


class Encode(nn.Module):
    """StyleTransfer.encode as a module of its own, to be traced."""

    def __init__(self, generator: StyleTransfer) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, picture: Tensor) -> Tensor:
        return self.generator.encode(picture)


@dataclass(frozen=True)
class Networks:
    """The two networks that the three graphs come from, in evaluation mode."""

    generator: StyleTransfer
    style_code: StyleCode

    def run(self, style: Tensor, picture: Tensor) -> dict[str, Tensor]:
        """Graph name -> output, the whole way from the two pictures."""
        code = self.style_code(style)
        features = self.generator.encode(picture)
        painted = self.generator(picture, features.mean(dim=(2, 3)), code)
        return {"style-code": code, "encode": features, "render": painted}


def main() -> None:
    args = parse_arguments(Args)
    try:
        manifest = export(args)
    except LimnerError as error:
        sys.exit(str(error))
    assert manifest.parity is not None
    for graph in manifest.graphs:
        size = (args.models / args.id / graph.file).stat().st_size / 1e6
        print(f"{args.id}: {graph.file} {size:.2f} MB, opset {manifest.opset}")
    print(f"parity error    {manifest.parity.max_abs_error:.2e} (limit {args.tolerance:.0e})")
    print(f"rounding error  {manifest.parity.rounding_error:.2e} (fp16 weights against fp32)")


def export(args: Args) -> Manifest:
    """Writes the model's folder and returns its manifest. Raises ExportRefused."""
    checkpoint = with_gain(load_checkpoint(args.checkpoint, network="transfer"), args.gain)
    exact, rounded = (load_networks(checkpoint, args.vgg) for _ in range(2))
    round_kernels(rounded.generator)
    round_kernels(rounded.style_code)
    folder = args.models / args.id
    folder.mkdir(parents=True, exist_ok=True)
    # Beside its final place, so that the renames stay on one disk.
    with tempfile.TemporaryDirectory(dir=args.models, prefix=".export-") as draft_name:
        draft = Path(draft_name) / args.id
        draft.mkdir()
        for name in GRAPHS:
            graph = halve_kernels(whole_vectors(fold_constants(trace(rounded, name))))
            if error := check(graph):
                raise ExportRefused(f"The exported graph {name} is malformed: {error}.")
            (draft / f"{name}.onnx").write_bytes(graph.SerializeToString())
        manifest = describe(args, checkpoint, rounded.generator, draft)
        parity = measure_parity(manifest, draft, rounded, exact, args.tolerance)
        manifest = replace(manifest, parity=parity)
        for name in GRAPHS:
            os.replace(draft / f"{name}.onnx", folder / f"{name}.onnx")
    manifest.save(folder)
    return manifest


def with_gain(checkpoint: Checkpoint, gain: float) -> Checkpoint:
    """The checkpoint with another gain of the paint; unchanged for 0."""
    if gain == 0:
        return checkpoint
    arguments = {**checkpoint.network_arguments, "gain": gain}
    return replace(checkpoint, network_arguments=arguments)


def load_networks(checkpoint: Checkpoint, vgg: Path) -> Networks:
    """Both networks with the smoothed weights and VGG19's."""
    generator, style_code = checkpoint.generator(), StyleCode()
    assert isinstance(generator, StyleTransfer)
    load_weights(style_code.vgg, read_safetensors(vgg))
    return Networks(generator, style_code.eval())


def trace(networks: Networks, name: str) -> onnx.ModelProto:
    """One of GRAPHS with fp32 weights and free height and width."""
    picture = torch.rand(1, 3, 64, 96)
    statistics = torch.rand(1, networks.generator.statistics_numbers)
    axes, vector = {2: "height", 3: "width"}, {}
    module, examples, outputs = {
        "style-code": (networks.style_code, {"style": picture}, {"code": vector}),
        "encode": (
            Encode(networks.generator),
            {"picture": picture},
            {"features": {2: "quarter_height", 3: "quarter_width"}},
        ),
        "render": (
            networks.generator,
            {"picture": picture, "statistics": statistics, "code": torch.rand(1, CODE_NUMBERS)},
            {"painted": axes},
        ),
    }[name]
    free = {key: axes for key, value in examples.items() if value.dim() == 4}
    free |= {key: value for key, value in outputs.items() if value}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as in export.to_onnx.trace
        path = Path(folder) / "traced.onnx"
        torch.onnx.export(
            module.eval(),
            tuple(examples.values()),
            str(path),
            input_names=list(examples),
            output_names=list(outputs),
            dynamic_axes=free,
            opset_version=OPSET,
            dynamo=False,
        )
        return onnx.load(path)


def describe(args: Args, checkpoint: Checkpoint, generator: StyleTransfer, draft: Path) -> Manifest:
    """The manifest, but for the parity that is yet to be measured."""
    statistics = generator.statistics_numbers

    def picture(name: str, role: str = "picture") -> TensorSpec:
        return TensorSpec(name, "srgb", (0.0, 1.0), role=role)

    def vector(name: str, role: str, size: int) -> TensorSpec:
        return TensorSpec(name, "latent", (0.0, 1.0), "NC", role, size)

    def part(name: str, given: TensorSpec, returned: TensorSpec) -> GraphSpec:
        file = f"{name}.onnx"
        return GraphSpec(name, file, file_sha256(draft / file), (given,), (returned,))

    code = vector("code", "code", CODE_NUMBERS)
    features = TensorSpec("features", "latent", (0.0, 1.0), "NCHW", "features", statistics)
    return Manifest(
        id=args.id,
        task="stylize",
        title=args.title,
        description=args.description,
        file="render.onnx",
        sha256=file_sha256(draft / "render.onnx"),
        opset=OPSET,
        inputs=(picture("picture"), vector("statistics", "features", statistics), code),
        outputs=(picture("painted"),),
        size=SizeSpec(minimum=LEAST_STYLE, multiple_of=generator.size_multiple),
        tiling=TilingSpec("allowed", generator.receptive_radius()),
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
        parts=(
            part("style-code", picture("style", "style"), code),
            part("encode", picture("picture"), features),
        ),
    )


@torch.no_grad()
def measure_parity(
    manifest: Manifest, folder: Path, rounded: Networks, exact: Networks, tolerance: float
) -> Parity:
    """All graphs, one after the other, at three sizes. Raises ExportRefused."""
    session = Generator.open(Model(manifest, folder), device="cpu")
    parity_error = rounding_error = 0.0
    style = smooth_picture(96, 64, seed=7)
    for width, height in PARITY_SIZES:
        picture = smooth_picture(width, height, seed=width * 10_000 + height)
        expected = rounded.run(style, picture)
        found = run_graphs(session, style, picture)
        for name in GRAPHS:
            if found[name].shape != tuple(expected[name].shape):
                raise ExportRefused(
                    f"At {width}x{height} PyTorch returns {tuple(expected[name].shape)} from "
                    f"{name}, ONNX {found[name].shape}."
                )
            difference = np.abs(found[name] - expected[name].numpy()).max()
            parity_error = max(parity_error, float(difference))
        unrounded = exact.run(style, picture)["render"]
        rounding_error = max(rounding_error, float((unrounded - expected["render"]).abs().max()))
    if not parity_error <= tolerance:  # also refuses NaN
        raise ExportRefused(
            f"PyTorch and ONNX Runtime differ by {parity_error:.2e}, more than {tolerance:.0e}."
        )
    sizes = tuple(f"{width}x{height}" for width, height in PARITY_SIZES)
    return Parity(parity_error, tolerance, rounding_error, sizes)


def run_graphs(session: Generator, style: Tensor, picture: Tensor) -> dict[str, np.ndarray]:
    """Graph name -> output, through ONNX Runtime; the picture is one tile."""
    code = session.run_all({"style": style.numpy()}, part="style-code")["code"]
    features = session.run_all({"picture": picture.numpy()}, part="encode")["features"]
    statistics = features.mean(axis=(2, 3), dtype=np.float64).astype(np.float32)
    given = {"picture": picture.numpy(), "features": statistics, "code": code}
    painted = session.run_all(given)["picture"]
    return {"style-code": code, "encode": features, "render": painted}


def smooth_picture(width: int, height: int, seed: int) -> Tensor:
    """A smooth random picture (1, 3, height, width) in [0, 1]."""
    random = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, height // 16, width // 16, generator=random)
    return nn.functional.interpolate(
        coarse, size=(height, width), mode="bilinear", align_corners=False
    )


if __name__ == "__main__":
    main()
