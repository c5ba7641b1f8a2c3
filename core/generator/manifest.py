"""A model is a described thing: manifest.json beside model.onnx says how to feed it.

Nothing in core asks for a model by name; what a generator eats, what it returns, which sizes it
takes and whether its tiles fit together all stand here. export/ writes manifests with the same
class, so that it cannot write what the engine cannot read.

A manifest is data from outside: every field is checked, a path cannot leave the model's folder,
and each failure is a ModelCorrupt or ModelUnsupported with one sentence.
"""

import hashlib
import json
import math
import os
import re
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from core.errors import ModelCorrupt, ModelUnsupported

SCHEMA = 1
FILE_NAME = "manifest.json"
MAX_MANIFEST_BYTES = 1 << 20

TASKS = ("colorize", "sketch", "stylize")
"""colorize: photographs get their colours; sketch: line art gets colours under its lines;
stylize: a picture is painted anew.
"""

SPACES = {
    "lab-l": (1, 0.0, 100.0),
    "lab-ab": (2, -110.0, 110.0),
    "srgb": (3, 0.0, 1.0),
    "srgb-bgr": (3, 0.0, 1.0),
    "mask": (1, 0.0, 1.0),
    "latent": (0, 0.0, 1.0),
}
"""Spaces a tensor may have: (channels, lowest value, highest value).

lab-l is CIE L*, lab-ab CIE a* and b* (both D65, 2° observer); srgb is sRGB-encoded red, green,
blue, srgb-bgr the same in the opposite order. A mask says where something is (1) and is not (0).
latent is whatever the networks of one model tell each other: as many channels as the tensor says,
values as they are.
"""

LAYOUTS = ("NCHW", "NHWC", "NC")

INPUT_ROLES = (
    "picture",
    "hint",
    "hint-mask",
    "noise",
    "style",
    "features",
    "matrix",
    "shift",
    "code",
)
OUTPUT_ROLES = ("picture", "palette", "features", "matrix", "shift", "code")
"""What a tensor is for. Every graph has a "picture" or "features" or "style" to begin from.

hint and hint-mask: colours that the user asks for, and where; noise: numbers that choose among
the plausible results, zeros for the likeliest; palette: logits over manifest.palette; style: the
picture whose style is wanted; features, matrix, shift, code: between the graphs of one
model. An input features that is a vector is told the features' mean over the whole picture.
"""

PARTS = ("style-code", "encode")
"""Graphs that a model may have besides its main one. Arbitrary style: "style-code" reads the
style picture, "encode" the tiles' features; the main graph paints from both.
"""

MAX_CHANNELS = 4096
MAX_PALETTE = 1024
TILING = ("never", "discouraged", "allowed")


@dataclass(frozen=True)
class TensorSpec:
    """One input or output of the ONNX graph.

    Attributes:
        name: the graph's name for it.
        space: a key of SPACES.
        range: what the graph calls the space's lowest and highest value; for instance
            lightness 0..100 given to the network as -1..1 has space "lab-l", range (-1, 1).
        layout: order of the axes; N is always 1. "NC" is a vector: (1, C) in the graph.
        role: what it is for, one of INPUT_ROLES or OUTPUT_ROLES; no two tensors of one side of
            a graph have the same.
        size: number of channels of a latent tensor; 0 for the other spaces, which know theirs.
    """

    name: str
    space: str
    range: tuple[float, float]
    layout: str = "NCHW"
    role: str = "picture"
    size: int = 0

    @property
    def channels(self) -> int:
        return self.size or SPACES[self.space][0]

    def scale(self) -> tuple[float, float]:
        """(factor, offset): graph value = factor * value in the space + offset."""
        if self.space == "latent":
            return 1.0, 0.0
        _, lowest, highest = SPACES[self.space]
        factor = (self.range[1] - self.range[0]) / (highest - lowest)
        return factor, self.range[0] - factor * lowest


