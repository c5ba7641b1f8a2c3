"""A manifest is read as it was written, and every lie in one is a sentence."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import ModelCorrupt, ModelError, ModelUnsupported
from core.generator.manifest import GraphSpec, Manifest, Parity, SizeSpec, TensorSpec, TilingSpec


def make(**changes):
    fields = {
        "id": "photo-v1",
        "task": "colorize",
        "title": "Photographs",
        "description": "Colours grey photographs.",
        "file": "model.onnx",
        "sha256": "0" * 64,
        "opset": 17,
        "inputs": (TensorSpec("input", "lab-l", (-1.0, 1.0)),),
        "outputs": (TensorSpec("output", "lab-ab", (-110.0, 110.0)),),
        "size": SizeSpec(minimum=64, multiple_of=32, work=256),
        "tiling": TilingSpec("never"),
        "license": "MIT",
        "trained_on": "Nothing.",
        "made_by": {"commit": "abc"},
        "parity": Parity(1e-5, 1e-3, 0.1, ("64x64",)),
    }
    return Manifest(**{**fields, **changes})


def write(folder: Path, change) -> Path:
    """The manifest of make() with its JSON object changed by a function."""
    make().save(folder)
    path = folder / "manifest.json"
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))
    return folder


def test_load_gives_back_what_save_wrote(tmp_path):
    manifest = make(size=SizeSpec(fixed=(720, 480)))
    manifest.save(tmp_path)
    assert Manifest.load(tmp_path) == manifest
    assert [p.name for p in tmp_path.iterdir()] == ["manifest.json"]


def test_scale_maps_the_ends_of_the_space_to_the_ends_of_the_range():
    factor, offset = TensorSpec("x", "lab-l", (-1.0, 1.0)).scale()
    assert (factor * 0 + offset, factor * 100 + offset) == (-1.0, 1.0)
    factor, offset = TensorSpec("x", "srgb-bgr", (0.0, 255.0)).scale()
    assert (factor, offset) == (255.0, 0.0)


@pytest.mark.parametrize(
    "change",
    [
        {"id": "../photo"},
        {"id": "Photo"},
        {"id": ""},
        {"file": "../model.onnx"},
        {"file": "/etc/passwd"},
        {"file": "a/b.onnx"},
        {"file": ".."},
        {"file": "C:\\model.onnx"},
        {"sha256": "0" * 63},
        {"sha256": None},
        {"opset": 0},
        {"opset": "17"},
        {"title": 3},
        {"default": 1},
        {"inputs": []},
        {"inputs": [3]},
        {"outputs": {}},
        {"size": None},
        {"size": {"multiple_of": 0}},
        {"size": {"work": -1}},
        {"size": {"fixed": [1]}},
        {"size": {"fixed": [0, 1]}},
        {"tiling": {"overlap": 1.5}},
        {"surprise": 1},
    ],
    ids=str,
)
def test_a_manifest_that_lies_is_corrupt(tmp_path, change):
    write(tmp_path, lambda data: data.update(change))
    with pytest.raises(ModelCorrupt) as caught:
        Manifest.load(tmp_path)
    assert str(tmp_path) in caught.value.sentence
    assert caught.value.hint


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("space", "cmyk"),
        ("space", {}),
        ("layout", "NCWH"),
        ("range", [1, 0]),
        ("range", [0]),
        ("range", [0, "1"]),
        ("range", [0, float("nan")]),
        ("name", ""),
    ],
)
def test_a_tensor_that_lies_is_refused(tmp_path, name, value):
    write(tmp_path, lambda data: data["inputs"][0].update({name: value}))
    with pytest.raises(ModelError):
        Manifest.load(tmp_path)


@pytest.mark.parametrize(
    "change",
    [{"schema": 2}, {"schema": None}, {"task": "upscale"}, {"tiling": {"policy": "maybe"}}],
    ids=str,
)
def test_a_manifest_from_the_future_is_unsupported(tmp_path, change):
    write(tmp_path, lambda data: data.update(change))
    with pytest.raises(ModelUnsupported):
        Manifest.load(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{", "null", "\x00", "[" * 100000])
def test_what_is_no_manifest_is_corrupt_or_unsupported(tmp_path, text):
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(ModelError):
        Manifest.load(tmp_path)


def test_a_missing_manifest_and_one_of_another_encoding_are_corrupt(tmp_path):
    with pytest.raises(ModelCorrupt):
        Manifest.load(tmp_path)
    (tmp_path / "manifest.json").write_bytes(b"\xff\xfe{")
    with pytest.raises(ModelCorrupt):
        Manifest.load(tmp_path)
    (tmp_path / "manifest.json").write_bytes(b" " * (2 << 20))
    with pytest.raises(ModelCorrupt, match="too large"):
        Manifest.load(tmp_path)


@pytest.mark.parametrize(
    "name",
    sorted(
        make().__dict__.keys() - {"made_by", "parity", "default", "palette", "temperature", "parts"}
    ),
)
def test_a_missing_field_is_named(tmp_path, name):
    write(tmp_path, lambda data: data.pop(name))
    with pytest.raises(ModelError, match=name):
        Manifest.load(tmp_path)


PALETTE = TensorSpec("logits", "latent", (0.0, 1.0), role="palette", size=2)
ENCODE = GraphSpec("encode", "encode.onnx", "1" * 64, make().inputs, make().outputs)


def test_several_tensors_and_graphs_come_back_as_they_were(tmp_path):
    hint = TensorSpec("hint", "lab-ab", (-110.0, 110.0), role="hint")
    manifest = make(
        inputs=(*make().inputs, hint),
        outputs=(*make().outputs, PALETTE),
        palette=((1.0, 2.0), (-3.0, 4.5)),
        temperature=0.5,
        parts=(ENCODE,),
    )
    manifest.save(tmp_path)
    assert Manifest.load(tmp_path) == manifest
    assert manifest.takes("hint") and not manifest.takes("noise")
    assert manifest.gives("palette") and [g.name for g in manifest.graphs] == ["", "encode"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"inputs": make().inputs * 2}, "role"),
        ({"inputs": (TensorSpec("x", "lab-l", (0.0, 1.0), role="palette"),)}, "role 'palette'"),
        ({"inputs": (TensorSpec("x", "latent", (0.0, 1.0), role="noise"),)}, "channels"),
        ({"inputs": (TensorSpec("x", "lab-l", (0.0, 1.0), size=1),)}, "channels"),
        ({"inputs": (TensorSpec("x", "lab-l", (0.0, 1.0), "NC"),)}, "NC"),
        ({"palette": ((1.0, 2.0),)}, "palette"),
        ({"outputs": (*make().outputs, PALETTE)}, "palette"),
        ({"palette": ((1.0,), (2.0,)), "outputs": (*make().outputs, PALETTE)}, "palette"),
        ({"temperature": 0.0}, "temperature"),
        ({"parts": (ENCODE, ENCODE)}, "twice"),
        ({"parts": (replace(ENCODE, name="decode"),)}, "decode"),
        ({"parts": (replace(ENCODE, file="../x.onnx"),)}, "file"),
        ({"parts": (replace(ENCODE, sha256="1"),)}, "sha256"),
    ],
)
def test_several_tensors_that_do_not_fit_each_other_are_refused(change, told):
    with pytest.raises(ModelError, match=told):
        make(**change)


@pytest.mark.parametrize("value", [7, "x", [7], [{}], [{"name": "encode"}], {}])
def test_parts_that_are_none_are_refused(tmp_path, value):
    with pytest.raises(ModelError):
        Manifest.load(write(tmp_path, lambda data: data.update(parts=value)))


@pytest.mark.parametrize("value", [7, "x", [7], [[1, 2, 3]], [["a", "b"]], {}])
def test_a_palette_that_is_none_is_refused(tmp_path, value):
    with pytest.raises(ModelError):
        Manifest.load(write(tmp_path, lambda data: data.update(palette=value)))
