"""A generator: one ONNX Runtime session behind arrays in the units of colour.

The only file that imports onnxruntime. Where the session really runs is read back from the
session itself, node by node; a fallback carries its reason. Runtime's exceptions become ours in
one place, `translated`.
"""

import importlib
import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

# Official builds of ONNX Runtime make a device id and report to Microsoft unless this is set
# before they are loaded (their Privacy.md); pictures are worked on by this machine alone.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from core.catalog import Model
from core.errors import (
    DeviceUnavailable,
    ModelCorrupt,
    ModelUnsupported,
    OutOfMemory,
)
from core.manifest import TensorSpec

Array = np.ndarray

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

RECALLED_BYTES = 4 << 20
"""Largest input that is remembered: a preview's, not a whole picture's."""


class Generator:
    """A model loaded and ready to run. Make one with Generator.open.

    Attributes:
        model: what it was opened from.
        provider: the execution provider that runs most of the graph, by its ONNX Runtime name.
        reason: why it is not a faster one; empty where nothing else was wanted.
        recall: whether `run` remembers its last small input, so that the same one is answered
            without inference. Previews ask for it: moving a slider changes what is done with
            the output, not the output.
        recalled: whether the last `run` was answered so.
    """

    def __init__(self, model: Model, session: ort.InferenceSession, reason: str) -> None:
        self.model = model
        self.manifest = model.manifest
        self.reason = reason
        self.nodes = _nodes_by_provider(session)
        self.provider = self.nodes.most_common(1)[0][0]
        self.recall = False
        self.recalled = False
        self._session = session
        self._last: tuple[Array, Array] | None = None

    @classmethod
    def open(cls, model: Model, device: str = "auto", threads: int = 0) -> "Generator":
        """Check a model's weights and make a session for them.

        Args:
            model: from the catalog.
            device: one of DEVICES. "auto" takes the first provider that works and ends at the
                CPU; any other is taken or refused.
            threads: threads of the CPU provider; 0 leaves it to the runtime.

        Raises:
            ModelCorrupt: the weights are damaged or not those of the manifest.
            ModelUnsupported: they need something that this runtime does not have.
            DeviceUnavailable: the device that was asked for cannot be used.
        """
        if device not in DEVICES:
            raise DeviceUnavailable(f"There is no device '{device}' (known: {', '.join(DEVICES)}).")
        model.verify()
        graph = model.path.read_bytes()
        if device != "auto":
            return cls(model, _session(model, graph, device, threads), "")
        reason = ""
        for name in available_devices():
            try:
                return cls(model, _session(model, graph, name, threads), reason)
            except (DeviceUnavailable, OutOfMemory) as error:
                reason = reason or error.sentence
        raise DeviceUnavailable("No execution provider could be started.")

    def run(self, array: Array) -> Array:
        """Run the graph once.

        Args:
            array: float32 (1, C, H, W) in the units of the input's space: L* 0..100, or
                sRGB-encoded red, green, blue 0..1. H and W must suit manifest.size.

        Returns:
            float32 (1, C, h, w) in the units of the output's space: ab ±110, or red, green,
            blue 0..1, not clipped. h and w are the graph's own.

        Raises:
            OutOfMemory: the device's memory is exhausted; a smaller tile may do.
            ModelCorrupt: the output is not finite or has other channels than promised.
        """
        last, self._last = self._last, None
        self.recalled = self.recall and last is not None and np.array_equal(last[0], array)
        result = last[1] if self.recalled and last is not None else self._infer(array)
        if self.recall and array.nbytes <= RECALLED_BYTES:
            result.setflags(write=False)
            self._last = (array.copy(), result)
        return result

    def _infer(self, array: Array) -> Array:
        wanted, given = self.manifest.inputs[0], self.manifest.outputs[0]
        with translated(self.manifest.title):
            (output,) = self._session.run([given.name], {wanted.name: to_graph(array, wanted)})
        result = from_graph(np.asarray(output), given, self.manifest.title)
        if not np.isfinite(result).all():
            raise ModelCorrupt(
                f"The model '{self.manifest.title}' returned values that are no numbers "
                f"on {self.provider}.",
                "Choose the device 'cpu'; if that fails too, run install.py again.",
            )
        return result

    def report(self) -> dict[str, Any]:
        """What the user is told of where this ran: provider, its share of nodes, reason; and
        which weights they were.
        """
        total = sum(self.nodes.values())
        return {
            "model": self.manifest.id,
            "sha256": self.manifest.sha256,
            "provider": self.provider,
            "nodes": f"{self.nodes[self.provider]} of {total}",
            "reason": self.reason,
        }


