"""The generator runs what its manifest describes, says where, and turns every failure into ours."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from core.errors import (
    DeviceUnavailable,
    LimnerError,
    ModelCorrupt,
    ModelError,
    ModelUnsupported,
    OutOfMemory,
)
from core.generator import generator, session, tensor_layout
from core.generator.catalog import Catalog
from core.generator.generator import Generator
from core.generator.manifest import SizeSpec, TensorSpec, file_sha256
from tests.fakes import onnx as fakes


def open_model(folder, device="cpu"):
    return Generator.open(Catalog.read((folder.parent,)).installed[0], device)


def reseal(folder):
    """Write the present file's sha256 into the manifest, as a faithful but wrong author would."""
    path = folder / "manifest.json"
    model = Catalog.read((folder.parent,)).installed[0]
    text = path.read_text().replace(model.manifest.sha256, file_sha256(model.path))
    path.write_text(text)


def picture(height=4, width=6):
    return np.linspace(0, 1, 3 * height * width, dtype=np.float32).reshape(1, 3, height, width)


def test_it_runs_and_says_where(tmp_path):
    runner = open_model(fakes.scale(tmp_path / "half", 0.5))
    np.testing.assert_allclose(runner.run(picture()), picture() / 2, atol=1e-7)
    assert runner.provider == "CPUExecutionProvider"
    report = runner.report()
    assert (report["model"], report["provider"]) == ("half", "CPUExecutionProvider")
    assert report["nodes"] == "2 of 2"
    assert report["reason"] == ""
    assert report["sha256"] == file_sha256(tmp_path / "half/model.onnx")


def test_the_same_input_again_is_answered_from_memory_where_that_is_wanted(tmp_path):
    runner = open_model(fakes.scale(tmp_path / "half", 0.5))
    first = runner.run(picture())
    assert runner.run(picture()) is not first and not runner.recalled
    runner.recall = True
    first = runner.run(picture())
    assert not runner.recalled
    assert runner.run(picture()) is first and runner.recalled
    np.testing.assert_allclose(runner.run(picture() / 2), first / 2, atol=1e-7)
    assert not runner.recalled


def test_what_is_remembered_does_not_change_with_the_callers_array(tmp_path):
    runner = open_model(fakes.scale(tmp_path / "half", 0.5))
    runner.recall = True
    array = picture()
    before = runner.run(array).copy()
    array += 1
    np.testing.assert_allclose(runner.run(array), before + 0.5, atol=1e-6)


def test_a_large_input_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(generator, "RECALLED_BYTES", picture().nbytes - 1)
    runner = open_model(fakes.scale(tmp_path / "half", 0.5))
    runner.recall = True
    runner.run(picture())
    runner.run(picture())
    assert not runner.recalled


def test_a_graph_without_nodes_still_names_its_provider(tmp_path):
    runner = open_model(fakes.identity(tmp_path / "same"))
    np.testing.assert_array_equal(runner.run(picture()), picture())
    assert runner.provider == "CPUExecutionProvider"


@pytest.mark.parametrize("space", ["srgb", "srgb-bgr"])
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("ends", [(0.0, 1.0), (0.0, 255.0), (-1.0, 1.0)])
def test_there_and_back_through_every_convention_is_the_same_picture(space, layout, ends):
    spec = TensorSpec("x", space, ends, layout)
    there = tensor_layout.to_graph(picture(), spec)
    assert there.flags.c_contiguous
    assert there.dtype == np.float32
    assert (there.min(), there.max()) == pytest.approx(ends)
    back = tensor_layout.from_graph(there, spec, "Test")
    np.testing.assert_allclose(back, picture(), atol=1e-6)


def test_a_convention_changes_what_the_graph_sees():
    one_red_pixel = np.array([1, 0, 0], np.float32).reshape(1, 3, 1, 1)
    spec = TensorSpec("x", "srgb-bgr", (0.0, 255.0), "NHWC")
    assert tensor_layout.to_graph(one_red_pixel, spec).tolist() == [[[[0.0, 0.0, 255.0]]]]


def test_lightness_goes_in_and_ab_comes_out_in_their_own_units(tmp_path):
    folder = fakes.constant_ab(tmp_path / "warm", 12.0, -34.0)
    output = open_model(folder).run(np.full((1, 1, 2, 3), 50, np.float32))
    assert output.shape == (1, 2, 2, 3)
    np.testing.assert_allclose(output[0, :, 1, 2], [12.0, -34.0], atol=1e-5)


