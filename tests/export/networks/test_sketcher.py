"""The sketch colouriser: hints go round corners, not through lines; shapes; its export."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from core.color.spaces import srgb_to_lab
from core.generator.catalog import Model
from core.generator.generator import Generator
from core.generator.manifest import Manifest
from export.errors import CheckpointUnusable, ExportRefused
from export.networks.propagation import Paths, row_weights
from export.networks.sketcher import CODE_SIZE, Sketcher
from export.onnx import sketch_to_onnx
from export.training.checkpoint import Checkpoint

pytestmark = pytest.mark.export

SMALL = {"channels": (16, 16, 16, 16), "palette_size": 8}


def plane(text, values):
    """Letters to (1, 1, h, w)."""
    return torch.tensor([[values[letter] for letter in row] for row in text.split()])[None, None]


def test_row_weights_are_the_formula():
    """exp(-(half of both ends + all between)), summed by hand."""
    barrier = torch.rand(2, 1, 3, 5)
    weights, sums = row_weights(barrier)
    for i in range(5):
        for j in range(5):
            low, high = min(i, j), max(i, j)
            cells = barrier[1, 0, 2]
            between = cells[low + 1 : high].sum() + (cells[i] + cells[j]) / 2 if i != j else 0
            assert float(weights[1, 2, i, j]) == pytest.approx(math.exp(-float(between)), rel=1e-5)
    assert torch.allclose(sums, weights.sum(dim=3, keepdim=True))


def test_a_constant_stays_and_rows_and_columns_are_alike():
    paths = Paths(torch.rand(1, 1, 6, 6))
    assert torch.allclose(paths.spread(torch.full((1, 2, 6, 6), 0.7), 3), torch.tensor(0.7))
    barrier, values = torch.rand(1, 1, 4, 7), torch.rand(1, 3, 4, 7)
    turned = Paths(barrier.transpose(2, 3)).along_columns(values.transpose(2, 3))
    assert torch.allclose(Paths(barrier).along_rows(values), turned.transpose(2, 3), atol=1e-6)


def test_what_is_spread_goes_round_the_corner_and_stops_at_the_line():
    walls = plane(
        """
        .....#...
        .....#...
        ..####...
        ..#......
        ..#......
        """,
        {".": 0.01, "#": 40.0},
    )
    start = torch.zeros(1, 1, 5, 9)
    start[0, 0, 4, 0] = 1  # below left; its area reaches up and to the right
    found = Paths(walls).spread(start, 3)[0, 0]
    assert found[0, 4] > 1e-3
    assert found[:, 6:].max() < 1e-9
    assert found[3:, 3:].max() < 1e-9


@pytest.fixture
def sketcher():
    torch.manual_seed(0)
    generator = Sketcher(**SMALL).eval()
    generator.palette.copy_(torch.rand(8, 3))
    return generator


def inputs(height=64, width=96):
    return (
        torch.zeros(2, 1, height, width),
        torch.zeros(2, 3, height, width),
        torch.zeros(2, 1, height, width),
        torch.zeros(2, CODE_SIZE),
    )


@torch.no_grad()
def test_colours_are_srgb_at_half_the_size(sketcher):
    colors, _ = sketcher(*inputs())
    assert colors.shape == (2, 3, 32, 48)
    assert colors.min() >= 0 and colors.max() <= 1


@torch.no_grad()
def test_a_hint_is_what_comes_out_where_it_was_painted(sketcher):
    """At first, following hints is built in; training learns where to stop."""
    ink, hint, mask, code = inputs()
    hint[0, :, 20:40, 20:40] = torch.tensor((0.9, 0.1, 0.4)).view(3, 1, 1)
    mask[0, :, 20:40, 20:40] = 1
    colors, _ = sketcher(ink, hint, mask, code)
    there = colors[0, :, 12:18, 12:18]
    assert torch.allclose(there, torch.tensor((0.9, 0.1, 0.4)).view(3, 1, 1), atol=0.02)
    assert torch.equal(colors[1], sketcher(*inputs())[0][1])


@torch.no_grad()
def test_colours_of_the_hint_layer_off_the_mask_do_not_matter(sketcher):
    ink, hint, mask, code = inputs()
    mask[:, :, :8, :8] = 1
    first, _ = sketcher(ink, hint * mask, mask, code)
    second, _ = sketcher(ink, torch.rand_like(hint) * (1 - mask), mask, code)
    assert torch.equal(first, second)


def test_no_convolution_that_the_webgpu_provider_computes_wrongly():
    """onnxruntime#29651: 6 or 9 input channels."""
    channels = {m.in_channels for m in Sketcher().modules() if isinstance(m, nn.Conv2d)}
    assert not channels & {6, 9}


def args_for(tmp_path, sketcher, network="sketcher"):
    state = sketcher.state_dict()
    path = tmp_path / "checkpoint.pt"
    Checkpoint(network, SMALL, state, state, {}, 7, {}, "abc").save(path)
    (tmp_path / "models").mkdir()
    return sketch_to_onnx.Args(
        checkpoint=path, models=tmp_path / "models", id="tiny", title="Tiny", work=64
    )


def test_export_agrees_with_pytorch_and_knows_its_roles(tmp_path, sketcher):
    args = args_for(tmp_path, sketcher)
    manifest = sketch_to_onnx.export(args)
    folder = args.models / "tiny"
    assert Manifest.load(folder) == manifest
    assert (manifest.task, manifest.made_by["steps"]) == ("sketch", "7")
    assert all(manifest.takes(role) for role in ("picture", "hint", "hint-mask", "noise"))
    generator = Generator.open(Model(manifest, folder), device="cpu")
    ink = np.zeros((1, 1, 64, 96), np.float32)
    ink[..., 30:34, :] = 1
    exact = sketcher(torch.from_numpy(ink), *(x[:1] for x in inputs()[1:]))[0].detach().numpy()
    assert np.abs(generator.run(ink) - exact).max() < 0.01  # kernels are rounded to fp16
    found = generator.run_all({"picture": ink, "noise": np.ones((1, CODE_SIZE), np.float32)})
    assert np.abs(found["picture"] - exact).max() > 0
    logits = generator.run_all({"picture": ink})["palette"]
    assert logits.shape == (1, 8, 16, 24)
    exact = sketcher.predict(torch.from_numpy(ink), *(x[:1] for x in inputs()[1:]))["logits"]
    assert np.abs(logits - exact.detach().numpy()).max() < 0.05
    lab = srgb_to_lab(sketcher.palette.numpy().astype(np.float64))
    np.testing.assert_allclose(manifest.palette, lab, atol=0.2)  # the palette is rounded, too
    assert manifest.temperature == pytest.approx(sketcher.temperature)
    graph = onnx.load(folder / "model.onnx")
    assert not [node.op_type for node in graph.graph.node if node.op_type in ("Loop", "Scan", "If")]


def test_export_that_disagrees_writes_nothing(tmp_path, sketcher):
    args = replace(args_for(tmp_path, sketcher), tolerance=0.0)
    with pytest.raises(ExportRefused, match="differ by"):
        sketch_to_onnx.export(args)
    assert not list(args.models.rglob("*.*"))


def test_another_networks_checkpoint_is_refused(tmp_path, sketcher):
    args = args_for(tmp_path, sketcher, network="stylizer")
    with pytest.raises(CheckpointUnusable, match="'stylizer', not 'sketcher'"):
        sketch_to_onnx.export(args)
