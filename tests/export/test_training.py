"""A training run in small: it learns, resumes exactly, refuses what it must."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from export import devices, train_colorize, train_style
from export.arguments import parse_arguments
from export.checkpoint import load_checkpoint
from export.color_run import Run
from export.errors import BadPreset, CheckpointUnusable, DataUnusable, TrainingDiverged
from export.networks.colorizer import Colorizer
from export.networks.stylizer import Stylizer
from export.networks.vgg import VGG19

pytestmark = pytest.mark.export


def test_training_moves_parameters_and_writes_what_it_promises(colorize_args):
    history = train_colorize.train(colorize_args)
    assert len(history) == 3
    assert all(loss > 0 for loss in history)
    checkpoint = load_checkpoint(colorize_args.out / "checkpoint.pt", network="colorizer")
    assert checkpoint.step == 3
    assert (colorize_args.out / "sheet-000003.png").exists()
    torch.manual_seed(colorize_args.seed)
    fresh = Colorizer(palette_size=8).state_dict()
    moved = [key for key in fresh if not torch.equal(fresh[key], checkpoint.weights[key])]
    assert {"encoder.stem.0.weight", "logits.weight"} <= set(moved)


def test_resumed_run_has_the_same_losses(colorize_args):
    whole = train_colorize.train(colorize_args)
    stopped = replace(colorize_args, out=colorize_args.out / "other", save_minutes=0)
    StopAfter.steps = 2
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train_colorize, "StopRequest", StopAfter)
        first = train_colorize.train(stopped)
    second = train_colorize.train(replace(stopped, resume=True))
    assert first + second == pytest.approx(whole, rel=1e-4)


class StopAfter:
    """A StopRequest that is true from its n-th question on; a step asks twice."""

    steps = 1

    def __init__(self) -> None:
        self._left = 2 * self.steps - 1

    def __bool__(self) -> bool:
        self._left -= 1
        return self._left <= 0


def test_loss_that_is_no_number_keeps_the_last_checkpoint(colorize_args):
    train_colorize.train(replace(colorize_args, steps=1))
    saved = (colorize_args.out / "checkpoint.pt").read_bytes()
    broken = replace(colorize_args, resume=True, huber_weight=float("nan"))
    with pytest.raises(TrainingDiverged, match="huber loss is nan at step 1"):
        train_colorize.train(broken)
    assert (colorize_args.out / "checkpoint.pt").read_bytes() == saved


def test_checkpoint_of_another_network_is_refused(colorize_args):
    train_colorize.train(replace(colorize_args, steps=1))
    with pytest.raises(CheckpointUnusable, match="'colorizer', not 'stylizer'"):
        load_checkpoint(colorize_args.out / "checkpoint.pt", network="stylizer")


def test_truncated_checkpoint_is_refused(colorize_args):
    train_colorize.train(replace(colorize_args, steps=1))
    path = colorize_args.out / "checkpoint.pt"
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(CheckpointUnusable, match="truncated"):
        load_checkpoint(path)


def test_other_tensors_and_code_are_refused(tmp_path):
    torch.save({"weights": torch.zeros(1)}, tmp_path / "other.pt")
    with pytest.raises(CheckpointUnusable, match="not a checkpoint"):
        load_checkpoint(tmp_path / "other.pt")
    torch.save(Stylizer(), tmp_path / "module.pt")  # a pickled class, not weights
    with pytest.raises(CheckpointUnusable):
        load_checkpoint(tmp_path / "module.pt")


def test_unknown_preset_key_is_refused(tmp_path):
    (tmp_path / "bad.toml").write_text("step = 3\n")
    with pytest.raises(BadPreset, match="'step'"):
        parse_arguments(train_colorize.Args, ["--preset", str(tmp_path / "bad.toml")])


def test_flags_overrule_the_preset(tmp_path):
    (tmp_path / "small.toml").write_text("steps = 3\nbatch = 2\n")
    args = parse_arguments(
        train_colorize.Args,
        ["--preset", str(tmp_path / "small.toml"), "--steps", "5", "--no-bf16"],
    )
    assert (args.steps, args.batch, args.bf16) == (5, 2, False)


def test_shipped_presets_are_valid():
    for name in ("photo", "photo-small", "photo-large", "photo-perceptual", "photo-adversarial"):
        assert parse_arguments(train_colorize.Args, ["--preset", name]).palette_size == 72
    large = parse_arguments(train_colorize.Args, ["--preset", "photo-large"])
    assert (large.channels, large.batch) == ((384, 256, 128, 96), 24)  # its own, and photo's
    own = parse_arguments(train_colorize.Args, ["--preset", "own-domain"])
    assert (own.split, own.degradation) == (Path(), 0.0)
    assert parse_arguments(train_style.Args, ["--preset", "van-gogh"]).held_out == 500


def test_painter_trains_towards_its_works(photos, tmp_path):
    from safetensors.torch import save_file

    torch.manual_seed(0)
    save_file(VGG19().state_dict(), tmp_path / "vgg.safetensors")
    args = train_style.Args(
        sources=(photos,),
        works=(photos / "class0",),
        vgg=tmp_path / "vgg.safetensors",
        out=tmp_path / "run",
        cache=tmp_path / "cache",
        steps=2,
        batch=1,
        size=32,
        short_side=40,
        held_out=2,
        work_side=40,
        style_layers=("relu1_1", "relu2_1"),
        content_layer="relu2_1",
        bf16=False,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        history = train_style.train(args)
    assert len(history) == 2
    assert load_checkpoint(args.out / "checkpoint.pt", network="stylizer").step == 2


def test_only_pictures_with_the_given_names_are_trained_on(colorize_args):
    chosen = replace(colorize_args, names=("photo03", "photo07"), held_out=2)
    run = Run(chosen, devices.start("cpu"))
    assert {run.pictures.entries[i].name for i in run.training} <= {"photo03.png", "photo07.png"}
    assert len(run.training) >= 1
    with pytest.raises(DataUnusable, match="No picture to train on has a name with 'other'"):
        Run(replace(chosen, names=("other",)), devices.start("cpu"))
