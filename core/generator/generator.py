"""A generator: a model's graphs behind arrays in the units of colour.

Which graph is asked, what is remembered, and on which device all of them run. core.generator.graph
runs one graph; core.generator.session is ONNX Runtime.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from core.errors import DeviceUnavailable, OutOfMemory
from core.generator.catalog import Model
from core.generator.graph import Graph, Kept, open_graph
from core.generator.manifest import GraphSpec
from core.generator.session import DEVICES, available_devices

__all__ = ["DEVICES", "Generator", "Graph", "Kept", "available_devices", "open_graph"]

Array = np.ndarray

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
        graphs: dict[str, Graph],
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

    def beside(self, spec: GraphSpec, content: bytes, title: str) -> Graph:
        """A small graph of ours on the device of this generator, all of it, in full float32.

        Raises:
            DeviceUnavailable: the device lacks something that it needs.
            ModelCorrupt, ModelUnsupported, OutOfMemory: as in `open`.
        """
        graph = open_graph(spec, content, title, self._device, self._threads, exact=True)
        if set(graph.nodes) != {self.provider}:
            raise DeviceUnavailable(f"{self.provider} cannot run all of '{title}'.")
        return graph

    def put(self, array: Array) -> Kept:
        """Bring a picture to where the main graph runs, once for all of this model's graphs.

        Args:
            array: float32 (1, C, H, W) as for `run`.

        Returns:
            What run_all takes in its place.
        """
        return self._graphs[""].put("picture", array)

    def run_kept(
        self, inputs: Mapping[str, Array | Kept], wanted: tuple[str, ...], part: str = ""
    ) -> dict[str, Kept]:
        """As run_all, the outputs staying where they were computed, for another graph's inputs.

        On a graphics device that saves the way through the processor's memory between two graphs,
        also of two generators. Kept outputs are not looked at: run_all of the last graph does.
        """
        return self._graphs[part].run_kept(inputs, wanted)

    def run_all(
        self,
        inputs: Mapping[str, Array | Kept],
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
