"""Two processes under torchrun, as on two GPUs: one run, with gradients shared."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import DeviceUnavailable
from export import devices
from export.arguments import as_plain
from export.checkpoint import load_checkpoint

pytestmark = pytest.mark.export

SCRIPT = """
import hashlib, json, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from export import color_run, devices, train_colorize
from export.arguments import parse_arguments

runs = []
class Watched(color_run.Run):
    def __init__(self, *words):
        super().__init__(*words)
        runs.append(self)
train_colorize.Run = Watched
args = parse_arguments(train_colorize.Args, ["--preset", sys.argv[1]])
history = train_colorize.train(args)
weights = b"".join(p.detach().numpy().tobytes() for p in runs[0].generator.parameters())
facts = {"losses": history, "weights": hashlib.sha256(weights).hexdigest(),
         "processes": runs[0].processes}
rank = runs[0].fabric.global_rank
(Path(sys.argv[2]) / f"rank{rank}.json").write_text(json.dumps(facts))
"""


def test_two_processes_keep_one_set_of_weights(colorize_args, tmp_path):
    """Each process sees other pictures, and after three steps all have the same weights."""
    (tmp_path / "script.py").write_text(SCRIPT)
    values = {**as_plain(colorize_args), "size": 64, "short_side": 72}
    values |= {"adversarial_weight": 0.05, "critic_steps": 1}
    lines = [
        f"{key} = {json.dumps(value)}"
        for key, value in values.items()
        if value not in (".", "", None)  # paths that are not set
    ]
    (tmp_path / "tiny.toml").write_text("\n".join(lines))
    root = Path(__file__).parents[2]
    result = subprocess.run(
        [
            *(sys.executable, "-W", "ignore", "-m", "torch.distributed.run"),
            *("--standalone", "--nproc-per-node", "2"),
            *(str(tmp_path / "script.py"), str(tmp_path / "tiny.toml"), str(tmp_path)),
        ],
        env={**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr[-4000:]
    first, second = (json.loads((tmp_path / f"rank{rank}.json").read_text()) for rank in (0, 1))
    assert first["processes"] == 2
    assert first["losses"] != second["losses"]
    assert first["weights"] == second["weights"]
    assert load_checkpoint(colorize_args.out / "checkpoint.pt").step == 3


def test_device_that_is_not_here_is_refused(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(DeviceUnavailable, match="no CUDA device"):
        devices.start("cuda")
    with pytest.raises(DeviceUnavailable, match="no device 'tpu'"):
        devices.start("tpu")
