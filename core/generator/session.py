"""Sessions of ONNX Runtime and the devices that they run on.

The only file that imports onnxruntime. Where a session really runs is read back from the session
itself, node by node. Runtime's exceptions become ours in one place, `translated`.
"""

import importlib
import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

# Official builds of ONNX Runtime make a device id and report to Microsoft unless this is set
# before they are loaded (their Privacy.md); pictures are worked on by this machine alone.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from core.errors import DeviceUnavailable, ModelCorrupt, ModelUnsupported, OutOfMemory

PROVIDERS = {
    "cuda": "CUDAExecutionProvider",
    "migraphx": "MIGraphXExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "webgpu": "WebGpuExecutionProvider",
    "cpu": "CPUExecutionProvider",
}
"""Device names of the user -> execution providers, in the order in which auto tries them."""

DEVICES = ("auto", *PROVIDERS)

_PLUGIN_PACKAGES = {"webgpu": "onnxruntime_ep_webgpu"}
"""Providers that come as a library of their own, to be registered with the runtime."""

_CPU = PROVIDERS["cpu"]


@dataclass(frozen=True)
class Signature:
    """What a graph says of itself.

    Attributes:
        inputs, outputs: (name, shape, type) each, as ONNX Runtime tells them; an axis of the
            shape is a number, a name or None.
        producer: which program wrote it.
        facts: its own remarks, for instance "license".
    """

    inputs: tuple[tuple[str, tuple[Any, ...], str], ...]
    outputs: tuple[tuple[str, tuple[Any, ...], str], ...]
    producer: str
    facts: dict[str, str]


def read_signature(content: bytes, title: str) -> Signature:
    """The inputs and outputs of a graph of which there is no manifest yet.

    Raises:
        ModelCorrupt: these bytes are no ONNX graph.
        ModelUnsupported: it has operators unknown here, or weights in other files.
    """
    session = start_session(content, title, "cpu", 0)
    about = session.get_modelmeta()
    sides = (session.get_inputs(), session.get_outputs())
    inputs, outputs = (tuple((v.name, tuple(v.shape), v.type) for v in side) for side in sides)
    return Signature(inputs, outputs, about.producer_name, dict(about.custom_metadata_map))


def available_devices() -> tuple[str, ...]:
    """Names of DEVICES whose provider is installed, fastest first; always ends with cpu."""
    built_in = ort.get_available_providers()
    return tuple(
        name
        for name, provider in PROVIDERS.items()
        if provider in built_in or (name in _PLUGIN_PACKAGES and _plugin_library(name))
    )


@contextmanager
def translated(title: str) -> Iterator[None]:
    """Turn ONNX Runtime's exceptions into ours. The most specific comes first."""
    try:
        yield
    except MemoryError as error:
        raise OutOfMemory(f"There is not enough memory to run '{title}'.") from error
    except ort_errors.EPFail as error:
        raise DeviceUnavailable(
            f"The graphics device failed while running '{title}' ({_first_line(error)})."
        ) from error
    except (ort_errors.InvalidProtobuf, ort_errors.NoSuchFile, ort_errors.NoModel) as error:
        raise ModelCorrupt(f"The weights of '{title}' are damaged.") from error
    except (
        ort_errors.InvalidGraph,
        ort_errors.NotImplemented,
        ort_errors.InvalidArgument,
    ) as error:
        raise ModelUnsupported(
            f"The model '{title}' cannot be run here ({_first_line(error)})."
        ) from error
    except _OTHER_ERRORS as error:
        text = str(error).lower()
        if any(word in text for word in ("memory", "alloc")):
            raise OutOfMemory(f"There is not enough memory to run '{title}'.") from error
        raise ModelUnsupported(
            f"The model '{title}' cannot be run here ({_first_line(error)})."
        ) from error


_OTHER_ERRORS = tuple(
    getattr(ort_errors, name)
    for name in (
        "InvalidGraph",
        "InvalidArgument",
        "NotImplemented",
        "DeviceReset",
        "Fail",
        "RuntimeException",
        "EngineError",
        "ModelLoaded",
        "ModelLoadCanceled",
        "ModelRequiresCompilation",
        "NotFound",
    )
    if hasattr(ort_errors, name)  # the accelerators' runtimes are older and lack some
)


def start_session(
    graph: bytes, title: str, device: str, threads: int, exact: bool = False
) -> ort.InferenceSession:
    """A session that runs something on that device, perhaps.

    Args:
        exact: NVIDIA's cards may not round to ten bits (TF32) in between: differences of large
            numbers are taken.
    """
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.enable_mem_pattern = False  # a plan kept beside the arena: half as much memory again
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    with tempfile.TemporaryDirectory(prefix="limner-") as nothing:
        # Weights outside the .onnx file are refused: they are looked for in an empty folder.
        options.add_session_config_entry(
            "session.model_external_initializers_file_folder_path", nothing
        )
        providers: Any = _choose_provider(options, device)
        if exact and device == "cuda" and providers:
            providers = [(providers[0], {"use_tf32": "0"}), *providers[1:]]
        with translated(title):
            try:
                session = ort.InferenceSession(graph, options, providers=providers)
            except (ort_errors.Fail, ort_errors.RuntimeException, RuntimeError) as error:
                if device == "cpu":
                    raise
                raise DeviceUnavailable(
                    f"{PROVIDERS[device]} cannot be started ({_first_line(error)})."
                ) from error
    return session


def _choose_provider(options: ort.SessionOptions, device: str) -> list[str] | None:
    """The providers for a session; None where they were put into the options."""
    provider = PROVIDERS[device]
    if provider in ort.get_available_providers():
        return [provider] if device == "cpu" else [provider, _CPU]
    library = _plugin_library(device) if device in _PLUGIN_PACKAGES else ""
    if not library:
        raise DeviceUnavailable(f"{provider} is not installed.")
    devices = [d for d in _plugin_devices(device, library) if d.ep_name == provider]
    if not devices:
        raise DeviceUnavailable(f"{provider} finds no graphics device.")
    options.add_provider_for_devices(devices[:1], {})
    return None


def _plugin_library(device: str) -> str:
    """Path of a provider's own library; empty where its package is not installed."""
    try:
        return importlib.import_module(_PLUGIN_PACKAGES[device]).get_library_path()
    except (ImportError, RuntimeError):
        return ""


def _plugin_devices(device: str, library: str) -> list[Any]:
    """Devices that the runtime knows, with the provider's library registered."""
    if not any(d.ep_name == PROVIDERS[device] for d in ort.get_ep_devices()):
        try:
            ort.register_execution_provider_library(device, library)
        except (ort_errors.Fail, ort_errors.RuntimeException, RuntimeError) as error:
            # "already registered" leaves the list of devices as it is, which is then empty
            if "already" not in str(error):
                raise DeviceUnavailable(
                    f"{PROVIDERS[device]} cannot be loaded ({_first_line(error)})."
                ) from error
    return list(ort.get_ep_devices())


def nodes_by_provider(session: ort.InferenceSession) -> Counter[str]:
    """How many nodes of the optimised graph each execution provider took.

    Runtimes before 1.24 do not tell; there the provider listed first counts as one node.
    """
    nodes: Counter[str] = Counter()
    if hasattr(session, "get_provider_graph_assignment_info"):
        for part in session.get_provider_graph_assignment_info():
            nodes[part.ep_name] += len(part.get_nodes())
    return nodes or Counter([session.get_providers()[0]])


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".")[:200]