def available_devices() -> tuple[str, ...]:
    """Names of DEVICES whose provider is installed, fastest first; always ends with cpu."""
    built_in = ort.get_available_providers()
    return tuple(
        name
        for name, provider in PROVIDERS.items()
        if provider in built_in or (name in _PLUGIN_PACKAGES and _plugin_library(name))
    )


def to_graph(array: Array, spec: TensorSpec) -> Array:
    """Array (1, C, H, W) in the space's units -> the graph's range, layout and channel order."""
    factor, offset = spec.scale()
    if (factor, offset) != (1.0, 0.0):
        array = array * np.float32(factor) + np.float32(offset)
    if spec.space == "srgb-bgr":
        array = array[:, ::-1]
    if spec.layout == "NHWC":
        array = array.transpose(0, 2, 3, 1)
    return np.ascontiguousarray(array, np.float32)


def from_graph(array: Array, spec: TensorSpec, title: str) -> Array:
    """The inverse of to_graph, for an output of the graph. Raises ModelCorrupt."""
    if array.ndim == 4 and spec.layout == "NHWC":
        array = array.transpose(0, 3, 1, 2)
    if array.ndim != 4 or array.shape[:2] != (1, spec.channels):
        raise ModelCorrupt(
            f"The model '{title}' returned an array of shape {array.shape} "
            f"where its manifest promises {spec.channels} channels."
        )
    if spec.space == "srgb-bgr":
        array = array[:, ::-1]
    factor, offset = spec.scale()
    if (factor, offset) == (1.0, 0.0):
        return array.astype(np.float32, copy=False)
    return (array.astype(np.float32) - np.float32(offset)) / np.float32(factor)


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


def _session(model: Model, graph: bytes, device: str, threads: int) -> ort.InferenceSession:
    """A session on exactly that device. Raises DeviceUnavailable, ModelCorrupt, …"""
    title = model.manifest.title
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    with tempfile.TemporaryDirectory(prefix="limner-") as nothing:
        # Weights outside the .onnx file are refused: they are looked for in an empty folder.
        options.add_session_config_entry(
            "session.model_external_initializers_file_folder_path", nothing
        )
        providers = _choose_provider(options, device)
        with translated(title):
            try:
                session = ort.InferenceSession(graph, options, providers=providers)
            except (ort_errors.Fail, ort_errors.RuntimeException, RuntimeError) as error:
                if device == "cpu":
                    raise
                raise DeviceUnavailable(
                    f"{PROVIDERS[device]} cannot be started ({_first_line(error)})."
                ) from error
    if device != "cpu" and PROVIDERS[device] not in _nodes_by_provider(session):
        raise DeviceUnavailable(f"{PROVIDERS[device]} runs no part of '{title}' on this machine.")
    _check_names(model, session)
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


def _check_names(model: Model, session: ort.InferenceSession) -> None:
    """Hold the graph to the names that its manifest gives. Raises ModelCorrupt."""
    inputs = {value.name for value in session.get_inputs()}
    outputs = {value.name for value in session.get_outputs()}
    described = {spec.name for spec in model.manifest.inputs}
    if inputs != described or not {spec.name for spec in model.manifest.outputs} <= outputs:
        raise ModelCorrupt(
            f"The weights of '{model.manifest.title}' take {sorted(inputs)} and return "
            f"{sorted(outputs)}, which is not what its manifest says."
        )


def _nodes_by_provider(session: ort.InferenceSession) -> Counter[str]:
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
