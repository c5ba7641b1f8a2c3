"""The graph between a colouriser and a painter: small ab and a picture's luminance to its sRGB.

    python -m export.onnx.join_graph

It computes what core.style.painter_input.Colored does with NumPy
(core.raster.resample.guided_upsample, then core.color.luminance) on the painter's own device, so
that a graphics card is not left in between. Everything that depends on sizes comes in as matrices
(core.style.device_join makes them), so that one graph of a few kilobytes serves every size, every
ratio and every place of a picture. Written only where ONNX Runtime and the NumPy way agree; the
numbers are printed.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike
from onnx import TensorProto, helper, numpy_helper

from core.color import spaces
from core.errors import LimnerError
from core.generator.generator import open_graph
from core.image import Image
from core.raster.resample import CORRECTIONS, EPSILON, pad
from core.style import device_join
from core.style.painter_input import Colored, Coloring
from core.style.tiling import Rect
from export.errors import ExportRefused
from export.onnx.graph import check
from export.training.arguments import option, parse_arguments

OPSET = 17


@dataclass(frozen=True)
class Args:
    """Writes the graph between a colouriser and a painter."""

    out: Path = option(device_join.PATH, "the file to write")
    tolerance: float = option(5e-5, "largest allowed difference from NumPy's way, sRGB 0..1")
    tolerance_8: float = option(1e-3, "the same for 8-bit pictures, which NumPy looks up in tables")


def main() -> None:
    args = parse_arguments(Args)
    try:
        content = make_graph()
        deep, shallow = largest_differences(content)
        if not (deep <= args.tolerance and shallow <= args.tolerance_8):  # also refuses NaN
            raise ExportRefused(
                f"The graph differs from NumPy's way by {deep:.2e}, of 8 bits by {shallow:.2e}."
            )
    except LimnerError as problem:
        sys.exit(str(problem))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_bytes(content)
    print(f"{args.out.name}: {len(content)} bytes; largest difference from NumPy's way {deep:.1e} "
          f"of sRGB 0..1, of 8-bit pictures {shallow:.1e}")  # fmt: skip


def make_graph() -> bytes:
    """The graph of device_join.SPEC, checked. Raises ExportRefused."""
    maker = _Maker()
    slopes, offsets = maker.guided_upsample()
    maker.merge(slopes, offsets)
    graph = helper.make_graph(
        maker.nodes,
        "join",
        [_value(spec.name, spec.layout, spec.channels) for spec in device_join.SPEC.inputs],
        [_value(spec.name, spec.layout, spec.channels) for spec in device_join.SPEC.outputs],
        maker.constants,
    )
    opsets = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="limner")
    if problem := check(model):
        raise ExportRefused(f"The graph between colouriser and painter is no ONNX: {problem}.")
    return model.SerializeToString()


def _value(name: str, layout: str, channels: int) -> onnx.ValueInfoProto:
    place = [f"{name}_h", f"{name}_w"]
    shape = place if layout == "NC" else ["pictures", channels, *place]
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


class _Maker:
    """Nodes and constants, gathered formula by formula. Names of tensors are what is passed on."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def guided_upsample(self) -> tuple[str, str]:
        """core.raster.resample.guided_upsample; the names of (slopes, offsets)."""
        guide, ab = "guide", "ab"
        coarse = self._grown(self._blocks(guide))
        mean = self._box(coarse)
        squares = self._box(self._node("Mul", coarse, coarse))
        variance = self._node("Sub", squares, self._node("Mul", mean, mean))
        floor = self._clipped(variance, least=0)
        gain = self._node("Reciprocal", self._node("Add", floor, self._constant(EPSILON)))
        value = self._grown(ab)
        mean_value = self._box(value)
        both = self._box(self._node("Mul", coarse, value))
        covariance = self._node("Sub", both, self._node("Mul", mean, mean_value))
        window = self._node("Mul", covariance, gain)
        slopes = self._box(window)
        offsets = self._box(self._node("Sub", mean_value, self._node("Mul", window, mean)))
        for _ in range(CORRECTIONS):
            found = self._node("Add", self._node("Mul", slopes, guide), offsets)
            missing = self._grown(self._node("Sub", ab, self._blocks(found)))
            offsets = self._node("Add", offsets, missing)
        return slopes, offsets

    def merge(self, slopes: str, offsets: str) -> None:
        """core.color.luminance.fold and Merger, sRGB clipped to 0..1."""
        share = self._constant(np.reshape([1 / 500, -1 / 200], (1, 2, 1, 1)))
        factor = self._node("Mul", self._node("Mul", slopes, self._constant(116)), share)
        less = self._node("Sub", offsets, self._node("Mul", slopes, self._constant(16)))
        factor, added = self._wide(factor), self._wide(self._node("Mul", less, share))
        y = "luminance"
        root = self._root(y)
        f = self._node("Add", self._node("Mul", factor, root), self._node("Add", added, root))
        change = self._node("Sub", self._cubed(f), y)
        x, z = (f"change_{axis}" for axis in "xz")
        self.nodes.append(helper.make_node("Split", [change], [x, z], axis=1))
        to_x, to_z = (
            self._constant(spaces.XYZ_TO_RGB[:, axis].reshape(1, 3, 1, 1)) for axis in (0, 2)
        )
        away = self._node("Add", self._node("Mul", x, to_x), self._node("Mul", z, to_z))
        linear = self._node("Add", self._node("Mul", away, self._room(away, y)), y)
        ends = [self._encoded(linear), self._constant(0), self._constant(1)]
        self.nodes.append(helper.make_node("Clip", ends, ["rgb"]))

    def _room(self, away: str, y: str) -> str:
        """The factor 0..1 that keeps y + factor * away within black and white."""
        tiny = 1e-12
        most = self._node("ReduceMax", away, axes=[1], keepdims=1)
        least = self._node("ReduceMin", away, axes=[1], keepdims=1)
        up = self._node("Sub", self._constant(1), y)
        up = self._clipped(self._node("Div", up, self._clipped(most, least=tiny)), 0, 1)
        down = self._node("Neg", self._clipped(least, most=-tiny))
        down = self._clipped(self._node("Div", y, down), 0, 1)
        return self._node("Sub", up, self._node("Relu", self._node("Sub", up, down)))  # the less

    def _root(self, y: str) -> str:
        """core.color.spaces.cube_root"""
        upper = self._clipped(y, least=spaces.Y_KNEE)
        line = self._node("Mul", self._node("Sub", y, upper), self._constant(spaces.SLOPE))
        return self._node("Add", self._node("Pow", upper, self._constant(1 / 3)), line)

    def _cubed(self, value: str) -> str:
        """core.color.spaces.cube"""
        upper = self._clipped(value, least=spaces.F_KNEE)
        line = self._node("Sub", value, upper)
        line = self._node("Mul", line, self._constant(1 / spaces.SLOPE))
        square = self._node("Mul", upper, upper)
        return self._node("Add", self._node("Mul", square, upper), line)

    def _encoded(self, linear: str) -> str:
        """core.color.spaces.linear_to_srgb of what is not negative."""
        knee = spaces.LINEAR_KNEE
        straight = self._node("Mul", self._clipped(linear, most=knee), self._constant(12.92))
        power = self._node("Pow", self._clipped(linear, least=knee), self._constant(1 / 2.4))
        curve = self._node("Mul", power, self._constant(1.055))
        curve = self._node("Sub", curve, self._constant(1.055 * knee ** (1 / 2.4)))
        return self._node("Add", straight, curve)

    def _blocks(self, planes: str) -> str:
        return self._between("block_y", planes, "block_x")

    def _grown(self, planes: str) -> str:
        return self._between("grow_y", planes, "grow_x")

    def _box(self, planes: str) -> str:
        return self._between("box_y", planes, "box_x")

    def _wide(self, planes: str) -> str:
        return self._between("wide_y", planes, "wide_x")

    def _clipped(self, name: str, least: float | None = None, most: float | None = None) -> str:
        """Clip, which WebGPU has; it lacks Max and Min."""
        ends = ("" if end is None else self._constant(end) for end in (least, most))
        return self._node("Clip", name, *ends)

    def _between(self, left: str, planes: str, right: str) -> str:
        return self._node("MatMul", self._node("MatMul", left, planes), right)

    def _node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a node of one output; its name."""
        name = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def _constant(self, value: ArrayLike) -> str:
        """Add a float32 constant; its name. The same value is stored once."""
        tensor = numpy_helper.from_array(np.asarray(value, np.float32), "")
        for known in self.constants:
            if known.raw_data == tensor.raw_data and known.dims == tensor.dims:
                return known.name
        tensor.name = f"constant_{len(self.constants)}"
        self.constants.append(tensor)
        return tensor.name


def largest_differences(content: bytes) -> tuple[float, float]:
    """Of the graph on the CPU from core.style.painter_input.Colored, over sizes, depths, ratios and
    places: for 16-bit and float pictures, and for 8-bit ones.
    """
    joiner = device_join.Join(open_graph(device_join.SPEC, content, device_join.TITLE, "cpu"))
    rng = np.random.default_rng(0)
    worst = {True: 0.0, False: 0.0}
    cases = ((4, np.uint8, 1), (1, np.uint16, 3), (2, np.float32, 4), (8, np.uint8, 2))
    for ratio, dtype, channels in cases:
        for width, height in ((160, 96), (331, 217), (90, 240)):
            sources = [_example(rng, ratio, dtype, channels, (width, height)) for _ in range(2)]
            for rect in (Rect(0, 0, width + 8, height + 4), Rect(32, 17, 50, 61)):
                kept = joiner.color(sources, rect).array()
                for found, source in zip(kept, sources, strict=True):
                    difference = np.abs(found - _wanted(source, rect)).max()
                    worst[dtype != np.uint8] = max(worst[dtype != np.uint8], float(difference))
    return worst[True], worst[False]


def _wanted(source: Colored, rect: Rect) -> np.ndarray:
    """What NumPy makes of a place, (3, h, w)."""
    width = min(rect.width, source.image.width - rect.x)
    height = min(rect.height, source.image.height - rect.y)
    inside = source.read(Rect(rect.x, rect.y, width, height))
    return pad(np.clip(inside, 0, 1), rect.width, rect.height)


def _example(
    rng: np.random.Generator, ratio: int, dtype: type, channels: int, size: tuple[int, int]
) -> Colored:
    """A picture of steps and ramps, some values beyond 0..1 where it is of floats, and colours."""
    width, height = size
    full = 1 if dtype == np.float32 else np.iinfo(dtype).max
    steps = np.kron(rng.random((height // 30 + 1, width // 30 + 1)), np.ones((30, 30)))
    ramp = np.linspace(-0.3, 0.3, width)
    values = (steps[:height, :width] + ramp)[..., None] + 0.1 * rng.random((1, 1, channels))
    if dtype != np.float32:
        values = np.clip(values, 0, 1)
    image = Image(np.ascontiguousarray(values * full, dtype))
    work = (64, max(8, 64 * height // width))
    padded = tuple(-(-side // 8) * 8 for side in work)
    guide = pad(rng.uniform(0, 100, work[::-1]).astype(np.float32), *padded)
    shape = (1, 2, padded[1] // ratio, padded[0] // ratio)
    ab = rng.normal(0, 30, shape).astype(np.float32)
    return Colored(image, Coloring(guide[None], ab, work))


if __name__ == "__main__":
    main()
