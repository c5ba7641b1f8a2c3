"""One graph with the specs of its tensors, and tensors that stay where they were computed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.errors import DeviceUnavailable, ModelCorrupt
from core.generator.manifest import GraphSpec, TensorSpec
from core.generator.session import (
    PROVIDERS,
    nodes_by_provider,
    ort,
    start_session,
    translated,
)
from core.generator.tensor_layout import from_graph, neutral, to_graph

Array = np.ndarray

_MEMORY = {"CUDAExecutionProvider": "cuda", "WebGpuExecutionProvider": "webgpu"}
"""Execution provider -> its memory's name for outputs that are to stay there; else the CPU's."""

_CAN_PUT = ("cuda",)
"""Memories that the runtime's Python can fill; into the others inputs go at each run."""


class _Values:
    """The runtime's values of one run, and whatever must be there longer than they.

    A graphics device's memory is a session's, and the runtime crashes where values are given back
    after their session.

    Attributes:
        values: its OrtValues.
        fetch: number -> that one's numbers, in the processor's memory.
    """

    def __init__(self, values: list[Any], fetch: Callable[[int], Array], *needed: object) -> None:
        self.values, self.fetch = values, fetch
        self._needed = needed

    def __del__(self) -> None:
        self.values.clear()
        del self.fetch  # it may hold a run's binding, and so its inputs


@dataclass(frozen=True, eq=False)
class Kept:
    """A tensor that is still where it was computed, or put.

    Attributes:
        values, number: the runtime's, which of them.
        spec: of the output that it was, or of the input.
        title: of its model.
    """

    values: _Values
    number: int
    spec: TensorSpec
    title: str

    @property
    def value(self) -> Any:
        """The runtime's own; not to be held longer than this."""
        return self.values.values[self.number]

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, C, H, W), or (N, C)."""
        shape = tuple(self.value.shape())
        return (shape[0], shape[3], *shape[1:3]) if self.spec.layout == "NHWC" else shape

    @property
    def where(self) -> str:
        """The runtime's name for its memory: "cpu", or "cuda" for a graphics card of any maker."""
        return self.value.device_name()

    def array(self) -> Array:
        """Fetched, in the units of its space. Raises ModelCorrupt."""
        with translated(self.title):
            found = self.values.fetch(self.number)
        return from_graph(found, self.spec, self.title, self.shape[0])

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
        self.nodes = nodes_by_provider(session)
        self._memory = _MEMORY.get(self.nodes.most_common(1)[0][0], "cpu")
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
        inputs: Mapping[str, Array | Kept],
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
        memory = self._memory if self._memory in _CAN_PUT else "cpu"
        with translated(self._title):
            value = ort.OrtValue.ortvalue_from_numpy(ready, memory, 0)
        return Kept(_Values([value], lambda number: ready, self), 0, spec, self._title)

    def run_kept(
        self, inputs: Mapping[str, Array | Kept], wanted: tuple[str, ...]
    ) -> dict[str, Kept]:
        """See Generator.run_kept."""
        specs = self._specs(wanted)
        binding = self._bound(inputs, specs, self._memory)

        values = _Values(
            list(binding.get_outputs()),
            lambda number: binding.copy_outputs_to_cpu()[number],
            *inputs.values(),
            self,
        )
        return {
            spec.role: Kept(values, number, spec, self._title) for number, spec in enumerate(specs)
        }

    def _bound(
        self, inputs: Mapping[str, Array | Kept], specs: list[TensorSpec], memory: str
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
    session = start_session(content, title, device, threads, exact)
    if main and device != "cpu" and PROVIDERS[device] not in nodes_by_provider(session):
        raise DeviceUnavailable(f"{PROVIDERS[device]} runs no part of '{title}' on this machine.")
    return Graph(title, spec, session)


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
