"""Models of a few hundred bytes, with their manifests, so that tests run the real engine.

Each function writes a folder that core.catalog finds and core.generator opens.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from core.manifest import GraphSpec, Manifest, SizeSpec, TensorSpec, TilingSpec, file_sha256

OPSET = 17

Side = TensorSpec | tuple[TensorSpec, ...]
Ends = tuple[Side, Side]
"""A graph's inputs and outputs; one alone needs no tuple."""

LIGHTNESS = TensorSpec("input", "lab-l", (0.0, 100.0))
AB = TensorSpec("output", "lab-ab", (-110.0, 110.0))
SRGB_IN = TensorSpec("input", "srgb", (0.0, 1.0))
SRGB_OUT = TensorSpec("output", "srgb", (0.0, 1.0))


def constant_ab(folder: Path, a: float = 0.0, b: float = 0.0, **manifest: Any) -> Path:
    """A colouriser that says the same a* and b* everywhere, at the size of its input."""
    nodes = [
        helper.make_node("Mul", ["input", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "ab"], ["output"]),
    ]
    constants = {"zero": np.zeros(1), "ab": np.reshape([a, b], (1, 2, 1, 1))}
    return _save(folder, nodes, constants, (LIGHTNESS, AB), **manifest)


def lightness_ab(folder: Path, ratio: int = 4, **manifest: Any) -> Path:
    """A colouriser at 1/ratio of its input: a* = L* - 50 averaged there, b* = 50 - L*."""
    nodes = [
        helper.make_node(
            "AveragePool", ["input"], ["small"], kernel_shape=[ratio] * 2, strides=[ratio] * 2
        ),
        helper.make_node("Sub", ["small", "fifty"], ["centred"]),
        helper.make_node("Mul", ["centred", "signs"], ["output"]),
    ]
    constants = {"fifty": np.array([50.0]), "signs": np.reshape([1.0, -1.0], (1, 2, 1, 1))}
    size = manifest.pop("size", SizeSpec(minimum=ratio, multiple_of=ratio, work=64))
    return _save(folder, nodes, constants, (LIGHTNESS, AB), size=size, **manifest)


def identity(folder: Path, **manifest: Any) -> Path:
    """A style that changes nothing."""
    nodes = [helper.make_node("Identity", ["input"], ["output"])]
    return _save(folder, nodes, {}, (SRGB_IN, SRGB_OUT), **_style(manifest))


def scale(folder: Path, factor: float, offset: float = 0.0, **manifest: Any) -> Path:
    """A style without a neighbourhood: factor * value + offset."""
    nodes = [
        helper.make_node("Mul", ["input", "factor"], ["scaled"]),
        helper.make_node("Add", ["scaled", "offset"], ["output"]),
    ]
    constants = {"factor": np.array([factor]), "offset": np.array([offset])}
    return _save(folder, nodes, constants, (SRGB_IN, SRGB_OUT), **_style(manifest))


def box_blur(folder: Path, radius: int, layers: int = 1, **manifest: Any) -> Path:
    """A style that blurs, `layers` convolutions each of that radius, zeros beyond the edge."""
    side = 2 * radius + 1
    kernel = np.zeros((3, 3, side, side))
    for channel in range(3):
        kernel[channel, channel] = 1 / side**2
    names = ["input", *(f"blurred{i}" for i in range(layers - 1)), "output"]
    nodes = [
        helper.make_node("Conv", [before, "kernel"], [after], pads=[radius] * 4)
        for before, after in zip(names, names[1:], strict=False)
    ]
    manifest.setdefault("tiling", TilingSpec("allowed", radius * layers))
    return _save(folder, nodes, {"kernel": kernel}, (SRGB_IN, SRGB_OUT), **_style(manifest))


