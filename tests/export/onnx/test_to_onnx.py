"""A tiny checkpoint goes to ONNX, agrees with PyTorch, and is what its manifest says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from core.generator.catalog import Model
from core.generator.generator import Generator
from core.generator.manifest import Manifest
from export.errors import ExportRefused
from export.networks import build_generator
from export.onnx import to_onnx
from export.onnx.graph import check, is_halved, whole_vectors
from export.onnx.packing import exact_parts
from export.training.checkpoint import Checkpoint, load_checkpoint
from tests.export.conftest import TINY_TRANSFER

pytestmark = pytest.mark.export


def save_checkpoint(path, network, arguments):
    torch.manual_seed(0)
    state = build_generator(network, arguments).state_dict()
    if "palette" in state:
        state["palette"] = torch.randn_like(state["palette"]) * 30
    Checkpoint(network, arguments, state, state, {}, 7, {}, "abc").save(path)


def args_for(tmp_path, network, arguments):
    save_checkpoint(tmp_path / "checkpoint.pt", network, arguments)
    (tmp_path / "models").mkdir(exist_ok=True)
    return to_onnx.Args(
        checkpoint=tmp_path / "checkpoint.pt",
        models=tmp_path / "models",
        id="tiny",
        title="Tiny",
        description="A test.",
        license="MIT",
        trained_on="Nothing.",
    )


@pytest.mark.parametrize(
    ("network", "arguments"),
    [
        ("colorizer", {"palette_size": 8, "channels": (16, 16, 16, 16)}),
        ("stylizer", {"channels": (4, 6, 8), "dilations": (1,)}),
    ],
)
def test_export_agrees_and_runs_at_any_size(tmp_path, network, arguments):
    args = args_for(tmp_path, network, arguments)
    written = to_onnx.export(args)
    folder = args.models / "tiny"
    manifest = Manifest.load(folder)
    assert manifest == written
    assert manifest.parity is not None and manifest.parity.max_abs_error <= 1e-3
    wanted = {"manifest.json", "model.onnx"} | (
        {"thumbnail.jpg"} if network == "stylizer" else set()
    )
    assert {path.name for path in folder.iterdir()} == wanted
    graph = onnx.load(folder / "model.onnx")
    kernels = [t for t in graph.graph.initializer if is_halved(tuple(t.dims))]
    halved = [t for t in kernels if t.data_type == onnx.TensorProto.FLOAT16]
    exact = exact_parts(build_generator(network, arguments))
    assert halved and all(t.name.startswith(exact) for t in kernels if t not in halved)
    assert bool(exact) == (len(halved) < len(kernels))
    operators = {node.op_type for node in graph.graph.node}
    assert not operators & {"Shape", "Constant", "BatchNormalization"}
    generator = Generator.open(Model(manifest, folder), device="cpu")
    channels = manifest.inputs[0].channels
    result = generator.run(np.zeros((1, channels, 32, 96), np.float32))
    assert result.shape[1] == manifest.outputs[0].channels


def test_saturation_stretches_the_palette_and_the_colours(tmp_path):
    args = args_for(tmp_path, "colorizer", {"palette_size": 8, "channels": (16, 16, 16, 16)})
    found = []
    for saturation in (1.0, 1.1):
        manifest = to_onnx.export(replace(args, saturation=saturation))
        generator = Generator.open(Model(manifest, args.models / "tiny"), device="cpu")
        found.append(
            (np.array(manifest.palette), generator.run(np.full((1, 1, 32, 32), 50, np.float32)))
        )
    np.testing.assert_allclose(found[1][0], 1.1 * found[0][0], atol=0.01)
    bias = load_checkpoint(args.checkpoint).ema["residual.bias"]  # the residual stays as it is
    residual = (5 * torch.tanh(bias)).numpy()[None, :, None, None]
    np.testing.assert_allclose(
        found[1][1] - residual, 1.1 * (found[0][1] - residual), rtol=0.01, atol=0.01
    )
    with pytest.raises(ExportRefused, match="colourisers alone"):
        painter = args_for(tmp_path, "stylizer", {"channels": (4, 6, 8), "dilations": (1,)})
        to_onnx.export(replace(painter, saturation=1.1))


def test_disagreement_is_refused_and_nothing_is_written(tmp_path):
    args = args_for(tmp_path, "stylizer", {"channels": (4, 6, 8), "dilations": (1,)})
    with pytest.raises(ExportRefused, match="differ"):
        to_onnx.export(replace(args, tolerance=0.0))
    assert list(args.models.iterdir()) == []


def test_sketches_and_arbitrary_style_are_sent_to_their_own_scripts(tmp_path):
    args = args_for(tmp_path, "transfer", TINY_TRANSFER)
    with pytest.raises(ExportRefused, match="transfer_to_onnx"):
        to_onnx.export(args)


@pytest.mark.parametrize("channels", [3, 4, 6, 8, 355])
def test_convolutions_get_whole_vectors_of_channels_and_compute_the_same(channels):
    rng = np.random.default_rng(channels)
    kernel = rng.normal(size=(5, channels, 3, 3)).astype(np.float32)
    picture = rng.normal(size=(1, channels, 6, 7)).astype(np.float32)
    graph = helper.make_model(
        helper.make_graph(
            [helper.make_node("Conv", ["picture", "kernel"], ["out"], pads=[1] * 4)],
            "one",
            [helper.make_tensor_value_info("picture", TensorProto.FLOAT, picture.shape)],
            [helper.make_tensor_value_info("out", TensorProto.FLOAT, (1, 5, 6, 7))],
            [numpy_helper.from_array(kernel, "kernel")],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    (expected,) = ReferenceEvaluator(graph).run(None, {"picture": picture})
    whole_vectors(graph)
    assert not check(graph)
    (width,) = [t.dims[1] for t in graph.graph.initializer if t.name == "kernel"]
    assert width == (channels if channels < 4 else -(-channels // 4) * 4)
    (found,) = ReferenceEvaluator(graph).run(None, {"picture": picture})
    np.testing.assert_allclose(found, expected, atol=1e-3)
