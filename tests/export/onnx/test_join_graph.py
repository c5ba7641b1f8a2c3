"""The graph between a colouriser and a painter, as its script makes it."""

import onnx
import pytest

from core.style import device_join
from export.onnx import join_graph

WEBGPU = {
    "Add", "Clip", "Div", "MatMul", "Mul", "Neg", "Pow", "Reciprocal", "ReduceMax", "ReduceMin",
    "Relu", "Split", "Sub",
}  # fmt: skip
"""Operators that ONNX Runtime's WebGPU provider has (tried with 1.27); it lacks Max and Min."""


def test_the_shipped_graph_is_what_the_script_makes():
    assert device_join.PATH.read_bytes() == join_graph.make_graph()


def test_it_agrees_with_numpys_way():
    deep, shallow = join_graph.largest_differences(device_join.PATH.read_bytes())
    assert 0 < deep < 5e-5 and deep < shallow < 1e-3


def test_no_card_lacks_an_operator():
    graph = onnx.load(device_join.PATH).graph
    assert {node.op_type for node in graph.node} <= WEBGPU
    assert len(device_join.PATH.read_bytes()) < 10_000


def test_a_graph_that_disagrees_is_not_written(tmp_path, monkeypatch, capsys):
    path = tmp_path / "join.onnx"
    monkeypatch.setattr("sys.argv", ["join_graph", "--out", str(path), "--tolerance", "1e-9"])
    with pytest.raises(SystemExit, match="differs from NumPy's way"):
        join_graph.main()
    assert not path.exists()
    monkeypatch.setattr("sys.argv", ["join_graph", "--out", str(path)])
    join_graph.main()
    assert path.read_bytes() == device_join.PATH.read_bytes()
    assert "largest difference" in capsys.readouterr().out