def mean_color(folder: Path, **manifest: Any) -> Path:
    """A style that looks at the whole: every pixel gets the mean, so that tiles differ."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["input"], ["mean"]),
        helper.make_node("Mul", ["input", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "mean"], ["output"]),
    ]
    constants = {"zero": np.zeros(1)}
    return _save(folder, nodes, constants, (SRGB_IN, SRGB_OUT), **_style(manifest))


def hinted_ab(folder: Path, a: float = 0.0, b: float = 0.0, **manifest: Any) -> Path:
    """A colouriser that obeys: the hint's ab where its mask is 1, the same a* and b* elsewhere.

    The two numbers of its noise are added to ab. Its palette is red and blue; the logits are
    a* and b*.
    """
    nodes = [
        helper.make_node("Mul", ["input", "zero"], ["nothing"]),
        helper.make_node("Unsqueeze", ["noise", "axes"], ["moved"]),
        helper.make_node("Add", ["moved", "ab"], ["default"]),
        helper.make_node("Add", ["nothing", "default"], ["everywhere"]),
        helper.make_node("Sub", ["hint", "everywhere"], ["away"]),
        helper.make_node("Mul", ["away", "mask"], ["asked"]),
        helper.make_node("Add", ["everywhere", "asked"], ["output"]),
        helper.make_node("Identity", ["output"], ["logits"]),
    ]
    constants = {"zero": np.zeros(1), "ab": np.reshape([a, b], (1, 2, 1, 1))}
    constants["axes"] = np.array([2, 3], np.int64)
    inputs = (
        LIGHTNESS,
        TensorSpec("hint", "lab-ab", (-110.0, 110.0), role="hint"),
        TensorSpec("mask", "mask", (0.0, 1.0), role="hint-mask"),
        TensorSpec("noise", "latent", (0.0, 1.0), "NC", role="noise", size=2),
    )
    outputs = (AB, TensorSpec("logits", "latent", (0.0, 1.0), role="palette", size=2))
    manifest.setdefault("palette", ((60.0, 40.0), (20.0, -60.0)))
    return _save(folder, nodes, constants, (inputs, outputs), **manifest)


def with_part(folder: Path, **manifest: Any) -> Path:
    """A style of two graphs: "style-code" takes the mean colour, the main one adds it."""
    code = TensorSpec("code", "latent", (0.0, 1.0), "NC", role="code", size=3)
    style = TensorSpec("style", "srgb", (0.0, 1.0), role="style")
    nodes = [
        helper.make_node("GlobalAveragePool", ["style"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["code"]),
    ]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "style-code.onnx"
    path.write_bytes(_graph(nodes, {}, (style,), (code,)).SerializeToString())
    part = GraphSpec("style-code", path.name, file_sha256(path), (style,), (code,))
    nodes = [
        helper.make_node("Unsqueeze", ["code", "axes"], ["everywhere"]),
        helper.make_node("Add", ["input", "everywhere"], ["output"]),
    ]
    constants = {"axes": np.array([2, 3], np.int64)}
    ends = ((SRGB_IN, code), (SRGB_OUT,))
    return _save(folder, nodes, constants, ends, parts=(part,), **_style(manifest))


def _style(manifest: dict[str, Any]) -> dict[str, Any]:
    return {"task": "stylize", "tiling": TilingSpec("allowed", 0)} | manifest


def _save(
    folder: Path,
    nodes: Sequence[onnx.NodeProto],
    constants: dict[str, np.ndarray],
    ends: Ends,
    **manifest: Any,
) -> Path:
    """Write model.onnx and manifest.json; returns the folder."""
    given, wanted = (end if isinstance(end, tuple) else (end,) for end in ends)
    size = manifest.get("size", SizeSpec())
    model = _graph(nodes, constants, given, wanted, size.fixed)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    fields = {
        "id": folder.name,
        "task": "colorize",
        "title": folder.name.capitalize(),
        "description": "For tests.",
        "file": path.name,
        "sha256": file_sha256(path),
        "opset": OPSET,
        "inputs": given,
        "outputs": wanted,
        "size": size,
        "tiling": TilingSpec(),
        "license": "MIT",
        "trained_on": "nothing",
    }
    Manifest(**(fields | manifest)).save(folder)
    return folder


def _graph(
    nodes: Sequence[onnx.NodeProto],
    constants: dict[str, np.ndarray],
    inputs: tuple[TensorSpec, ...],
    outputs: tuple[TensorSpec, ...],
    fixed: tuple[int, int] | None = None,
) -> onnx.ModelProto:
    """The checked graph; whole numbers stay whole, all others become float32."""
    whole = {name for name, value in constants.items() if value.dtype.kind == "i"}
    graph = helper.make_graph(
        nodes,
        "fake",
        [_value(spec, fixed or ("w", "h")) for spec in inputs],
        [_value(spec, ("out_w", "out_h")) for spec in outputs],
        [
            numpy_helper.from_array(v if k in whole else v.astype(np.float32), k)
            for k, v in constants.items()
        ],
    )
    opsets = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    onnx.checker.check_model(model)
    return model


def _value(spec: TensorSpec, size: tuple[int | str, int | str]) -> onnx.ValueInfoProto:
    shape = [1, spec.channels] if spec.layout == "NC" else [1, spec.channels, size[1], size[0]]
    return helper.make_tensor_value_info(spec.name, TensorProto.FLOAT, shape)
