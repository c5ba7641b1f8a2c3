"""Time and memory of colouring a drawing: 2000 x 3000 pixels of line art with forty hints.

    python -m benchmarks.drawing                  the default model for drawings, and none
    python -m benchmarks.drawing --device cpu --repeat 5 --size 4000 6000

Each run is a process of its own. With a model it is a worker, spoken to through pipes, with the
layers of colours and lines coming back; without, areas, hints and layers alone are computed.
"""

import argparse
import multiprocessing
import resource
import sys
import time

import numpy as np

from benchmarks.__main__ import print_machine, row
from benchmarks.worker import Worker
from core.colorize.colorize import ColorizeSettings
from core.errors import LimnerError
from core.generator.catalog import Catalog
from core.image import Image
from core.request.work import Other
from core.sketch.sketch import color_sketch

HINTS = 40


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.drawing",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--model", default="", help="default: the default one")
    parser.add_argument("--repeat", type=int, default=3, help="runs a row (default 3)")
    parser.add_argument("--size", type=int, nargs=2, default=(2000, 3000),
                        metavar=("WIDTH", "HEIGHT"))  # fmt: skip
    options = parser.parse_args()
    print_machine()
    width, height = options.size
    runs = [alone(width, height) for _ in range(options.repeat)]
    print(f"\n{width} x {height} pixels of line art, {HINTS} hints")
    print_rows("areas, hints, layers; no model", runs)
    try:
        model = Catalog.read().find("sketch", options.model).manifest.id
    except LimnerError as error:
        print(f"  no model for drawings: {error}")
        return 0
    pixels, hint = line_art(width, height), hints(width, height)
    runs = []
    for _ in range(options.repeat):
        with Worker() as worker:
            seconds = worker.run("colorize", model, options.device, pixels, [hint])
            runs.append((seconds, worker.cpu_s() or float("nan"), worker.peak_mb() or 0.0))
    print_rows(f"{model} on {worker.report['provider']}, request to result", runs)
    return 0


def print_rows(label: str, runs: list[tuple[float, float, float]]) -> None:
    row(label, [run[0] for run in runs], "at most 4 s")
    row("  CPU time, all cores together", [run[1] for run in runs])
    row("  peak memory", [run[2] for run in runs], "at most 1000 MB", "MB")


def alone(width: int, height: int) -> tuple[float, float, float]:
    """(seconds, CPU seconds, MB at most) of a fresh process that uses no model."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_alone, (width, height))


def _alone(width: int, height: int) -> tuple[float, float, float]:
    image = Image(line_art(width, height))
    hint = Other("hint", Image(hints(width, height)))
    before, start = time.process_time(), time.perf_counter()
    color_sketch(image, None, ColorizeSettings(), lambda fraction, text: None, hint)
    seconds, cpu = time.perf_counter() - start, time.process_time() - before
    unit = 1 if sys.platform == "darwin" else 1024
    return seconds, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def line_art(width: int, height: int) -> np.ndarray:
    """Curves about 4 pixels wide that enclose some hundred areas, uint8 (H, W, 3)."""
    y, x = np.mgrid[:height, :width].astype(np.float32) / np.float32(max(width, height))
    field = np.zeros((height, width), np.float32)
    rng = np.random.default_rng(11)
    for _ in range(8):
        across, down = rng.uniform(-22, 22, 2).astype(np.float32)
        field += np.sin(x * across + y * down + np.float32(rng.uniform(0, 6.28)))
    steep = np.hypot(*np.gradient(field)) + np.float32(1e-6)
    apart = np.abs(field - np.round(field)) / steep
    ink = np.clip(2.5 - apart, 0, 1)
    return ((1 - ink) * 255).astype(np.uint8)[..., None].repeat(3, axis=2)


def hints(width: int, height: int) -> np.ndarray:
    """A transparent layer with dabs, uint8 (H, W, 4)."""
    layer = np.zeros((height, width, 4), np.uint8)
    rng = np.random.default_rng(12)
    for _ in range(HINTS):
        left, top = int(rng.uniform(0, width - 30)), int(rng.uniform(0, height - 30))
        layer[top : top + 30, left : left + 30, :3] = rng.integers(0, 256, 3)
        layer[top : top + 30, left : left + 30, 3] = 255
    return layer


if __name__ == "__main__":
    sys.exit(main())
