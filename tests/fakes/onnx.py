"""Models of a few hundred bytes, with their manifests, so that tests run the real engine.

Each function writes a folder that core.generator.catalog finds and core.generator opens.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from core.generator.manifest import (
    GraphSpec,
    Manifest,
    SizeSpec,
    TensorSpec,
    TilingSpec,
    file_sha256,
)

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


def sketcher(folder: Path, ratio: int = 2, left: str = "r", **manifest: Any) -> Path:
    """A colouriser of drawings, at 1/ratio of its ink: red paper (`left` "g": green) becomes
    blue from left to right, hints are obeyed where they are, noise is added to all.

    It blurs: its colours run over lines by a few pixels, as a network's do.
    """
    side = 2 * ratio + 1
    channel = {"r": 0, "g": 1}[left]
    color = np.zeros((1, 3, 1, 1))
    color[0, channel] = 0.9
    to_blue = np.zeros((1, 3, 1, 1))
    to_blue[0, channel], to_blue[0, 2] = -0.5, 0.5
    nodes = [
        helper.make_node("Mul", ["input", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "one"], ["ones"]),
        helper.make_node("CumSum", ["ones", "axis"], ["counted"]),
        helper.make_node("ReduceMax", ["counted"], ["most"], keepdims=1),
        helper.make_node("Div", ["counted", "most"], ["across"]),
        helper.make_node("Mul", ["across", "to_blue"], ["bluer"]),
        helper.make_node("Add", ["bluer", "color"], ["plain"]),
        helper.make_node("Unsqueeze", ["noise", "axes"], ["moved"]),
        helper.make_node("Add", ["plain", "moved"], ["default"]),
        helper.make_node("Sub", ["hint", "default"], ["away"]),
        helper.make_node("Mul", ["away", "mask"], ["asked"]),
        helper.make_node("Add", ["default", "asked"], ["fine"]),
        helper.make_node("AveragePool", ["fine"], ["output"], kernel_shape=[side] * 2,
                         strides=[ratio] * 2, pads=[ratio, ratio, ratio, ratio]),
    ]  # fmt: skip
    constants = {"zero": np.zeros(1), "one": np.ones(1), "color": color, "to_blue": to_blue}
    constants |= {"axis": np.array(3, np.int64), "axes": np.array([2, 3], np.int64)}
    inputs = (
        TensorSpec("input", "mask", (0.0, 1.0)),
        TensorSpec("hint", "srgb", (0.0, 1.0), role="hint"),
        TensorSpec("mask", "mask", (0.0, 1.0), role="hint-mask"),
        TensorSpec("noise", "latent", (0.0, 1.0), "NC", role="noise", size=3),
    )
    manifest.setdefault("size", SizeSpec(minimum=32, multiple_of=32, work=128))
    ends = (inputs, SRGB_OUT)
    return _save(folder, nodes, constants, ends, **({"task": "sketch"} | manifest))


def palette_ab(
    folder: Path, palette: Sequence[tuple[float, float]], logits: Sequence[float], **manifest: Any
) -> Path:
    """A colouriser with the same logits over its palette everywhere, and no other input.

    Its ab is the palette's mean under their softmax.
    """
    weights = np.exp(np.array(logits)) / np.exp(logits).sum()
    nodes = [
        helper.make_node("Mul", ["input", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "ab"], ["output"]),
        helper.make_node("Add", ["nothing", "given"], ["logits"]),
    ]
    constants = {"zero": np.zeros(1), "given": np.reshape(logits, (1, -1, 1, 1))}
    constants["ab"] = (weights @ np.array(palette)).reshape(1, 2, 1, 1)
    spec = TensorSpec("logits", "latent", (0.0, 1.0), role="palette", size=len(palette))
    manifest["palette"] = tuple(palette)
    return _save(folder, nodes, constants, (LIGHTNESS, (AB, spec)), **manifest)


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


def any_style(folder: Path, **manifest: Any) -> Path:
    """Arbitrary style of three graphs, with one point where the whole picture counts.

    code: mean R'G'B' of the style picture; features: the picture blurred (radius 2) and averaged in
    squares of 4, which reach 2 pixels; painted = blurred - statistics + code, as colours are moved.
    """
    side, radius = 5, 2
    kernel = np.zeros((3, 3, side, side))
    for channel in range(3):
        kernel[channel, channel] = 1 / side**2
    blur = helper.make_node("Conv", ["padded", "kernel"], ["blurred"], pads=[0] * 4)
    pads = {"pads": np.array([0, 0, radius, radius, 0, 0, radius, radius], np.int64)}
    pad = helper.make_node("Pad", ["input", "pads"], ["padded"], mode="edge")
    axes = {"axes": np.array([2, 3], np.int64)}
    vector = {"range": (0.0, 1.0), "layout": "NC", "size": 3}
    code = TensorSpec("code", "latent", role="code", **vector)
    statistics = TensorSpec("statistics", "latent", role="features", **vector)
    style = TensorSpec("style", "srgb", (0.0, 1.0), role="style")
    features = TensorSpec("features", "latent", (0.0, 1.0), role="features", size=3)
    graphs = {
        "style-code": (
            [
                helper.make_node("GlobalAveragePool", ["style"], ["mean"]),
                helper.make_node("Flatten", ["mean"], ["code"]),
            ],
            {}, (style,), (code,),
        ),
        "encode": (
            [
                pad,
                blur,
                helper.make_node(
                    "AveragePool", ["blurred"], ["features"], kernel_shape=[4, 4], strides=[4, 4]
                ),
            ],
            {"kernel": kernel, **pads}, (SRGB_IN,), (features,),
        ),
    }  # fmt: skip
    parts = tuple(_part(folder, name, *graph) for name, graph in graphs.items())
    nodes = [
        pad,
        blur,
        helper.make_node("Sub", ["code", "statistics"], ["moved"]),
        helper.make_node("Unsqueeze", ["moved", "axes"], ["everywhere"]),
        helper.make_node("Add", ["blurred", "everywhere"], ["output"]),
    ]
    ends = ((SRGB_IN, statistics, code), (SRGB_OUT,))
    manifest.setdefault("tiling", TilingSpec("allowed", 4))
    manifest.setdefault("size", SizeSpec(minimum=4, multiple_of=4))
    constants = {"kernel": kernel, **pads, **axes}
    return _save(folder, nodes, constants, ends, parts=parts, **_style(manifest))


def _part(
    folder: Path,
    name: str,
    nodes: Sequence[onnx.NodeProto],
    constants: dict[str, np.ndarray],
    inputs: tuple[TensorSpec, ...],
    outputs: tuple[TensorSpec, ...],
) -> GraphSpec:
    """Write NAME.onnx and describe it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.onnx"
    path.write_bytes(_graph(nodes, constants, inputs, outputs).SerializeToString())
    return GraphSpec(name, path.name, file_sha256(path), inputs, outputs)


