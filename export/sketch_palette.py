"""One more output for a sketch colouriser: the logits over the palette of its draft.

Added to the finished graph, of which nothing else changes; the colours stay the same bit by bit.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from core.catalog import Model
from core.color import srgb_to_lab
from core.generator import Generator
from core.manifest import Manifest, TensorSpec, file_sha256
from export.errors import ExportRefused
from export.graph import check

PALETTE = "palette"


def give_palette(folder: Path, inputs: dict[str, np.ndarray]) -> Manifest:
    """Adds the palette's output to a model that was exported without it; its manifest.

    `inputs`, by role, are what the colours must be the same for. Raises ExportRefused.
    """
    manifest = Manifest.load(folder)
    if manifest.gives("palette"):
        raise ExportRefused(f"The model in {folder} gives its palette already.")
    before = Generator.open(Model(manifest, folder), device="cpu")
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
    return manifest


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
    mixer, padding = _reader(graph, softmax[0].output[0]), 0
    if mixer.op_type == "Pad":  # by graph.whole_vectors
        padding = int(constants[mixer.input[1]][5])
        mixer = _reader(graph, mixer.output[0])
    kernel = mixer.input[1]
    while kernel not in constants:
        kernel = nodes[kernel].input[0]  # stored in fp16, cast
    palette = constants[kernel].astype(np.float32).reshape(3, -1).T
    palette = palette[: len(palette) - padding]
    logits = warm.input[0]
    for node in graph.graph.node:
        node.input[:] = [PALETTE if name == logits else name for name in node.input]
        node.output[:] = [PALETTE if name == logits else name for name in node.output]
    shape = [1, len(palette), "quarter_height", "quarter_width"]
    graph.graph.output.append(helper.make_tensor_value_info(PALETTE, TensorProto.FLOAT, shape))
    return palette, float(constants[warm.input[1]])


def _reader(graph: onnx.ModelProto, name: str) -> onnx.NodeProto:
    """The first node that takes `name`."""
    return next(node for node in graph.graph.node if name in node.input)


def with_palette(manifest: Manifest, palette: np.ndarray, temperature: float) -> Manifest:
    """The manifest of a graph to which add_palette gave an output."""
    lab = srgb_to_lab(palette.astype(np.float64))
    spec = TensorSpec(PALETTE, "latent", (0.0, 1.0), role="palette", size=len(palette))
    return replace(
        manifest,
        outputs=(*manifest.outputs, spec),
        palette=tuple(tuple(round(float(value), 3) for value in color) for color in lab),
        temperature=round(temperature, 6),
    )
