"""Where training runs: one processor, one GPU, or many by `torchrun`, through Lightning Fabric."""

from __future__ import annotations

import os

import torch
from lightning_fabric import Fabric

from core.errors import DeviceUnavailable


def start(device: str) -> Fabric:
    """Fabric on `device`: "auto", "cpu" or "cuda"; started by torchrun, one of its processes.

    Raises DeviceUnavailable for a device that is not here.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise DeviceUnavailable(f"There is no device '{device}' (known: auto, cpu, cuda).")
    has_cuda = torch.cuda.is_available()
    if device == "cuda" and not has_cuda:
        raise DeviceUnavailable(
            "PyTorch finds no CUDA device here; choose --device cpu, or install its CUDA build."
        )
    here = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    everywhere = int(os.environ.get("WORLD_SIZE", "1"))
    fabric = Fabric(
        accelerator="cuda" if has_cuda and device != "cpu" else "cpu",
        devices=here,
        num_nodes=everywhere // here,
        strategy="ddp" if everywhere > 1 else "auto",
    )
    fabric.launch()
    return fabric
