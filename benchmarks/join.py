"""What lies between a colouriser and a painter, as NumPy computes it and as the graph does.

    python -m benchmarks.join                      on the processor
    python -m benchmarks.join --device webgpu      the graph on that device

For each size the median seconds of one picture, colours at hand, its sRGB wanted: NumPy on one
thread (as a film's frame has it); the graph with what comes out of it left where it is, and with it
fetched. Seconds of CPU stand beside those of the wall.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np

from benchmarks.__main__ import picture, print_machine
from core.errors import LimnerError
from core.generator.catalog import Catalog
from core.generator.generator import Generator
from core.image import Image
from core.raster import bands
from core.style.device_join import Join
from core.style.painter_input import Colored
from core.style.tiling import Rect

SIZES = ((320, 180), (854, 480), (896, 896))
"""Frames of films, and the largest tile."""


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.join",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    print_machine()
    bands.limit_threads(1)
    catalog = Catalog.read()
    try:
        colorist, painter = (
            Generator.open(catalog.find(task), options.device, threads=1)
            for task in ("colorize", "stylize")
        )
    except LimnerError as error:
        print(error)
        return 1
    join = Join.beside(painter)
    if join is None:
        print(f"{painter.provider} cannot run the graph; NumPy is used.")
        return 1
    print(f"colours by {colorist.provider}, the graph on {painter.provider}, one thread")
    print(f"  {'size':11}{'NumPy':>18}{'graph, left there':>22}{'graph, fetched':>20}")
    for width, height in SIZES:
        image = Image(np.ascontiguousarray(picture(width, height)[..., :1]))
        source = Colored.predict(image, colorist)
        place = Rect(0, 0, width, height)
        ways: tuple[Callable[[], object], ...] = (
            lambda source=source, place=place: source.read(place),
            lambda source=source, place=place: join.color([source], place),
            lambda source=source, place=place: join.color([source], place).array(),
        )
        cells = [_seconds(way, options.repeat) for way in ways]
        print(f"  {f'{width}×{height}':11}" + "".join(
            f"{wall:9.3f} CPU {cpu:5.3f}" for wall, cpu in cells), flush=True)  # fmt: skip
    return 0


def _seconds(work: Callable[[], object], repeat: int) -> tuple[float, float]:
    """Median seconds of the wall and of the CPU."""
    work()
    walls, cpus = [], []
    for _ in range(repeat):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return statistics.median(walls), statistics.median(cpus)


if __name__ == "__main__":
    sys.exit(main())
