"""Apply Style: tiles equal the whole, whatever the size; strength and alpha."""

import numpy as np
import pytest

from core.errors import BadRequest, ModelCorrupt, OutOfMemory
from core.generator.manifest import SizeSpec, TilingSpec
from core.image import Image
from core.style import tiles as module
from core.style.stylize import StylizeSettings, stylize
from tests.core.engine import open_generator, quiet
from tests.fakes import onnx as fakes
from tests.pixels import assert_close, draw

RNG = np.random.default_rng(6)
TYPES = [np.uint8, np.uint16, np.float32]


def run(pixels, generator, out=None, **settings):
    return stylize(Image(pixels), generator, StylizeSettings(**settings), quiet, out).pixels


def noise(height, width, channels, dtype=np.float32):
    values = RNG.random((height, width, channels))
    full = 1 if dtype == np.float32 else np.iinfo(dtype).max
    return (values * full).astype(dtype)


@pytest.fixture
def small_tiles(monkeypatch):
    monkeypatch.setattr(module, "TILE_SIDE", 64)
    monkeypatch.setattr(module, "WHOLE_PIXELS", 0)


def blurred(pixels, radius, layers):
    """The definition: means over squares, zeros beyond the edge; float64."""
    result = pixels.astype(np.float64)
    for _ in range(layers):
        padded = np.pad(result, ((radius, radius), (radius, radius), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (2 * radius + 1,) * 2, (0, 1))
        result = windows.mean(axis=(-2, -1))
    return result.astype(np.float32)


@pytest.mark.parametrize("spec", [SizeSpec(), SizeSpec(minimum=32)], ids=["any", "minimum"])
def test_tiles_equal_the_whole(tmp_path, small_tiles, spec):
    generator = open_generator(fakes.box_blur(tmp_path / "blur", 3, layers=2, size=spec))
    pixels = noise(150, 217, 3)
    assert_close(run(pixels, generator), blurred(pixels, 3, 2), 1e-6)


def test_tiles_equal_the_whole_at_multiples(tmp_path, monkeypatch):
    spec = SizeSpec(minimum=16, multiple_of=8)
    generator = open_generator(fakes.box_blur(tmp_path / "blur", 2, layers=3, size=spec))
    pixels = noise(150, 217, 3)  # no multiple of 8: mirrored beyond the edge, in both
    whole = run(pixels, generator)
    monkeypatch.setattr(module, "TILE_SIDE", 64)
    assert_close(run(pixels, generator), whole, 1e-6)


def test_tiles_of_one_fixed_size_equal_the_whole(tmp_path):
    free = open_generator(fakes.box_blur(tmp_path / "a" / "free", 2))
    tiling = TilingSpec("allowed", 2)
    spec = SizeSpec(fixed=(64, 48))
    fixed = open_generator(fakes.box_blur(tmp_path / "b" / "fixed", 2, size=spec, tiling=tiling))
    pixels = noise(100, 130, 3)
    assert_close(run(pixels, fixed), run(pixels, free), 1e-6)


@pytest.mark.parametrize("policy", ["never", "discouraged", "allowed"])
@pytest.mark.parametrize("dtype", TYPES, ids=lambda dtype: dtype.__name__)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_style_that_changes_nothing_gives_back_the_picture(
    tmp_path, small_tiles, dtype, channels, policy
):
    generator = open_generator(fakes.identity(tmp_path / "same", tiling=TilingSpec(policy, 8)))
    pixels = noise(70, 150, channels, dtype)
    colors = pixels[..., :1].repeat(3, axis=2) if channels < 3 else pixels[..., :3]
    alpha = [pixels[..., -1:]] if channels in (2, 4) else []
    expected = np.concatenate([colors, *alpha], axis=2)
    assert_close(run(pixels, generator), expected, 1e-6 if dtype == np.float32 else 0)


def test_tiles_that_differ_are_faded_into_each_other(tmp_path, small_tiles):
    generator = open_generator(
        fakes.mean_color(tmp_path / "mean", tiling=TilingSpec("discouraged", 16))
    )
    pixels = draw("kkkw", scale=48)
    steps = np.abs(np.diff(run(pixels, generator).astype(int), axis=1))
    assert run(pixels, generator).std() > 20  # the tiles do differ
    assert steps.max() < 255 / 12


def test_a_picture_whose_tiles_differ_is_run_whole_while_it_fits(tmp_path):
    generator = open_generator(
        fakes.mean_color(tmp_path / "mean", tiling=TilingSpec("discouraged", 16))
    )
    result = run(draw("kw", scale=600), generator)
    assert_close(result, np.full_like(result, 128), 1)


def test_never_tiled_and_reduced_to_the_work_size(tmp_path):
    generator = open_generator(
        fakes.identity(tmp_path / "same", tiling=TilingSpec(), size=SizeSpec(work=50))
    )
    smooth = np.linspace(0, 1, 400, dtype=np.float32)[None, :, None] * np.ones((300, 1, 3), "f4")
    assert_close(run(smooth, generator), smooth, 0.02)


def test_strength_mixes_encoded_values(tmp_path):
    generator = open_generator(fakes.scale(tmp_path / "dark", 0.5))
    pixels = noise(20, 30, 3)
    assert_close(run(pixels, generator, strength=0.5), pixels * np.float32(0.75), 1e-6)
    assert_close(run(pixels, generator, strength=0.0), pixels, 1e-7)


def test_results_are_clipped_to_black_and_white(tmp_path):
    generator = open_generator(fakes.scale(tmp_path / "loud", 4.0, -1.5))
    assert_close(run(draw("kw", 8), generator), draw("kw", 8), 0)


def test_hdr_values_are_kept_as_far_as_strength_keeps_them(tmp_path):
    generator = open_generator(fakes.identity(tmp_path / "same"))
    bright = np.full((8, 8, 3), 3.0, np.float32)
    assert_close(run(bright, generator, strength=0.0), bright, 1e-6)
    assert_close(run(bright, generator), np.ones_like(bright), 1e-6)


def test_a_16_bit_picture_comes_back_with_more_than_256_levels(tmp_path):
    generator = open_generator(fakes.box_blur(tmp_path / "blur", 1))
    ramp = np.linspace(0, 65535, 128 * 128).astype(np.uint16).reshape(128, 128, 1)
    assert len(np.unique(run(ramp, generator)[..., 1])) > 5000


class Cramped:
    """A generator on a device that has room for so many pixels."""

    def __init__(self, generator, most):
        self.manifest, self.run_whole, self.most = generator.manifest, generator.run, most
        self.shapes = []

    def run(self, array):
        self.shapes.append(array.shape[2:])
        if array.shape[2] * array.shape[3] > self.most:
            raise OutOfMemory("The device is full.")
        return self.run_whole(array)


@pytest.mark.parametrize("policy", ["allowed", "discouraged"])
def test_tiles_are_halved_when_memory_runs_out(tmp_path, policy):
    tiling = TilingSpec(policy, 3)
    blur = open_generator(fakes.box_blur(tmp_path / "blur", 3, tiling=tiling))
    pixels = noise(500, 700, 3)
    cramped = Cramped(blur, 300 * 300)
    result = run(pixels, cramped)
    assert len({shape for shape in cramped.shapes if shape[0] * shape[1] <= 300 * 300}) == 1
    assert_close(result, run(pixels, blur), 1e-6 if policy == "allowed" else 0.5)


def test_memory_that_never_suffices_is_an_error(tmp_path):
    generator = Cramped(open_generator(fakes.box_blur(tmp_path / "blur", 3)), 100)
    with pytest.raises(OutOfMemory):
        run(noise(500, 700, 3), generator)
    assert len(generator.shapes) <= 5


def test_an_output_of_another_size_is_the_models_fault(tmp_path):
    generator = open_generator(fakes.identity(tmp_path / "same"))

    class Shrinking:
        manifest = generator.manifest

        def run(self, array):
            return array[..., :-1]

    with pytest.raises(ModelCorrupt, match="29×20 pixels for 30×20"):
        run(noise(20, 30, 3), Shrinking())


def test_progress_counts_tiles(tmp_path, small_tiles):
    generator = open_generator(fakes.identity(tmp_path / "same"))
    told = []
    stylize(Image(noise(64, 190, 3)), generator, StylizeSettings(), lambda *step: told.append(step))
    assert [text for _, text in told] == [f"Painting tile {n} of 3" for n in (1, 2, 3)]


@pytest.mark.parametrize("strength", [-0.01, 1.5, "full", float("inf")])
def test_settings_out_of_range_are_refused(strength):
    with pytest.raises(BadRequest):
        StylizeSettings(strength=strength)