@pytest.mark.parametrize("keep", [0, 1, 100, -1])
def test_a_truncated_file_is_corrupt_even_with_a_fitting_sha256(tmp_path, keep):
    folder = fakes.constant_ab(tmp_path / "photo")
    data = (folder / "model.onnx").read_bytes()
    (folder / "model.onnx").write_bytes(data[:keep])
    with pytest.raises(ModelCorrupt, match="damaged"):
        open_model(folder)
    reseal(folder)
    with pytest.raises(ModelError):
        open_model(folder)


def test_a_graph_with_other_names_than_its_manifest_is_corrupt(tmp_path):
    folder = fakes.constant_ab(tmp_path / "photo")
    path = folder / "manifest.json"
    path.write_text(path.read_text().replace('"name": "input"', '"name": "image"'))
    with pytest.raises(ModelCorrupt, match="manifest"):
        open_model(folder)


def test_an_unknown_operator_is_unsupported(tmp_path):
    folder = fakes.identity(tmp_path / "future")
    model = onnx.load(folder / "model.onnx")
    model.graph.node[0].op_type = "Dream"
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    reseal(folder)
    with pytest.raises(ModelUnsupported):
        open_model(folder)


def test_weights_outside_the_models_file_are_refused(tmp_path):
    """A graph must not make the engine read other files; ONNX calls this external data."""
    folder = fakes.scale(tmp_path / "half", 0.5)
    model = onnx.load(folder / "model.onnx")
    secret = np.zeros(1, np.float32).tobytes()
    (folder / "secret.bin").write_bytes(secret)
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="secret.bin")
    tensor.external_data.add(key="length", value=str(len(secret)))
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    reseal(folder)
    with pytest.raises(ModelError):
        open_model(folder)


def test_an_output_that_is_no_number_is_corrupt(tmp_path):
    runner = open_model(fakes.scale(tmp_path / "odd", float("nan")))
    with pytest.raises(ModelCorrupt, match="no numbers"):
        runner.run(picture())


def test_an_output_with_other_channels_is_corrupt(tmp_path):
    folder = fakes.identity(tmp_path / "grey")
    graph = helper.make_graph(
        [helper.make_node("ReduceMean", ["input"], ["output"], axes=[1])],
        "grey",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, "h", "w"])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 1, "h", "w"])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    reseal(folder)
    with pytest.raises(ModelCorrupt, match="3 channels"):
        open_model(folder).run(picture())


def test_a_size_that_a_fixed_graph_does_not_take_is_a_sentence(tmp_path):
    runner = open_model(fakes.scale(tmp_path / "fixed", 1.0, size=SizeSpec(fixed=(8, 8))))
    with pytest.raises(ModelUnsupported):
        runner.run(picture(4, 4))


@pytest.mark.parametrize("device", ["cuda", "migraphx", "openvino"])
def test_a_device_that_was_asked_for_is_never_replaced_silently(tmp_path, device):
    if session.PROVIDERS[device] in session.ort.get_available_providers():
        pytest.skip(f"this runtime has {device}")
    with pytest.raises(DeviceUnavailable, match="not installed"):
        open_model(fakes.identity(tmp_path / "same"), device)


def test_an_unknown_device_is_a_sentence(tmp_path):
    with pytest.raises(DeviceUnavailable, match="known: auto"):
        open_model(fakes.identity(tmp_path / "same"), "tpu")


def test_auto_falls_back_to_the_cpu_and_says_why(tmp_path, monkeypatch):
    """A provider that is installed but cannot start, as on a machine without its driver."""
    real = generator.open_graph

    def broken_webgpu(spec, content, title, device, *more):
        if device == "webgpu":
            raise DeviceUnavailable("WebGpuExecutionProvider finds no graphics device.")
        return real(spec, content, title, device, *more)

    monkeypatch.setattr(generator, "open_graph", broken_webgpu)
    monkeypatch.setattr(generator, "available_devices", lambda: ("webgpu", "cpu"))
    runner = open_model(fakes.scale(tmp_path / "half", 0.5), "auto")
    assert runner.provider == "CPUExecutionProvider"
    assert runner.report()["reason"] == "WebGpuExecutionProvider finds no graphics device."


def test_available_devices_end_with_the_cpu():
    assert generator.available_devices()[-1] == "cpu"


def runtime_errors():
    """Every exception that the runtime's own module defines."""
    return [
        value
        for value in vars(ort_errors).values()
        if isinstance(value, type) and issubclass(value, Exception)
    ]


