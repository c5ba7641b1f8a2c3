"""Arbitrary style: two passes equal the whole, mixes, and style pictures of every kind."""

import numpy as np
import pytest
import pyvips

from core.errors import BadRequest, FileUnreadable, ImageUnsupported, ModelCorrupt
from core.image import Image
from core.style import pictures
from core.style import tiles as module
from core.style.stylize import StylizeSettings, paint, stylize
from tests.core.engine import open_generator, quiet
from tests.fakes import onnx as fakes
from tests.pixels import assert_close

RNG = np.random.default_rng(9)


@pytest.fixture(scope="module")
def generator(tmp_path_factory):
    return open_generator(fakes.any_style(tmp_path_factory.mktemp("models") / "any"))


def uneven(height, width):
    """Another mean in every corner, so that tiles' own statistics would differ."""
    ramp = np.linspace(0.1, 0.6, width)[None, :, None] * np.linspace(0.3, 1, height)[:, None, None]
    return (ramp + 0.3 * RNG.random((height, width, 3))).astype(np.float32)


def flat(*color, side=40):
    return Image(np.broadcast_to(np.float32(color), (side, side, 3)))


def run(pixels, generator, *styles, **settings):
    chosen = StylizeSettings(brush_size=1, **settings)
    return stylize(Image(pixels), generator, chosen, quiet, style_images=styles).pixels


@pytest.mark.parametrize("size", [(210, 330), (213, 331)], ids=["multiples", "odd"])
def test_tiles_equal_the_whole(generator, monkeypatch, size):
    pixels = uneven(*size)
    style = flat(0.5, 0.4, 0.6)
    whole = paint(Image(pixels), generator, StylizeSettings(brush_size=1), quiet,
                  style_images=(style,))  # fmt: skip
    monkeypatch.setattr(module, "TILE_SIDE", 64)
    tiled = paint(Image(pixels), generator, StylizeSettings(brush_size=1), quiet,
                  style_images=(style,))  # fmt: skip
    assert whole.tiles == 1 and tiled.tiles >= 20
    error = ((whole.image.pixels - tiled.image.pixels).astype(np.float64) ** 2).mean()
    assert error < 1e-12  # 120 dB


def test_a_picture_of_one_tile_is_put_once_for_both_graphs(generator, monkeypatch):
    real, put = generator.put, []
    monkeypatch.setattr(generator, "put", lambda array: put.append(array) or real(array))
    run(uneven(60, 90), generator, flat(0.5, 0.4, 0.6))
    assert len(put) == 1
    monkeypatch.setattr(module, "TILE_SIDE", 64)
    run(uneven(160, 240), generator, flat(0.5, 0.4, 0.6))
    assert len(put) == 1  # tiles of larger pictures come and go


def test_the_painting_is_what_the_definition_says(generator, monkeypatch):
    """The photograph blurred, its mean colour moved to the style's."""
    monkeypatch.setattr(module, "TILE_SIDE", 64)
    pixels = uneven(160, 240)
    color = np.float32([0.5, 0.4, 0.6])
    padded = np.pad(pixels.astype(np.float64), ((2, 2), (2, 2), (0, 0)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (5, 5), (0, 1))
    blurred = windows.mean(axis=(-2, -1))
    expected = np.clip(blurred - blurred.mean(axis=(0, 1)) + color, 0, 1)
    assert_close(run(pixels, generator, flat(*color)), expected.astype(np.float32), 1e-5)


def test_strength_goes_from_the_photograph_on_and_never_back(generator):
    pixels = (uneven(60, 80) * 255).astype(np.uint8)
    away = []
    for strength in (0, 0.1, 0.25, 0.5, 0.75, 1):
        result = run(pixels, generator, flat(0.9, 0.2, 0.1), strength=strength)
        away.append(np.abs(result.astype(int) - pixels).mean())
    assert away[0] == 0
    assert np.all(np.diff(away) > 0)


def test_a_mix_lies_between_its_styles_by_their_weights(generator):
    pixels = uneven(40, 40) * 0.5 + 0.2
    red, blue = flat(0.6, 0.4, 0.4), flat(0.4, 0.4, 0.6)
    ends = [run(pixels, generator, style) for style in (red, blue)]
    mixed = run(pixels, generator, red, blue, weights=(1, 3))
    assert_close(mixed, ends[0] * np.float32(0.25) + ends[1] * np.float32(0.75), 1e-4)
    assert_close(run(pixels, generator, red, blue, weights=(0, 2)), ends[1], 1e-6)


def test_files_and_layers_are_mixed(generator, tmp_path):
    path = tmp_path / "blue.png"
    blue = np.full((40, 40, 3), (102, 102, 153), np.uint8)
    pyvips.Image.new_from_array(blue).write_to_file(str(path))
    pixels = uneven(40, 40) * 0.5 + 0.2
    both = run(pixels, generator, flat(0.6, 0.4, 0.4), styles=[{"path": str(path), "weight": 1}])
    layers = run(pixels, generator, flat(0.6, 0.4, 0.4), flat(0.4, 0.4, 0.6))
    assert_close(both, layers, 1e-4)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [(1, 1), (1, 700), (3, 5), (900, 40)], ids=str)
def test_style_pictures_of_every_size_and_kind_work(generator, channels, size):
    pixels = np.full((*size, channels), 128, np.uint8)
    if channels in (2, 4):
        pixels[..., -1] = 255
    result = run(uneven(40, 40), generator, Image(pixels))
    assert abs(result.mean() - 128 / 255) < 0.02


