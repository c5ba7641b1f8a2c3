"""Hints: what the user paints comes back there, on that thing, and nowhere else."""

import numpy as np
import pytest

from core.color import spaces
from core.colorize.colorize import ColorizeSettings
from core.colorize.hints import read_hints
from core.filters import run_colorize
from core.image import Image
from core.request.work import Other, Work
from tests.core.engine import open_generator, quiet
from tests.fakes import onnx as fakes
from tests.pixels import draw, grey

RED = (200, 40, 50)


@pytest.fixture(scope="module", params=["deaf", "hearing"])
def generator(request, tmp_path_factory):
    """A model that knows nothing of hints, and one that takes them."""
    folder = tmp_path_factory.mktemp("m") / request.param
    make = fakes.constant_ab if request.param == "deaf" else fakes.hinted_ab
    return open_generator(make(folder, 5.0, 20.0))


def run(pixels, generator, hint=None, x=0, y=0, **settings):
    others = () if hint is None else (Other("hint", Image(hint), x, y),)
    chosen = ColorizeSettings(**settings)
    find = lambda task, model_id: generator  # noqa: E731
    return run_colorize(Work(Image(pixels), chosen, find, "", quiet, others))


def transparent(height, width, dtype=np.uint8):
    return np.zeros((height, width, 4), dtype)


def dab(shape, where, rgb=RED, alpha=255):
    hint = transparent(*shape)
    hint[where] = (*rgb, alpha)
    return hint


def lab(pixels):
    return spaces.srgb_to_lab(np.asarray(pixels[..., :3], np.float64) / 255)


def asked_at(pixels, rgb):
    """The hint's a* and b* at the picture's own lightness, as far as sRGB goes: L*, a*, b*."""
    light = lab(pixels.repeat(3, axis=2))[..., 0]
    ab = np.broadcast_to(lab(np.array([[rgb]]))[0, 0, 1:], (*light.shape, 2))
    return np.concatenate((light[..., None], spaces.fit_gamut(light, ab)), axis=2)


def test_a_dab_colors_the_thing_that_it_is_on(generator):
    picture = grey("11116666\n11116666\n11116666", 24)
    plain = run(picture, generator).image.pixels
    spot = np.s_[30:36, 40:46]
    colored = run(picture, generator, dab(picture.shape[:2], spot)).image.pixels
    apart = spaces.delta_e_2000(lab(colored), asked_at(picture, RED))
    assert np.median(apart[spot]) < 1
    if generator.manifest.id == "deaf":
        assert np.median(apart[:, :90]) < 5  # the whole dark thing, far from the dab too
    np.testing.assert_allclose(colored[:, 110:].astype(int), plain[:, 110:], atol=1)


@pytest.mark.parametrize("rgb", [RED, (0, 0, 255), (0, 255, 0), (255, 255, 0), (128, 128, 128)])
def test_hint_colors_come_back_on_a_textured_picture(generator, rgb):
    rng = np.random.default_rng(1)
    picture = np.clip(rng.normal(120, 12, (300, 400, 1)), 0, 255).astype(np.uint8)
    spot = np.s_[100:140, 200:230]
    colored = run(picture, generator, dab(picture.shape[:2], spot, rgb)).image.pixels
    apart = spaces.delta_e_2000(lab(colored[spot]), asked_at(picture[spot], rgb))
    assert np.median(apart) < 5


def test_a_dab_smaller_than_a_pixel_of_the_work_size_is_a_whole_hint(tmp_path):
    generator = open_generator(fakes.lightness_ab(tmp_path / "small"))  # works at 64 pixels
    picture = np.full((640, 640, 1), 120, np.uint8)
    spot = np.s_[322:326, 322:326]
    colored = run(picture, generator, dab((640, 640), spot)).image.pixels
    assert np.median(spaces.delta_e_2000(lab(colored[spot]), asked_at(picture[spot], RED))) < 5


def test_soft_edges_and_faint_dabs_weigh_less():
    picture = Image(np.full((64, 64, 1), 120, np.uint8))
    for alpha, mask in ((255, 1), (128, 0.5), (0, None)):
        hint = Other("hint", Image(dab((64, 64), np.s_[20:40, 20:40], RED, alpha)))
        hints = read_hints(picture, hint, (32, 32))
        if mask is None:
            assert hints is None
        else:
            assert hints.mask[15, 15] == pytest.approx(mask, abs=0.01)
            assert hints.mask[2, 2] == 0 and (hints.ab[:, 2, 2] == 0).all()
            wanted = lab(np.array([[RED]]))[0, 0, 1:]
            np.testing.assert_allclose(hints.ab[:, 15, 15], wanted, atol=0.1)


