"""From a colouriser into a painter without leaving the graphics device.

Between the two lies arithmetic: colours carried to the picture's size along its edges, laid over
its lightness, encoded as sRGB (core.style.painter_input.Colored does it with NumPy). It runs where
the painter runs, as a small graph that export/onnx/join_graph.py makes; what the colouriser said,
which may still be on that device, goes in, and the painter's input stays there. On the processor it
takes about NumPy's time (python -m benchmarks.join), so that there is one way for all devices.
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from threading import Lock
from weakref import WeakKeyDictionary

import numpy as np

from core.color.luminance import Light
from core.errors import DeviceUnavailable, ModelError
from core.generator.generator import Generator, Graph, Kept
from core.generator.manifest import GraphSpec, TensorSpec
from core.image import Image
from core.raster.resample import linear_taps, pad, reach_of
from core.style.painter_input import Colored, Coloring, one_coloring, slices
from core.style.tiling import Rect

Array = np.ndarray

PATH = Path(__file__).parents[1] / "data" / "join.onnx"

TITLE = "Colouring on the way to the painter"


def _matrix(name: str) -> TensorSpec:
    return TensorSpec(name, "latent", (0.0, 1.0), "NC", name, 1)


MATRICES = ("block_y", "block_x", "grow_y", "grow_x", "box_y", "box_x", "wide_y", "wide_x")
"""Means of blocks, back to the guide's size, means of windows, to the picture's size; each of rows
(new, old) and of columns (old, new).
"""

SPEC = GraphSpec(
    name="join",
    file=PATH.name,
    sha256="",
    inputs=(
        TensorSpec("ab", "lab-ab", (-110.0, 110.0), role="ab"),
        TensorSpec("guide", "lab-l", (0.0, 100.0), role="guide"),
        TensorSpec("luminance", "mask", (0.0, 1.0), role="luminance"),
        *map(_matrix, MATRICES),
    ),
    outputs=(TensorSpec("rgb", "srgb", (0.0, 1.0)),),
)


class Join:
    """The graph on a painter's device."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    @classmethod
    def beside(cls, painter: Generator) -> "Join | None":
        """The one for a painter; None where its device lacks something that the graph needs."""
        with _lock:
            if painter not in _joins:
                _joins[painter] = cls._open(painter)
            return _joins[painter]

    @classmethod
    def _open(cls, painter: Generator) -> "Join | None":
        try:
            return cls(painter.beside(SPEC, PATH.read_bytes(), TITLE))
        except (DeviceUnavailable, ModelError):
            return None  # NumPy's way gives the same picture

    def color(self, sources: Sequence[Colored], rect: Rect) -> Kept:
        """The same place of some pictures of one size, coloured, where the painter takes it.

        Args:
            rect: may reach beyond the pictures to the right and below, where they are mirrored.

        Returns:
            sRGB (N, 3, h, w), 0..1.

        Raises:
            OutOfMemory: a smaller place may do.
        """
        coloring = one_coloring(sources)
        image = sources[0].image
        light = np.stack([_luminance(source.image, rect) for source in sources])
        inputs: dict[str, Array | Kept] = {
            "ab": coloring.ab,
            "guide": coloring.guides[:, None],
            "luminance": light[:, None],
            **_guiding(coloring.guides.shape[1:], coloring.ratio),
            **_enlarging(coloring, image, rect),
        }
        return self._graph.run_kept(inputs, ("picture",))["picture"]


_lock = Lock()
_joins: WeakKeyDictionary[Generator, Join | None] = WeakKeyDictionary()


def _luminance(image: Image, rect: Rect) -> Array:
    """Y of a place, clipped to 0..1 and mirrored beyond the picture, float32 (h, w)."""
    rows, columns = slices(rect)
    pixels = image.pixels[rows, columns]
    part = Image(pixels)
    light = Light(part, part.height)
    light.read(pixels)
    return pad(np.clip(light.luminance, 0, 1), rect.width, rect.height)


@lru_cache(maxsize=8)
def _guiding(shape: tuple[int, int], ratio: int) -> dict[str, Array]:
    """The matrices of core.raster.resample.guided_upsample for guides (H, W) and values of one
    ratio.
    """
    matrices = {}
    radius = reach_of(ratio)
    for axis, length in zip("yx", shape, strict=True):
        count = length // ratio
        block = np.kron(np.eye(count), np.full((1, ratio), 1 / ratio))
        used, weights = linear_taps(length, count).matrix()
        grow = np.zeros((length, count))
        grow[:, used] = weights
        near = np.abs(np.subtract.outer(np.arange(length), np.arange(length))) <= radius
        box = near / near.sum(axis=1, keepdims=True)
        for name, matrix in (("block", block), ("grow", grow), ("box", box)):
            ready = matrix if axis == "y" else matrix.T
            matrices[f"{name}_{axis}"] = np.ascontiguousarray(ready, np.float32)
    return matrices


def _enlarging(coloring: Coloring, image: Image, rect: Rect) -> dict[str, Array]:
    """The matrices that bring guides to a place of the picture."""
    sides = zip("yx", (rect.y, rect.x), (rect.height, rect.width), (image.height, image.width),
                coloring.guides.shape[1:], coloring.work[::-1], strict=True)  # fmt: skip
    matrices = {}
    for axis, start, length, full, guide, work in sides:
        stop = min(start + length, full)
        used, weights = linear_taps(full, work, start, stop).matrix()
        matrix = np.zeros((stop - start, guide), np.float32)
        matrix[:, used] = weights
        matrix = pad(matrix, guide, length)
        matrices[f"wide_{axis}"] = matrix if axis == "y" else np.ascontiguousarray(matrix.T)
    return matrices
