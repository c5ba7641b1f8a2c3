r"""Averages checkpoints of one network that were trained on from the same start.

    python -m export.tools.average --checkpoints runs/a/checkpoint.pt runs/b/checkpoint.pt \
        --out runs/mean.pt
    python -m export.colorize.train --preset ... --start runs/mean.pt --steps 300 ...

A "model soup" (Wortsman 2022, arXiv 2203.05482): runs that differ in seed, size or losses find
solutions whose mean is better than each, at the price of one. Let a short training follow: it
measures the BatchNorms anew, whose statistics have no mean of this kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from export.errors import CheckpointUnusable
from export.training.arguments import option
from export.training.checkpoint import Checkpoint, State, load_checkpoint
from export.training.shared import run_script


@dataclass(frozen=True)
class Args:
    """Averages the smoothed weights of checkpoints."""

    checkpoints: tuple[Path, ...] = option((), "checkpoints to average")
    out: Path = option(Path("mean.pt"), "file to write, to go on from with --start")


def average_checkpoints(args: Args) -> None:
    """Raises CheckpointUnusable for fewer than two, or checkpoints that do not fit together."""
    if len(args.checkpoints) < 2:
        raise CheckpointUnusable("A mean needs two checkpoints or more.")
    average([load_checkpoint(path) for path in args.checkpoints]).save(args.out)


def average(checkpoints: Sequence[Checkpoint]) -> Checkpoint:
    """The mean of the smoothed weights and of the networks trained beside the generator.

    A checkpoint to start from, not to resume: without optimizers, at step 0.
    """
    first = checkpoints[0]
    mean = mean_state([checkpoint.ema for checkpoint in checkpoints])
    beside = {
        name: mean_state([checkpoint.companions.get(name) for checkpoint in checkpoints])
        for name, state in first.companions.items()
        if is_state(state)
    }
    return replace(first, weights=mean, ema=mean, optimizer={}, step=0, companions=beside)


def mean_state(states: Sequence[Any]) -> State:
    """The mean of state dicts; whole numbers, which are counters, are the first one's."""
    first = states[0]
    shapes = {key: value.shape for key, value in first.items()}
    for state in states[1:]:
        if not is_state(state) or {key: value.shape for key, value in state.items()} != shapes:
            raise CheckpointUnusable("The checkpoints are of different networks.")
    return {
        key: torch.stack([state[key].float() for state in states]).mean(0).to(value.dtype)
        if value.is_floating_point()
        else value
        for key, value in first.items()
    }


def is_state(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(item, Tensor) for item in value.values())


if __name__ == "__main__":
    run_script(Args, average_checkpoints)