def stranger(
    path: Path,
    shape: Sequence[int | str],
    nodes: Sequence[onnx.NodeProto],
    constants: dict[str, np.ndarray] | None = None,
    names: tuple[str, str] = ("input", "output"),
    producer: str = "pytorch",
    inputs: Sequence[Sequence[int | str]] = (),
) -> Path:
    """A style model without a manifest, as others make them.

    shape: of its input; its output says nothing of its own. inputs: shapes of further inputs,
    named more0, more1, ... The nodes lead from names[0] to names[1].
    """
    values = [helper.make_tensor_value_info(names[0], TensorProto.FLOAT, shape)]
    for number, other in enumerate(inputs):
        values.append(helper.make_tensor_value_info(f"more{number}", TensorProto.FLOAT, other))
    out = [None] * len(shape)
    graph = helper.make_graph(
        nodes,
        "main_graph",
        values,
        [helper.make_tensor_value_info(names[1], TensorProto.FLOAT, out)],
        [
            numpy_helper.from_array(v if v.dtype.kind == "i" else v.astype(np.float32), k)
            for k, v in (constants or {}).items()
        ],
    )
    opsets = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name=producer)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString())
    return path


def _style(manifest: dict[str, Any]) -> dict[str, Any]:
    return {"task": "stylize", "tiling": TilingSpec("allowed", 0)} | manifest


def _save(
    folder: Path,
    nodes: Sequence[onnx.NodeProto],
    constants: dict[str, np.ndarray],
    ends: Ends,
    **manifest: Any,
) -> Path:
    """Write model.onnx and manifest.json; returns the folder.

    Args:
        manifest: fields that are to differ; and "count", the graph's first axis: 1, or a name for
            a free one.
    """
    given, wanted = (end if isinstance(end, tuple) else (end,) for end in ends)
    size = manifest.get("size", SizeSpec())
    count = manifest.pop("count", 1)
    model = _graph(nodes, constants, given, wanted, size.fixed, count)
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
    count: int | str = 1,
) -> onnx.ModelProto:
    """The checked graph; whole numbers stay whole, all others become float32."""
    whole = {name for name, value in constants.items() if value.dtype.kind == "i"}
    graph = helper.make_graph(
        nodes,
        "fake",
        [_value(spec, fixed or ("w", "h"), count) for spec in inputs],
        [_value(spec, ("out_w", "out_h"), count) for spec in outputs],
        [
            numpy_helper.from_array(v if k in whole else v.astype(np.float32), k)
            for k, v in constants.items()
        ],
    )
    opsets = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    onnx.checker.check_model(model)
    return model


def _value(
    spec: TensorSpec, size: tuple[int | str, int | str], count: int | str
) -> onnx.ValueInfoProto:
    place = [] if spec.layout == "NC" else [size[1], size[0]]
    shape = [count, spec.channels, *place]
    return helper.make_tensor_value_info(spec.name, TensorProto.FLOAT, shape)
