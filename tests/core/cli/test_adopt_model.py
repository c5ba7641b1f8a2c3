"""Style models of others: the common conventions are found out, and what cannot be used is said."""

import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from core.cli.adopt_model import Wishes, add_model, remove_model
from core.cli.thumbnail import PHOTOGRAPH
from core.errors import BadRequest, FileUnreadable, LimnerError, ModelCorrupt, ModelUnsupported
from core.files.picture import PictureFile
from core.generator.catalog import Catalog
from core.generator.generator import Generator
from core.image import Image
from core.style.stylize import StylizeSettings, paint
from tests.core.engine import quiet
from tests.fakes import onnx as fakes
from tests.pixels import assert_close

RNG = np.random.default_rng(8)


def node(kind, inputs, outputs, **attributes):
    return helper.make_node(kind, inputs.split(), outputs.split(), **attributes)


def negative_of(highest, name="input", out="output"):
    """A style that turns light into dark, in the units of its own range 0..highest."""
    return [node("Sub", f"highest {name}", out)], {"highest": np.array([float(highest)])}


def added(tmp_path, path, **wishes):
    """(manifest, generator) of a file that was added."""
    folder = tmp_path / "models"
    manifest = add_model(path, Wishes(**wishes), folder)
    model = Catalog.read((folder,)).find("stylize", manifest.id)
    return manifest, Generator.open(model, "cpu")


def photo(height=90, width=130):
    y, x = np.mgrid[0:height, 0:width] / width
    return np.stack((x, y, 0.5 + 0.4 * np.sin(9 * x)), axis=2).astype(np.float32)


def painting(generator, pixels):
    return paint(Image(pixels), generator, StylizeSettings(brush_size=1), quiet)


def windows_ml(tmp_path, side=72):
    """BGR 0..255, one size, batch "None": here red and blue are halved by their place."""
    factors = np.reshape([0.25, 1.0, 1.0], (1, 3, 1, 1))
    nodes = [node("Mul", "inputImage factors", "outputImage")]
    return fakes.stranger(
        tmp_path / "Candy 2.onnx", ["None", 3, side, side], nodes, {"factors": factors},
        ("inputImage", "outputImage"), "OnnxMLTools",
    )  # fmt: skip


def test_windows_ml_is_bgr_0_to_255_and_of_one_size(tmp_path):
    manifest, generator = added(tmp_path, windows_ml(tmp_path))
    assert (manifest.id, manifest.title) == ("candy-2", "Candy 2")
    assert manifest.size.fixed == (72, 72)
    assert manifest.tiling.policy == "discouraged" and manifest.tiling.overlap == 9
    given = manifest.inputs[0]
    assert (given.space, given.range, given.layout) == ("srgb-bgr", (0.0, 255.0), "NCHW")
    pixels = photo()
    result = painting(generator, pixels)
    assert_close(result.image.pixels, pixels * np.float32([1, 1, 0.25]), 1e-5)
    assert result.tiles > 1 and result.differ


def test_what_is_added_has_a_thumbnail_of_its_own_painting(tmp_path):
    added(tmp_path, windows_ml(tmp_path))
    shown = PictureFile.read(tmp_path / "models/candy-2/thumbnail.jpg").image.pixels / 255
    photograph = PictureFile.read(PHOTOGRAPH).image.pixels / 255
    assert_close(shown, photograph * [1, 1, 0.25], 0.4)  # JPEG
    assert np.abs(shown - photograph * [1, 1, 0.25]).mean() < 0.03


def test_tiles_of_one_size_are_told_of(tmp_path):
    from core.filters import notes

    _, generator = added(tmp_path, windows_ml(tmp_path))
    assert "8 tiles that are faded into each other" in notes(painting(generator, photo(80, 200)))[0]
    assert notes(painting(generator, photo(40, 60))) == []


def instance_norm(highest):
    """A network that levels contrast over the whole picture, as fast-neural-style does."""
    nodes = [
        node("InstanceNormalization", "input scale shift", "level"),
        node("Mul", "level spread", "wide"),
        node("Add", "wide middle", "output"),
    ]
    constants = {"scale": np.ones(3), "shift": np.zeros(3)}
    constants |= {"spread": np.array([-highest / 4]), "middle": np.array([highest / 2])}
    return nodes, constants


@pytest.mark.parametrize("size", [("h", "w"), (None, None), (256, 256)], ids=str)
def test_fast_neural_style_is_rgb_0_to_255(tmp_path, size):
    """Its output goes beyond 0..255 and is clipped."""
    path = fakes.stranger(tmp_path / "mosaic.onnx", ["batch", 3, *size], *instance_norm(255))
    manifest, generator = added(tmp_path, path)
    assert manifest.inputs[0].range == manifest.outputs[0].range == (0.0, 255.0)
    assert manifest.inputs[0].space == "srgb"
    assert manifest.tiling.policy == "discouraged"
    assert manifest.size.fixed == (None if isinstance(size[0], str | None) else size)
    loud = np.where(photo(256, 256) > 0.97, np.float32(1), np.float32(0))
    result = painting(generator, loud).image.pixels
    assert result.min() == 0 and result.max() <= 1


