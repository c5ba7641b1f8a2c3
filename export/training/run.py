"""One training: what every script shares, and what each brings of its own.

A script brings its arguments (`TrainingArgs` and its own), networks, losses and batches as a `Run`.
Checkpoints and resuming, smoothed weights, seeds, and the averaging of gradients over several
processes through Lightning Fabric are here.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from export.networks import build_generator
from export.networks.exported import load_exported, unfold_norms
from export.networks.weights import load_weights
from export.training.arguments import as_plain, option
from export.training.board import Board
from export.training.checkpoint import (
    Checkpoint,
    State,
    git_commit,
    load_checkpoint,
    load_optimizer,
)
from export.training.shared import (
    Clock,
    channels_last,
    learning_rate_factor,
    require_finite,
    set_learning_rate,
    settle_norms,
    update_ema,
)

LONGEST_GRADIENT = 5.0  # norm to which longer ones are cut


@dataclass(frozen=True)
class TrainingArgs:
    """What every training takes."""

    out: Path = option(Path("runs/training"), "folder of checkpoint.pt and the sheets")
    cache: Path = option(Path("runs/cache"), "folder of decoded pictures")
    resume: bool = option(False, "go on from the checkpoint in `out`")
    start: Path = option(
        Path(), "begin with this checkpoint's smoothed weights, or with an exported model's folder"
    )
    steps: int = option(3000, "optimizer steps in all")
    warm_up: int = option(50, "steps of linear warm-up of the learning rates")
    batch: int = option(4, "pictures per step and process")
    ema_decay: float = option(0.998, "decay of the smoothed weights")
    seed: int = option(0, "seed of weights and pictures")
    device: str = option("auto", "auto, cpu or cuda")
    threads: int = option(0, "CPU threads, 0 for PyTorch's choice")
    bf16: bool = option(False, "compute convolutions in bfloat16")
    compile: bool = option(False, "torch.compile the objective: slow to start")
    save_minutes: float = option(2.5, "minutes between checkpoints")
    sheet_minutes: float = option(10.0, "minutes between sample sheets")
    tensorboard: bool = option(False, "write scalars and sheets for TensorBoard into `out`")


A = TypeVar("A", bound=TrainingArgs)


class Run(ABC, Generic[A]):
    """One training: its pictures, networks, losses and optimizers. `loop.train` drives it.

    A subclass's __init__ opens the pictures, calls `begin` with its generator, `prepare` with the
    module that computes its losses, and `go_on` when everything is there.
    """

    network: ClassVar[str]  # the generator's name in checkpoints
    generator: nn.Module
    optimizer: torch.optim.Optimizer
    ema: State

    def __init__(self, args: A, fabric: Fabric) -> None:
        self.args, self.fabric = args, fabric
        self.leads, self.processes = fabric.is_global_zero, fabric.world_size
        self.device, self.clock = fabric.device, Clock(fabric.device)
        self.commit, self.first_step = git_commit(), 0

    # What a script brings.

    @property
    @abstractmethod
    def network_arguments(self) -> dict[str, Any]:
        """What builds the generator anew from a checkpoint."""

    @abstractmethod
    def batch(self, step: int) -> Any:
        """The step's pictures, on the device: the same for the same step and process."""

    @abstractmethod
    def alone(self, batch: Any) -> Tensor:
        """A scalar of the generator's outputs on a batch, nothing else computed: see `bare`."""

    @abstractmethod
    def step(self, step: int) -> dict[str, float]:
        """One step of every optimizer; the weighted loss terms. Raises TrainingDiverged."""

    @abstractmethod
    def draw(self, generator: Any, path: Path) -> dict[str, float]:
        """A sheet of held-out pictures by the generator of the last checkpoint, on the CPU.

        Returns numbers about them, if there are any, for TensorBoard.
        """

    def sample_inputs(self) -> Iterable[tuple[Tensor, ...]]:
        """Batches of the generator's inputs, always the same, to measure BatchNorms with."""
        return ()

    def companions(self) -> dict[str, Any]:
        """States of what is trained beside the generator, for the checkpoint."""
        return {}

    def restore_companions(self, companions: dict[str, Any]) -> None:
        """Goes on with what `companions` returned."""

    # What a script uses.

    @property
    def is_fresh(self) -> bool:
        """Whether the generator begins untrained."""
        return not self.args.resume and self.args.start == Path()

    def begin(self, generator: nn.Module) -> Checkpoint | None:
        """Fills the generator by `resume` or `start`; the checkpoint that it is from, if any.

        Raises CheckpointUnusable for another network's weights.
        """
        self.generator, args = generator.to(self.device), self.args
        if self.is_fresh:
            return None
        if not args.resume and args.start.is_dir():
            load_exported(generator, args.start)
            unfold_norms(generator, self.sample_inputs())
            return None
        path = self.args.out / "checkpoint.pt" if args.resume else args.start
        restored = load_checkpoint(path, network=self.network)
        load_weights(generator, restored.weights if args.resume else restored.ema)
        return restored

    def prepare(self, objective: nn.Module, optimizer: torch.optim.Optimizer) -> nn.Module:
        """The module that computes the losses, on the device and for all processes.

        Gradients are averaged over the processes for what is computed in one call of it. Sets
        `optimizer` and the smoothed weights.
        """
        self.generator.train()
        module, self.optimizer = self.wrap(objective, optimizer)
        self.ema = {key: value.clone() for key, value in self.generator.state_dict().items()}
        return module

    def wrap(
        self, objective: nn.Module, optimizer: torch.optim.Optimizer
    ) -> tuple[nn.Module, torch.optim.Optimizer]:
        """As `prepare`, for what is trained beside the generator."""
        module, optimizer = self.fabric.setup(channels_last(objective), optimizer)
        return torch.compile(module) if self.args.compile else module, optimizer  # pyright: ignore

    def autocast(self) -> torch.autocast:
        """Convolutions in bfloat16, where the arguments say so."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.args.bf16)

    def go_on(self, restored: Checkpoint | None) -> None:
        """Takes up the rest of a checkpoint, where the run is resumed from it."""
        if restored is None or not self.args.resume:
            return
        load_optimizer(self.optimizer, restored.optimizer)
        self.ema = {key: value.to(self.device) for key, value in restored.ema.items()}
        self.first_step = restored.step
        self.restore_companions(restored.companions)

    def rng(self, step: int) -> np.random.Generator:
        """Of the step and the process: a resumed run sees the very same pictures."""
        rank = self.fabric.global_rank
        return np.random.default_rng((self.args.seed, step, 0, rank)[: 4 if rank else 2])

    def torch_seed(self, step: int) -> int:
        return self.args.seed * 1_000_003 + step + 7919 * self.fabric.global_rank

    def random(self, step: int) -> torch.Generator:
        """As `rng`, for tensors on the device."""
        return torch.Generator(self.device).manual_seed(self.torch_seed(step))

    def learn(
        self, terms: dict[str, Tensor], step: int, parameters: Iterable[Tensor] | None = None
    ) -> dict[str, float]:
        """`descend` for the generator's optimizer, and the smoothed weights' step."""
        values = self.descend(
            self.optimizer, terms, parameters or self.generator.parameters(), step
        )
        with self.clock.part("optimizer"):
            update_ema(self.ema, self.generator, self.args.ema_decay, step)
        return values

    def descend(
        self,
        optimizer: torch.optim.Optimizer,
        terms: dict[str, Tensor],
        parameters: Iterable[Tensor],
        step: int,
        longest: float = LONGEST_GRADIENT,
    ) -> dict[str, float]:
        """One step against the sum of the terms, of which it returns the values.

        The gradient of `parameters` is cut to the norm `longest`. Raises TrainingDiverged before
        the step touches the weights.
        """
        with self.clock.part("losses"):
            optimizer.zero_grad(set_to_none=True)
            self.fabric.backward(torch.stack(list(terms.values())).sum())
        with self.clock.part("optimizer"):
            length = nn.utils.clip_grad_norm_(parameters, longest)
            values = require_finite(terms, step, gradient=length)
            args = self.args
            set_learning_rate(optimizer, learning_rate_factor(step, args.steps, args.warm_up))
            optimizer.step()
        return values

    # What the loop uses.

    def bare(self, batch: Any) -> None:
        """Forward and backward pass of the generator alone, which leaves no trace but norms'."""
        with self.autocast():
            value = self.alone(batch)
        value.backward()
        self.optimizer.zero_grad(set_to_none=True)

    def bare_speed(self) -> float:
        """Pictures per second of `bare`, on the first batch."""
        batch = self.batch(self.first_step)
        weights = {key: value.clone() for key, value in self.generator.state_dict().items()}
        self.bare(batch)  # warms up
        self.clock.wait()
        start = time.perf_counter()
        for _ in range(3):
            self.bare(batch)
        self.clock.wait()
        seconds = time.perf_counter() - start
        self.generator.load_state_dict(weights)  # the norms' statistics have moved
        return 3 * self.args.batch / seconds

    def agree(self, *wishes: bool) -> list[bool]:
        """Whether any process wishes so, for each wish: all must do the same."""
        if self.processes == 1:
            return list(wishes)
        counts = self.fabric.all_reduce(
            torch.tensor(wishes, dtype=torch.float, device=self.device), reduce_op="sum"
        )
        return [count > 0 for count in torch.as_tensor(counts).tolist()]

    def save(self, step: int) -> None:
        """Writes the checkpoint, in the first process alone."""
        if not self.leads:
            return
        fresh = build_generator(self.network, self.network_arguments).to(self.device)
        Checkpoint(
            network=self.network,
            network_arguments=self.network_arguments,
            weights=self.generator.state_dict(),
            ema=settle_norms(fresh, self.ema, self.sample_inputs()),
            optimizer=self.optimizer.state_dict(),
            step=step,
            arguments=as_plain(self.args),
            commit=self.commit,
            companions=self.companions(),
        ).save(self.args.out / "checkpoint.pt")

    @torch.no_grad()
    def show(self, step: int, board: Board) -> None:
        """The sheet of the checkpoint just saved."""
        saved = load_checkpoint(self.args.out / "checkpoint.pt", network=self.network)
        path = self.args.out / f"sheet-{step:06d}.png"
        board.add(step, self.draw(saved.generator(), path))
        board.add_sheet(step, path)
