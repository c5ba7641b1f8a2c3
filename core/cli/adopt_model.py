"""Style models that others made: an .onnx file is looked at, tried, and described.

Such a file says little of itself: names and shapes. What its numbers mean has to be found out by
running it. The common kinds:

    Windows-ML samples (candy, mosaic)     NCHW, BGR, 0..255, one fixed size
    fast-neural-style of PyTorch's examples NCHW, RGB, 0..255, fixed or any size
    AnimeGAN and the like                  NHWC, RGB, -1..1, multiples of 8, 16 or 32

The result is an ordinary manifest: nothing else in Limner knows that a model is a stranger.
"""

import hashlib
import os
import re
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from core.cli.model_trial import Raw, find_range, find_size, find_tiling, prove
from core.cli.thumbnail import save_thumbnail
from core.errors import BadRequest, FileUnreadable, FileUnwritable, ModelError, ModelUnsupported
from core.generator.catalog import Model
from core.generator.generator import Generator
from core.generator.manifest import Manifest, SizeSpec, TensorSpec, TilingSpec
from core.generator.session import Signature, read_signature

MAX_BYTES = 1 << 30
OTHER = "Only models that take one picture and return one can be added."


@dataclass(frozen=True)
class Wishes:
    """What the user says of a model, where Limner need not guess.

    Attributes:
        id, title, license: of the manifest; "" for what the file's name and remarks give.
        channels: "rgb", "bgr" or "".
        range: (lowest, highest) of the graph's input, or None.
        output_range: the same of its output; None: that of the input, or what is found.
        multiple: both sides' lengths are multiples of this; 0 to find out.
    """

    id: str = ""
    title: str = ""
    license: str = ""
    channels: str = ""
    range: tuple[float, float] | None = None
    output_range: tuple[float, float] | None = None
    multiple: int = 0


