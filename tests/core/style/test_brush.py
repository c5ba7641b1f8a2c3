"""The brush: what the painter sees, what comes back at full size, and whose colours it has."""

import numpy as np
import pytest

from core.color.preserve import keep_colors
from core.color.spaces import srgb_to_lab
from core.errors import BadRequest
from core.generator.manifest import SizeSpec, TilingSpec
from core.image import Image
from core.raster.resample import area_resize, bilinear_resize
from core.style import tiles as module
from core.style.brush import Grid, automatic_factor, cubic_taps, reduce_rect
from core.style.painter_input import Colored, Plain
from core.style.stylize import StylizeSettings, paint, stylize, working_grid
from core.style.tiling import Rect
from tests.core.engine import open_generator, quiet
from tests.fakes import onnx as fakes
from tests.pixels import assert_close, grey

RNG = np.random.default_rng(4)


def run(pixels, generator, **settings):
    return stylize(Image(pixels), generator, StylizeSettings(**settings), quiet).pixels


def scene(height=120, width=160):
    """Slopes, edges and fine grain."""
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    planes = np.stack((0.3 + 0.4 * x, 0.2 + 0.5 * y, 0.6 - 0.3 * x), axis=2)
    planes[(x - 0.5) ** 2 + (y - 0.4) ** 2 < 0.05] = (0.8, 0.3, 0.2)
    return (planes + 0.05 * RNG.standard_normal((height, width, 1))).astype(np.float32)


@pytest.mark.parametrize("factor", [1, 2, 3, 2.5, 7.9])
def test_the_painter_sees_means_of_areas_wherever_they_are_read(factor):
    pixels = np.clip(scene(101, 163), 0, 1)
    grid = Grid.reduced(163, 101, factor)
    small = (grid.small_width, grid.small_height)
    expected = np.stack([area_resize(plane, small) for plane in pixels.transpose(2, 0, 1)])
    source = Plain(Image(pixels))
    whole = reduce_rect(source, grid, Rect(0, 0, *small))
    assert_close(whole, expected, 2e-6)
    part = reduce_rect(source, grid, Rect(5, 3, small[0] - 9, small[1] - 5))
    np.testing.assert_array_equal(part, whole[:, 3 : small[1] - 2, 5 : small[0] - 4])