def test_what_is_transparent_is_no_style(generator):
    pixels = np.zeros((60, 60, 4), np.uint8)
    pixels[..., 1] = 255  # green, which nobody sees
    pixels[20:40, 10:50] = (153, 102, 102, 255)
    small = pictures.style_pixels(Image(pixels))
    assert small.shape == (3, 32, 40)
    assert_close(small.mean(axis=(1, 2)), np.float32([0.6, 0.4, 0.4]), 1e-4)


def test_the_picture_may_be_its_own_style(generator):
    pixels = uneven(64, 64)
    result = run(pixels, generator, Image(pixels))
    assert abs(result.mean() - pixels.mean()) < 0.01


def test_a_large_style_picture_is_reduced_by_its_areas():
    large = Image(RNG.integers(0, 256, (3000, 2000, 3), np.uint8))
    small = pictures.style_pixels(large)
    assert small.shape == (3, 512, 341)
    assert abs(small.mean() - large.pixels.mean() / 255) < 1e-3


def test_a_large_style_file_is_reduced_while_it_is_read(tmp_path):
    from core.files.picture import read_reduced

    path = tmp_path / "large.png"
    pyvips.Image.gaussnoise(6000, 2000, mean=100, sigma=30).cast("uchar").write_to_file(str(path))
    image = read_reduced(path, 1024)
    assert 1024 <= image.width < 2048 and image.height < 700
    assert abs(image.pixels.mean() - 100) < 2
    assert pictures.style_pixels(path).shape[2] == 512


def broken_file(tmp_path):
    path = tmp_path / "broken.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\nnothing more")
    return path


@pytest.mark.parametrize("kind", ["missing", "broken", "text"])
def test_an_unreadable_style_file_is_one_sentence_with_its_name(generator, tmp_path, kind):
    path = tmp_path / "nowhere.png"
    if kind == "broken":
        path = broken_file(tmp_path)
    if kind == "text":
        path = tmp_path / "notes.txt"
        path.write_text("no picture")
    with pytest.raises(FileUnreadable, match=path.name):
        run(uneven(40, 40), generator, styles=[{"path": str(path)}])


def test_a_transparent_style_is_refused(generator):
    with pytest.raises(ImageUnsupported, match="fully transparent"):
        run(uneven(40, 40), generator, Image(np.zeros((9, 9, 4), np.uint8)))


def test_numbers_that_are_none_are_refused(generator):
    with pytest.raises(ImageUnsupported, match="no finite numbers"):
        run(uneven(40, 40), generator, Image(np.full((9, 9, 3), np.nan, np.float32)))


def test_a_style_is_asked_for(generator):
    with pytest.raises(BadRequest, match="needs a style picture"):
        run(uneven(40, 40), generator)


def test_a_painter_takes_none(tmp_path):
    with pytest.raises(BadRequest, match="takes no style picture"):
        run(uneven(40, 40), open_generator(fakes.identity(tmp_path / "same")), flat(1, 1, 1))


@pytest.mark.parametrize(
    "settings",
    [
        {"weights": [1]},
        {"weights": [1, -1]},
        {"weights": [0, 0]},
        {"weights": "many"},
        {"styles": "file.png"},
        {"styles": [{"file": "a.png"}]},
        {"styles": [{"path": ""}]},
        {"styles": [{"path": "a.png", "weight": "heavy"}]},
        {"styles": [{"path": "a.png"}] * 40},
    ],
    ids=str,
)
def test_weights_and_files_that_cannot_be_are_refused(generator, settings):
    with pytest.raises(BadRequest):
        run(uneven(40, 40), generator, flat(1, 1, 1), flat(0, 0, 0), **settings)


def test_codes_are_remembered(generator, monkeypatch):
    asked = []
    real = type(generator).run_all

    def counted(self, inputs, wanted=None, part=""):
        asked.append(part)
        return real(self, inputs, wanted, part)

    monkeypatch.setattr(type(generator), "run_all", counted)
    styles = [Image(RNG.random((50, 50, 3)).astype(np.float32)) for _ in range(2)]
    for strength in (1, 0.5, 0.2):
        run(uneven(40, 40), generator, *styles, strength=strength)
    assert asked.count("style-code") == 2


def test_kept_colours_reach_the_style_too(generator):
    """With the photograph's colours given to it first, a red style moves them nowhere."""
    pixels = uneven(64, 64)
    moved = pictures.ColorMove(pixels.transpose(2, 0, 1), 1.0)
    style = np.float32([0.9, 0.1, 0.1])[:, None, None] + 0.05 * RNG.random((3, 50, 50), np.float32)
    assert_close(moved.apply(style).mean(axis=(1, 2)), pixels.mean(axis=(0, 1)), 0.02)


def test_features_of_another_size_are_the_models_fault(generator, monkeypatch):
    real = type(generator).run_all

    def cut(self, inputs, wanted=None, part=""):
        found = real(self, inputs, wanted, part)
        return {"features": found["features"][..., 1:]} if part == "encode" else found

    monkeypatch.setattr(type(generator), "run_all", cut)
    with pytest.raises(ModelCorrupt, match="features of shape"):
        run(uneven(64, 64), generator, flat(1, 1, 1))


def test_every_position_counts_once(generator, monkeypatch):
    """Whatever the tiles, as many positions as the picture has squares of 4 pixels."""
    from core.style.mean_features import MeanFeatures
    from core.style.tiles import read_tile, tiles_of

    pixels = uneven(101, 203).transpose(2, 0, 1)

    def read(rect):
        return pixels[:, rect.y : rect.y + rect.height, rect.x : rect.x + rect.width]

    for side in (40, 64, 1000):
        sums = MeanFeatures(generator, 203, 101)
        for tile in tiles_of(generator.manifest, 203, 101, side):
            sums.add(tile, read_tile(read, tile, 203, 101))
        assert sums._count == 26 * 51
