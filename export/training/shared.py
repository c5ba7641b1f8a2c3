"""What the training scripts share: the schedule, smoothed weights, stopping, progress, sheets."""

from __future__ import annotations

import math
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from core.errors import LimnerError
from export.errors import TrainingDiverged
from export.training.arguments import parse_arguments

Network = TypeVar("Network", bound=nn.Module)


def run_script(kind: type, work: Callable[[Any], object]) -> None:
    """A script's command line: read its arguments, of class `kind`, perhaps with `threads`, and do
    its work; what goes wrong on purpose is one sentence and exit code 1.
    """
    args: Any = parse_arguments(kind)
    if threads := getattr(args, "threads", 0):
        torch.set_num_threads(threads)
    try:
        work(args)
    except LimnerError as error:
        sys.exit(str(error))


def channels_last(network: Network) -> Network:
    """The network with its weights laid out as NHWC, which convolutions on a CPU are faster in."""
    # PyTorch documents memory_format for modules, and leaves it out of their types
    return network.to(memory_format=torch.channels_last)  # pyright: ignore


def learning_rate_factor(step: int, steps: int, warm_up: int) -> float:
    """Linear warm-up to 1, then half a cosine that reaches 0.01 at `steps`."""
    if step < warm_up:
        return (step + 1) / warm_up
    progress = min(1.0, (step - warm_up) / max(1, steps - warm_up))
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress))


