"""Checkpoints: everything needed to go on training, or to rebuild the generator for export.

    {"format": 1, "network": "colorizer", "network_arguments": {...}, "weights": state dict,
     "ema": state dict, "optimizer": state dict, "step": int, "arguments": {...}, "commit": str,
     "companions": {...}}

Only tensors, numbers, strings, lists and dicts: read with `weights_only=True`, so that a
checkpoint from elsewhere cannot run code.
"""

from __future__ import annotations

import os
import pickle
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from export.errors import CheckpointUnusable
from export.networks import GENERATORS, build_generator
from export.networks.weights import load_weights

FORMAT = 1
State = dict[str, Tensor]


@dataclass(frozen=True)
class Checkpoint:
    """A training run at one step. `ema` are the smoothed weights, the ones to export.

    `companions` are the states of what is trained beside the generator and not exported:
    discriminators, their optimizers, encoders of the truth.
    """

    network: str
    network_arguments: dict[str, Any]
    weights: State
    ema: State
    optimizer: dict[str, Any]
    step: int
    arguments: dict[str, Any]
    commit: str
    companions: dict[str, Any] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Writes to a temporary name and renames: an interrupted save leaves the old file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(path.name + ".tmp")
        torch.save({"format": FORMAT, **vars(self)}, temporary)
        os.replace(temporary, path)

    def generator(self, smoothed: bool = True) -> nn.Module:
        """The generator rebuilt, in evaluation mode, with the smoothed or the raw weights."""
        generator = build_generator(self.network, self.network_arguments)
        load_weights(generator, self.ema if smoothed else self.weights)
        return generator.eval()


def load_checkpoint(path: Path, network: str | None = None) -> Checkpoint:
    """Reads a checkpoint; with `network`, one of that network only. Raises CheckpointUnusable."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise CheckpointUnusable(f"There is no checkpoint {path}.") from error
    except (OSError, EOFError, RuntimeError, ValueError, pickle.UnpicklingError) as error:
        raise CheckpointUnusable(f"{path} is truncated or not a checkpoint.") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise CheckpointUnusable(f"{path} is not a checkpoint of format {FORMAT}.")
    fields = {key: value for key, value in content.items() if key != "format"}
    if set(fields) | {"companions"} != set(Checkpoint.__dataclass_fields__):
        raise CheckpointUnusable(f"{path} lacks parts of a checkpoint.")
    if fields["network"] not in GENERATORS:
        raise CheckpointUnusable(f"{path} holds an unknown network, '{fields['network']}'.")
    if network is not None and fields["network"] != network:
        raise CheckpointUnusable(
            f"{path} holds the network '{fields['network']}', not '{network}'."
        )
    return Checkpoint(**fields)


def load_optimizer(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Loads a state dict's moments; learning rates and decay stay as this run was told.

    Raises CheckpointUnusable where other weights were trained.
    """
    told = [
        {name: value for name, value in group.items() if name != "params"}
        for group in optimizer.param_groups
    ]
    try:
        optimizer.load_state_dict(state)
    except (ValueError, KeyError) as error:
        raise CheckpointUnusable(
            "The checkpoint trained other weights than this run does.",
            "Resume with the settings that it was begun with, or begin anew with --start.",
        ) from error
    for group, values in zip(optimizer.param_groups, told, strict=True):
        group.update(values)


def git_commit() -> str:
    """The commit of this source tree, with "+" where it has changes; "unknown" without git."""
    folder = Path(__file__).resolve().parents[1]

    def git(*words: str) -> str:
        command = ["git", "-C", str(folder), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--", str(folder))
        return git("rev-parse", "HEAD") + ("+" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