@dataclass(frozen=True)
class GraphSpec:
    """One more graph of a model that has several.

    Attributes:
        name: what the engine asks for, see PARTS.
        file: file name of its weights, in the manifest's folder.
        sha256: of that file, 64 hexadecimal digits.
        inputs, outputs: as in Manifest.
    """

    name: str
    file: str
    sha256: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]


@dataclass(frozen=True)
class SizeSpec:
    """Which sizes the graph takes, in pixels.

    Attributes:
        minimum: least length of a side.
        multiple_of: both sides are padded to a multiple of this.
        work: length of the longer side at which the generator is run; 0 for the picture's own
            size. Colour is predicted small, style is painted at full size.
        fixed: (width, height) of a graph that takes one size only; None otherwise.
    """

    minimum: int = 1
    multiple_of: int = 1
    work: int = 0
    fixed: tuple[int, int] | None = None


@dataclass(frozen=True)
class TilingSpec:
    """Whether a large picture may be run in tiles.

    Attributes:
        policy: "never": always the whole picture (at its work size); "discouraged": tiles differ
            in tone; "allowed": tiles equal the whole, given the overlap.
        overlap: pixels of context that a tile needs on each side, the receptive field's radius.
    """

    policy: str = "never"
    overlap: int = 0


@dataclass(frozen=True)
class Parity:
    """The proof that the graph computes what was trained.

    Attributes:
        max_abs_error: largest difference between PyTorch and ONNX Runtime with the same rounded
            weights, in the output's own units.
        tolerance: the limit that it was held to.
        rounding_error: largest difference that rounding the weights for storage made.
        sizes: the sizes compared, "WIDTHxHEIGHT".
    """

    max_abs_error: float
    tolerance: float
    rounding_error: float
    sizes: tuple[str, ...]


@dataclass(frozen=True)
class Manifest:
    """Everything the engine knows of a model before it is loaded.

    Attributes:
        id: folder name and name on the command line: a-z, 0-9, hyphen.
        task: one of TASKS.
        title: the name in menus.
        description: one or two sentences for people who choose among models.
        file: file name of the weights, in the manifest's folder.
        sha256: of that file, 64 hexadecimal digits.
        opset: the graph's ONNX opset.
        license: SPDX name or sentence for the weights.
        trained_on: sentence about the training pictures and their licences.
        made_by: facts about the export: commit, command, versions.
        parity: None for a graph from elsewhere, of which there is no PyTorch original.
        default: the model to take for its task when none is named.
        palette: of each channel of an output of role "palette" (a*, b*), in a task "sketch"
            (L*, a*, b*); empty without one.
        temperature: of the softmax over that output that makes the network's own choice.
        parts: further graphs; the fields of this class describe the main one.
    """

    id: str
    task: str
    title: str
    description: str
    file: str
    sha256: str
    opset: int
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    size: SizeSpec
    tiling: TilingSpec
    license: str
    trained_on: str
    made_by: dict[str, str] = field(default_factory=dict)
    parity: Parity | None = None
    default: bool = False
    palette: tuple[tuple[float, ...], ...] = ()
    temperature: float = 1.0
    parts: tuple[GraphSpec, ...] = ()
    schema: int = SCHEMA

    def __post_init__(self) -> None:
        _check(self)

    def takes(self, role: str) -> bool:
        """Whether one of the graphs has an input of that role of INPUT_ROLES."""
        graphs = (self, *self.parts)
        return any(tensor.role == role for graph in graphs for tensor in graph.inputs)

    def gives(self, role: str) -> bool:
        """Whether the main graph has an output of that role of OUTPUT_ROLES."""
        return any(tensor.role == role for tensor in self.outputs)

    @property
    def graphs(self) -> tuple[GraphSpec, ...]:
        """The main graph, named "", and the parts."""
        return (GraphSpec("", self.file, self.sha256, self.inputs, self.outputs), *self.parts)

    def save(self, folder: Path) -> Path:
        """Write FILE_NAME into folder, by way of a temporary name, and return its path."""
        path = folder / FILE_NAME
        temporary = path.with_suffix(".tmp")
        temporary.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")
        os.replace(temporary, path)
        return path

    @classmethod
    def load(cls, folder: Path) -> "Manifest":
        """Read and check folder's manifest.

        Raises:
            ModelCorrupt: it is missing, no JSON, or lacks or misuses a field.
            ModelUnsupported: a newer schema, or a task, space or layout not known here.
        """
        path = folder / FILE_NAME
        try:
            if path.stat().st_size > MAX_MANIFEST_BYTES:
                raise ModelCorrupt(f"The manifest {path} is too large to be one.")
            data = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise ModelCorrupt(f"The manifest {path} cannot be read ({error}).") from error
        try:
            return cls.from_dict(data)
        except (ModelCorrupt, ModelUnsupported) as error:
            raise type(error)(f"In {path}: {error.sentence}", error.hint) from error

    @classmethod
    def from_dict(cls, data: Any) -> "Manifest":
        """Build from the JSON object's dict; see load for what is raised."""
        data = _object(data, "the manifest")
        if data.get("schema") != SCHEMA:
            raise ModelUnsupported(f"the manifest has schema {data.get('schema')!r}, not {SCHEMA}.")
        parts = dict(data)
        parts |= _tensors(data)
        if "parts" in data:
            parts["parts"] = tuple(_part(part) for part in _list(data, "parts", least=0))
        if "palette" in data:
            colors = _list(data, "palette", least=0)
            parts["palette"] = tuple(tuple(c) if isinstance(c, list) else c for c in colors)
        parts["size"] = _build(SizeSpec, data.get("size"), "size")
        parts["tiling"] = _build(TilingSpec, data.get("tiling"), "tiling")
        parity = data.get("parity")
        parts["parity"] = None if parity is None else _build(Parity, parity, "parity")
        return _build(cls, parts, "the manifest")