def set_learning_rate(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """Each group's learning rate := its own peak rate, if it has one, times `factor`."""
    for group in optimizer.param_groups:
        if "peak_lr" in group:
            group["lr"] = group["peak_lr"] * factor


def adamw(
    encoder: nn.Module,
    modules: Iterable[nn.Module],
    encoder_lr: float,
    other_lr: float,
    weight_decay: float,
) -> torch.optim.Optimizer:
    """AdamW over the modules, with another rate for the encoder, which is a part of one of them.

    No decay on norms and biases.
    """
    trained = [p for p in encoder.parameters() if p.requires_grad]
    seen = {id(parameter) for parameter in encoder.parameters()}
    others = [p for module in modules for p in module.parameters() if id(p) not in seen]
    groups = []
    for parameters, rate in ((trained, encoder_lr), (others, other_lr)):
        for decays in (True, False):
            members = [parameter for parameter in parameters if (parameter.ndim > 1) == decays]
            decay = weight_decay if decays else 0.0
            groups.append({"params": members, "peak_lr": rate, "weight_decay": decay})
    return torch.optim.AdamW(groups, lr=other_lr, fused=True)


@torch.no_grad()
def update_ema(ema: dict[str, Tensor], generator: nn.Module, decay: float, step: int) -> None:
    """Moves the smoothed weights towards the current ones; faster in the first steps."""
    decay = min(decay, (step + 1) / (step + 10))
    state = generator.state_dict()
    smooth = [key for key, value in state.items() if value.is_floating_point()]
    torch._foreach_lerp_([ema[key] for key in smooth], [state[key] for key in smooth], 1 - decay)
    for key in state.keys() - set(smooth):
        ema[key].copy_(state[key])


@torch.no_grad()
def settle_norms(
    generator: nn.Module,
    weights: dict[str, Tensor],
    batches: Iterable[Tensor | tuple[Tensor, ...]],
) -> dict[str, Tensor]:
    """`weights` with BatchNorm statistics measured anew, on `batches` of inputs or tuples of them.

    Smoothed weights see other activations than the ones of any single step: with the smoothed
    statistics of those steps, whole pictures came out blue (compare SWA, arXiv 1803.05407,
    section 3.2). `generator` is left with the result; norms that it freezes stay.
    """
    generator.load_state_dict(weights)
    generator.train()
    norms = [m for m in generator.modules() if isinstance(m, nn.BatchNorm2d) and m.training]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain average over the batches
    for batch in batches:
        generator(*batch) if isinstance(batch, tuple) else generator(batch)
    generator.eval()
    return generator.state_dict()


def require_finite(
    losses: dict[str, Tensor], step: int, gradient: Tensor | None = None
) -> dict[str, float]:
    """The losses' values. Raises TrainingDiverged when one, or the gradient's norm, is no number.

    All are read at once: on a GPU each reading waits for everything before it.
    """
    numbers = [value.detach().float() for value in losses.values()]
    if gradient is not None:
        numbers.append(gradient.float())
    numbers = torch.stack(numbers).tolist()
    for name, value in zip(losses, numbers, strict=False):
        if not math.isfinite(value):
            raise TrainingDiverged(
                f"The {name} loss is {value} at step {step}; the last checkpoint is kept."
            )
    if not math.isfinite(numbers[-1]):
        raise TrainingDiverged(
            f"The gradient is no number at step {step}; the last checkpoint is kept."
        )
    return dict(zip(losses, numbers, strict=False))


class Clock:
    """Seconds spent in the named parts of a step, while it is switched on."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self.is_on, self.time = False, time.perf_counter
        self.seconds: dict[str, float] = {}

    def wait(self) -> None:
        """Until a GPU is done with what it was given."""
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        if not self.is_on:
            yield
            return
        self.wait()
        start = self.time()
        yield
        self.wait()
        self.seconds[name] = self.seconds.get(name, 0.0) + self.time() - start


class StopRequest:
    """True after SIGTERM or SIGINT, so that the loop can save before it ends."""

    def __init__(self) -> None:
        self._asked = False
        signal.signal(signal.SIGTERM, self._ask)
        signal.signal(signal.SIGINT, self._ask)

    def _ask(self, *_: object) -> None:
        self._asked = True

    def __bool__(self) -> bool:
        return self._asked


class Progress:
    """One line: step, smoothed losses, pictures per second, minutes left."""

    def __init__(self, step: int, steps: int, batch: int) -> None:
        self._first, self._steps, self._batch = step, steps, batch
        self._smooth: dict[str, float] = {}
        self.restart()

    def restart(self) -> None:
        """What is timed begins now."""
        self._start = time.monotonic()

    def show(self, step: int, losses: dict[str, float]) -> None:
        """Writes the line to standard error, over the last one on a terminal."""
        for name, value in losses.items():
            self._smooth[name] = 0.6 * self._smooth.get(name, value) + 0.4 * value
        seconds = (time.monotonic() - self._start) / max(1, step - self._first)
        values = "  ".join(f"{name} {value:.4f}" for name, value in self._smooth.items())
        line = (
            f"step {step}/{self._steps}  {values}  {self._batch / seconds:.1f} pictures/s  "
            f"{seconds * (self._steps - step) / 60:.0f} min left"
        )
        sys.stderr.write(f"\r{line}\033[K" if sys.stderr.isatty() else line + "\n")
        sys.stderr.flush()


class Timer:
    """True once every `seconds`, when asked."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._due = time.monotonic() + seconds

    def due(self) -> bool:
        if time.monotonic() < self._due:
            return False
        self._due = time.monotonic() + self._seconds
        return True


def save_sheet(path: Path, rows: Iterable[Iterable[Tensor]], gap: int = 4) -> None:
    """A contact sheet: rows of pictures (3, h, w) in [0, 1], encoded sRGB, top-left aligned."""
    cells = [
        [(picture.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy() for picture in row]
        for row in rows
    ]
    height = max(cell.shape[0] for row in cells for cell in row) + gap
    width = max(cell.shape[1] for row in cells for cell in row) + gap
    sheet = np.full((height * len(cells), width * max(map(len, cells)), 3), 255, np.uint8)
    for y, row in enumerate(cells):
        for x, cell in enumerate(row):
            top, left = y * height, x * width
            sheet[top : top + cell.shape[0], left : left + cell.shape[1]] = cell
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(sheet).save(path)
