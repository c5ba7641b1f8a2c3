"""A training run in small: it learns, resumes exactly, refuses what it must."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from export.colorize import train
from export.colorize.run import Run
from export.errors import BadPreset, CheckpointUnusable, DataUnusable, TrainingDiverged
from export.networks.colorizer import Colorizer
from export.networks.stylizer import Stylizer
from export.style import train_style
from export.training import devices
from export.training.arguments import parse_arguments
from export.training.checkpoint import load_checkpoint
from tests.export.resuming import assert_same_losses, totals

pytestmark = pytest.mark.export


def test_training_moves_parameters_and_writes_what_it_promises(colorize_args):
    history = train.train(colorize_args)
    assert len(history) == 3
    assert all(loss > 0 for loss in totals(history))
    checkpoint = load_checkpoint(colorize_args.out / "checkpoint.pt", network="colorizer")
    assert checkpoint.step == 3
    assert (colorize_args.out / "sheet-000003.png").exists()
    torch.manual_seed(colorize_args.seed)
    fresh = Colorizer(palette_size=8).state_dict()
    moved = [key for key in fresh if not torch.equal(fresh[key], checkpoint.weights[key])]
    assert {"encoder.stem.0.weight", "logits.weight"} <= set(moved)


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_resumed_run_has_the_same_losses(colorize_args, dropout):
    assert_same_losses(train.train, replace(colorize_args, dropout=dropout))


def test_a_resumed_run_takes_the_learning_rates_that_it_is_given(colorize_args):
    """As the sentence about a diverged loss asks for."""
    train.train(replace(colorize_args, steps=1))
    slower = replace(colorize_args, resume=True, decoder_lr=0.0, encoder_lr=0.0, weight_decay=0.0)
    before = load_checkpoint(colorize_args.out / "checkpoint.pt").weights
    train.train(slower)
    after = load_checkpoint(colorize_args.out / "checkpoint.pt")
    assert after.step == colorize_args.steps > 1
    assert torch.equal(before["logits.weight"], after.weights["logits.weight"])


def test_a_run_that_trains_other_weights_cannot_be_resumed(colorize_args):
    train.train(replace(colorize_args, steps=1))
    other = replace(colorize_args, resume=True, frozen_stages=colorize_args.frozen_stages + 2)
    with pytest.raises(CheckpointUnusable, match="trained other weights than this run"):
        train.train(other)


@pytest.mark.parametrize("judged_layer", ["", "relu2_1"])
def test_resumed_game_has_the_same_losses(colorize_args, judged_layer, vgg_file):
    """With a discriminator of colours or of features, its optimizer and its pool."""
    game = {"adversarial_weight": 0.05, "critic_steps": 1, "pool": 3, "vgg": vgg_file}
    args = replace(colorize_args, size=64, short_side=72, judged_layer=judged_layer, **game)
    assert_same_losses(train.train, args)


def test_a_judge_of_features_is_listened_to(colorize_args, vgg_file):
    """Its gradient reaches the generator through VGG19, without a perceptual loss."""
    game = {"adversarial_weight": 0.05, "critic_steps": 0, "judged_layer": "relu2_1"}
    args = replace(colorize_args, size=64, short_side=72, vgg=vgg_file, steps=1, **game)
    run = Run(args, devices.start("cpu"))
    terms, ab, seen = run.objective(*run.batch(0))
    assert "perceptual" not in terms
    found, wanted = run.critic.shown(run.batch(0).example, ab, seen)
    assert found.shape == wanted.shape and found.shape[1] == 128
    run.critic.terms(found)["adversarial"].backward()
    assert run.generator.logits.weight.grad.abs().max() > 0
    assert all(parameter.grad is None for parameter in run.critic.parameters())


def test_loss_that_is_no_number_keeps_the_last_checkpoint(colorize_args):
    train.train(replace(colorize_args, steps=1))
    saved = (colorize_args.out / "checkpoint.pt").read_bytes()
    broken = replace(colorize_args, resume=True, huber_weight=float("nan"))
    with pytest.raises(TrainingDiverged, match="huber loss is nan at step 1"):
        train.train(broken)
    assert (colorize_args.out / "checkpoint.pt").read_bytes() == saved


def test_checkpoint_of_another_network_is_refused(colorize_args):
    train.train(replace(colorize_args, steps=1))
    with pytest.raises(CheckpointUnusable, match="'colorizer', not 'stylizer'"):
        load_checkpoint(colorize_args.out / "checkpoint.pt", network="stylizer")


def test_truncated_checkpoint_is_refused(colorize_args):
    train.train(replace(colorize_args, steps=1))
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
        parse_arguments(train.Args, ["--preset", str(tmp_path / "bad.toml")])


def test_flags_overrule_the_preset(tmp_path):
    (tmp_path / "small.toml").write_text("steps = 3\nbatch = 2\n")
    args = parse_arguments(
        train.Args,
        ["--preset", str(tmp_path / "small.toml"), "--steps", "5", "--no-bf16"],
    )
    assert (args.steps, args.batch, args.bf16) == (5, 2, False)


def test_shipped_presets_are_valid():
    for name in ("photo", "photo-small", "photo-large", "photo-perceptual", "photo-adversarial"):
        assert parse_arguments(train.Args, ["--preset", name]).palette_size == 72
    large = parse_arguments(train.Args, ["--preset", "photo-large"])
    assert (large.channels, large.batch) == ((384, 256, 128, 96), 24)  # its own, and photo's
    own = parse_arguments(train.Args, ["--preset", "own-domain"])
    assert (own.split, own.degradation) == (Path(), 0.0)
    assert parse_arguments(train_style.Args, ["--preset", "van-gogh"]).held_out == 500


def test_painter_trains_towards_its_works(style_args):
    history = train_style.train(style_args)
    assert len(history) == 3
    checkpoint = load_checkpoint(style_args.out / "checkpoint.pt", network="stylizer")
    assert checkpoint.step == 3
    torch.manual_seed(style_args.seed)
    fresh = Stylizer(**train_style.NETWORK).state_dict()
    assert [k for k in fresh if torch.equal(fresh[k], checkpoint.weights[k])] == []
    assert (style_args.out / "sheet-000003.png").exists()


def test_resumed_painter_has_the_same_losses(style_args):
    assert_same_losses(train_style.train, style_args)


def test_judge_that_is_not_given_is_asked_for(style_args):
    with pytest.raises(BadPreset, match="--vgg"):
        train_style.train(replace(style_args, vgg=Path()))


def test_only_pictures_with_the_given_names_are_trained_on(colorize_args):
    chosen = replace(colorize_args, names=("photo03", "photo07"), held_out=2)
    run = Run(chosen, devices.start("cpu"))
    assert {run.pictures.entries[i].name for i in run.training} <= {"photo03.png", "photo07.png"}
    assert len(run.training) >= 1
    with pytest.raises(DataUnusable, match="No picture to train on has a name with 'other'"):
        Run(replace(chosen, names=("other",)), devices.start("cpu"))
