"""Arbitrary style: one statistics point, tiles equal the whole, training, export, and the table."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch

from core.generator.catalog import Model
from core.generator.generator import Generator
from core.generator.manifest import Manifest
from export.errors import CheckpointUnusable, ExportRefused
from export.measure import evaluate_transfer
from export.networks.adain import AdaIN, adain
from export.networks.transfer import (
    CODE_NUMBERS,
    COLOR_FLOOR,
    VGG_NUMBERS,
    StyleCode,
    StyleTransfer,
    color_moments,
    color_move,
    mean_and_covariance,
    move_colors,
    square_root,
)
from export.onnx import transfer_to_onnx
from export.style import train_transfer
from export.training.checkpoint import Checkpoint, load_checkpoint
from tests.export.conftest import TINY_TRANSFER as TINY
from tests.export.resuming import assert_same_losses

pytestmark = pytest.mark.export


def tiny() -> StyleTransfer:
    torch.manual_seed(0)
    return StyleTransfer(**TINY).eval()


def some_code(seed: int = 0) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    code = torch.rand(1, CODE_NUMBERS, generator=random)
    colors = torch.rand(1, 3, 8, 8, generator=random)
    code[:, VGG_NUMBERS:] = color_moments(colors).mean(dim=(2, 3))
    return code


def statistics_of(generator: StyleTransfer, picture: torch.Tensor) -> torch.Tensor:
    return generator.encode(picture).mean(dim=(2, 3))


@torch.no_grad()
def test_moved_colours_have_the_styles_moments():
    random = torch.Generator().manual_seed(1)
    mixing = torch.rand(3, 3, generator=random)
    picture = 0.2 + 0.2 * torch.einsum("ij,njhw->nihw", mixing, torch.rand(1, 3, 40, 40))
    style = torch.rand(1, 3, 30, 30, generator=random)
    matrix, shift = color_move(*(color_moments(p).mean(dim=(2, 3)) for p in (picture, style)))
    moved = move_colors(picture, matrix, shift)[0].flatten(1).double().numpy()
    expected = style[0].flatten(1).double().numpy()
    assert np.abs(moved.mean(axis=1) - expected.mean(axis=1)).max() < 1e-4
    floor = COLOR_FLOOR * np.eye(3)
    before = np.cov(picture[0].flatten(1).double().numpy(), bias=True) + floor
    after = matrix[0].double().numpy() @ before @ matrix[0].double().numpy().T
    assert np.abs(after - np.cov(expected, bias=True) - floor).max() < 1e-3
    assert torch.allclose(matrix, matrix.transpose(1, 2), atol=1e-4)  # the least move is symmetric


@torch.no_grad()
def test_square_root_equals_the_one_of_the_eigenvalues():
    matrix = torch.tensor([[[0.08, 0.03, 0.01], [0.03, 0.05, 0.02], [0.01, 0.02, 0.001]]])
    matrix = matrix @ matrix + COLOR_FLOOR * torch.eye(3)
    values, vectors = np.linalg.eigh(matrix[0].double().numpy())
    root, inverse = square_root(matrix)
    assert np.abs(root[0].numpy() - vectors * np.sqrt(values) @ vectors.T).max() < 1e-4
    assert torch.allclose(root @ inverse, torch.eye(3), atol=1e-3)


@torch.no_grad()
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_flat_picture_stays_finite(value):
    generator = tiny()
    flat = torch.full((1, 3, 32, 32), value)
    painted = generator(flat, statistics_of(generator, flat), some_code())
    assert torch.isfinite(painted).all()
    assert painted.min() >= 0 and painted.max() <= 1


@torch.no_grad()
def test_grey_noise_is_not_blown_up_into_colour():
    noise = 0.5 + 0.002 * torch.randn(1, 3, 32, 32)
    moments = color_moments(noise).mean(dim=(2, 3))
    matrix, _ = color_move(moments, color_moments(torch.rand(1, 3, 32, 32)).mean(dim=(2, 3)))
    assert matrix.abs().max() < (0.25 / COLOR_FLOOR) ** 0.5  # variances in [0, 1] are at most 0.25
    assert mean_and_covariance(moments)[1][0].diagonal().min() >= COLOR_FLOOR * 0.99


@torch.no_grad()
def test_training_and_runtime_normalise_alike():
    """repaint by the picture's own statistics, and render with the mean of encode."""
    generator, picture = tiny(), torch.rand(1, 3, 48, 64)
    own = generator.repaint(picture, None, some_code()).clamp(0, 1)
    given = generator(picture, statistics_of(generator, picture), some_code())
    assert (own - given).abs().max() < 1e-4


