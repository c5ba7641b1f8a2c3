"""A generator: one ONNX Runtime session behind arrays in the units of colour.

The only file that imports onnxruntime. Where the session really runs is read back from the
session itself, node by node; a fallback carries its reason. Runtime's exceptions become ours in
one place, `translated`.
"""

import importlib
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
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
from core.manifest import GraphSpec, TensorSpec
from core.tensor import from_graph, neutral, to_graph

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

_MEMORY = {"CUDAExecutionProvider": "cuda"}
"""Execution provider -> its memory's name for outputs that are to stay there; else the CPU's."""

RECALLED_BYTES = 4 << 20
"""Largest inputs that are remembered: a preview's, not a whole picture's."""


class Generator:
    """A model loaded and ready to run. Make one with Generator.open.

    Attributes:
        model: what it was opened from.
        provider: the execution provider that runs most of the main graph, by its ONNX Runtime
            name.
        reason: why it is not a faster one; empty where nothing else was wanted.
        recall: whether `run` and `run_all` remember their last small inputs, so that the same
            ones are answered without inference. Previews ask for it: moving a slider changes
            what is done with the output, not the output.
        recalled: whether the last run was answered so.
        takes_many: whether the main graph takes several pictures of one size at a time: its first
            axis is free.
    """

    def __init__(
        self,
        model: Model,
        graphs: dict[str, "Graph"],
        reason: str,
        device: str = "cpu",
        threads: int = 0,
    ) -> None:
        """device, threads: that the graphs' sessions were made with."""
        self.model = model
        self.manifest = model.manifest
        self.reason = reason
        self._device, self._threads = device, threads
        self.nodes = graphs[""].nodes
        self.provider = self.nodes.most_common(1)[0][0]
        self.recall = False
        self.recalled = False
        self.takes_many = graphs[""].takes_many
        self._graphs = graphs
        self._last: dict[str, tuple[dict[str, Array], dict[str, Array]]] = {}

    @classmethod
    def open(cls, model: Model, device: str = "auto", threads: int = 0) -> "Generator":
        """Check a model's weights and make a session for each of its graphs.

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
        contents = [(graph, model.read_graph(graph)) for graph in model.manifest.graphs]
        title = model.manifest.title

        def start(name: str) -> dict[str, Graph]:
            return {
                graph.name: open_graph(graph, content, title, name, threads, graph.name == "")
                for graph, content in contents
            }

        if device != "auto":
            return cls(model, start(device), "", device, threads)
        reason = ""
        for name in available_devices():
            try:
                return cls(model, start(name), reason, name, threads)
            except (DeviceUnavailable, OutOfMemory) as error:
                reason = reason or error.sentence
        raise DeviceUnavailable("No execution provider could be started.")

    def run(self, array: Array) -> Array:
        """Run the main graph once on a picture, all else that it takes being neutral.

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
        return self.run_all({"picture": array}, wanted=("picture",))["picture"]

    def run_many(self, inputs: Mapping[str, Array], wanted: tuple[str, ...]) -> dict[str, Array]:
        """Run the main graph on several pictures: at once where `takes_many` and memory allow it.

        Args:
            inputs: as for run_all, with a first axis of N.
            wanted: roles of the outputs to compute.

        Returns:
            role -> float32 array with a first axis of N.

        Raises:
            OutOfMemory: not even one fits.
            ModelCorrupt: as in `run`.
        """
        count = len(next(iter(inputs.values())))
        if count == 1:
            return self.run_all(inputs, wanted)
        if self.takes_many:
            try:
                return self.run_all(inputs, wanted)
            except OutOfMemory:
                pass  # halves may fit
        step = (count + 1) // 2 if self.takes_many else 1
        parts = [
            self.run_many({role: a[at : at + step] for role, a in inputs.items()}, wanted)
            for at in range(0, count, step)
        ]
        return {role: np.concatenate([part[role] for part in parts]) for role in wanted}

    def beside(self, spec: GraphSpec, content: bytes, title: str) -> "Graph":
        """A small graph of ours on the device of this generator, all of it, in full float32.

        Raises:
            DeviceUnavailable: the device lacks something that it needs.
            ModelCorrupt, ModelUnsupported, OutOfMemory: as in `open`.
        """
        graph = open_graph(spec, content, title, self._device, self._threads, exact=True)
        if set(graph.nodes) != {self.provider}:
            raise DeviceUnavailable(f"{self.provider} cannot run all of '{title}'.")
        return graph

    def put(self, array: Array) -> "Kept":
        """Bring a picture to where the main graph runs, once for all of this model's graphs.

        Args:
            array: float32 (1, C, H, W) as for `run`.

        Returns:
            What run_all takes in its place.
        """
        return self._graphs[""].put("picture", array)

    def run_kept(
        self, inputs: "Mapping[str, Array | Kept]", wanted: tuple[str, ...], part: str = ""
    ) -> "dict[str, Kept]":
        """As run_all, the outputs staying where they were computed, for another graph's inputs.

        On a graphics device that saves the way through the processor's memory between two graphs,
        also of two generators. Kept outputs are not looked at: run_all of the last graph does.
        """
        return self._graphs[part].run_kept(inputs, wanted)

    def run_all(
        self,
        inputs: "Mapping[str, Array | Kept]",
        wanted: tuple[str, ...] | None = None,
        part: str = "",
    ) -> dict[str, Array]:
        """Run one graph once.

        Args:
            inputs: role -> float32 array in the units of the tensor's space: (1, C, H, W), or
                (1, C) for vectors; or what run_kept gave for it. A hint, its mask or the noise
                left out is zeros, which is how a network is told that there is none.
            wanted: roles of the outputs to compute; None for all.
            part: name of a part of the manifest; "" for the main graph.

        Returns:
            role -> float32 array, (1, C, h, w) or (1, C), in the units of its space.

        Raises:
            OutOfMemory, ModelCorrupt: as in `run`.
            KeyError: the model has no such part, role or input: a mistake of the caller.
        """
        graph = self._graphs[part]
        last = self._last.pop(part, None)
        arrays = {role: value for role, value in inputs.items() if not isinstance(value, Kept)}
        if len(arrays) < len(inputs):
            self.recalled = False
            return graph.run_bound(inputs, wanted, self.provider)
        self.recalled = self.recall and last is not None and _same(last, arrays, wanted)
        if self.recalled and last is not None:
            results = last[1]
        else:
            results = graph.run(arrays, wanted, self.provider)
        if self.recall and sum(array.nbytes for array in arrays.values()) <= RECALLED_BYTES:
            for array in results.values():
                array.setflags(write=False)
            kept = {role: array.copy() for role, array in arrays.items()}
            self._last[part] = (kept, results)
        return dict(results)

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


