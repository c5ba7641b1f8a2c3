"""A model's first axis is freed where that changes nothing, and only there."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from core.errors import LimnerError
from core.generator.catalog import Model
from core.generator.generator import Generator
from core.generator.manifest import Manifest
from export.onnx.free_batch import free_batch
from tests.fakes import onnx as fakes

pytestmark = pytest.mark.export


def opened(folder):
    return Generator.open(Model(Manifest.load(folder), folder), device="cpu")


def test_a_freed_model_takes_many(tmp_path):
    folder = fakes.box_blur(tmp_path / "blur", 1, layers=2)
    assert not opened(folder).takes_many
    assert free_batch(folder, 1e-6) <= 1e-6
    generator = opened(folder)  # the manifest's sha256 fits
    assert generator.takes_many
    assert generator.run(np.zeros((5, 3, 8, 8), np.float32)).shape == (5, 3, 8, 8)
    assert [path.name for path in tmp_path.iterdir()] == ["blur"]


def test_a_model_with_hints_and_vectors(tmp_path):
    folder = fakes.hinted_ab(tmp_path / "hinted", 3.0, 4.0)
    free_batch(folder, 1e-4)
    assert opened(folder).takes_many


def test_a_graph_that_knows_one_picture_alone_stays_as_it_is(tmp_path):
    """A Reshape to (1, 3, 8, -1) puts the pictures side by side."""
    folder = fakes.identity(tmp_path / "one")
    path = folder / "model.onnx"
    graph = onnx.load(path)
    shape = onnx.numpy_helper.from_array(np.array([1, 3, 8, -1], np.int64), "shape")
    graph.graph.initializer.append(shape)
    del graph.graph.node[:]
    graph.graph.node.append(onnx.helper.make_node("Reshape", ["input", "shape"], ["output"]))
    path.write_bytes(graph.SerializeToString())
    before = path.read_bytes(), (folder / "manifest.json").read_bytes()
    with pytest.raises(LimnerError):
        free_batch(folder, 1e-3)
    assert (path.read_bytes(), (folder / "manifest.json").read_bytes()) == before