def file_sha256(path: Path) -> str:
    """Hexadecimal sha256 of a file. Raises OSError."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _object(data: Any, what: str) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise ModelCorrupt(f"{what} is not a JSON object.")
    return data


def _list(data: dict[str, Any], name: str, least: int = 1) -> list[Any]:
    value = data.get(name)
    if not isinstance(value, list) or len(value) < least:
        raise ModelCorrupt(f"'{name}' is not a list with an entry.")
    return value


def _tensors(data: dict[str, Any]) -> dict[str, tuple[TensorSpec, ...]]:
    """A graph's inputs and outputs."""
    return {
        side: tuple(_build(TensorSpec, tensor, side) for tensor in _list(data, side))
        for side in ("inputs", "outputs")
    }


def _part(data: Any) -> GraphSpec:
    data = _object(data, "a part")
    return _build(GraphSpec, {**data, **_tensors(data)}, "a part")


def _build(cls: Any, data: Any, what: str) -> Any:
    """Make a dataclass from a JSON object, refusing fields that it does not have."""
    data = _object(data, what)
    unknown = set(data) - {f.name for f in fields(cls)}
    if unknown:
        raise ModelCorrupt(f"{what} has an unknown field '{min(unknown)}'.")
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}
    try:
        return cls(**values)
    except TypeError as error:
        raise ModelCorrupt(f"{what} lacks a field ({error}).") from error


def _check(manifest: Manifest) -> None:
    """Hold every field to its promise."""
    for name in ("id", "title", "description", "license", "trained_on"):
        _require(isinstance(getattr(manifest, name), str), name, "is not text")
    _require(bool(re.fullmatch(r"[a-z0-9][a-z0-9-]{0,63}", manifest.id)), "id", "is not a-z 0-9 -")
    for graph in manifest.graphs:
        _check_graph(graph)
    _check_parts(manifest.parts)
    _check_palette(manifest)
    if not isinstance(manifest.task, str) or manifest.task not in TASKS:
        raise ModelUnsupported(f"the task '{manifest.task}' is not known.")
    _require(_whole(manifest.opset, 1), "opset", "is not a number from 1")
    _require(isinstance(manifest.default, bool), "default", "is not true or false")
    _check_size(manifest.size)
    if manifest.tiling.policy not in TILING:
        raise ModelUnsupported(f"the tiling policy '{manifest.tiling.policy}' is not known.")
    _require(_whole(manifest.tiling.overlap, 0), "tiling.overlap", "is not a number from 0")


