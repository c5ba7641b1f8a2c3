"""Drawings: lines stay, hints fill their areas up to the lines, nothing crosses one."""

import numpy as np
import pytest

from core.color import spaces
from core.colorize.colorize import ColorizeSettings
from core.errors import BadRequest, ImageUnsupported
from core.image import Image
from core.request.work import Other
from core.sketch.layers import area_names
from core.sketch.sketch import color_sketch
from tests.core.engine import open_generator, quiet
from tests.drawings import hint_layer, lines
from tests.fakes import onnx as fakes
from tests.pixels import LETTERS, assert_close, draw

FOUR = "aabb\naabb\nccdd\nccdd"
TYPES = {"u8": np.uint8, "u16": np.uint16, "float": np.float32}


def run(pixels, hint=None, generator=None, reference=None, **settings):
    """(pixels of the picture, role -> pixels of the layers)."""
    picture, layers = color_sketch(
        Image(pixels), generator, ColorizeSettings(**settings), quiet, hint, reference
    )
    return picture.pixels, {layer.role: layer.image.pixels for layer in layers}


def delta_e(pixels, letter):
    """CIE76 of uint8 (..., 3) from a letter's colour."""
    lab = spaces.srgb_to_lab(pixels[..., :3] / 255.0)
    return np.linalg.norm(lab - spaces.srgb_to_lab(np.array(LETTERS[letter]) / 255.0), axis=-1)


def of_type(pixels, name):
    if name == "float":
        return (pixels / 255).astype(np.float32)
    return pixels.astype(TYPES[name]) * (257 if name == "u16" else 1)


def unit(pixels):
    return pixels / (1.0 if pixels.dtype == np.float32 else np.iinfo(pixels.dtype).max)


@pytest.fixture(scope="module")
def painter(tmp_path_factory):
    return open_generator(fakes.sketcher(tmp_path_factory.mktemp("m") / "painter"))


def test_a_dab_fills_its_area_up_to_the_lines_and_no_further():
    pixels, letters = lines(FOUR)
    paper = pixels[..., 0] == 255
    result, layers = run(pixels, hint_layer(paper.shape, [(10, 10, "g", 3)]))
    assert delta_e(result[paper & (letters == "a")], "g").max() < 1
    assert_close(result[paper & (letters != "a")], pixels[paper & (letters != "a")], 0)
    assert_close(result[~paper], pixels[~paper], 0)
    assert (delta_e(layers["colors"][letters == "d"], "w") < 1).all()


def test_colors_meet_under_the_lines():
    pixels, _ = lines(FOUR, scale=24, width=6)
    dabs = [(20, 20, "r", 3), (75, 20, "g", 3), (20, 75, "b", 3), (75, 75, "y", 3)]
    _, layers = run(pixels, hint_layer(pixels.shape[:2], dabs), flats=True)
    flats = layers["flats"]
    found = {tuple(value) for value in flats.reshape(-1, 3).tolist()}
    assert found == {LETTERS[letter] for letter in "rgby"}  # no white seam, no mixed colours


