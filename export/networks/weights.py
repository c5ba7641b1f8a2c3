"""Weights from files and into networks: checked, never half loaded."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from export.errors import CheckpointUnusable, DataUnusable

State = dict[str, Tensor]


def load_weights(generator: nn.Module, state: State) -> None:
    """Loads a state dict whose names and shapes must fit exactly. Raises CheckpointUnusable."""
    try:
        generator.load_state_dict(state)
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1].strip()
        raise CheckpointUnusable(f"The weights do not fit the network: {reason}") from error


def read_safetensors(path: Path) -> State:
    """Pretrained weights as float32. Raises DataUnusable."""
    import safetensors
    from safetensors.torch import load_file

    try:
        return {key: value.float() for key, value in load_file(path).items()}
    except (OSError, safetensors.SafetensorError) as error:
        raise DataUnusable(f"The pretrained weights {path} cannot be read: {error}.") from error