def test_animegan_is_nhwc_minus_1_to_1_in_multiples(tmp_path):
    """tf2onnx's names; a reshape to squares of 8 fails at every other size."""
    nodes = [
        node("Tanh", "generator_input:0", "soft"),
        node("Transpose", "soft", "chw", perm=[0, 3, 1, 2]),
        node("SpaceToDepth", "chw", "deep", blocksize=8),
        node("DepthToSpace", "deep", "flat", blocksize=8),
        node("Transpose", "flat", "generator/main/out_layer:0", perm=[0, 2, 3, 1]),
    ]
    names = ("generator_input:0", "generator/main/out_layer:0")
    path = fakes.stranger(
        tmp_path / "AnimeGANv3_Hayao.onnx", ["unk__1", "unk__2", "unk__3", 3], nodes, {}, names,
        "tf2onnx",
    )  # fmt: skip
    manifest, generator = added(tmp_path, path, title="Hayao")
    given, returned = manifest.inputs[0], manifest.outputs[0]
    assert (given.layout, given.range, returned.range) == ("NHWC", (-1.0, 1.0), (-1.0, 1.0))
    assert (manifest.size.multiple_of, manifest.title) == (8, "Hayao")
    pixels = photo(91, 133)
    assert_close(painting(generator, pixels).image.pixels, np.tanh(pixels * 2 - 1) / 2 + 0.5, 1e-4)


def test_a_range_of_0_to_1_is_found(tmp_path):
    nodes, constants = negative_of(1.0, "clipped")
    nodes = [node("Clip", "input low high", "clipped"), *nodes]
    constants |= {"low": np.array(0.0), "high": np.array(1.0)}
    path = fakes.stranger(tmp_path / "negative.onnx", [1, 3, "h", "w"], nodes, constants)
    manifest, generator = added(tmp_path, path)
    assert manifest.inputs[0].range == manifest.outputs[0].range == (0.0, 1.0)
    assert_close(painting(generator, photo()).image.pixels, 1 - photo(), 1e-5)


def rounding_up(tmp_path):
    """As encoders and decoders do: the result is as large as the next multiple of 4."""
    nodes = [
        node("AveragePool", "input", "small", kernel_shape=[4, 4], strides=[4, 4], ceil_mode=1),
        node("Resize", "small  scales", "output", mode="nearest"),
    ]
    nodes[1] = helper.make_node("Resize", ["small", "", "scales"], ["output"], mode="nearest")
    constants = {"scales": np.array([1.0, 1.0, 4.0, 4.0])}
    return fakes.stranger(tmp_path / "sunflowers.onnx", [1, 3, "h", "w"], nodes, constants)


def test_an_output_that_is_rounded_up_gives_a_multiple(tmp_path):
    manifest, generator = added(tmp_path, rounding_up(tmp_path))
    assert manifest.size.multiple_of == 4
    assert painting(generator, photo(91, 133)).image.pixels.shape == (91, 133, 3)


def test_tiles_that_fit_together_are_found_out(tmp_path):
    kernel = np.zeros((3, 3, 9, 9))
    for channel in range(3):
        kernel[channel, channel] = 1 / 81
    path = fakes.stranger(
        tmp_path / "blur.onnx", [1, 3, "h", "w"],
        [node("Conv", "input kernel", "output", pads=[4] * 4)], {"kernel": kernel},
    )  # fmt: skip
    manifest, _ = added(tmp_path, path)
    assert manifest.tiling.policy == "allowed"
    assert 4 <= manifest.tiling.overlap <= 64


def test_what_the_user_says_is_not_guessed(tmp_path):
    path = fakes.stranger(tmp_path / "x.onnx", [1, 3, "h", "w"], *negative_of(100))
    wishes = {"id": "mine", "channels": "bgr", "range": (0.0, 100.0), "license": "MIT"}
    manifest, generator = added(tmp_path, path, output_range=(0.0, 100.0), multiple=16, **wishes)
    assert (manifest.id, manifest.license, manifest.size.multiple_of) == ("mine", "MIT", 16)
    assert manifest.inputs[0].space == "srgb-bgr"
    assert_close(painting(generator, photo()).image.pixels, 1 - photo(), 1e-5)


def external(tmp_path):
    path = fakes.stranger(tmp_path / "far.onnx", [1, 3, "h", "w"], *negative_of(255))
    model = onnx.load(path)
    tensor = model.graph.initializer[0]
    (tmp_path / "weights.bin").write_bytes(tensor.raw_data)
    size = str(len(tensor.raw_data))
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="weights.bin")
    tensor.external_data.add(key="length", value=size)
    path.write_bytes(model.SerializeToString())
    return path


