"""The one training loop: every training script hands over to it.

    class Run(run.Run[Args]): ...
    def train(args: Args) -> loop.History:
        return loop.launch(Run, args)

Saving, sheets, progress, TensorBoard and stopping are here. Started by torchrun, each process sees
pictures of its own, gradients are averaged (see export.training.run), and the first one alone
writes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import torch
from lightning_fabric import Fabric

from export.training import devices
from export.training.board import Board
from export.training.run import A, Run
from export.training.shared import Progress, StopRequest, Timer

History = list[dict[str, float]]  # the loss terms of each step taken


def launch(kind: Callable[[A, Fabric], Run[A]], args: A) -> History:
    """Makes the run on its device and trains it; see `train`."""
    return train(kind(args, devices.start(args.device)))


def train(run: Run[Any]) -> History:
    """Runs to `args.steps`, or until asked to stop; returns the loss terms of each step taken."""
    args = run.args
    board = Board.open(args.out if args.tensorboard and run.leads else None)
    stop, progress = StopRequest(), Progress(run.first_step, args.steps, args.batch * run.processes)
    save_timer, sheet_timer = Timer(args.save_minutes * 60), Timer(args.sheet_minutes * 60)
    if run.leads:
        sys.stderr.write(f"forward and backward alone: {run.bare_speed():.1f} pictures/s\n")
        progress.restart()
    history: History = []
    for step in range(run.first_step, args.steps):
        torch.manual_seed(run.torch_seed(step))  # of dropout
        history.append(run.step(step))
        if step % 20 == 19 and run.leads:
            progress.show(step + 1, history[-1])
            board.add(step + 1, history[-1])
        sheet_due = step + 1 == args.steps or sheet_timer.due()
        stopped, sheet_due, save_due = run.agree(bool(stop), sheet_due, save_timer.due())
        if stopped or sheet_due or save_due:
            run.save(step + 1)
        if sheet_due and run.leads:
            run.show(step + 1, board)
        if stopped:
            break
    board.close()
    return history
