"""Times and memory of the engine, printed as a table for each device.

    python -m benchmarks                        the default models on every device found
    python -m benchmarks --device cpu --repeat 7

The worker is measured as the plug-in meets it: a process of its own, pixels through pipes. Times
are the median of --repeat runs; the smallest and largest stand behind. What else runs on the
machine while this does shows in them: compare the rows of one run, not of two.
"""

import argparse
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np

from benchmarks.worker import Worker
from core.errors import LimnerError
from core.generator.catalog import Catalog, Model
from core.generator.generator import Generator, available_devices
from core.generator.sizes import legal_size
from core.raster.resample import fit_size

ONE_MP = (1200, 833)
LARGE = (6000, 4000)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--device", action="append", help="default: every one that is found")
    parser.add_argument("--model", default="", help="colouriser; default: the default one")
    parser.add_argument("--style", default="", help="painter; default: the default one")
    parser.add_argument("--repeat", type=int, default=5, help="runs a row (default 5)")
    parser.add_argument("--large", type=int, nargs=2, default=LARGE, metavar=("WIDTH", "HEIGHT"),
                        help="size of the large picture (default 6000 4000)")  # fmt: skip
    options = parser.parse_args()
    print_machine()
    try:
        colouriser = Catalog.read().find("colorize", options.model)
    except LimnerError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    painter = next((m for m in Catalog.read().models("stylize")
                    if options.style in ("", m.manifest.id)), None)  # fmt: skip
    failed = False
    for device in options.device or available_devices():
        try:
            measure_device(device, colouriser, painter, options.repeat, tuple(options.large))
        except (LimnerError, RuntimeError) as error:
            print(f"\n{device}: {error}")
            failed = True
    return 1 if failed else 0


def print_machine() -> None:
    """What the numbers were measured on."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    print(f"{platform.system()} {platform.machine()}, {cores} cores{load}, "
          f"Python {platform.python_version()}, NumPy {np.__version__}")  # fmt: skip


def measure_device(
    device: str, colouriser: Model, painter: Model | None, repeat: int, large: tuple[int, int]
) -> None:
    """Print the table of one device."""
    small_picture, large_picture = picture(*ONE_MP), picture(*large)
    grey = np.ascontiguousarray(large_picture[..., :1])
    name = colouriser.manifest.id
    Worker().__exit__()  # warms the disk's cache
    with Worker() as worker:
        worker.run("colorize", name, device, small_picture)
        report = worker.report
    print(f"\n{device}: {report['provider']}, {report['nodes']} nodes of {name}"
          + (f" ({report['reason']})" if report["reason"] else ""))  # fmt: skip

    starts, firsts = [], []
    for _ in range(repeat):
        with Worker() as worker:
            starts.append(worker.started_s)
            worker.run("colorize", name, device, small_picture)
            firsts.append(worker.since_start_s())
    row("worker, start to hello", starts, "at most 0.6 s")
    row("worker, start to first result of 1 MP", firsts)

    generator = Generator.open(colouriser, device)
    own = timed(lambda: run_once(generator, *ONE_MP), repeat)
    row("generator alone, at its work size", own)
    with Worker() as worker:
        worker.run("colorize", name, device, small_picture)
        runs = [worker.run("colorize", name, device, small_picture) for _ in range(repeat)]
    row("colorize 1 MP, warm worker", runs)
    beyond = statistics.median(runs) - statistics.median(own)
    row("  beyond the generator's own", [beyond], "at most 0.5 s")

    for label, pixels in (("RGB u8", large_picture), ("grey u8", grey)):
        totals, requests, cores, peaks = [], [], [], []
        for _ in range(repeat):
            with Worker() as worker:
                requests.append(worker.run("colorize", name, device, pixels))
                totals.append(worker.since_start_s())
                cores.append(worker.cpu_s() or float("nan"))
                peaks.append(worker.peak_mb() or float("nan"))
        size = f"{large[0] * large[1] / 1e6:.0f} MP {label}"
        row(f"colorize {size}, start to result", totals, "at most 3 s")
        row("  from request to result, with loading", requests)
        row("  worker's CPU time, all cores together", cores)
        row("  worker's peak memory", peaks, "at most 700 MB", "MB")

    if painter is not None:
        style = painter.manifest.id
        with Worker() as worker:
            worker.run("stylize", style, device, small_picture)
            runs = [worker.run("stylize", style, device, small_picture) for _ in range(repeat)]
            row(f"style 1 MP, {style} on {worker.report['provider']}", runs)


def run_once(generator: Generator, width: int, height: int) -> None:
    """The generator on grey noise of the size that a picture of that size is reduced to."""
    size = generator.manifest.size
    work = fit_size(width, height, size.work or max(width, height))
    columns, rows = legal_size(*work, size)
    generator.run(np.random.default_rng(0).uniform(0, 100, (1, 1, rows, columns)).astype("f4"))


def picture(width: int, height: int) -> np.ndarray:
    """A picture that no table or cache can make easy: soft shapes with grain, uint8 (H, W, 3)."""
    rng = np.random.default_rng(7)
    y, x = np.linspace(0, 9, height)[:, None, None], np.linspace(0, 12, width)[None, :, None]
    shapes = np.sin(x + np.arange(3)).astype(np.float32) * np.cos(y).astype(np.float32)
    pixels = (shapes * 100 + 128).astype(np.uint8)
    pixels += rng.integers(0, 24, pixels.shape, dtype=np.uint8)
    return pixels


def timed(function: Callable[[], None], repeat: int) -> list[float]:
    """Seconds of each of repeat calls, after one that is not counted."""
    function()
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return times


def row(label: str, values: list[float], limit: str = "", unit: str = "s") -> None:
    digits = 3 if unit == "s" else 0
    spread = f"{min(values):.{digits}f}..{max(values):.{digits}f}" if len(values) > 1 else ""
    middle = f"{statistics.median(values):.{digits}f} {unit}"
    print(f"  {label:<42}{middle:>10}  {spread:<16}{limit}")


if __name__ == "__main__":
    sys.exit(main())