def _check_graph(graph: GraphSpec) -> None:
    for name in ("file", "sha256"):
        _require(isinstance(getattr(graph, name), str), name, "is not text")
    _require(bool(re.fullmatch(r"[0-9a-f]{64}", graph.sha256)), "sha256", "is not 64 digits")
    inside = bool(re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", graph.file))
    _require(inside, "file", "is not a plain file name in the model's folder")
    for tensors, roles in ((graph.inputs, INPUT_ROLES), (graph.outputs, OUTPUT_ROLES)):
        for tensor in tensors:
            _check_tensor(tensor, roles)
        for what in ("role", "name"):
            found = [getattr(tensor, what) for tensor in tensors]
            _require(len(set(found)) == len(found), what, "stands twice on one side of a graph")


def _check_parts(parts: tuple[GraphSpec, ...]) -> None:
    names = [part.name for part in parts]
    _require(len(set(map(str, names))) == len(names), "parts", "names one part twice")
    for name in names:
        if name not in PARTS:
            raise ModelUnsupported(f"the part '{name}' is not known.")


def _check_palette(manifest: Manifest) -> None:
    """A colour for each channel of the palette output; a temperature to divide by."""
    colors = manifest.palette
    count, what = (3, "triples") if manifest.task == "sketch" else (2, "pairs")
    right = isinstance(colors, tuple) and all(isinstance(color, tuple) for color in colors)
    right = right and all(len(color) == count and all(map(_finite, color)) for color in colors)
    _require(right and len(colors) <= MAX_PALETTE, "palette", f"is not {what} of numbers")
    channels = [tensor.size for tensor in manifest.outputs if tensor.role == "palette"]
    _require(channels == ([len(colors)] if colors else []), "palette", "fits no output")
    warm = _finite(manifest.temperature) and 0 < manifest.temperature <= 100
    _require(warm, "temperature", "is not a number above 0")


def _check_tensor(tensor: TensorSpec, roles: tuple[str, ...]) -> None:
    _require(isinstance(tensor.name, str) and bool(tensor.name), "name", "is empty")
    known = isinstance(tensor.space, str) and tensor.space in SPACES
    if not known or tensor.layout not in LAYOUTS or tensor.role not in roles:
        raise ModelUnsupported(
            f"space '{tensor.space}', layout '{tensor.layout}', role '{tensor.role}' is not known."
        )
    latent = tensor.space == "latent"
    sized = _whole(tensor.size, 1 if latent else 0) and tensor.size <= MAX_CHANNELS
    _require(sized and (latent or not tensor.size), "size", "is not the number of channels")
    _require(latent or tensor.layout != "NC", "layout", "NC is for latent tensors alone")
    ends = tensor.range
    numbers = isinstance(ends, tuple) and len(ends) == 2 and all(map(_finite, ends))
    _require(numbers and ends[0] < ends[1], "range", "is not two growing numbers")


def _check_size(size: SizeSpec) -> None:
    _require(_whole(size.minimum, 1), "size.minimum", "is not a number from 1")
    _require(_whole(size.multiple_of, 1), "size.multiple_of", "is not a number from 1")
    _require(_whole(size.work, 0), "size.work", "is not a number from 0")
    if size.fixed is not None:
        pair = isinstance(size.fixed, tuple) and len(size.fixed) == 2
        _require(pair and all(_whole(n, 1) for n in size.fixed), "size.fixed", "is not two sizes")


def _require(true: bool, name: str, problem: str) -> None:
    if not true:
        raise ModelCorrupt(f"'{name}' {problem}.")


def _whole(value: Any, least: int) -> bool:
    return type(value) is int and least <= value <= 1 << 20


def _finite(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)