@torch.no_grad()
def test_tiles_equal_the_whole_given_the_same_statistics():
    generator = tiny()
    halo = generator.receptive_radius()
    whole = torch.rand(1, 3, 192, 192)
    statistics, code = statistics_of(generator, whole), some_code()
    painted = generator(whole, statistics, code)
    start, stop = 64, 96
    around = whole[:, :, start - halo : stop + halo, start - halo : stop + halo]
    tile = generator(around, statistics, code)[:, :, halo:-halo, halo:-halo]
    assert (tile - painted[:, :, start:stop, start:stop]).abs().max() < 1e-5
    other = generator(around, statistics_of(generator, around), code)[:, :, halo:-halo, halo:-halo]
    assert (other - painted[:, :, start:stop, start:stop]).abs().max() > 1e-4


def test_reaches_no_further_than_it_says():
    generator = tiny()
    radius = generator.receptive_radius()
    size = 4 * radius
    statistics = statistics_of(generator, torch.rand(1, 3, 32, 32)).detach()
    reached = 0
    for place in range(size // 2, size // 2 + 4):  # all four positions in the coarsest grid
        picture = torch.rand(1, 3, size, size, requires_grad=True)
        generator.repaint(picture, statistics, some_code())[0, :, place, place].sum().backward()
        assert picture.grad is not None
        rows = picture.grad.abs().sum(dim=(0, 1, 3)).nonzero().flatten()
        reached = max(reached, place - int(rows.min()), int(rows.max()) - place)
    assert radius - 4 < reached <= radius


@torch.no_grad()
def test_style_code_is_the_judges_statistics():
    torch.manual_seed(0)
    network, picture = StyleCode(), torch.rand(1, 3, 40, 56)
    code = network(picture)
    assert code.shape == (1, CODE_NUMBERS)
    relu1_1 = network.vgg(picture, ("relu1_1",))["relu1_1"][0].flatten(1).numpy()
    assert np.abs(code[0, :64].numpy() - relu1_1.mean(axis=1)).max() < 1e-5
    assert np.abs(code[0, 64:128].numpy() - relu1_1.std(axis=1)).max() < 1e-2
    means = picture[0].flatten(1).mean(dim=1)
    assert torch.allclose(code[0, VGG_NUMBERS : VGG_NUMBERS + 3], means, atol=1e-5)


@torch.no_grad()
def test_teacher_moves_the_statistics():
    content, style = torch.randn(1, 5, 12, 12), 2 + 3 * torch.randn(1, 5, 9, 9)
    moved = adain(content, style.mean(dim=(2, 3)), style.std(dim=(2, 3)))
    assert torch.allclose(moved.mean(dim=(2, 3)), style.mean(dim=(2, 3)), atol=1e-4)
    assert torch.allclose(moved.std(dim=(2, 3), unbiased=False), style.std(dim=(2, 3)), rtol=1e-3)
    assert AdaIN()(torch.rand(1, 3, 32, 48), torch.rand(1, 3, 40, 40)).shape == (1, 3, 32, 48)


@torch.no_grad()
def test_style_loss_is_the_sum_of_the_layers_means():
    found, wanted = torch.zeros(2, VGG_NUMBERS), torch.zeros(2, VGG_NUMBERS)
    wanted[:, :64] = 2.0  # all means of relu1_1
    wanted[:, -512:] = 3.0  # all deviations of relu4_1
    assert float(train_transfer.style_loss(found, wanted)) == pytest.approx(4 + 9)


@torch.no_grad()
def test_structure_loss_of_the_same_and_of_noise():
    picture = torch.nn.functional.interpolate(torch.rand(1, 3, 8, 8), size=64, mode="bilinear")
    assert float(train_transfer.structure_loss(picture, picture)) == pytest.approx(0, abs=1e-4)
    assert float(train_transfer.structure_loss(torch.rand(1, 3, 64, 64), picture)) > 0.5


@pytest.fixture
def args(transfer_args) -> train_transfer.Args:
    return transfer_args


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch):
    monkeypatch.setattr(evaluate_transfer, "TILE", 48)


def test_resumed_run_has_the_same_losses(args):
    assert_same_losses(train_transfer.train, args)


