r"""How fast a training runs, beside the bare forward and backward pass of the same network.

    python -m export.measure.throughput --preset photo --sources photos.tar --threads 1
    python -m export.measure.throughput --script train_sketch --preset sketch \
        --illustrations illustrations.tar --threads 1

Whole steps (pictures, losses, optimizers) and the generator alone take turns on the same batches,
so that whatever else the machine does slows both. On a processor, processor time is counted too:
what others take of it does not enter. Nothing is written but the cache of pictures.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from core.errors import LimnerError
from export.training import devices
from export.training.arguments import parse_arguments
from export.training.run import Run

SCRIPTS = {
    "train_colorize": "export.colorize.train",
    "train_sketch": "export.sketch.train",
    "train_style": "export.style.train_style",
    "train_transfer": "export.style.train_transfer",
    "train_painter": "export.style.train_painter",
}
"""A training's name -> its module."""
PARTS = ("pictures", "losses", "optimizer")


@dataclass(frozen=True)
class Speed:
    """Seconds for one step of `pictures` pictures, the medians of `rounds` of them.

    shares: of the whole step, in [0, 1]: "pictures"; "losses", with the network's forward and
    backward pass; "optimizer", with the smoothed weights.
    """

    pictures: int
    rounds: int
    step_wall: float
    bare_wall: float
    step_processor: float
    bare_processor: float
    shares: dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--script", choices=SCRIPTS, default="train_colorize")
    parser.add_argument("--rounds", type=int, default=8, help="steps to time")
    parser.add_argument("--at", type=int, default=0, help="step to begin at, as of a game")
    own, words = parser.parse_known_args()
    if {"-h", "--help"} & set(words):
        print(__doc__)
        parser.print_help()
    script = importlib.import_module(SCRIPTS[own.script])
    args = parse_arguments(script.Args, words)
    if args.threads:
        torch.set_num_threads(args.threads)
    try:
        run = script.Run(replace(args, resume=False), devices.start(args.device))
        speed = measure(run, max(1, own.rounds), own.at)
    except LimnerError as error:
        sys.exit(str(error))
    print(table(speed, run))


def measure(run: Run[Any], rounds: int, at: int = 0) -> Speed:
    """Times `rounds` whole steps from step `at` on, and as many bare passes, in turns."""
    on_gpu = run.device.type == "cuda"
    run.clock.time = time.perf_counter if on_gpu else time.process_time
    steps, bares, spent = [], [], 0.0
    for number in range(-1, rounds):  # the first one warms up
        step_number = at + max(0, number)
        run.clock.is_on = number >= 0
        whole = seconds(run, lambda n=step_number: run.step(n))
        batch = run.batch(step_number)
        alone = seconds(run, lambda given=batch: run.bare(given))
        if number >= 0:
            steps.append(whole)
            bares.append(alone)
            spent += whole[0 if on_gpu else 1]
    # medians, since others take the machine's caches away now and then
    step_wall, step_processor = np.median(steps, axis=0)
    bare_wall, bare_processor = np.median(bares, axis=0)
    return Speed(
        run.args.batch,
        rounds,
        step_wall,
        bare_wall,
        step_processor,
        bare_processor,
        {name: run.clock.seconds.get(name, 0.0) / spent for name in PARTS},
    )


def seconds(run: Run[Any], work: Callable[[], object]) -> tuple[float, float]:
    """What the work takes: by the clock, and of processor time."""
    run.clock.wait()
    wall, processor = time.perf_counter(), time.process_time()
    work()
    run.clock.wait()
    return time.perf_counter() - wall, time.process_time() - processor


def table(speed: Speed, run: Run[Any]) -> str:
    """As Markdown: both speeds, their ratio, and what the step's time goes to."""
    args, device = run.args, run.device.type
    precision = "bfloat16" if args.bf16 else "fp32"
    threads = f", {torch.get_num_threads()} threads" if device == "cpu" else ""
    rows = [("pictures per second", speed.step_wall, speed.bare_wall)]
    if device == "cpu":
        rows.append(("per second of processor time", speed.step_processor, speed.bare_processor))
    lines = [
        f"{run.network}, batches of {args.batch}, {precision}, {device}{threads}, "
        f"medians of {speed.rounds} steps and as many bare passes in turns",
        "",
        "| | whole step | network alone | ratio |",
        "|---|---|---|---|",
    ]
    for name, step, bare in rows:
        both = f"{speed.pictures / step:.1f} | {speed.pictures / bare:.1f}"
        lines.append(f"| {name} | {both} | {bare / step:.0%} |")
    shares = speed.shares
    lines += [
        "",
        f"Of the step: pictures {shares['pictures']:.0%}, forward and backward with the losses "
        f"{shares['losses']:.0%}, optimizer {shares['optimizer']:.0%}.",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
