"""A tiny checkpoint goes to ONNX, agrees with PyTorch, and is what its manifest says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch
from onnx.reference import ReferenceEvaluator

from core.catalog import Model
from core.generator import Generator
from core.manifest import Manifest
from export import to_onnx
from export.checkpoint import Checkpoint
from export.errors import ExportRefused
from export.graph import check, is_halved, whole_vectors
from export.networks import build_generator

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
    assert sorted(path.name for path in folder.iterdir()) == ["manifest.json", "model.onnx"]
    graph = onnx.load(folder / "model.onnx")
    kernels = [t for t in graph.graph.initializer if is_halved(tuple(t.dims))]
    halved = [t for t in kernels if t.data_type == onnx.TensorProto.FLOAT16]
    exact = to_onnx.exact_parts(build_generator(network, arguments))
    assert halved and all(t.name.startswith(exact) for t in kernels if t not in halved)
    assert bool(exact) == (len(halved) < len(kernels))
    operators = {node.op_type for node in graph.graph.node}
    assert not operators & {"Shape", "Constant", "BatchNormalization"}
    generator = Generator.open(Model(manifest, folder), device="cpu")
    channels = manifest.inputs[0].channels
    result = generator.run(np.zeros((1, channels, 32, 96), np.float32))
    assert result.shape[1] == manifest.outputs[0].channels


def test_disagreement_is_refused_and_nothing_is_written(tmp_path):
    args = args_for(tmp_path, "stylizer", {"channels": (4, 6, 8), "dilations": (1,)})
    with pytest.raises(ExportRefused, match="differ"):
        to_onnx.export(replace(args, tolerance=0.0))
    assert not (args.models / "tiny" / "model.onnx").exists()
    assert not (args.models / "tiny" / "manifest.json").exists()


@pytest.mark.parametrize("channels", [3, 4, 6, 8, 355])
def test_convolutions_get_whole_vectors_of_channels_and_compute_the_same(tmp_path, channels):
    network = torch.nn.Conv2d(channels, 5, 3, padding=1).eval()
    example = torch.rand(1, channels, 6, 7, generator=torch.Generator().manual_seed(channels))
    path = tmp_path / "graph.onnx"
    torch.onnx.export(network, (example,), str(path), opset_version=17, dynamo=False)
    graph = whole_vectors(onnx.load(path))
    assert not check(graph)
    kernels = [t.dims[1] for t in graph.graph.initializer if len(t.dims) == 4]
    assert kernels == [channels if channels < 4 else -(-channels // 4) * 4]
    (given,) = graph.graph.input
    session = ReferenceEvaluator(graph)
    (found,) = session.run(None, {given.name: example.numpy()})
    np.testing.assert_allclose(found, network(example).detach().numpy(), atol=1e-4)