@pytest.mark.parametrize("error", runtime_errors(), ids=lambda e: e.__name__)
def test_no_exception_of_the_runtime_escapes(error):
    with pytest.raises(LimnerError), session.translated("Test"):
        raise error("something")


def test_there_are_exceptions_to_translate():
    assert len(runtime_errors()) > 8


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        ort_errors.RuntimeException("Failed to allocate memory for requested buffer of size 9"),
        ort_errors.RuntimeException("std::bad_alloc"),
        ort_errors.Fail("CUDA error: out of memory"),
    ],
    ids=str,
)
def test_memory_that_runs_out_is_told_apart(error):
    with pytest.raises(OutOfMemory), session.translated("Test"):
        raise error


def hinted_inputs():
    lightness = np.full((1, 1, 8, 8), 50, np.float32)
    hint, mask = np.zeros((1, 2, 8, 8), np.float32), np.zeros((1, 1, 8, 8), np.float32)
    hint[:, :, 2, 3], mask[:, :, 2, 3] = np.reshape([60, -20], (1, 2)), 1
    return {"picture": lightness, "hint": hint, "hint-mask": mask}


def test_what_a_model_takes_besides_the_picture_is_given_by_role(tmp_path):
    runner = open_model(fakes.hinted_ab(tmp_path / "hinted", a=5.0, b=7.0))
    assert runner.manifest.takes("hint") and not runner.manifest.takes("style")
    found = runner.run_all(hinted_inputs())
    assert found["picture"][0, :, 2, 3].tolist() == [60.0, -20.0]
    assert found["picture"][0, :, 0, 0].tolist() == [5.0, 7.0]
    assert found["palette"].shape == (1, 2, 8, 8)
    assert set(runner.run_all(hinted_inputs(), wanted=("palette",))) == {"palette"}


def test_left_out_hints_and_noise_are_none(tmp_path):
    runner = open_model(fakes.hinted_ab(tmp_path / "hinted", a=5.0, b=7.0))
    assert runner.run(hinted_inputs()["picture"])[0, :, 2, 3].tolist() == [5.0, 7.0]
    noise = np.zeros((1, 2), np.float32)
    noise[0, 0] = 3.0
    moved = runner.run_all({"picture": hinted_inputs()["picture"], "noise": noise})["picture"]
    assert moved[0, :, 2, 3].tolist() == [8.0, 7.0]


def test_recall_looks_at_every_input(tmp_path):
    runner = open_model(fakes.hinted_ab(tmp_path / "hinted"))
    runner.recall = True
    inputs = hinted_inputs()
    runner.run_all(inputs, ("picture",))
    runner.run_all(inputs, ("picture",))
    assert runner.recalled
    runner.run_all(inputs, ("palette",))
    assert not runner.recalled
    runner.run_all({**inputs, "hint": inputs["hint"] + 1}, ("palette",))
    assert not runner.recalled


def test_a_part_is_another_graph_of_the_same_model(tmp_path):
    runner = open_model(fakes.with_part(tmp_path / "two"))
    code = runner.run_all({"style": picture()}, part="style-code")["code"]
    np.testing.assert_allclose(code, picture().mean(axis=(2, 3)), atol=1e-6)
    painted = runner.run_all({"picture": picture(), "code": code})["picture"]
    np.testing.assert_allclose(painted, picture() + code[:, :, None, None], atol=1e-6)


def test_a_damaged_part_is_found(tmp_path):
    folder = fakes.with_part(tmp_path / "two")
    (folder / "style-code.onnx").write_bytes(b"x")
    with pytest.raises(ModelCorrupt, match="style-code.onnx"):
        open_model(folder)


def test_several_pictures_go_through_a_graph_whose_first_axis_is_free(tmp_path):
    runner = open_model(fakes.hinted_ab(tmp_path / "many", 3.0, 4.0, count="n"))
    assert runner.takes_many
    lightness = np.random.default_rng(0).uniform(0, 100, (5, 1, 8, 12)).astype(np.float32)
    wanted = ("picture", "palette")
    found = runner.run_many({"picture": lightness}, wanted)
    assert found["picture"].shape == (5, 2, 8, 12) and found["palette"].shape == (5, 2, 8, 12)
    for number in range(5):
        alone = runner.run_all({"picture": lightness[number : number + 1]})
        for role in wanted:
            np.testing.assert_array_equal(found[role][number : number + 1], alone[role])


