"""The throughput command: both speeds, their ratio and the shares are of one measurement."""

from __future__ import annotations

import re
import sys
from dataclasses import replace

import pytest
import torch

from export.colorize import train
from export.measure import throughput
from export.style import train_painter
from export.training import devices

pytestmark = pytest.mark.export


def test_shares_are_of_the_whole_step(colorize_args):
    run = train.Run(colorize_args, devices.start("cpu"))
    before = run.generator.logits.weight.clone()
    speed = throughput.measure(run, rounds=2)
    assert (speed.pictures, speed.rounds) == (colorize_args.batch, 2)
    assert not torch.equal(run.generator.logits.weight, before)  # steps were really taken
    assert set(speed.shares) == {"pictures", "losses", "optimizer"}
    assert all(share > 0 for share in speed.shares.values())
    # nothing of a step is outside of the parts, but for a few calls
    assert 0.8 < sum(speed.shares.values()) <= 1


def test_bare_pass_reaches_every_weight_and_leaves_no_gradient(colorize_args):
    run = train.Run(colorize_args, devices.start("cpu"))
    run.alone(run.batch(0)).backward()
    trained = [p for p in run.generator.parameters() if p.requires_grad]
    assert all(parameter.grad is not None for parameter in trained)
    run.bare(run.batch(0))
    assert all(parameter.grad is None for parameter in trained)


def test_a_game_is_measured_while_it_is_played(painter_args):
    run = train_painter.Run(replace(painter_args, calm=100), devices.start("cpu"))
    judge = run.game.judge_of_works
    before = [parameter.clone() for parameter in judge.parameters()]
    throughput.measure(run, rounds=1)
    assert all(map(torch.equal, before, judge.parameters()))
    throughput.measure(run, rounds=1, at=100)
    assert not any(map(torch.equal, before, judge.parameters()))


def test_command_prints_the_table(colorize_args, monkeypatch, capsys):
    words = ["--sources", str(colorize_args.sources[0]), "--cache", str(colorize_args.cache)]
    words += ["--size", "32", "--short-side", "40", "--batch", "2", "--held-out", "2"]
    words += ["--palette-size", "8", "--rounds", "1", "--device", "cpu"]
    monkeypatch.setattr(sys, "argv", ["throughput", *words])
    throughput.main()
    printed = capsys.readouterr().out
    assert printed.startswith("colorizer, batches of 2, fp32, cpu, 1 threads, medians of 1 steps")
    for name in ("pictures per second", "per second of processor time"):
        row = re.search(rf"\| {name} \| ([\d.]+) \| ([\d.]+) \| (\d+)% \|", printed)
        assert row
        step, bare, ratio = map(float, row.groups())
        assert 100 * step / bare == pytest.approx(ratio, abs=3)
    assert re.search(
        r"Of the step: pictures \d+%, forward and backward with the losses \d+%", printed
    )


def test_data_that_is_not_there_is_a_sentence(tmp_path, monkeypatch):
    words = ["--sources", str(tmp_path / "none"), "--cache", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["throughput", *words])
    with pytest.raises(SystemExit, match="none"):
        throughput.main()