def test_cubic_interpolation_passes_through_its_samples_and_keeps_slopes():
    used, weights = cubic_taps(9 * 5, 9, 0, 45)  # every 5th pixel's centre is a sample's
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-6)
    samples = RNG.random(9).astype(np.float32)[used]
    np.testing.assert_allclose((weights @ samples)[2::5], samples, atol=1e-6)
    line = weights @ np.arange(9, dtype=np.float32)
    np.testing.assert_allclose(np.diff(line)[10:-10], 0.2, atol=1e-5)
    _, part = cubic_taps(45, 9, 20, 30)
    np.testing.assert_allclose(part.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("brush_size", [2, 3, 2.6, 8])
def test_a_painter_that_changes_nothing_gives_the_photograph_back(tmp_path, brush_size):
    """Fine detail included: what the reduction took away is given back in full."""
    generator = open_generator(fakes.identity(tmp_path / "same"))
    photo = np.clip(scene(), 0, 1)
    result = run(photo, generator, brush_size=brush_size)
    small = area_resize_all(photo, round(160 / brush_size), round(120 / brush_size))
    soft = np.stack([bilinear_resize(plane, (160, 120)) for plane in small], axis=2)
    assert np.abs(result - photo).mean() < 0.6 * np.abs(soft - photo).mean()
    # as rough as the photograph, not as smooth as the reduction
    rough, smooth, given = (np.abs(np.diff(x, axis=1)).mean() for x in (photo, soft, result))
    assert smooth < 0.5 * rough < 0.65 * rough < given


def area_resize_all(pixels, width, height):
    return [area_resize(plane, (width, height)) for plane in pixels.transpose(2, 0, 1)]


@pytest.mark.parametrize("brush_size", [2, 2.6])
def test_tiles_equal_the_whole_at_every_brush_size(tmp_path, monkeypatch, brush_size):
    spec = SizeSpec(minimum=8, multiple_of=4)
    generator = open_generator(fakes.box_blur(tmp_path / "blur", 3, layers=2, size=spec))
    photo = (np.clip(scene(430, 610), 0, 1) * 65535).astype(np.uint16)
    settings = StylizeSettings(brush_size=brush_size, preserve_colors=0.5)
    whole = paint(Image(photo), generator, settings, quiet)
    monkeypatch.setattr(module, "TILE_SIDE", 56)
    tiled = paint(Image(photo), generator, settings, quiet)
    assert whole.tiles == 1 and tiled.tiles >= 20
    assert np.abs(whole.image.pixels.astype(int) - tiled.image.pixels).max() <= 1


def test_strength_0_is_the_photograph_at_every_brush_size(tmp_path):
    generator = open_generator(fakes.scale(tmp_path / "dark", 0.3))
    photo = (np.clip(scene(), 0, 1) * 255).astype(np.uint8)
    for brush_size in (1, 3, 8):
        np.testing.assert_array_equal(run(photo, generator, brush_size=brush_size, strength=0),
                                      photo)  # fmt: skip


def test_by_default_large_pictures_are_painted_reduced():
    assert automatic_factor(2000, 1500) == 1
    assert automatic_factor(4000, 3000) == 2
    assert automatic_factor(10000, 10000) > 5


def test_a_model_that_looks_at_the_whole_is_reduced_until_it_fits(tmp_path):
    whole = open_generator(fakes.mean_color(tmp_path / "a", tiling=TilingSpec("discouraged")))
    grid = working_grid(4000, 3000, whole.manifest, 0)
    assert grid.small_width * grid.small_height <= module.WHOLE_PIXELS


def test_the_brush_is_never_finer_than_the_models_own_size(tmp_path):
    generator = open_generator(fakes.identity(tmp_path / "same", size=SizeSpec(work=100)))
    grid = working_grid(400, 300, generator.manifest, 1)
    assert (grid.small_width, grid.small_height) == (100, 75)
    grid = working_grid(400, 300, generator.manifest, 8)
    assert (grid.small_width, grid.small_height) == (50, 38)


def ab_change(result, photo):
    difference = srgb_to_lab(result.astype(np.float64)) - srgb_to_lab(photo.astype(np.float64))
    return np.abs(difference[..., 1:]).mean()


def every_color():
    """All corners and sides of the R'G'B' cube, in random order."""
    side = np.linspace(0, 1, 17)
    cube = np.stack(np.meshgrid(side, side, side), axis=-1).reshape(-1, 3)
    return RNG.permutation(cube).astype(np.float32).reshape(17, 289, 3)


def test_kept_colours_are_the_photographs_to_2_units():
    photo = every_color().transpose(2, 0, 1)
    painted = RNG.permuted(photo, axis=1)
    kept = keep_colors(painted, photo, 1.0)
    assert kept.min() >= 0 and kept.max() <= 1
    assert ab_change(painted.transpose(1, 2, 0), photo.transpose(1, 2, 0)) > 30
    assert ab_change(kept.transpose(1, 2, 0), photo.transpose(1, 2, 0)) < 0.5


def test_kept_colours_have_the_painted_lightness_where_there_is_room():
    photo = 0.45 + 0.1 * RNG.random((3, 20, 30), np.float32)  # not far from grey
    painted = 0.3 + 0.4 * RNG.random((3, 20, 30), np.float32)
    kept = keep_colors(painted, photo, 1.0).transpose(1, 2, 0)
    lightness = [srgb_to_lab(x)[..., 0] for x in (kept, painted.transpose(1, 2, 0))]
    assert_close(lightness[0], lightness[1], 0.02)


def test_colours_are_kept_more_the_more_is_asked(tmp_path):
    generator = open_generator(fakes.scale(tmp_path / "odd", -0.7, 0.9))
    photo = np.clip(scene(), 0, 1)
    changes = [ab_change(run(photo, generator, preserve_colors=share), photo)
               for share in (0, 0.3, 0.7, 1)]  # fmt: skip
    assert changes == sorted(changes, reverse=True)
    assert changes[0] > 10 and changes[-1] < 0.5
    for brush_size in (2, 5):
        kept = run(photo, generator, preserve_colors=1, brush_size=brush_size)
        assert ab_change(kept, photo) < 0.5


@pytest.mark.parametrize(
    "settings",
    [{"preserve_colors": 2}, {"brush_size": 0.5}, {"brush_size": 9}, {"colorize": 1}],
    ids=str,
)
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(BadRequest, match=next(iter(settings))):
        StylizeSettings(**settings)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32], ids=lambda d: d.__name__)
def test_a_picture_coloured_on_the_way_is_the_coloured_picture(tmp_path, dtype):
    """Read part by part, and to more than the 8 bits that colouring would write."""
    from core.colorize.colorize import ColorizeSettings, colorize

    colorist = open_generator(fakes.lightness_ab(tmp_path / "light"))
    full = 1 if dtype == np.float32 else np.iinfo(dtype).max
    gray = Image((np.clip(scene(), 0, 1)[..., :1] * full).astype(dtype))
    expected = colorize(gray, colorist, ColorizeSettings(), quiet).pixels / np.float32(full)
    source = Colored.predict(gray, colorist)
    whole = source.read(Rect(0, 0, 160, 120))
    assert_close(whole.transpose(1, 2, 0), expected, 0.6 / 255 if dtype == np.uint8 else 2e-5)
    part = source.read(Rect(37, 11, 50, 61))
    assert_close(part, whole[:, 11:72, 37:87], 1e-6)
    if dtype == np.uint8:
        assert len(np.unique(whole)) > 3000


def test_colour_and_style_in_one_go(tmp_path):
    """A painter that changes nothing leaves the coloured picture, tile by tile."""
    from core.filters import FILTERS
    from core.request.work import Work

    folder = tmp_path / "models"
    found = {"colorize": open_generator(fakes.constant_ab(folder / "a" / "rose", 40.0, 10.0)),
             "stylize": open_generator(fakes.identity(folder / "b" / "same"))}  # fmt: skip
    pixels = grey("246\n624", 30)
    work = Work(Image(pixels), StylizeSettings(colorize=True),
                lambda task, model_id, *role: found[task], "", quiet)  # fmt: skip
    answer = FILTERS["stylize"].run(work)
    lab = srgb_to_lab(answer.image.pixels / np.float32(255))
    assert_close(lab[..., 1].mean(), np.float32(40), 4)
    before = srgb_to_lab(np.repeat(pixels, 3, axis=2) / np.float32(255))
    assert_close(lab[..., 0], before[..., 0], 0.6)
    assert answer.facts == {"brush_size": 1.0, "tiles": 1, "notes": []}
    assert answer.generator is found["stylize"]