def one_size_inside(tmp_path):
    """Says that it takes any size, and has a size in a reshape."""
    nodes = [node("Reshape", "input shape", "output")]
    return fakes.stranger(
        tmp_path / "liar.onnx", [1, 3, "h", "w"], nodes, {"shape": np.array([1, 3, 224, 224])}
    )


def unknown_operator(tmp_path):
    return fakes.stranger(tmp_path / "future.onnx", [1, 3, "h", "w"],
                          [node("Dream", "input", "output")])  # fmt: skip


def broken(tmp_path):
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"not a graph")
    return path


def simple(shape, nodes="Identity", **more):
    def make(tmp_path):
        return fakes.stranger(
            tmp_path / "odd.onnx", shape, [node(nodes, "input", "output")], **more
        )

    return make


def noise(tmp_path):
    """Returns a pattern of its own, whatever it is given."""
    pattern = RNG.random((1, 3, 64, 64)) * 255
    nodes = [node("Mul", "input zero", "nothing"), node("Add", "nothing pattern", "output")]
    return fakes.stranger(tmp_path / "noise.onnx", [1, 3, 64, 64], nodes,
                          {"zero": np.zeros(1), "pattern": pattern})  # fmt: skip


def twice_as_large(tmp_path):
    nodes = [helper.make_node("Resize", ["input", "", "scales"], ["output"], mode="nearest")]
    return fakes.stranger(tmp_path / "large.onnx", [1, 3, 256, 256], nodes,
                          {"scales": np.array([1.0, 1.0, 2.0, 2.0])})  # fmt: skip


BAD = {
    "wrong rank": (simple([1, 3, 64]), ModelUnsupported, "3 axes, not 4"),
    "two inputs": (simple([1, 3, 8, 8], inputs=[[1, 8]]), ModelUnsupported, r"2 inputs \(input, m"),
    "grey": (simple([1, 1, "h", "w"]), ModelUnsupported, "no axis of 3 colours"),
    "a batch": (simple([4, 3, 8, 8]), ModelUnsupported, "4 pictures at a time"),
    "half fixed": (simple([1, 3, 64, "w"]), ModelUnsupported, "one side fixed"),
    "size inside": (one_size_inside, ModelUnsupported, "says that it takes pictures of any size"),
    "unknown operator": (unknown_operator, ModelUnsupported, "Dream"),
    "external data": (external, ModelUnsupported, "weights in another file"),
    "no graph": (broken, ModelCorrupt, "damaged"),
    "noise": (noise, ModelUnsupported, "looks nothing like the picture"),
    "larger": (twice_as_large, ModelUnsupported, "512×512 pixels for 256×256"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_cannot_be_used_is_one_sentence_and_leaves_nothing(tmp_path, kind):
    make, error, sentence = BAD[kind]
    folder = tmp_path / "models"
    with pytest.raises(error, match=sentence) as raised:
        add_model(make(tmp_path), Wishes(), folder)
    assert "install.py" not in str(raised.value)
    assert list(folder.iterdir()) == []


def test_a_missing_file_is_a_sentence(tmp_path):
    with pytest.raises(FileUnreadable, match="nowhere"):
        add_model(tmp_path / "nowhere.onnx", Wishes(), tmp_path / "models")


def test_an_id_is_taken_once(tmp_path):
    path = windows_ml(tmp_path)
    added(tmp_path, path, title="First")
    with pytest.raises(BadRequest, match="already"):
        add_model(path, Wishes(), tmp_path / "models")
    with pytest.raises(BadRequest, match="no id"):
        add_model(path, Wishes(id="../up"), tmp_path / "models")
    manifest = add_model(path, Wishes(title="Second"), tmp_path / "models", overwrite=True)
    stored = json.loads((tmp_path / "models" / manifest.id / "manifest.json").read_text())
    assert stored["title"] == "Second"
    assert [p.name for p in (tmp_path / "models").iterdir()] == ["candy-2"]


def test_a_failed_replacement_leaves_the_old_model(tmp_path):
    added(tmp_path, windows_ml(tmp_path))
    with pytest.raises(LimnerError):
        add_model(noise(tmp_path), Wishes(id="candy-2"), tmp_path / "models", overwrite=True)
    Catalog.read((tmp_path / "models",)).find("stylize", "candy-2").verify()


def test_only_the_users_own_models_are_removed(tmp_path):
    added(tmp_path, windows_ml(tmp_path))
    folder = tmp_path / "models"
    model = Catalog.read((folder,)).find("stylize", "candy-2")
    with pytest.raises(BadRequest, match="came with Limner"):
        remove_model(model, (tmp_path / "elsewhere",))
    remove_model(model, (folder,))
    assert list(folder.iterdir()) == []
