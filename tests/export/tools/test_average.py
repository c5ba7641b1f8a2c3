"""The mean of checkpoints: of what was trained, to start from, and of one network alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from export.colorize import train
from export.errors import CheckpointUnusable
from export.tools.average import Args, average_checkpoints
from export.training.checkpoint import load_checkpoint

pytestmark = pytest.mark.export


@pytest.fixture
def two(colorize_args, tmp_path):
    """Checkpoints of two runs that differ in their seeds."""
    runs = [replace(colorize_args, out=tmp_path / str(seed), seed=seed, steps=2) for seed in (1, 2)]
    for run in runs:
        train.train(run)
    return tuple(run.out / "checkpoint.pt" for run in runs)


def test_the_mean_lies_in_the_middle_and_can_be_started_from(two, colorize_args, tmp_path):
    average_checkpoints(Args(two, tmp_path / "mean.pt"))
    one, other, mean = map(load_checkpoint, (*two, tmp_path / "mean.pt"))
    for key in ("logits.weight", "encoder.stem.0.weight"):
        assert not torch.equal(one.ema[key], other.ema[key])
        torch.testing.assert_close(mean.ema[key], (one.ema[key] + other.ema[key]) / 2)
    assert set(mean.companions) == {"color_encoder"}
    after = replace(colorize_args, out=tmp_path / "on", start=tmp_path / "mean.pt", steps=1)
    train.train(after)
    assert load_checkpoint(after.out / "checkpoint.pt").step == 1


def test_one_is_not_enough_and_networks_must_be_alike(two, colorize_args, tmp_path):
    with pytest.raises(CheckpointUnusable, match="two checkpoints or more"):
        average_checkpoints(Args(two[:1], tmp_path / "mean.pt"))
    wide = replace(colorize_args, out=tmp_path / "wide", channels=(64, 32, 32, 32), steps=1)
    train.train(wide)
    with pytest.raises(CheckpointUnusable, match="different networks"):
        average_checkpoints(Args((two[0], wide.out / "checkpoint.pt"), tmp_path / "mean.pt"))
    assert not (tmp_path / "mean.pt").exists()
