"""Times, memory and seams of Apply Style, printed as a table.

    python -m benchmarks.style                             the default painter
    python -m benchmarks.style --model any-style-v1 --style picture.jpg
    python -m benchmarks.style --seams --rows 12           tiles against the whole; 12 MP rows

Each row is a worker process of its own, fed through pipes, model loaded and all. CPU time stands
beside the time: on a machine that does other things too, the row's own work divided by the cores is
what an idle one would take at best. The curve is the worker's memory over its run.
"""

import argparse
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.__main__ import picture, print_machine
from benchmarks.worker import Worker
from core.generator.catalog import Catalog
from core.generator.generator import Generator
from core.image import Image
from core.style import tiles
from core.style.stylize import StylizeSettings, paint

SIZES = {
    "512": ((512, 512), 1.0, "at most 0.4 s"),
    "12": ((4000, 3000), 0.0, "at most 14 s, 1 GB"),
    "12-finest": ((4000, 3000), 1.0, "at most 30 s, 1 GB"),
    "100": ((10000, 10000), 0.0, "under 1.5 GB"),
    "100-finest": ((10000, 10000), 1.0, "under 1.5 GB"),
}
"""Name of a row -> (size, brush size, limit on two cores)."""

DOTS = 12
"""Points of a memory curve that are printed."""


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.style",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--model", default="", help="default: the default painter")
    parser.add_argument("--models", type=Path, help="folder of models instead of the installed")
    parser.add_argument("--style", action="append", default=[], help="style picture, a file")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rows", nargs="*", default=list(SIZES), choices=list(SIZES))
    parser.add_argument("--seams", action="store_true", help="compare tiles with the whole")
    parser.add_argument("--seams-size", type=int, nargs=2, default=(4000, 3000))
    options = parser.parse_args()
    folders = (options.models,) if options.models else None
    model = Catalog.read(folders).find("stylize", options.model)
    files = [{"path": str(Path(file).absolute())} for file in options.style]
    print_machine()
    print(f"{model.manifest.id} on {options.device}")
    for name in options.rows:
        size, brush_size, limit = SIZES[name]
        params: dict[str, Any] = {"brush_size": brush_size, "styles": files}
        measure(name, picture(*size), model.manifest.id, params, limit, options)
    if options.seams:
        generator = Generator.open(model, options.device)
        compare(generator, picture(*options.seams_size), files)
    return 0


def measure(
    name: str,
    pixels: np.ndarray,
    model: str,
    params: dict[str, Any],
    limit: str,
    options: argparse.Namespace,
) -> None:
    """Print one row. The first request of a worker is a tiny one, so that the model is loaded."""
    with Worker(models=options.models) as worker:
        worker.run("stylize", model, options.device, pixels[:64, :64].copy(), params=params)
        before = worker.cpu_s() or 0.0
        curve: list[float] = []
        done = threading.Event()
        watch = threading.Thread(target=_watch, args=(worker, curve, done))
        watch.start()
        seconds = worker.run("stylize", model, options.device, pixels, params=params)
        done.set()
        watch.join()
        cpu_s = (worker.cpu_s() or 0.0) - before
        peak = worker.peak_mb() or float("nan")
        tiles, brush_size = worker.report["tiles"], worker.report["brush_size"]
    height, width = pixels.shape[:2]
    print(
        f"  {name:<11}{width}×{height}  brush {brush_size:g}, {tiles} tiles  {seconds:7.2f} s  "
        f"CPU {cpu_s:6.2f} s  peak {peak:5.0f} MB   ({limit})",
        flush=True,
    )
    if width * height > 10_000_000 and curve:
        at = np.linspace(0, len(curve) - 1, DOTS).astype(int)
        print("    memory, MB: " + " ".join(f"{curve[i]:.0f}" for i in at), flush=True)


def _watch(worker: Worker, curve: list[float], done: threading.Event) -> None:
    while not done.wait(0.2):
        curve.append(worker.memory_mb())


def compare(generator: Generator, pixels: np.ndarray, files: list[dict[str, str]]) -> None:
    """Print how far tiles are from the whole, painted separately at brush size 1, before the
    rounding to 8 bits.
    """
    image = Image(pixels.astype(np.float32) / np.float32(255))
    settings = StylizeSettings(brush_size=1, styles=tuple(files))
    tiled = paint(image, generator, settings, lambda *step: None)
    side, tiles.TILE_SIDE = tiles.TILE_SIDE, 1 << 20
    try:
        whole = paint(image, generator, settings, lambda *step: None)
    finally:
        tiles.TILE_SIDE = side
    difference = tiled.image.pixels - whole.image.pixels
    squares = float((difference.astype(np.float64) ** 2).mean())
    decibel = 10 * np.log10(1 / squares) if squares else float("inf")
    print(
        f"  {tiled.tiles} tiles against {whole.tiles}, {image.width}×{image.height}: "
        f"{decibel:.1f} dB PSNR, largest difference {np.abs(difference).max():.1e}"
    )


if __name__ == "__main__":
    sys.exit(main())
