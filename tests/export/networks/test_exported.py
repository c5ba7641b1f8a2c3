"""Training starts from an exported model: what it computes, its BatchNorms, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from core.errors import ModelCorrupt
from core.generator.catalog import Model
from core.generator.generator import Generator
from core.generator.manifest import Manifest
from export.colorize import train as train_colorize
from export.errors import CheckpointUnusable
from export.networks import build_generator
from export.networks.exported import load_exported, unfold_norms
from export.onnx import sketch_to_onnx, to_onnx, transfer_to_onnx
from export.onnx.packing import fold_norms, round_kernels
from export.sketch import train as train_sketch
from export.style import train_painter, train_style, train_transfer
from export.training import devices
from export.training.checkpoint import Checkpoint
from export.training.color import srgb_to_lab
from tests.export.conftest import TINY_PAINTER, TINY_TRANSFER

pytestmark = pytest.mark.export

# 10 colours: neither a multiple of four, which the export pads, nor enough to be stored as fp16
TINY_COLORIZER = {"channels": (16, 16, 16, 16), "palette_size": 10}
SKETCHER = {"palette_size": 90}  # large enough to be stored as fp16, padded too


def squares(seed: int, count: int = 4, size: int = 64) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 3, size // 16, size // 16, generator=random)
    return nn.functional.interpolate(coarse, size=(size, size), mode="bilinear")


def color_inputs(seed: int) -> tuple[torch.Tensor, ...]:
    random = torch.Generator().manual_seed(seed)
    lab = srgb_to_lab(squares(seed))
    mask = (torch.rand(4, 1, 64, 64, generator=random) < 0.01).float()
    return lab[:, :1], lab[:, 1:] * mask, mask, torch.randn(4, 8, generator=random)


def double_inputs(seed: int) -> tuple[torch.Tensor, ...]:
    return tuple(value.double() for value in color_inputs(seed))


@torch.no_grad()
def trained(network: str, arguments: dict[str, Any]) -> nn.Module:
    """A generator whose palette, weights and BatchNorms are not those it is made with."""
    torch.manual_seed(1)
    generator = build_generator(network, arguments)
    for module in generator.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.weight.uniform_(0.5, 1.5)
            module.bias.uniform_(-0.5, 0.5)
            module.get_buffer("running_mean").uniform_(-0.5, 0.5)
            module.get_buffer("running_var").uniform_(0.5, 2.0)
    if "palette" in generator.state_dict():
        palette = generator.get_buffer("palette")
        palette.copy_(60 * torch.randn(palette.shape) if network == "colorizer" else palette + 0.5)
        palette.add_(0.2 * torch.rand(palette.shape))
    return generator.eval()


def export(generator: nn.Module, network: str, arguments: dict[str, Any], folder: Path) -> Path:
    """The folder of the model made of it."""
    state = generator.state_dict()
    folder.mkdir()
    Checkpoint(network, arguments, state, state, {}, 7, {}, "abc").save(folder / "checkpoint.pt")
    script = sketch_to_onnx if network == "sketcher" else to_onnx
    # networks with random weights round worse than trained ones
    script.export(
        script.Args(
            folder / "checkpoint.pt", models=folder, id="tiny", title="Tiny", tolerance=0.02
        )
    )
    return folder / "tiny"


@pytest.fixture
def colorizer(tmp_path) -> tuple[nn.Module, Path]:
    generator = trained("colorizer", TINY_COLORIZER)
    with torch.no_grad():  # norms that fit what they see, as after a training
        generator.train()
        norms = [m for m in generator.modules() if isinstance(m, nn.BatchNorm2d) and m.training]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None
        for seed in range(6):
            generator(*color_inputs(seed))
        assert norms and all(norm.get_buffer("running_var").min() > 0 for norm in norms)
    return generator.eval(), export(generator, "colorizer", TINY_COLORIZER, tmp_path / "models")


def rounded(generator: nn.Module) -> nn.Module:
    return round_kernels(fold_norms(generator))


@torch.no_grad()
def test_colorizer_is_the_same_before_and_after_its_norms_are_measured(colorizer):
    original, folder = colorizer
    loaded = build_generator("colorizer", TINY_COLORIZER).eval()
    load_exported(loaded, folder)
    # in float64: in fp32 the wild colours of this network differ by 1e-4 with the order of sums
    loaded, wanted = loaded.double(), rounded(original).double()
    given = double_inputs(9)
    for expected, found in zip(wanted(*given), loaded(*given), strict=True):
        assert torch.allclose(found, expected, atol=1e-4, rtol=0)
    before = {key: value.clone() for key, value in loaded.state_dict().items()}
    unfold_norms(loaded, [double_inputs(seed) for seed in range(6)])
    moved = {
        key for key, value in loaded.state_dict().items() if not torch.equal(value, before[key])
    }
    assert {"levels.0.first_norm.running_mean", "levels.2.second_norm.weight"} <= moved
    assert not [key for key in moved if key.startswith("encoder.")]  # whose statistics are frozen
    for expected, found in zip(wanted(*given), loaded.eval()(*given), strict=True):
        assert torch.allclose(found, expected, atol=1e-4, rtol=0)


@torch.no_grad()
def test_norms_in_training_see_nearly_what_they_were_measured_on(colorizer):
    original, folder = colorizer
    given = color_inputs(3)
    wanted = original(*given)[0]
    loaded = build_generator("colorizer", TINY_COLORIZER)
    load_exported(loaded, folder)
    neutral = loaded.train()(*given)[0]
    load_exported(loaded, folder)
    unfold_norms(loaded, [color_inputs(seed) for seed in range(6)])
    found = loaded.train()(*given)[0]
    # a batch of four has other statistics than all; without measuring, nothing is right
    assert (found - wanted).abs().mean() < 0.3 * (neutral - wanted).abs().mean()


def test_first_step_from_a_model_is_that_from_its_checkpoint(colorize_args, tmp_path):
    """The loss of a first step in training mode, after some steps on the same pictures."""
    args = replace(colorize_args, size=64, short_side=72, batch=4, noise_share=0.0, ema_decay=0.5)
    args = replace(args, steps=8, **TINY_COLORIZER, decoder_lr=5e-3)
    train_colorize.train(args)
    models = tmp_path / "models"
    models.mkdir()
    checkpoint = args.out / "checkpoint.pt"
    to_onnx.export(to_onnx.Args(checkpoint, models=models, id="tiny", title="Tiny", tolerance=0.02))

    def first_loss(**words: Any) -> float:
        other = replace(args, out=tmp_path / "other", **words)
        return sum(train_colorize.Run(other, devices.start("cpu")).step(0).values())

    from_checkpoint = first_loss(start=checkpoint)
    assert first_loss(start=models / "tiny") == pytest.approx(from_checkpoint, rel=0.02)
    assert first_loss() > 1.05 * from_checkpoint  # of random weights


@torch.no_grad()
def test_sketcher_computes_what_its_model_computes(tmp_path, sketch_args):
    folder = export(trained("sketcher", SKETCHER), "sketcher", SKETCHER, tmp_path / "models")
    loaded = build_generator("sketcher", SKETCHER).eval()
    load_exported(loaded, folder)
    session = open_model(folder)
    inputs = sketch_to_onnx.test_inputs(96, 64)
    wanted = session.run_all({role: value.numpy() for role, value in inputs.items()})["picture"]
    assert np.abs(loaded(*inputs.values())[0].numpy() - wanted).max() < 1e-3
    # a training begins there, its norms measured; what only training needs is fresh
    args = replace(sketch_args, start=folder, palette_size=90)
    run = train_sketch.Run(args, devices.start("cpu"))
    assert np.abs(run.generator.eval()(*inputs.values())[0].numpy() - wanted).max() < 2e-3
    assert all(torch.isfinite(x).all() for x in run.generator.state_dict().values())
    assert torch.equal(run.generator.posterior.out.weight, torch.zeros(16, 96))


def open_model(folder: Path) -> Generator:
    return Generator.open(Model(Manifest.load(folder), folder), device="cpu")


@torch.no_grad()
def test_painters_start_from_a_model(tmp_path, style_args, painter_args, monkeypatch):
    monkeypatch.setattr(train_style, "NETWORK", TINY_PAINTER)
    folder = export(
        trained("stylizer", TINY_PAINTER), "stylizer", TINY_PAINTER, tmp_path / "models"
    )
    rgb = squares(5, count=1)
    wanted = open_model(folder).run(rgb.numpy())
    for script, args in ((train_style, style_args), (train_painter, painter_args)):
        run = script.Run(replace(args, start=folder), devices.start("cpu"))
        assert np.abs(run.generator.eval()(rgb).numpy() - wanted).max() < 1e-4


def test_other_networks_and_sizes_are_refused_in_a_sentence(
    tmp_path, colorizer, colorize_args, style_args
):
    _, folder = colorizer
    with pytest.raises(CheckpointUnusable, match=r"another network: no 'stem.weight'\."):
        train_style.train(replace(style_args, start=folder))
    narrow = replace(colorize_args, start=folder, palette_size=10, channels=(16, 8, 16, 16))
    with pytest.raises(CheckpointUnusable, match="sizes must be the same"):
        train_colorize.train(narrow)
    with pytest.raises(
        CheckpointUnusable, match=r"'palette' of \[10, 2\], the network of \[8, 2\]"
    ):
        train_colorize.train(replace(narrow, palette_size=8, channels=(16, 16, 16, 16)))
    (folder / "model.onnx").write_bytes(b"nothing of the kind")
    with pytest.raises(CheckpointUnusable, match="cannot be read as an ONNX file"):
        load_exported(build_generator("colorizer", TINY_COLORIZER), folder)
    with pytest.raises(ModelCorrupt, match="cannot be read"):
        load_exported(build_generator("colorizer", TINY_COLORIZER), tmp_path)


def test_models_of_several_graphs_are_refused(tmp_path, transfer_args):
    state = build_generator("transfer", TINY_TRANSFER).state_dict()
    checkpoint = tmp_path / "checkpoint.pt"
    Checkpoint("transfer", TINY_TRANSFER, state, state, {}, 7, {}, "abc").save(checkpoint)
    (tmp_path / "models").mkdir()
    transfer_to_onnx.export(
        transfer_to_onnx.Args(
            checkpoint, tmp_path / "models", id="tiny", title="Tiny", vgg=transfer_args.vgg
        )
    )
    with pytest.raises(CheckpointUnusable, match="only start from its checkpoint"):
        train_transfer.train(replace(transfer_args, start=tmp_path / "models" / "tiny"))
