"""Arrays in the units of colour <-> what a graph eats and returns, as its manifest describes."""

from collections.abc import Mapping

import numpy as np

from core.errors import ModelCorrupt
from core.generator.manifest import TensorSpec

Array = np.ndarray

MAY_BE_LEFT_OUT = ("hint", "hint-mask", "noise")
"""Roles of inputs whose zeros say: there is none."""


def to_graph(array: Array, spec: TensorSpec) -> Array:
    """Array (N, C, H, W) in the space's units -> the graph's range, layout and channel order.

    A vector is (N, C) on both sides.
    """
    factor, offset = spec.scale()
    if (factor, offset) != (1.0, 0.0):
        array = array * np.float32(factor) + np.float32(offset)
    if spec.space == "srgb-bgr":
        array = array[:, ::-1]
    if spec.layout == "NHWC":
        array = array.transpose(0, 2, 3, 1)
    return np.ascontiguousarray(array, np.float32)


def from_graph(array: Array, spec: TensorSpec, title: str, count: int = 1) -> Array:
    """The inverse of to_graph, for an output of the graph. Raises ModelCorrupt.

    Args:
        count: how many pictures went in at once.
    """
    if array.ndim == 4 and spec.layout == "NHWC":
        array = array.transpose(0, 3, 1, 2)
    axes = 2 if spec.layout == "NC" else 4
    if array.ndim != axes or array.shape[:2] != (count, spec.channels):
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


def neutral(specs: Mapping[str, TensorSpec], given: Mapping[str, Array]) -> dict[str, Array]:
    """Zeros for every input of MAY_BE_LEFT_OUT that is not given; role -> array."""
    missing = [role for role in MAY_BE_LEFT_OUT if role in specs and role not in given]
    count = next(iter(given.values())).shape[0]
    arrays = {}
    for role in missing:
        size = () if specs[role].layout == "NC" else given["picture"].shape[2:]
        arrays[role] = np.zeros((count, specs[role].channels, *size), np.float32)
    return arrays