@pytest.mark.parametrize("scale", [1, 2, 3])
def test_edges_lie_in_the_lines_at_full_size(scale, monkeypatch):
    """Areas found at a half and a third of the size: still no paper beside a line."""
    monkeypatch.setattr("core.sketch.sketch.reduce_ink", reduced_to(96 // scale))
    pixels, letters = lines(FOUR, scale=24, width=2)
    paper = pixels[..., 0] == 255
    dabs = [(20, 20, "r", 4), (75, 20, "g", 4), (20, 75, "b", 4), (75, 75, "y", 4)]
    _, layers = run(pixels, hint_layer(paper.shape, dabs), strictness=1.0)
    for area, letter in zip("abcd", "rgby", strict=True):
        assert delta_e(layers["colors"][paper & (letters == area)], letter).max() < 1


def reduced_to(side):
    from core.sketch.lineart import reduce_ink

    return lambda reader: reduce_ink(reader, side)


def test_a_gap_in_a_line_does_not_leak():
    pixels, letters = lines("aaaabbbb\naaaabbbb\naaaabbbb", scale=40)
    pixels[58:61, 155:164] = 255
    paper = pixels[..., 0] == 255
    result, _ = run(pixels, hint_layer(paper.shape, [(40, 60, "r", 5)]))
    left, right = letters == "a", letters == "b"
    assert (delta_e(result[paper & left], "r") < 1).mean() > 0.999  # the gap itself is shared
    crossed = (delta_e(result[paper & right], "w") > 1).mean()
    assert crossed < 0.001


def test_a_wide_opening_is_no_gap():
    pixels, _ = lines("aaaabbbb\naaaabbbb\naaaabbbb", scale=40)
    pixels[20:100, 150:170] = 255
    result, _ = run(pixels, hint_layer(pixels.shape[:2], [(40, 60, "r", 5)]))
    assert delta_e(result[60, 280], "r") < 1


def open_outline(scale, opening):
    """A square in the middle of 20 x 20 steps, its lower side open: (pixels, inside, outside)."""
    size, low, high = 20 * scale, 6 * scale, 14 * scale
    pixels = np.full((size, size, 3), 255, np.uint8)
    pixels[low - 3 : high + 3, low - 3 : high + 3] = 0
    pixels[low:high, low:high] = 255
    inside = np.zeros((size, size), bool)
    inside[low + 3 : high - 3, low + 3 : high - 3] = True
    outside = np.ones((size, size), bool)
    outside[low - 6 : high + 12, low - 6 : high + 6] = False
    middle = size // 2
    pixels[high - 1 : high + 3, middle - opening // 2 : middle + opening // 2] = 255
    return pixels, inside, outside


@pytest.mark.parametrize("scale", [12, 40], ids=["same grid", "coarser grid"])
def test_a_hint_in_an_open_outline_leaves_the_paper_alone(painter, scale):
    """The opening is of 4 %, more than a gap; the generator itself knows hints where they are."""
    pixels, inside, outside = open_outline(scale, round(0.8 * scale))
    middle = 10 * scale
    layer = hint_layer(pixels.shape[:2], [(middle, middle, "g", scale)])
    result, _ = run(pixels, layer, painter, strictness=1.0)
    assert (delta_e(result[inside], "g") < 5).mean() > 0.99
    assert delta_e(result[outside], "g").min() > 30
    on_paper = hint_layer(pixels.shape[:2], [(2 * scale, 2 * scale, "g", scale)])
    result, _ = run(pixels, on_paper, painter, strictness=1.0)
    assert delta_e(result[outside], "g").max() < 5
    closed, inside, outside = open_outline(scale, 0)
    result, _ = run(closed, layer, painter, strictness=1.0)
    assert delta_e(result[inside], "g").max() < 5 and delta_e(result[outside], "g").min() > 30


def test_several_hints_share_an_area():
    pixels, _ = lines("aaaa\naaaa", scale=40)
    layer = hint_layer(pixels.shape[:2], [(20, 40, "r", 5), (140, 40, "b", 5)])
    for strictness, most in ((1.0, 2), (0.0, 40)):
        result, _ = run(pixels, layer, strictness=strictness)
        row = result[40, 5:155]
        assert delta_e(row[:60], "r").max() < 2 and delta_e(row[-60:], "b").max() < 2
        assert len(np.unique(row, axis=0)) <= most
    assert len(np.unique(row, axis=0)) > 2  # painterly: the border is soft


def test_a_stroke_across_a_line_colors_both_sides_and_a_slip_does_not():
    pixels, letters = lines("aaaabbbb\naaaabbbb", scale=20)
    stroke = [(x, 20, "g", 3) for x in range(50, 115, 2)]
    result, _ = run(pixels, hint_layer(pixels.shape[:2], stroke))
    assert delta_e(result[[10, 10], [10, 150]], "g").max() < 1
    slip = [(x, 20, "g", 3) for x in range(30, 81, 2)]
    result, _ = run(pixels, hint_layer(pixels.shape[:2], slip))
    assert delta_e(result[10, 10], "g") < 1 and delta_e(result[10, 150], "w") < 1


@pytest.mark.parametrize(
    ("shape", "at", "offset"),
    [
        ((200, 300), (110, 90), (-100, -80)),
        ((20, 20), (10, 10), (0, 0)),
        ((30, 30), (5, 5), (5, 5)),
    ],
    ids=["larger", "smaller", "offset"],
)
@pytest.mark.parametrize("soft", [False, True], ids=["hard", "soft"])
def test_hint_layers_of_any_size_and_place(shape, at, offset, soft):
    pixels, letters = lines(FOUR)
    layer = hint_layer(shape, [(*at, "m", 4)], soft, offset)
    result, _ = run(pixels, layer)
    paper = pixels[..., 0] == 255
    assert delta_e(result[paper & (letters == "a")], "m").max() < 5
    assert delta_e(result[paper & (letters == "d")], "w").max() < 1


def test_hints_that_are_none():
    pixels, _ = lines(FOUR)
    empty = Other("hint", Image(np.zeros((48, 48, 4), np.uint8)))
    assert_close(run(pixels, empty)[0], run(pixels)[0], 0)
    for layer, said in (
        (Other("hint", Image(pixels.copy())), "the drawing itself"),
        (Other("hint", Image(draw("r", 48))), "opaque everywhere"),
        (hint_layer((48, 48), [(5, 5, "r", 3)], offset=(500, 0)), "beside the picture"),
    ):
        with pytest.raises(ImageUnsupported, match=said):
            run(pixels, layer)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("name", TYPES)
def test_every_type_of_pixel(name, channels):
    drawn, letters = lines(FOUR)
    pixels = drawn[..., :1] if channels < 3 else drawn
    if channels in (2, 4):
        pixels = np.concatenate((pixels, np.full((*drawn.shape[:2], 1), 255, np.uint8)), axis=2)
    result, layers = run(of_type(pixels, name), hint_layer(drawn.shape[:2], [(10, 10, "c", 3)]))
    assert result.dtype == TYPES[name]
    assert result.shape[2] == (4 if channels in (2, 4) else 3)
    assert layers["lines"].shape[2] == 4 and layers["lines"].dtype == TYPES[name]
    np.testing.assert_allclose(unit(result[6, 6, :3]), [0, 1, 1], atol=0.01)


@pytest.mark.parametrize("tint", [(255, 255, 255), (240, 225, 190), (190, 200, 215)], ids=str)
def test_lines_over_paper_are_the_source(tint):
    rng = np.random.default_rng(2)
    pixels, _ = lines(FOUR, scale=30, width=3)
    ink = 1 - pixels / 255.0
    ink = (
        (ink + np.roll(ink, 1, 1) + np.roll(ink, 1, 0))
        / 3
        * rng.uniform(0.6, 1, ink.shape[:2])[..., None]
    )
    source = np.rint(np.array(tint) * (1 - ink) + np.array([60, 20, 90]) * ink).astype(np.uint8)
    _, layers = run(source)
    lines_ = layers["lines"].astype(float)
    alpha = lines_[..., 3:] / 255
    again = np.array(tint) * (1 - alpha) + lines_[..., :3] * alpha
    assert np.abs(again - source).max() < 3


def test_a_scan_in_uneven_light_has_clean_paper_and_its_lines():
    pixels, letters = lines(FOUR, scale=60, width=4)
    rng = np.random.default_rng(3)
    light = np.linspace(0.65, 1, 240)[:, None, None] * np.array([1, 0.97, 0.88])
    scan = pixels * light + rng.normal(0, 2.5, (240, 240, 1))
    result, layers = run(
        np.clip(scan, 0, 255).astype(np.uint8), hint_layer((240, 240), [(50, 50, "g", 6)])
    )
    paper = pixels[..., 0] == 255
    alpha = layers["lines"][..., 3]
    assert np.percentile(alpha[paper], 95) == 0
    assert alpha[~paper].min() > 200
    assert np.percentile(delta_e(result[paper & (letters == "a")], "g"), 95) < 5


def test_lines_on_nothing():
    pixels, letters = lines(FOUR)
    source = np.zeros((*pixels.shape[:2], 4), np.uint8)
    source[..., 3] = 255 - pixels[..., 0]
    result, layers = run(source, hint_layer(source.shape[:2], [(10, 10, "r", 3)]))
    paper = pixels[..., 0] == 255
    assert (result[letters == "a", 3] == 255).all() and delta_e(result[6, 6], "r") < 1
    for area in "bcd":  # not asked for: still nothing
        assert_close(result[paper & (letters == area)], source[paper & (letters == area)], 0)
    assert layers["colors"][6, 6, 3] == 255 and layers["colors"][40, 40, 3] == 0
    assert_close(layers["lines"][..., 3], source[..., 3], 0)


def test_a_cut_out_sheet_keeps_its_outline():
    pixels, _ = lines(FOUR, scale=20)
    alpha = np.zeros((*pixels.shape[:2], 1), np.uint8)
    alpha[:, :60] = 255
    source = np.concatenate((pixels, alpha), axis=2)
    result, layers = run(source, hint_layer(pixels.shape[:2], [(20, 20, "r", 3)]))
    for made in (result, layers["colors"]):
        assert_close(made[..., 3:], alpha, 0)
    assert layers["lines"][:, 60:, 3].max() == 0


def test_white_lines_on_dark_paper():
    pixels, letters = lines(FOUR, scale=24)
    result, layers = run(255 - pixels, hint_layer(pixels.shape[:2], [(10, 10, "b", 3)]))
    assert delta_e(result[6, 6], "b") < 1 and delta_e(result[80, 80], "k") < 1
    line = pixels[..., 0] == 0
    assert_close(result[line], (255 - pixels)[line], 1)


@pytest.mark.parametrize(
    ("tone", "said"), [(250, "almost white"), (3, "almost black"), (128, "one tone")]
)
def test_nothing_drawn_is_said(tone, said):
    noise = np.random.default_rng(0).integers(-2, 3, (64, 64, 1))
    with pytest.raises(ImageUnsupported, match=said):
        run((tone + noise).astype(np.uint8))


def test_the_generators_colors_do_not_cross_lines(painter):
    pixels, letters = lines("aaaabbbb\naaaabbbb\naaaabbbb\naaaabbbb", scale=40, width=2)
    layer = hint_layer(pixels.shape[:2], [(60, 80, "g", 8)])
    for strictness in (0.0, 0.5, 1.0):
        result, layers = run(pixels, layer, painter, strictness=strictness, unhinted="guess")
        paper = pixels[..., 0] == 255
        assert np.median(delta_e(result[paper & (letters == "a")], "g")) < 5
        right = layers["colors"][paper & (letters == "b")].astype(int)
        # green came from the hint alone, and is not the generator's on that side
        assert (right[:, 1] > 30).mean() < 0.01


def test_strictness_runs_from_painted_to_flat(painter):
    pixels, letters = lines("aaaabbbb\naaaabbbb", scale=40)
    area = (letters == "a") & (pixels[..., 0] == 255)
    painted = [run(pixels, generator=painter, strictness=s)[1]["colors"] for s in (0.0, 0.5, 1.0)]
    spread = [np.ptp(colors[area][:, 2].astype(int)) for colors in painted]
    assert spread[2] == 0 < spread[1] < spread[0]
    assert spread[0] > 40  # blue grows by 0.5 over the picture, in this half by 0.25 of 255


def test_seeds_and_variants(painter):
    pixels, _ = lines(FOUR)
    _, layers = color_sketch(
        Image(pixels), painter, ColorizeSettings(seed=3, variants=3), quiet, None
    )
    variants = [layer.image.pixels for layer in layers if layer.role == "variant"]
    alone, _ = run(pixels, generator=painter, seed=4)
    assert len(variants) == 2
    assert_close(variants[0], alone, 0)
    assert np.abs(variants[0].astype(int) - variants[1]).max() > 10


def test_palette_and_reference_give_the_colors(painter):
    pixels, _ = lines(FOUR)
    wanted = {(255, 128, 0), (16, 32, 48)}
    _, layers = run(
        pixels, generator=painter, palette=["#ff8000", "#102030"], strictness=1.0, flats=True
    )
    assert {tuple(v) for v in layers["flats"].reshape(-1, 3).tolist()} <= wanted
    reference = Other("reference", Image(draw("yyyc\nyyyc", 16)))
    _, layers = run(pixels, generator=painter, reference=reference, strictness=1.0, flats=True)
    assert {tuple(v) for v in layers["flats"].reshape(-1, 3).tolist()} <= {
        LETTERS["y"],
        LETTERS["c"],
    }


def test_a_hint_outranks_the_palette(painter):
    pixels, _ = lines(FOUR)
    layer = hint_layer(pixels.shape[:2], [(10, 10, "g", 3)])
    result, _ = run(pixels, layer, painter, palette=["#ff8000"])
    assert delta_e(result[6, 6], "g") < 5


def test_strength_and_saturation(painter):
    pixels, _ = lines(FOUR)
    assert_close(run(pixels, generator=painter, strength=0.0)[0], pixels, 1)
    grey = run(pixels, generator=painter, saturation=0.0, strictness=1.0)[0]
    assert np.ptp(grey.astype(int), axis=2).max() <= 2


def test_a_photograph_through_the_sketch_model_is_coloured_somehow(painter):
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:200, :300] / 40
    tones = 128 + 90 * np.sin(x) * np.cos(y) + rng.normal(0, 6, (200, 300))
    result, _ = run(np.clip(tones, 0, 255).astype(np.uint8)[..., None], generator=painter)
    assert result.shape == (200, 300, 3) and np.ptp(result[..., 0]) > 20


def test_thousands_of_areas(painter):
    size, step = 960, 12
    pixels = np.full((size, size, 3), 255, np.uint8)
    pixels[::step] = pixels[:, ::step] = 0
    dabs = [(x, y, "rgbymc"[(x // step + y // step) % 6], 2)
            for x in range(6, 120, step) for y in range(6, 120, step)]  # fmt: skip
    _, layers = run(pixels, hint_layer((size, size), dabs), painter, flats=True, strictness=1.0)
    cells = layers["flats"][6 : 10 * step : step, 6 : 10 * step : step]
    for row in range(10):
        for column in range(10):
            assert tuple(cells[row, column]) == LETTERS["rgbymc"[(row + column) % 6]]


def test_a_very_long_scan():
    """20,000 pixels: areas are found at 1,500, edges at full size."""
    pixels, letters = lines("ab", scale=300, width=16)
    pixels, letters = pixels.repeat(33, axis=1)[:, :19800], letters.repeat(33, axis=1)[:, :19800]
    layer = hint_layer((300, 200), [(100, 100, "r", 40)], offset=(2000, 20))
    result, _ = run(pixels, layer)
    paper = pixels[..., 0] == 255
    assert delta_e(result[paper & (letters == "a")], "r").max() < 1
    assert delta_e(result[paper & (letters == "b")], "w").max() < 1


def toned(pixels, seed=4):
    """A drawing on unevenly lit, grainy, brownish paper."""
    rng = np.random.default_rng(seed)
    light = np.linspace(0.7, 1, pixels.shape[1])[None, :, None] * np.array([1, 0.93, 0.8])
    return np.clip(pixels * light + rng.normal(0, 2, (*pixels.shape[:2], 1)), 0, 255).astype("u1")


@pytest.mark.parametrize("with_generator", [False, True])
def test_what_nobody_asked_for_is_copied(painter, with_generator):
    pixels, letters = lines(FOUR, scale=40)
    source = toned(pixels)
    layer = hint_layer(pixels.shape[:2], [(40, 40, "g", 5)])
    generator = painter if with_generator else None
    result, _ = run(source, layer, generator)
    paper = pixels[..., 0] == 255
    for letter in "bcd":
        place = paper & (letters == letter)
        assert_close(result[place], source[place], 0)
    assert np.median(delta_e(result[paper & (letters == "a")], "g")) < 5
    guessed, _ = run(source, layer, painter, unhinted="guess")
    assert np.abs(guessed[paper & (letters == "d")].astype(int) - 200).max() > 20


def test_a_dab_means_its_larger_piece():
    """A third of it slipped over the line."""
    pixels, letters = lines("aaaabbbb\naaaabbbb", scale=20)
    result, _ = run(pixels, hint_layer(pixels.shape[:2], [(78, 20, "r", 6)]))
    paper = pixels[..., 0] == 255
    assert delta_e(result[paper & (letters == "a")], "r").max() < 1
    assert_close(result[paper & (letters == "b")], pixels[paper & (letters == "b")], 0)


def test_a_dab_of_paper_keeps_paper():
    pixels, inside, outside = open_outline(20, 8)
    source = toned(pixels)
    paper = tuple(int(v) for v in np.median(source[outside], axis=0))
    layer = hint_layer(pixels.shape[:2], [(200, 200, "g", 12), (40, 40, "w", 12)])
    white = layer.image.pixels[..., :3].min(axis=2) == 255
    layer.image.pixels[white, :3] = paper
    result, _ = run(source, layer)
    assert (delta_e(result[inside], "g") < 5).mean() > 0.99
    assert_close(result[outside], source[outside], 0)


def test_colors_part_at_the_narrowest_place_and_not_midway():
    pixels, _ = lines("aaaaaaaa\naaaaaaaa", scale=50)
    pixels[:, 120:124] = 0
    pixels[30:70, 118:126] = 255  # a door, far from the middle between the dabs
    layer = hint_layer(pixels.shape[:2], [(60, 20, "r", 6), (380, 20, "b", 6)])
    result, _ = run(pixels, layer, strictness=1.0)
    paper = pixels.min(axis=2) == 255
    left, right = np.zeros_like(paper), np.zeros_like(paper)
    left[:, :105], right[:, 145:] = True, True
    assert delta_e(result[paper & left], "r").max() < 1
    assert delta_e(result[paper & right], "b").max() < 1


@pytest.mark.parametrize("wrong", ["keep", 1, None])
def test_unhinted_is_leave_or_guess(wrong):
    with pytest.raises(BadRequest, match="leave, guess"):
        ColorizeSettings(unhinted=wrong)


@pytest.mark.parametrize("hinted", [False, True])
def test_the_areas_layer_has_one_color_an_area(hinted):
    pixels, letters = lines("aabb\naabb\nccdd\nccee", scale=30)
    layer = hint_layer(pixels.shape[:2], [(20, 20, "g", 5), (100, 20, "g", 5)]) if hinted else None
    _, layers = run(pixels, layer, flats=True)
    areas = layers["areas"].astype(int)
    paper = pixels[..., 0] == 255
    found = [np.unique(areas[paper & (letters == letter)], axis=0) for letter in "abcde"]
    assert [len(colors) for colors in found] == [1] * 5  # also where two have the same hint
    assert len(np.unique(areas.reshape(-1, 3), axis=0)) == 5  # borders lie under the lines


def test_areas_can_be_told_apart():
    levels = np.rint(area_names(20000) * 255).astype(int)
    assert len(np.unique(levels, axis=0)) == 20000 and not ((levels - levels.min()) % 3).any()
