"""Between a colouriser and a painter: the shipped graph gives what NumPy gives, from kept colours
as from fetched ones, in tiles, for one picture and several; and the painter takes its input there.
"""

import numpy as np
import pytest

from core.colorize.colorize import ColorizeSettings, colorize
from core.errors import DeviceUnavailable, OutOfMemory
from core.filters import FILTERS
from core.generator.generator import Generator, Kept
from core.generator.manifest import SizeSpec, TensorSpec, TilingSpec
from core.image import Image
from core.raster.resample import pad
from core.request.work import Work
from core.style import tiles
from core.style.device_join import Join
from core.style.painter_input import Colored, Coloring
from core.style.stylize import StylizeSettings, stylize, stylize_many
from core.style.tiling import Rect
from tests.core.engine import open_generator, quiet
from tests.fakes import onnx as fakes
from tests.pixels import assert_close

TABLES = 1e-3
"""An 8-bit picture's lightness is looked up in NumPy's way, and computed in the graph."""


def scene(width=160, height=120, dtype=np.uint8, channels=1, seed=4):
    """Steps, a ramp and grain."""
    rng = np.random.default_rng(seed)
    steps = np.kron(rng.random((height // 20 + 1, width // 20 + 1)), np.ones((20, 20)))
    values = steps[:height, :width, None] * 0.7 + np.linspace(0, 0.25, width)[None, :, None]
    values = np.clip(values + rng.normal(0, 0.02, (height, width, channels)), 0, 1)
    full = 1 if dtype == np.float32 else np.iinfo(dtype).max
    return Image(np.ascontiguousarray(values * full, dtype))


@pytest.fixture
def colorist(tmp_path):
    """Dark is green, light is red; at a fourth of what it sees."""
    return open_generator(fakes.lightness_ab(tmp_path / "colors" / "light", count="n"))


@pytest.fixture
def painter(tmp_path):
    return open_generator(fakes.box_blur(tmp_path / "paints" / "blur", 2, count="n"))


def joined(painter, sources, rect):
    return Join.beside(painter).color(sources, rect).array()


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32], ids=lambda d: d.__name__)
def test_the_graph_gives_what_numpy_gives(colorist, painter, dtype, channels):
    image = scene(dtype=dtype, channels=channels)
    source = Colored.predict(image, colorist)
    found = joined(painter, [source], Rect(0, 0, 160, 120))[0]
    wanted = source.read(Rect(0, 0, 160, 120))
    assert_close(found, wanted, TABLES if dtype == np.uint8 else 5e-5)
    assert found.std(axis=0).mean() > 0.02  # and it is coloured


def test_it_is_the_coloured_picture(colorist, painter):
    """Against the whole way of Auto Colorize, which knows nothing of this one."""
    image = scene(dtype=np.uint16)
    expected = colorize(image, colorist, ColorizeSettings(), quiet).pixels / np.float32(65535)
    source = Colored.predict(image, colorist)
    found = joined(painter, [source], Rect(0, 0, 160, 120))[0]
    assert_close(found.transpose(1, 2, 0), expected, 1e-4)


def test_light_beyond_white_and_below_black(colorist, painter):
    image = scene(dtype=np.float32, channels=3)
    image.pixels[20:40] *= 4
    image.pixels[60:70] -= 1
    source = Colored.predict(image, colorist)
    found = joined(painter, [source], Rect(0, 0, 160, 120))[0]
    assert_close(found, np.clip(source.read(Rect(0, 0, 160, 120)), 0, 1), 5e-5)


@pytest.mark.parametrize("ratio", [1, 2, 4, 8])
def test_a_place_that_reaches_beyond_the_picture_is_mirrored(tmp_path, painter, ratio):
    size = SizeSpec(minimum=8, multiple_of=8, work=64)
    colors = open_generator(fakes.lightness_ab(tmp_path / "r" / "ratio", ratio, size=size))
    source = Colored.predict(scene(150, 90, np.uint16), colors)
    found = joined(painter, [source], Rect(100, 40, 56, 60))[0]
    wanted = pad(source.read(Rect(100, 40, 50, 50)), 56, 60)
    assert_close(found, wanted, 5e-5)


def test_kept_colours_of_several_pictures(colorist, painter):
    """In their order, as one by one; and another order is no mistake."""
    images = [scene(seed=seed) for seed in range(3)]
    kept = Coloring.predict(images, colorist, keep=True)
    assert isinstance(kept.ab, Kept)
    sources = [Colored(image, kept, number) for number, image in enumerate(images)]
    rect = Rect(0, 0, 160, 120)
    together = joined(painter, sources, rect)
    for image, found in zip(images, together, strict=True):
        alone = Colored.predict(image, colorist)
        assert_close(found, joined(painter, [alone], rect)[0], 1e-5)
    assert_close(joined(painter, sources[::-1], rect), together[::-1], 1e-5)
    assert_close(joined(painter, sources[1:2], rect), together[1:2], 1e-5)


def test_where_memory_does_not_suffice_for_all_they_are_coloured_in_parts(colorist, monkeypatch):
    images = [scene(seed=seed) for seed in range(3)]
    whole = Coloring.predict(images, colorist, keep=True)

    def full(*_):
        raise OutOfMemory("No.")

    monkeypatch.setattr(colorist, "run_kept", full)
    parts = Coloring.predict(images, colorist, keep=True)
    assert isinstance(parts.ab, np.ndarray)
    assert_close(parts.ab, whole.ab_array, 1e-5)


def watched(monkeypatch):
    """The kinds of the pictures that every graph is given from now on."""
    real, kinds = Generator.run_all, []

    def run_all(self, inputs, wanted=None, part=""):
        kinds.append((self.manifest.id, part, type(inputs.get("picture"))))
        return real(self, inputs, wanted, part)

    monkeypatch.setattr(Generator, "run_all", run_all)
    return kinds


def in_one_go(image, found, **settings):
    work = Work(image, StylizeSettings(colorize=True, **settings),
                lambda task, model_id, *role: found[task], "", quiet)  # fmt: skip
    return FILTERS["stylize"].run(work).image.pixels


def numpys_way(image, painter, colorist, monkeypatch, **settings):
    with monkeypatch.context() as without:
        without.setattr(Join, "beside", classmethod(lambda cls, painter: None))
        return in_one_go(image, {"colorize": colorist, "stylize": painter}, **settings)


@pytest.mark.parametrize("settings", [{}, {"strength": 0.4}, {"preserve_colors": 0.7}], ids=str)
def test_colour_first_stays_where_the_painter_is(colorist, painter, monkeypatch, settings):
    image = scene()
    wanted = numpys_way(image, painter, colorist, monkeypatch, **settings)
    kinds = watched(monkeypatch)
    found = in_one_go(image, {"colorize": colorist, "stylize": painter}, **settings)
    assert kinds == [("blur", "", Kept)]  # no array went into the painter
    assert_close(found, wanted, 1)


def test_tile_by_tile(colorist, painter, monkeypatch):
    monkeypatch.setattr(tiles, "TILE_SIDE", 64)
    image = scene(300, 200)
    wanted = numpys_way(image, painter, colorist, monkeypatch)
    kinds = watched(monkeypatch)
    found = in_one_go(image, {"colorize": colorist, "stylize": painter})
    assert len(kinds) > 10 and {kind for *_, kind in kinds} == {Kept}
    assert_close(found, wanted, 1)


def test_both_graphs_of_a_style_from_a_picture_take_what_is_kept(tmp_path, colorist, monkeypatch):
    any_style = open_generator(fakes.any_style(tmp_path / "any" / "any"))
    image, style = scene(), scene(dtype=np.uint8, channels=3)
    source = Colored.predict(image, colorist, keep=True)

    def painted():
        return stylize(image, any_style, StylizeSettings(), quiet, None, (style,), source).pixels

    with monkeypatch.context() as without:
        without.setattr(Join, "beside", classmethod(lambda cls, painter: None))
        wanted = painted()
    kinds = watched(monkeypatch)
    found = painted()
    assert [(part, kind) for _, part, kind in kinds if part != "style-code"] == [
        ("encode", Kept),
        ("", Kept),
    ]
    assert_close(found, wanted, 1)


def test_a_reduced_picture_is_coloured_at_full_size(colorist, painter, monkeypatch):
    image = scene()
    wanted = numpys_way(image, painter, colorist, monkeypatch, brush_size=2.0)
    kinds = watched(monkeypatch)
    found = in_one_go(image, {"colorize": colorist, "stylize": painter}, brush_size=2.0)
    assert_close(found, wanted, 0)
    assert kinds[-1] == ("blur", "", np.ndarray)


def test_a_preview_still_remembers_what_was_painted(colorist, painter):
    """Only strength moved: the painter is not run again."""
    image = scene()
    colorist.recall = painter.recall = True
    for strength in (1.0, 0.5):
        settings = StylizeSettings(colorize=True, strength=strength)
        work = Work(image, settings, lambda task, model_id, *role: {"colorize": colorist,
                    "stylize": painter}[task], "", quiet, preview=True)  # fmt: skip
        FILTERS["stylize"].run(work)
    assert colorist.recalled and painter.recalled


def test_a_painter_in_other_units_gets_them(tmp_path, colorist, monkeypatch):
    """0..255, last axis colours: what the join gives is converted on the way."""
    ends = (TensorSpec("input", "srgb", (0.0, 255.0)), TensorSpec("output", "srgb", (0.0, 255.0)))
    bytes_in = open_generator(
        fakes.scale(tmp_path / "b" / "bytes", 0.5, inputs=ends[:1], outputs=ends[1:])
    )
    image = scene()
    wanted = numpys_way(image, bytes_in, colorist, monkeypatch)
    assert_close(in_one_go(image, {"colorize": colorist, "stylize": bytes_in}), wanted, 1)


def test_many_pictures_are_painted_in_one_run(colorist, painter, monkeypatch):
    images = [scene(seed=seed) for seed in range(3)]
    kept = Coloring.predict(images, colorist, keep=True)
    sources = [Colored(image, kept, number) for number, image in enumerate(images)]
    alone = [
        stylize(image, painter, StylizeSettings(), quiet, source=Colored.predict(image, colorist))
        for image in images
    ]
    kinds = watched(monkeypatch)
    found = stylize_many(images, painter, StylizeSettings(), sources)
    assert kinds == [("blur", "", Kept)]
    for one, other in zip(found, alone, strict=True):
        assert_close(one.pixels, other.pixels, 1)


def test_a_device_that_lacks_something_leaves_it_to_numpy(colorist, painter, monkeypatch):
    def lacks(self, spec, content, title):
        raise DeviceUnavailable("It cannot run all of it.")

    image = scene()
    wanted = numpys_way(image, painter, colorist, monkeypatch)
    monkeypatch.setattr(Generator, "beside", lacks)
    kinds = watched(monkeypatch)
    found = in_one_go(image, {"colorize": colorist, "stylize": painter})
    assert_close(found, wanted, 0)
    assert kinds[-1] == ("blur", "", np.ndarray)


def test_a_tiling_policy_of_never_reduces_and_still_works(tmp_path, colorist):
    same = open_generator(
        fakes.identity(tmp_path / "n" / "same", tiling=TilingSpec(), size=SizeSpec(work=64))
    )
    image = scene()
    found = in_one_go(image, {"colorize": colorist, "stylize": same})
    assert found.shape == (120, 160, 3)