@pytest.mark.parametrize(("x", "y"), [(0, 0), (-30, -20), (37, 5), (90, 60)], ids=str)
@pytest.mark.parametrize("size", [(20, 20), (200, 150)], ids=str)
def test_a_hint_picture_of_any_size_lies_where_it_lies(x, y, size):
    width, height = size
    whole = transparent(72, 96)
    small = transparent(height, width)
    small[5:15, 5:15] = (*RED, 255)
    small[height - 6 : height - 2, width - 6 : width - 2] = (20, 40, 200, 255)
    for v in range(max(0, y), min(72, y + height)):
        for u in range(max(0, x), min(96, x + width)):
            whole[v, u] = small[v - y, u - x]
    picture = Image(np.full((72, 96, 1), 90, np.uint8))
    expected = read_hints(picture, Other("hint", Image(whole)), (48, 36))
    found = read_hints(picture, Other("hint", Image(small), x, y), (48, 36))
    if expected is None:
        assert found is None
    else:
        np.testing.assert_allclose(found.ab, expected.ab, atol=1e-2)
        np.testing.assert_allclose(found.mask, expected.mask, atol=1e-4)


@pytest.mark.parametrize("kind", ["empty", "aside", "source"])
def test_nothing_painted_changes_nothing_and_is_said(generator, kind):
    picture = grey("4266\n1246", 16)
    hint = picture.repeat(3, axis=2) if kind == "source" else transparent(32, 64)
    x = 5000 if kind == "aside" else 0
    if kind == "aside":
        hint[...] = 255
    answer = run(picture, generator, hint, x)
    np.testing.assert_array_equal(answer.image.pixels, run(picture, generator).image.pixels)
    assert answer.facts["hinted"] == 0
    assert "Nothing is painted" in answer.facts["notes"][0]


def test_a_copy_of_the_picture_that_was_painted_on_hints_where_it_differs():
    picture = grey("4266\n1246", 16)
    copy = picture.repeat(3, axis=2)
    copy[4:12, 4:12] = RED
    hints = read_hints(Image(picture), Other("hint", Image(copy)), (64, 32))
    expected = np.zeros((32, 64))
    expected[4:12, 4:12] = 1
    np.testing.assert_allclose(hints.mask, expected)


def test_a_hint_picture_that_is_opaque_everywhere_gives_all_its_colors(generator):
    picture = np.linspace(60, 200, 64 * 96).astype(np.uint8).reshape(64, 96, 1)
    hint = draw("rb", 48).repeat(2, axis=0)[:64]
    colored = run(picture, generator, hint).image.pixels
    for part, rgb in ((np.s_[:, 4:44], (255, 0, 0)), (np.s_[:, 52:92], (0, 0, 255))):
        apart = spaces.delta_e_2000(lab(colored[part]), asked_at(picture[part], rgb))
        assert np.median(apart) < 5


def test_hints_of_every_format():
    picture = Image(np.full((32, 32, 1), 120, np.uint8))
    wanted = None
    for dtype, full in ((np.uint8, 255), (np.uint16, 65535), (np.float32, 1)):
        hint = transparent(32, 32, dtype)
        hint[8:24, 8:24] = np.array((1, 0, 0.2, 1)) * full
        found = read_hints(picture, Other("hint", Image(hint)), (32, 32))
        wanted = found if wanted is None else wanted
        np.testing.assert_allclose(found.ab, wanted.ab, atol=0.3)
    grey_hint = np.full((32, 32, 2), 200, np.uint8)
    found = read_hints(picture, Other("hint", Image(grey_hint)), (32, 32))
    np.testing.assert_allclose(found.ab, 0, atol=0.1)


def test_numbers_that_are_none_are_no_hints():
    hint = np.full((32, 32, 4), np.nan, np.float32)
    hint[4:8, 4:8] = (np.inf, 0, np.nan, 1)
    picture = Image(np.full((32, 32, 1), 120, np.uint8))
    found = read_hints(picture, Other("hint", Image(hint)), (32, 32))
    assert np.isfinite(found.ab).all() and found.mask.sum() == 16


def test_saturation_and_strength_act_after_the_hint(generator):
    picture = np.full((64, 64, 1), 120, np.uint8)
    hint = dab((64, 64), np.s_[20:40, 20:40])
    for settings in ({"strength": 0.0}, {"saturation": 0.0}):
        colored = run(picture, generator, hint, **settings).image.pixels
        np.testing.assert_array_equal(colored, picture.repeat(3, axis=2))


def test_lightness_stays_under_a_hint(generator):
    picture = np.random.default_rng(2).integers(0, 65536, (64, 80, 1)).astype(np.uint16)
    colored = run(picture, generator, dab((64, 80), np.s_[10:50, 10:60], (0, 0, 255)))
    light = spaces.srgb_to_linear(colored.image.pixels / 65535) @ spaces.LUMINANCE
    source = spaces.srgb_to_linear(picture[..., 0] / 65535)
    assert np.abs(light - source).max() < 3 / 65535
