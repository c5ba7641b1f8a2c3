"""A part at its own resolution is what the same place of the whole layer's result is."""

import numpy as np
import pytest

from core.colorize.colorize import ColorizeSettings
from core.colorize.photo import color_photo
from core.errors import BadRequest
from core.filters import run_stylize
from core.image import Image
from core.raster.resample import area_resize
from core.request.preview_cache import Recall
from core.request.viewport import make_part
from core.request.work import Other, Work
from core.sketch.sketch import color_sketch
from core.style.stylize import StylizeSettings
from tests.core.engine import open_generator, quiet
from tests.drawings import hint_layer, lines
from tests.fakes import onnx as fakes
from tests.pixels import assert_close

RNG = np.random.default_rng(3)
LAYER = (720, 480)
SMALL = (240, 160)
PLACE = np.s_[130:330, 210:470]


def soft(width, height, channels):
    """A float picture without fine detail: reduced, it is much the same."""
    coarse = RNG.random((channels, 7, 9)).astype(np.float32)
    across = np.linspace(0, 8, width), np.linspace(0, 6, height)
    planes = []
    for plane in coarse:
        rows = np.stack([np.interp(across[0], np.arange(9), row) for row in plane])
        planes.append(np.stack([np.interp(across[1], np.arange(7), c) for c in rows.T], axis=1))
    return np.stack(planes, axis=-1).astype(np.float32)


def reduced(pixels, size=SMALL):
    planes = [area_resize(pixels[..., c], size) for c in range(pixels.shape[2])]
    return np.stack(planes, axis=-1)


def part_of(pixels, place=PLACE, size=LAYER, layer=LAYER):
    part = Image(np.ascontiguousarray(pixels[place]))
    described = {"size": list(size), "layer": list(layer)}
    return make_part(described, part, place[1].start, place[0].start)


def work(pixels, generator, settings, **more):
    def find(task, model_id, *role):
        return generator

    return Work(Image(pixels), settings, find, "", quiet, preview=True, **more)


def part_and_whole(run, pixels, generator, settings, others=(), others_small=(), **more):
    """(the part's pixels, the same place of the whole layer's result)."""
    whole = run(work(pixels, generator, settings, others=others))
    small = work(reduced(pixels), generator, settings, others=others_small, part=part_of(pixels))
    return run(Work(**{**vars(small), **more})).image.pixels, whole.image.pixels[PLACE]


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_photographs_part_has_its_own_lightness_and_the_wholes_colors(tmp_path, channels):
    generator = open_generator(fakes.lightness_ab(tmp_path / "model"))
    pixels = np.clip(1.8 * soft(*LAYER, channels) - 0.4, 0.05, 0.95)
    pixels[200:300, 300:400] *= 0.5  # an edge, seen where it is
    run = lambda work: color_photo(work, generator)  # noqa: E731
    found, expected = part_and_whole(run, pixels, generator, ColorizeSettings())
    assert found.shape == expected.shape
    assert_close(found, expected, 0.01)
    assert np.abs(found[..., 0] - found[..., 2]).max() > 0.06  # it is in color


def test_moving_about_in_a_photograph_infers_nothing_again(tmp_path):
    generator = open_generator(fakes.lightness_ab(tmp_path / "model"))
    pixels, recall = soft(*LAYER, 3), Recall()
    for place in (PLACE, np.s_[0:100, 0:100], np.s_[380:480, 620:720]):
        asked = work(reduced(pixels), generator, ColorizeSettings(), part=part_of(pixels, place))
        answer = color_photo(Work(**{**vars(asked), "recall": recall}), generator)
        assert answer.facts["recalled"] == (place is not PLACE)


@pytest.mark.parametrize("brush", [1.0, 2.0])
def test_a_paintings_part_has_the_strokes_of_the_whole(tmp_path, brush):
    generator = open_generator(fakes.box_blur(tmp_path / "blur", 3))
    pixels = RNG.random((LAYER[1], LAYER[0], 3)).astype(np.float32)
    settings = StylizeSettings(brush_size=brush)
    found, expected = part_and_whole(run_stylize, pixels, generator, settings)
    inner = np.s_[40:-40, 40:-40]
    assert_close(found[inner], expected[inner], 1e-5)
    assert np.abs(found[0, 0] - expected[0, 0]).max() > 1e-3  # the network sees zeros beyond


