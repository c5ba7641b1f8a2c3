"""Run the shipped models on WebGPU and on the CPU, through core.generator; the chroot's Python.

Writes /limner/out/webgpu.json: for each task the providers that really ran and how far their
results lie apart.
"""

import json
import sys
import time

import numpy as np

sys.path.insert(0, "/limner/repository")

from core.catalog import SHIPPED, Catalog  # noqa: E402
from core.generator import Generator  # noqa: E402

SIDE = 128
"""Of the square picture: the software GPU takes about 30 times the CPU's time."""


def main():
    reports = {task: compare(task) for task in ("colorize", "stylize")}
    with open("/limner/out/webgpu.json", "w") as stream:
        json.dump(reports, stream)


def compare(task):
    model = Catalog.read((SHIPPED,)).find(task)
    picture = smooth_noise(3 if task == "stylize" else 1)
    if task == "colorize":
        picture = picture * 100  # L*
    report, results = {}, {}
    for device in ("webgpu", "cpu"):
        generator = Generator.open(model, device)
        started = time.monotonic()
        results[device] = generator.run(picture)
        print(task, device, generator.report(), f"{time.monotonic() - started:.2f} s")
        report["provider" if device == "webgpu" else "cpu_provider"] = generator.provider
    report["largest_difference"] = float(np.abs(results["webgpu"] - results["cpu"]).max())
    report["range"] = float(np.ptp(results["cpu"]))
    print(task, report)
    return report


def smooth_noise(channels):
    """(1, channels, SIDE, SIDE) float32 0..1 with shapes of several sizes in it."""
    random = np.random.default_rng(1)
    total = np.zeros((channels, SIDE, SIDE))
    for cells in (4, 16, 64):
        coarse = random.random((channels, cells, cells))
        total += np.kron(coarse, np.ones((SIDE // cells, SIDE // cells)))
    return (total / 3)[None].astype(np.float32)


main()