def test_training_moves_every_part(args):
    train_transfer.train(args)
    assert (args.out / "sheet-000003.png").exists()
    checkpoint = load_checkpoint(args.out / "checkpoint.pt", network="transfer")
    torch.manual_seed(args.seed)
    fresh = StyleTransfer(**TINY).state_dict()
    still = [key for key in fresh if torch.equal(fresh[key], checkpoint.weights[key])]
    assert still == []
    with pytest.raises(CheckpointUnusable, match="'transfer', not 'stylizer'"):
        load_checkpoint(args.out / "checkpoint.pt", network="stylizer")


@pytest.fixture
def export_args(args, tmp_path) -> transfer_to_onnx.Args:
    state = tiny().state_dict()
    Checkpoint("transfer", TINY, state, state, {}, 7, {}, "abc").save(tmp_path / "checkpoint.pt")
    (tmp_path / "models").mkdir()
    return transfer_to_onnx.Args(
        checkpoint=tmp_path / "checkpoint.pt",
        vgg=args.vgg,
        models=tmp_path / "models",
        id="tiny",
        title="Tiny",
        description="A test.",
        license="MIT",
        trained_on="Nothing.",
    )


def test_three_graphs_agree_and_their_tiles_fit(export_args):
    written = transfer_to_onnx.export(export_args)
    folder = export_args.models / "tiny"
    manifest = Manifest.load(folder)
    assert manifest == written
    assert manifest.takes("style") and [part.name for part in manifest.parts] == [
        "style-code",
        "encode",
    ]
    files = ["encode.onnx", "manifest.json", "render.onnx", "style-code.onnx"]
    assert sorted(path.name for path in folder.iterdir()) == files
    for name in files[::2]:
        operators = {node.op_type for node in onnx.load(folder / name).graph.node}
        assert not operators & {"Shape", "Constant", "InstanceNormalization"}
    session = Generator.open(Model(manifest, folder), device="cpu")
    random = torch.Generator().manual_seed(0)
    style, picture = (torch.rand(1, 3, *s, generator=random) for s in ((40, 33), (160, 192)))
    parts = transfer_to_onnx.run_graphs(session, style, picture)
    halo = manifest.tiling.overlap
    # The halo cut at the picture's left border: there the graph continues the border itself.
    tile = session.run_all(
        {
            "picture": picture.numpy()[:, :, 60 - halo : 80 + halo, : 64 + halo],
            "features": parts["encode"].mean(axis=(2, 3)),
            "code": parts["style-code"],
        }
    )["picture"]
    difference = tile[:, :, halo:-halo, :64] - parts["render"][:, :, 60:80, :64]
    assert np.abs(difference).max() < 1e-4


def test_disagreement_is_refused_and_nothing_is_written(export_args):
    with pytest.raises(ExportRefused, match="differ"):
        transfer_to_onnx.export(replace(export_args, tolerance=0.0))
    assert list(export_args.models.iterdir()) == []


def test_table_of_held_out_pairs(args, export_args, capsys, tmp_path):
    from safetensors.torch import save_file

    torch.manual_seed(0)
    save_file(AdaIN().decoder.state_dict(), tmp_path / "decoder.safetensors")
    transfer_to_onnx.export(export_args)
    evaluate_transfer.evaluate(
        evaluate_transfer.Args(
            model=export_args.models / "tiny",
            sources=args.sources,
            styles=args.styles,
            cache=args.cache,
            vgg=args.vgg,
            decoder=tmp_path / "decoder.safetensors",
            side=64,
            short_side=48,
            style_side=48,
            held_out=2,
            held_out_styles=2,
            count=2,
            sheet=tmp_path / "sheet.png",
        )
    )
    printed = capsys.readouterr().out
    assert printed.startswith("2 held-out pairs, 64 px")
    assert re.search(r"\| photo unchanged \| [\d.]+ \| 1 \| 0 \| 1 \|", printed)
    assert re.search(r"\| strength 0 \| .* \| 1 \| 0 \|", printed)
    rows = {line.split("|")[1].strip(): line for line in printed.splitlines() if "|" in line}
    assert {"tiny", "AdaIN (teacher)", "colours moved"} <= rows.keys()
    tiles = re.search(r"tiles against the whole: (\d+|inf) dB", printed)
    assert tiles and float(tiles[1]) > 60
    assert (tmp_path / "sheet.png").exists()