def add_model(path: Path, wishes: Wishes, folder: Path, overwrite: bool = False) -> Manifest:
    """Describe an .onnx file, prove that the description works, and install both.

    Args:
        folder: of models; a folder named by the id is made in it, whole or not at all.
        overwrite: take the place of a model of that id.

    Raises:
        FileUnreadable, ModelError: the file is of no use, with the reason.
        BadRequest: an id or a range that cannot be, or an id that is taken.
        FileUnwritable: the folder cannot be written to.
    """
    content = _read(path)
    name = wishes.id or _id_of(path.stem)
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,63}", name):
        raise BadRequest(f"'{name}' is no id.", "Use a-z, 0-9 and hyphens: --id my-style.")
    target = folder / name
    if target.exists() and not overwrite:
        raise BadRequest(f"There is a model '{name}' already.", "Choose another --id or --replace.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # two folders deep, where no catalog looks
        with tempfile.TemporaryDirectory(prefix=".adding-", dir=folder) as temporary:
            whole = Path(temporary) / name
            whole.mkdir()
            (whole / "model.onnx").write_bytes(content)
            manifest = describe(content, wishes, name, path.stem, whole)
            manifest.save(whole)
            save_thumbnail(Model(manifest, whole))
            old = Path(temporary) / "old"
            if target.exists():
                os.replace(target, old)
            os.replace(whole, target)
    except OSError as error:
        raise FileUnwritable(f"{folder} cannot be written ({error.strerror}).") from error
    return manifest


def remove_model(model: Model, folders: tuple[Path, ...]) -> None:
    """Remove a model's folder, which must lie in one of these.

    Raises:
        BadRequest: it lies elsewhere: it came with Limner.
        FileUnwritable: it cannot be removed.
    """
    if model.folder.parent.resolve() not in [folder.resolve() for folder in folders]:
        raise BadRequest(f"The model '{model.manifest.id}' came with Limner.", "It stays.")
    try:
        with tempfile.TemporaryDirectory(prefix=".removing-", dir=model.folder.parent) as temporary:
            shutil.move(model.folder, temporary)
    except OSError as error:
        raise FileUnwritable(f"{model.folder} cannot be removed ({error.strerror}).") from error


def describe(content: bytes, wishes: Wishes, name: str, stem: str, folder: Path) -> Manifest:
    """The manifest of a graph that lies in folder as model.onnx.

    Raises ModelError, BadRequest: it is of no use, or not as the wishes say.
    """
    try:
        signature = read_signature(content, stem)
    except ModelError as error:
        if "external" in str(error.__cause__ or error).lower():
            sentence = f"{stem} keeps its weights in another file."
            raise ModelUnsupported(sentence, "Save it again as a single .onnx file.") from error
        raise type(error)(error.sentence, "The file cannot be used; try another export.") from error
    given, layout, fixed = _picture(signature, stem)
    output = _output(signature, stem)
    raw = TensorSpec(given, "srgb", (0.0, 1.0), layout)
    manifest = Manifest(
        id=name,
        task="stylize",
        title=wishes.title or stem.replace("_", " ").replace("-", " ").strip().capitalize(),
        description=f"Added from {stem}.onnx.",
        file="model.onnx",
        sha256=hashlib.sha256(content).hexdigest(),
        opset=1,  # the runtime does not tell; nothing asks
        inputs=(raw,),
        outputs=(replace(raw, name=output),),
        size=SizeSpec(fixed=fixed),
        tiling=TilingSpec("discouraged"),
        license=wishes.license or signature.facts.get("license", "") or "not stated",
        trained_on="not known; made by others",
        made_by={"producer": signature.producer or "not stated"},
    )
    return _completed(manifest, wishes, signature, folder)


def _completed(manifest: Manifest, wishes: Wishes, signature: Signature, folder: Path) -> Manifest:
    """The manifest with sizes, ranges, channel order and tiling as tried out."""
    run = Raw(Generator.open(Model(manifest, folder), "cpu"))
    size = manifest.size if manifest.size.fixed else find_size(run, wishes.multiple)
    found = find_range(run, size, wishes.range, wishes.output_range)
    bgr = wishes.channels == "bgr" or (not wishes.channels and _is_windows_ml(signature))
    space = "srgb-bgr" if bgr else "srgb"
    tensors = [
        replace(tensor, space=space, range=ends)
        for tensor, ends in (
            (manifest.inputs[0], found.given),
            (manifest.outputs[0], found.returned),
        )
    ]
    manifest = replace(manifest, inputs=(tensors[0],), outputs=(tensors[1],), size=size)
    generator = Generator.open(Model(manifest, folder), "cpu")
    manifest = replace(manifest, tiling=find_tiling(generator))
    likeness = prove(generator)
    return replace(manifest, made_by={**manifest.made_by, "likeness": f"{likeness:.2f}"})


def _is_windows_ml(signature: Signature) -> bool:
    """Windows-ML's samples come from Core ML, whose pictures are BGR."""
    told = signature.facts.get("Image.BitmapPixelFormat", "").lower()
    return told.startswith("bgr") or signature.producer in ("OnnxMLTools", "WinMLTools")


def _picture(signature: Signature, stem: str) -> tuple[str, str, tuple[int, int] | None]:
    """(name, layout, fixed size) of the one input. Raises ModelUnsupported."""
    if len(signature.inputs) != 1:
        names = ", ".join(name for name, _, _ in signature.inputs)
        raise ModelUnsupported(f"{stem} takes {len(signature.inputs)} inputs ({names}).", OTHER)
    name, shape, kind = signature.inputs[0]
    if kind != "tensor(float)":
        raise ModelUnsupported(f"{stem} takes {kind}, not 32-bit numbers.", OTHER)
    if len(shape) != 4:
        raise ModelUnsupported(f"{stem} takes an array of {len(shape)} axes, not 4.", OTHER)
    if isinstance(shape[0], int) and shape[0] not in (1, -1):
        raise ModelUnsupported(f"{stem} takes {shape[0]} pictures at a time.", OTHER)
    if shape[1] == 3:
        layout, sides = "NCHW", shape[2:]
    elif shape[3] == 3:
        layout, sides = "NHWC", shape[1:3]
    else:
        raise ModelUnsupported(f"{stem} takes {_words(shape)}: no axis of 3 colours.", OTHER)
    numbers = [side for side in sides if isinstance(side, int) and side > 0]
    if len(numbers) == 1:
        raise ModelUnsupported(
            f"{stem} takes {_words(shape)}: one side fixed, the other not.",
            "Save it again with both sides fixed or both free.",
        )
    return name, layout, (numbers[1], numbers[0]) if numbers else None


def _output(signature: Signature, stem: str) -> str:
    """Name of the output that is a picture: the first of four axes. Raises ModelUnsupported."""
    for name, shape, kind in signature.outputs:
        if kind == "tensor(float)" and len(shape) in (0, 4):
            return name
    raise ModelUnsupported(f"{stem} returns no picture.", OTHER)


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise FileUnreadable(f"{path} is too large for a model.", "Choose another file.")
        return path.read_bytes()
    except OSError as error:
        raise FileUnreadable(
            f"{path} cannot be read ({error.strerror}).", "Check the name and the permissions."
        ) from error


def _id_of(stem: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-")[:64] or "model"


def _words(shape: tuple[object, ...]) -> str:
    return "×".join(str(side) for side in shape)
