"""Exports arbitrary style: core/data/models/<id>/ with three graphs and one manifest.

    python -m export.onnx.transfer_to_onnx --preset any-style-v1 --vgg vgg19.safetensors \
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

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from core.generator.catalog import Model
from core.generator.generator import Generator
from core.generator.manifest import (
    GraphSpec,
    Manifest,
    Parity,
    SizeSpec,
    TensorSpec,
    TilingSpec,
    file_sha256,
)
from export.networks.transfer import CODE_NUMBERS, StyleCode, StyleTransfer
from export.networks.weights import load_weights, read_safetensors
from export.onnx.packing import (
    PARITY_SIZES,
    ExportArgs,
    ParityMeter,
    describe,
    draft_folder,
    finish,
    pack,
    round_kernels,
    run_export,
    smooth_picture,
    trace,
    with_argument,
)
from export.training.arguments import option
from export.training.checkpoint import Checkpoint, load_checkpoint

GRAPHS = ("render", "style-code", "encode")
LEAST_STYLE = 32  # pixels of a style picture's shorter side: VGG19's relu4_1 is at 1/8


@dataclass(frozen=True)
class Args(ExportArgs):
    """Exports an arbitrary style transfer."""

    vgg: Path = option(Path(), "normalised VGG19 weights (safetensors): they become style-code")
    gain: float = option(0.0, "factor on the paint, 0 for the trained one: less keeps more content")


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
    run_export(Args, export)


def export(args: Args) -> Manifest:
    """Writes the model's folder and returns its manifest. Raises ExportRefused."""
    checkpoint = load_checkpoint(args.checkpoint, network="transfer")
    checkpoint = with_argument(checkpoint, "gain", args.gain)
    exact, rounded = (load_networks(checkpoint, args.vgg) for _ in range(2))
    round_kernels(rounded.generator)
    round_kernels(rounded.style_code)
    with draft_folder(args) as draft:
        for name in GRAPHS:
            (draft / f"{name}.onnx").write_bytes(pack(trace_part(rounded, name)))
        manifest = described(args, checkpoint, rounded.generator, draft)
        parity = measure_parity(manifest, draft, rounded, exact, args.tolerance)
        return finish(args, draft, replace(manifest, parity=parity))


def load_networks(checkpoint: Checkpoint, vgg: Path) -> Networks:
    """Both networks with the smoothed weights and VGG19's."""
    generator, style_code = checkpoint.generator(), StyleCode()
    assert isinstance(generator, StyleTransfer)
    load_weights(style_code.vgg, read_safetensors(vgg))
    return Networks(generator, style_code.eval())


def trace_part(networks: Networks, name: str) -> onnx.ModelProto:
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
    return trace(module, examples, list(outputs), free)


def described(
    args: Args, checkpoint: Checkpoint, generator: StyleTransfer, draft: Path
) -> Manifest:
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
    return describe(
        args,
        checkpoint,
        draft,
        file="render.onnx",
        task="stylize",
        inputs=(picture("picture"), vector("statistics", "features", statistics), code),
        outputs=(picture("painted"),),
        size=SizeSpec(minimum=LEAST_STYLE, multiple_of=generator.size_multiple),
        tiling=TilingSpec("allowed", generator.receptive_radius()),
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
    session, meter = Generator.open(Model(manifest, folder), device="cpu"), ParityMeter()
    style = some_picture(96, 64, seed=7)
    for width, height in PARITY_SIZES:
        picture = some_picture(width, height, seed=width * 10_000 + height)
        expected = rounded.run(style, picture)
        found = run_graphs(session, style, picture)
        for name in GRAPHS:
            meter.compare(f"{width}x{height}, {name},", found[name], expected[name])
        meter.compare_rounding(expected["render"], exact.run(style, picture)["render"])
    return meter.result(tolerance)


def run_graphs(session: Generator, style: Tensor, picture: Tensor) -> dict[str, np.ndarray]:
    """Graph name -> output, through ONNX Runtime; the picture is one tile."""
    code = session.run_all({"style": style.numpy()}, part="style-code")["code"]
    features = session.run_all({"picture": picture.numpy()}, part="encode")["features"]
    statistics = features.mean(axis=(2, 3), dtype=np.float64).astype(np.float32)
    given = {"picture": picture.numpy(), "features": statistics, "code": code}
    painted = session.run_all(given)["picture"]
    return {"style-code": code, "encode": features, "render": painted}


def some_picture(width: int, height: int, seed: int) -> Tensor:
    """A smooth random picture (1, 3, height, width) in [0, 1], the same for the same seed."""
    return smooth_picture(width, height, random=torch.Generator().manual_seed(seed))


if __name__ == "__main__":
    main()