def test_several_pictures_go_one_by_one_through_a_graph_of_one(tmp_path, monkeypatch):
    runner = open_model(fakes.box_blur(tmp_path / "one", 1))
    assert not runner.takes_many
    pictures = np.random.default_rng(0).uniform(0, 1, (3, 3, 8, 12)).astype(np.float32)
    together = runner.run_many({"picture": pictures}, ("picture",))["picture"]
    alone = [runner.run(pictures[n : n + 1]) for n in range(3)]
    np.testing.assert_array_equal(together, np.concatenate(alone))


def test_where_memory_does_not_suffice_for_all_halves_are_tried(tmp_path, monkeypatch):
    runner = open_model(fakes.box_blur(tmp_path / "many", 1, count="n"))
    pictures = np.random.default_rng(0).uniform(0, 1, (7, 3, 8, 12)).astype(np.float32)
    whole = runner.run_many({"picture": pictures}, ("picture",))["picture"]
    real, counts = runner.run_all, []

    def run_all(inputs, wanted=None, part=""):
        counts.append(len(inputs["picture"]))
        if counts[-1] > 2:
            raise OutOfMemory("No.")
        return real(inputs, wanted, part)

    monkeypatch.setattr(runner, "run_all", run_all)
    found = runner.run_many({"picture": pictures}, ("picture",))["picture"]
    np.testing.assert_array_equal(found, whole)
    assert sum(count for count in counts if count <= 2) == 7 and max(counts) == 7
    monkeypatch.setattr(runner, "run_all", lambda *_: (_ for _ in ()).throw(OutOfMemory("No.")))
    with pytest.raises(OutOfMemory):
        runner.run_many({"picture": pictures}, ("picture",))


def test_an_output_stays_where_it_is_for_another_graph(tmp_path):
    """On the CPU; the same calls keep it in a graphics card's memory under CUDA."""
    runner = open_model(fakes.with_part(tmp_path / "two"))
    style = np.full((1, 3, 4, 4), 0.25, np.float32)
    kept = runner.run_kept({"style": style}, ("code",), part="style-code")["code"]
    np.testing.assert_allclose(kept.array(), [[0.25, 0.25, 0.25]])
    found = runner.run_all({"picture": picture(), "code": kept}, ("picture",))["picture"]
    np.testing.assert_allclose(found, picture() + 0.25, atol=1e-6)


def test_an_output_goes_from_one_generator_into_the_next(tmp_path):
    half = open_model(fakes.scale(tmp_path / "a" / "half", 0.5))
    less = open_model(fakes.scale(tmp_path / "b" / "less", 1.0, -0.1))
    kept = half.run_kept({"picture": picture()}, ("picture",))["picture"]
    found = less.run_all({"picture": kept})["picture"]
    np.testing.assert_allclose(found, picture() / 2 - 0.1, atol=1e-6)


def test_what_another_graph_gave_in_other_units_is_converted(tmp_path):
    """The first gives colours as 0..255, the second takes 0..1: not the same numbers."""
    bytes_out = TensorSpec("output", "srgb", (0.0, 255.0))
    wide = open_model(fakes.scale(tmp_path / "a" / "wide", 255.0, outputs=(bytes_out,)))
    half = open_model(fakes.scale(tmp_path / "b" / "half", 0.5))
    kept = wide.run_kept({"picture": picture()}, ("picture",))["picture"]
    assert not kept.fits(half.manifest.inputs[0])
    np.testing.assert_allclose(half.run_all({"picture": kept})["picture"], picture() / 2, atol=1e-6)


def test_what_is_left_out_beside_a_kept_input_is_zeros(tmp_path):
    first = open_model(fakes.hinted_ab(tmp_path / "a" / "first", 30.0, 40.0))
    second = open_model(fakes.hinted_ab(tmp_path / "b" / "second", 3.0, 4.0))
    lightness = np.full((1, 1, 4, 6), 50, np.float32)
    hint = first.run_kept({"picture": lightness}, ("picture",))["picture"]
    free = second.run_all({"picture": lightness, "hint": hint}, ("picture",))["picture"]
    assert free[0, :, 0, 0].tolist() == [3.0, 4.0]
    mask = np.ones_like(lightness)
    asked = second.run_all({"picture": lightness, "hint": hint, "hint-mask": mask}, ("picture",))
    assert asked["picture"][0, :, 0, 0].tolist() == [30.0, 40.0]


def test_a_picture_is_put_once_for_several_runs(tmp_path):
    runner = open_model(fakes.scale(tmp_path / "half", 0.5))
    held = runner.put(picture())
    np.testing.assert_array_equal(held.array(), picture())
    for _ in range(2):
        found = runner.run_all({"picture": held}, ("picture",))["picture"]
        np.testing.assert_array_equal(found, runner.run(picture()))
