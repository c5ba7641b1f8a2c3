"""Run every graph of the shipped models on WebGPU and on the CPU, through core.generator; the
chroot's Python.

Then a grey picture is coloured and painted on WebGPU, nothing of it coming back in between.

Writes /limner/out/webgpu.json: for each graph the providers that really ran and how far their
results lie apart; "colored and painted": the same of the whole way.
"""

import json
import sys
import time

import numpy as np

sys.path.insert(0, "/limner/repository")

from core.generator.catalog import SHIPPED, Catalog  # noqa: E402
from core.generator.generator import Generator  # noqa: E402
from core.generator.manifest import SPACES  # noqa: E402
from core.image import Image  # noqa: E402
from core.style.device_join import Join  # noqa: E402
from core.style.painter_input import Colored  # noqa: E402
from core.style.tiling import Rect  # noqa: E402

SIDE = 128
"""Of the square picture: the software GPU takes about 30 times the CPU's time."""


def main():
    reports = {}
    for model in Catalog.read((SHIPPED,)).models():
        reports.update(compare(model))
    reports["colored and painted"] = color_and_paint()
    with open("/limner/out/webgpu.json", "w") as stream:
        json.dump(reports, stream)


def compare(model):
    """Reports by "id" or "id/part"; parts first, for the main graph takes their results."""
    manifest = model.manifest
    gpu, cpu = (Generator.open(model, device) for device in ("webgpu", "cpu"))
    between, reports = {}, {}
    for graph in reversed(manifest.graphs):
        inputs = {t.role: between.get(t.role, made(t)) for t in graph.inputs}
        results = []
        for generator in (gpu, cpu):
            started = time.monotonic()
            results.append(generator.run_all(inputs, part=graph.name))
            print(manifest.id, graph.name, generator.report(), time.monotonic() - started)
        for role, expected in results[1].items():
            mean = expected.mean(axis=(2, 3)) if role == "features" else expected
            between[role] = mean.astype(np.float32)
        name = f"{manifest.id}/{graph.name}".rstrip("/")
        reports[name] = {
            "provider": gpu.provider,
            "cpu_provider": cpu.provider,
            "task": manifest.task,
            "difference": {
                r: float(np.abs(results[0][r] - a).max()) for r, a in results[1].items()
            },
            "range": {r: float(np.ptp(a)) for r, a in results[1].items()},
        }
        print(name, reports[name])
    return reports


def color_and_paint():
    """The shipped colouriser and painter on WebGPU, joined there, against NumPy and the CPU."""
    catalog = Catalog.read((SHIPPED,))
    tasks = ("colorize", "stylize")
    color, paint = (Generator.open(catalog.find(task), "webgpu") for task in tasks)
    color_cpu, paint_cpu = (Generator.open(catalog.find(task), "cpu") for task in tasks)
    image = Image((smooth_noise(1)[0].transpose(1, 2, 0) * 65535).astype(np.uint16))
    place = Rect(0, 0, SIDE, SIDE)
    source = Colored.predict(image, color, keep=True)
    joined = Join.beside(paint).color([source], place)
    painted = paint.run_all({"picture": joined}, ("picture",))["picture"]
    wanted = np.clip(Colored.predict(image, color_cpu).read(place), 0, 1)[None]
    expected = paint_cpu.run_all({"picture": wanted}, ("picture",))["picture"]
    report = {
        "kept": [kept.where for kept in (source.coloring.ab, joined)],
        "colored": float(np.abs(joined.array() - wanted).max()),
        "painted": float(np.abs(painted - expected).max()),
        "range": float(np.ptp(expected)),
        "chroma": float(np.ptp(wanted, axis=1).mean()),
    }
    print("colored and painted", report)
    return report


def made(tensor):
    """Something for an input: shapes in the range of its space; a few hints; the same noise."""
    if tensor.layout == "NC":
        return np.random.default_rng(2).normal(0, 1, (1, tensor.channels)).astype(np.float32)
    _, lowest, highest = SPACES[tensor.space]
    picture = smooth_noise(tensor.channels) * (highest - lowest) + lowest
    if tensor.role == "hint-mask":
        return (picture > 0.9).astype(np.float32)
    return picture.astype(np.float32)


def smooth_noise(channels):
    """(1, channels, SIDE, SIDE) float32 0..1 with shapes of several sizes in it."""
    random = np.random.default_rng(1)
    total = np.zeros((channels, SIDE, SIDE))
    for cells in (4, 16, 64):
        coarse = random.random((channels, cells, cells))
        total += np.kron(coarse, np.ones((SIDE // cells, SIDE // cells)))
    return (total / 3)[None].astype(np.float32)


main()
