"""The WebGPU execution provider, for real, on the software Vulkan of the trixie chroot.

The wheel onnxruntime-webgpu has the provider built in; the plug-in form that install.py offers
shows a device only where the kernel knows a GPU. What is proven here: core.generator takes the
provider, it runs the shipped graphs, and its numbers are the CPU's.
"""

import json
from typing import Any

import pytest

from core.generator.catalog import SHIPPED, Catalog
from tests.gimp.chroot import suites
from tests.gimp.session import INSIDE, INSTALL_LIMIT_S, Session

pytestmark = [
    pytest.mark.gimp,
    pytest.mark.skipif("trixie" not in suites(), reason="Needs the suite trixie: its Vulkan."),
]

RUNTIME = "onnxruntime-webgpu==1.27.0"
LIMIT_S = 600  # a software GPU, on a machine that may have other work
PYTHON = "/limner/webgpu/bin/python"
MODELS = [
    f"{model.manifest.id}/{graph.name}".rstrip("/")
    for model in Catalog.read((SHIPPED,)).models()
    for graph in model.manifest.graphs
]

TOLERANCE = 1e-3
"""Largest difference to the CPU, as a share of the output's range. Measured: 1e-6 to 1e-5.

Convolutions whose channels are no multiple of four, which this provider computes wrongly, gave 0.7
of the range; see whole_vectors in export/onnx/graph.py.
"""

Reports = dict[str, Any]


@pytest.fixture(scope="module")
def reports(trixie: Session) -> Reports:
    """What inside/webgpu.py found out, by graph."""
    chroot = trixie.chroot
    make = "python3 -m venv /limner/webgpu && /limner/webgpu/bin/pip install -q numpy " + RUNTIME
    chroot.run(["sh", "-c", make], "webgpu-install.log", INSTALL_LIMIT_S)
    chroot.run([PYTHON, f"{INSIDE}/webgpu.py"], "webgpu.log", LIMIT_S)
    return json.loads((trixie.out / "webgpu.json").read_text())


@pytest.mark.parametrize("graph", MODELS)
def test_webgpu_is_what_ran(reports: Reports, graph: str):
    assert reports[graph]["provider"] == "WebGpuExecutionProvider"
    assert reports[graph]["cpu_provider"] == "CPUExecutionProvider"


@pytest.mark.parametrize("graph", MODELS)
def test_webgpu_gives_the_cpus_numbers(reports: Reports, graph: str):
    for role, width in reports[graph]["range"].items():
        assert width > 0  # it is no constant
        assert reports[graph]["difference"][role] < TOLERANCE * width, role


def test_colouring_before_painting_stays_on_the_device(reports: Reports):
    """What the colouriser said, and the coloured picture, are in its memory, not the processor's;
    and the painting is the one that NumPy and the processor give.
    """
    report = reports["colored and painted"]
    assert "cpu" not in report["kept"] and len(report["kept"]) == 2
    assert report["chroma"] > 0.02 and report["range"] > 0.5
    assert report["colored"] < TOLERANCE
    assert report["painted"] < TOLERANCE * report["range"]
