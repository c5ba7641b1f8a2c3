"""Two processes under torchrun, as on two GPUs: one run, with gradients averaged."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from torch.distributed.run import get_args_parser

from core.errors import DeviceUnavailable
from export.training import devices
from export.training.arguments import as_plain
from export.training.checkpoint import load_checkpoint
from tests.export.conftest import TINY_PAINTER, TINY_TRANSFER

pytestmark = pytest.mark.export

ROOT = Path(__file__).parents[3]

SCRIPT = """
import hashlib, importlib, json, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from export.training import loop
from export.training.arguments import parse_arguments

runs, train = [], loop.train
def watched(run):
    runs.append(run)
    return train(run)
loop.train = watched

def tensors(state):
    if isinstance(state, torch.Tensor):
        yield state
    elif isinstance(state, dict):
        for key in sorted(state, key=str):
            # each process keeps its own older outputs, and their statistics
            if "pool" not in str(key) and key != "booster":
                yield from tensors(state[key])
    elif isinstance(state, (list, tuple)):
        for part in state:
            yield from tensors(part)

def digest(values):
    content = b"".join(value.detach().cpu().numpy().tobytes() for value in values)
    return hashlib.sha256(content).hexdigest()

from export.measure.throughput import SCRIPTS

folder = Path(sys.argv[1])
for name, network in json.loads(sys.argv[2]).items():
    module = importlib.import_module(SCRIPTS[name])
    if network:
        module.NETWORK = network
    history = module.train(parse_arguments(module.Args, ["--preset", f"{folder / name}.toml"]))
    run = runs[-1]
    others = {"optimizer": run.optimizer.state_dict()["state"], **run.companions()}
    facts = {
        "losses": history,
        "processes": run.processes,
        "weights": digest(run.generator.parameters()),
        "others": {key: digest(tensors({key: state})) for key, state in others.items()},
    }
    (folder / f"{name}.rank{run.fabric.global_rank}.json").write_text(json.dumps(facts))
"""


def test_two_processes_keep_one_set_of_weights(
    colorize_args, sketch_args, style_args, transfer_args, painter_args, tmp_path
):
    """All trainings in one launch, since starting it takes longer than they do."""
    game = {"size": 64, "short_side": 72, "adversarial_weight": 0.05, "critic_steps": 1, "pool": 3}
    game |= {"vgg": painter_args.vgg, "judged_layer": "relu2_1"}
    all_args = {
        "train_colorize": replace(colorize_args, **game),
        "train_sketch": sketch_args,
        "train_style": style_args,
        "train_transfer": transfer_args,
        "train_painter": replace(
            painter_args, booster_weight=1.0, return_every=2, judged_layer="relu2_1"
        ),
    }
    all_args = {name: replace(args, out=tmp_path / name) for name, args in all_args.items()}
    for name, args in all_args.items():
        (tmp_path / f"{name}.toml").write_text(as_toml(args))
    networks: dict[str, Any] = dict.fromkeys(all_args)
    networks |= {"train_transfer": TINY_TRANSFER, "train_painter": TINY_PAINTER}
    launch_two(tmp_path, networks)
    for name, args in all_args.items():
        check(name, args)


def test_the_documented_command_hands_every_flag_on(colorize_args):
    """Without the two hyphens torchrun takes --start and others for its own."""
    documented = re.search(r"`torchrun (.+) \.\.\.`", (ROOT / "docs/training.md").read_text())
    assert documented
    flags = [f"--{name.replace('_', '-')}" for name in as_plain(colorize_args)]
    words = [word for flag in flags for word in (flag, "1")]
    found = get_args_parser().parse_args([*documented[1].split(), *words])
    assert (found.training_script, found.training_script_args) == ("export.colorize.train", words)


def as_toml(args: Any) -> str:
    set_ones = {k: v for k, v in as_plain(args).items() if v not in (".", "")}  # "": no path
    return "\n".join(f"{key} = {json.dumps(value)}" for key, value in set_ones.items())


def launch_two(folder: Path, networks: dict[str, Any]) -> None:
    (folder / "script.py").write_text(SCRIPT)
    result = subprocess.run(
        [
            *(sys.executable, "-W", "ignore", "-m", "torch.distributed.run"),
            *("--standalone", "--nproc-per-node", "2", str(folder / "script.py")),
            *(str(folder), json.dumps(networks)),
        ],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert result.returncode == 0, result.stderr[-4000:]


def check(name: str, args: Any) -> None:
    """Each process saw other pictures, all have the same weights, and one wrote."""
    files = [args.out.parent / f"{name}.rank{rank}.json" for rank in (0, 1)]
    first, second = (json.loads(file.read_text()) for file in files)
    assert first["processes"] == 2
    for one, other in zip(first["losses"], second["losses"], strict=True):
        assert one != other, name
    assert first["weights"] == second["weights"], name
    assert first["others"] == second["others"], name
    saved = load_checkpoint(args.out / "checkpoint.pt")
    assert saved.step == args.steps
    assert set(saved.companions) == set(first["others"]) - {"optimizer"}
    assert [path.name for path in args.out.glob("sheet-*.png")] == ["sheet-000003.png"]


def test_device_that_is_not_here_is_refused(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(DeviceUnavailable, match="no CUDA device"):
        devices.start("cuda")
    with pytest.raises(DeviceUnavailable, match="no device 'tpu'"):
        devices.start("tpu")