@dataclass(frozen=True, eq=False)
class Kept:
    """A tensor that is still where it was computed, or put.

    Attributes:
        value: the runtime's.
        spec: of the output that it was, or of the input.
        title: of its model.
        fetch: the numbers, in the processor's memory.
    """

    value: Any
    spec: TensorSpec
    title: str
    fetch: Callable[[], Array]

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, C, H, W), or (N, C)."""
        shape = tuple(self.value.shape())
        return (shape[0], shape[3], *shape[1:3]) if self.spec.layout == "NHWC" else shape

    def array(self) -> Array:
        """Fetched, in the units of its space. Raises ModelCorrupt."""
        return from_graph(self.fetch(), self.spec, self.title, self.shape[0])

    def fits(self, wanted: TensorSpec) -> bool:
        """Whether an input can take the numbers as they are."""
        mine, other = self.spec, wanted
        latent = mine.space == other.space == "latent"
        alike = mine.space == other.space and mine.range == other.range
        return mine.layout == other.layout and (latent or alike)


class Graph:
    """One session with the specs of its tensors.

    Attributes:
        nodes: how many nodes each execution provider took.
        takes_many: whether the first axis of everything that goes in and comes out is free.
    """

    def __init__(self, title: str, spec: GraphSpec, session: ort.InferenceSession) -> None:
        """Raises ModelCorrupt: the names of its tensors are not those of the spec."""
        _check_names(title, spec, session)
        self.nodes = _nodes_by_provider(session)
        self._title = title
        self._inputs = {tensor.role: tensor for tensor in spec.inputs}
        self._outputs = {tensor.role: tensor for tensor in spec.outputs}
        self._session = session
        # parts run before the main graph, which then wants their memory
        self._options = ort.RunOptions()
        if spec.name:
            shrink = "memory.enable_memory_arena_shrinkage"
            self._options.add_run_config_entry(shrink, "cpu:0")
        ends = [*session.get_inputs(), *session.get_outputs()]
        self.takes_many = all(end.shape and not isinstance(end.shape[0], int) for end in ends)

    def run(
        self, inputs: Mapping[str, Array], wanted: tuple[str, ...] | None, provider: str
    ) -> dict[str, Array]:
        """See Generator.run_all; provider is named where the result is of no use."""
        given = {**neutral(self._inputs, inputs), **inputs}
        feed = {
            self._inputs[role].name: to_graph(a, self._inputs[role]) for role, a in given.items()
        }
        specs = self._specs(wanted)
        with translated(self._title):
            found = self._session.run([spec.name for spec in specs], feed, self._options)
        count = len(next(iter(inputs.values())))
        return self._checked(specs, [np.asarray(output) for output in found], count, provider)

    def run_bound(
        self,
        inputs: "Mapping[str, Array | Kept]",
        wanted: tuple[str, ...] | None,
        provider: str,
    ) -> dict[str, Array]:
        """As run, some inputs being where another graph left them."""
        specs = self._specs(wanted)
        outputs = self._bound(inputs, specs, "cpu").get_outputs()
        count = outputs[0].shape()[0]
        return self._checked(specs, [output.numpy() for output in outputs], count, provider)

    def put(self, role: str, array: Array) -> Kept:
        """See Generator.put."""
        spec = self._inputs[role]
        ready = to_graph(array, spec)
        with translated(self._title):
            value = ort.OrtValue.ortvalue_from_numpy(ready, self._memory, 0)
        return Kept(value, spec, self._title, lambda: ready)

    @property
    def _memory(self) -> str:
        return _MEMORY.get(self.nodes.most_common(1)[0][0], "cpu")

    def run_kept(
        self, inputs: "Mapping[str, Array | Kept]", wanted: tuple[str, ...]
    ) -> dict[str, Kept]:
        """See Generator.run_kept."""
        specs = self._specs(wanted)
        binding = self._bound(inputs, specs, self._memory)

        def fetch(number: int) -> Array:
            with translated(self._title):
                return binding.copy_outputs_to_cpu()[number]

        return {
            spec.role: Kept(value, spec, self._title, partial(fetch, number))
            for number, (spec, value) in enumerate(zip(specs, binding.get_outputs(), strict=True))
        }

    def _bound(
        self, inputs: "Mapping[str, Array | Kept]", specs: list[TensorSpec], memory: str
    ) -> ort.IOBinding:
        """Run once; the outputs are in that memory."""
        arrays: dict[str, Array] = {}
        binding = self._session.io_binding()
        for role, value in inputs.items():
            if not isinstance(value, Kept):
                arrays[role] = value
            elif value.fits(self._inputs[role]):
                binding.bind_ortvalue_input(self._inputs[role].name, value.value)
            else:
                arrays[role] = value.array()
        if missing := set(self._inputs) - set(inputs):
            like = {r: v.array() if isinstance(v, Kept) else v for r, v in inputs.items()}
            arrays |= {r: a for r, a in neutral(self._inputs, like).items() if r in missing}
        for role, array in arrays.items():
            binding.bind_cpu_input(self._inputs[role].name, to_graph(array, self._inputs[role]))
        for spec in specs:
            binding.bind_output(spec.name, memory)
        with translated(self._title):
            self._session.run_with_iobinding(binding, self._options)
            binding.synchronize_outputs()
        return binding

    def _specs(self, wanted: tuple[str, ...] | None) -> list[TensorSpec]:
        return [self._outputs[role] for role in wanted or self._outputs]

    def _checked(
        self, specs: list[TensorSpec], outputs: list[Array], count: int, provider: str
    ) -> dict[str, Array]:
        results = {}
        for spec, output in zip(specs, outputs, strict=True):
            results[spec.role] = from_graph(output, spec, self._title, count)
            if not np.isfinite(results[spec.role]).all():
                raise ModelCorrupt(
                    f"The model '{self._title}' returned values that are no numbers on {provider}.",
                    "Choose the device 'cpu'; if that fails too, run install.py again.",
                )
        return results


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
    session = _start(content, title, "cpu", 0)
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


def open_graph(
    spec: GraphSpec,
    content: bytes,
    title: str,
    device: str,
    threads: int = 0,
    main: bool = False,
    exact: bool = False,
) -> Graph:
    """A session on exactly that device.

    Args:
        spec, content: the graph; title: for sentences.
        main: it is of no use where that device runs no part of it; a small part may well stay on
            the CPU.
        exact: see _start.

    Raises:
        DeviceUnavailable, ModelCorrupt, ModelUnsupported: as Generator.open.
    """
    session = _start(content, title, device, threads, exact)
    if main and device != "cpu" and PROVIDERS[device] not in _nodes_by_provider(session):
        raise DeviceUnavailable(f"{PROVIDERS[device]} runs no part of '{title}' on this machine.")
    return Graph(title, spec, session)


def _start(
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


def _same(
    last: tuple[dict[str, Array], dict[str, Array]],
    inputs: Mapping[str, Array],
    wanted: tuple[str, ...] | None,
) -> bool:
    """Whether the inputs are the last ones and the last results hold what is wanted."""
    before, results = last
    return (
        before.keys() == inputs.keys()
        and wanted is not None
        and set(wanted) <= results.keys()
        and all(np.array_equal(before[role], array) for role, array in inputs.items())
    )


def _check_names(title: str, spec: GraphSpec, session: ort.InferenceSession) -> None:
    """Hold the graph to the names that its manifest gives. Raises ModelCorrupt."""
    inputs = {value.name for value in session.get_inputs()}
    outputs = {value.name for value in session.get_outputs()}
    described = {tensor.name for tensor in spec.inputs}
    if inputs != described or not {tensor.name for tensor in spec.outputs} <= outputs:
        raise ModelCorrupt(
            f"The weights of '{title}' take {sorted(inputs)} and return "
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