def test_the_parts_statistics_are_the_small_pictures(tmp_path):
    generator = open_generator(fakes.any_style(tmp_path / "any"))
    pixels = soft(*LAYER, 3)
    style = (Other("style", Image(np.full((40, 40, 3), 0.4, np.float32))),)
    settings = StylizeSettings(brush_size=1.0)
    found, expected = part_and_whole(
        run_stylize, pixels, generator, settings, others=style, others_small=style
    )
    assert_close(found, expected, 0.01)


def test_a_gray_part_is_colored_before_it_is_painted(tmp_path):
    models = {
        "stylize": open_generator(fakes.identity(tmp_path / "a" / "same")),
        "colorize": open_generator(fakes.lightness_ab(tmp_path / "b" / "model")),
    }
    pixels = soft(*LAYER, 1)
    settings = StylizeSettings(colorize=True, brush_size=1.0)

    def run(given):
        return run_stylize(Work(**{**vars(given), "find": lambda task, *_: models[task]}))

    found, expected = part_and_whole(run, pixels, None, settings)
    assert_close(found, expected, 0.02)


def test_a_model_that_needs_the_whole_gives_the_whole(tmp_path):
    from core.generator.manifest import TilingSpec

    generator = open_generator(fakes.identity(tmp_path / "same", tiling=TilingSpec("never", 0)))
    pixels = soft(*LAYER, 3)
    answer = run_stylize(work(reduced(pixels), generator, StylizeSettings(), part=part_of(pixels)))
    assert answer.facts["part"] is False
    assert (answer.image.width, answer.image.height) == SMALL


def test_strokes_are_finer_where_the_parts_resolution_does_not_suffice(tmp_path):
    generator = open_generator(fakes.identity(tmp_path / "same"))
    pixels = soft(*LAYER, 3)
    for layer, brush, finer in [(LAYER, 1.0, False), ((1440, 960), 1.0, True),
                                ((1440, 960), 2.0, False)]:  # fmt: skip
        asked = work(
            reduced(pixels),
            generator,
            StylizeSettings(brush_size=brush),
            part=part_of(pixels, layer=layer),
        )
        assert run_stylize(asked).facts["finer"] is finer


@pytest.mark.parametrize("scale", [2, 3])
def test_a_drawings_part_has_its_lines_and_the_wholes_areas(scale):
    """Areas found in the small picture; edges between them in the part's own lines."""
    small, _ = lines("aabb\naabb\nccdd\nccdd", scale=24, width=4)
    pixels = np.repeat(np.repeat(small, scale, 0), scale, 1)
    dabs = [(20, 20, "r", 4), (75, 20, "g", 4), (20, 75, "b", 4), (75, 75, "y", 4)]
    size = (pixels.shape[1], pixels.shape[0])
    place = np.s_[15 * scale : 80 * scale, 10 * scale : 90 * scale]
    hint = hint_layer(small.shape[:2], dabs)
    large = np.repeat(np.repeat(hint.image.pixels, scale, 0), scale, 1)

    def run(picture, hint, part=None):
        settings = ColorizeSettings(strictness=1.0)
        found, _ = color_sketch(Image(picture), None, settings, quiet, hint, part=part)
        return found.pixels

    whole = run(pixels, Other("hint", Image(large)))[place]
    found = run(small, hint, part=part_of(pixels, place, size, size))
    assert_close(found, whole, 0)


@pytest.mark.parametrize(
    "described",
    [
        None,
        {"size": [100, 100]},
        {"size": [100, 100], "layer": [99, 100]},
        {"size": [30, 30], "layer": [200, 200]},
        {"size": [100.0, 100], "layer": [200, 200]},
        {"size": [0, 100], "layer": [200, 200]},
        "all",
    ],
)
def test_a_part_beside_the_whole_is_refused(described):
    with pytest.raises(BadRequest, match=r"part"):
        make_part(described, Image(np.zeros((20, 20, 3), np.uint8)), 20, 5)


def test_a_previews_slider_runs_no_graph_of_an_arbitrary_style_again(tmp_path):
    generator = open_generator(fakes.any_style(tmp_path / "any"))
    generator.recall = True
    pixels = soft(*LAYER, 3)
    style = (Other("style", Image(np.full((40, 40, 3), 0.4, np.float32))),)
    for strength, recalled in [(1.0, False), (0.5, True)]:
        settings = StylizeSettings(strength=strength)
        run_stylize(work(reduced(pixels), generator, settings, others=style, part=part_of(pixels)))
        assert generator.recalled is recalled
