"""Palettes and references: only those colours, and as often as in the reference."""

import numpy as np
import pytest

from core.color import spaces
from core.color.palette import check_palette, parse_palette, steer, wanted_like, wanted_of
from core.errors import BadRequest, FileUnreadable, ImageUnsupported
from core.image import Image
from tests.pixels import draw


def ab_of(code):
    rgb = [int(code[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return spaces.srgb_to_lab(np.array([rgb]))[0, 1:]


LIGHT = np.full((2, 2), 50, np.float32)
SAID = np.array([[[60, 60], [-50, 0]], [[50, 50], [50, 0]]], np.float32)  # red, red; green, grey


def test_one_color_is_everywhere():
    result = steer(LIGHT, SAID, wanted_of(["#3366cc"]))
    np.testing.assert_allclose(result.reshape(2, -1).T, [ab_of("#3366cc")] * 4, atol=0.01)


def test_every_place_takes_the_palettes_color_that_is_nearest():
    palette = ["#d04030", "#40a040", "#808080"]
    red, green, grey = map(ab_of, palette)
    result = steer(LIGHT, SAID, wanted_of(palette))
    np.testing.assert_allclose(result.reshape(2, -1).T, [red, red, green, grey], atol=2.0)


def test_tones_of_one_hue_go_to_places_of_their_lightness():
    palette = ["#20140a", "#f8e8d8"]  # dark and light brown
    light = np.array([[5, 95]], np.float32)
    said = np.full((2, 1, 2), 10, np.float32)
    result = steer(light, said, wanted_of(palette))
    np.testing.assert_allclose(result[:, 0, 0], ab_of(palette[0]), atol=1.0)
    np.testing.assert_allclose(result[:, 0, 1], ab_of(palette[1]), atol=1.0)


def test_chances_decide_where_the_likeliest_color_is_not_allowed():
    colors = np.array([(60.0, 40.0), (20.0, -60.0), (-50.0, 40.0)])
    chances = np.array([0.6, 0.3, 0.1], np.float32).reshape(3, 1, 1)
    blue_or_green = wanted_of(["#3355cc", "#40a040"])
    light, said = np.full((1, 1), 40, np.float32), np.array([[[40.0]], [[10.0]]], np.float32)
    result = steer(light, said, blue_or_green, chances, colors)
    blue, green = ab_of("#3355cc"), ab_of("#40a040")
    found = result[:, 0, 0]
    assert np.hypot(*(found - blue)) < np.hypot(*(found - green))


def test_the_references_shares_are_the_prior():
    said = np.zeros((2, 1, 1), np.float32)
    said[0] = 25.0  # between both, as far from the one as from the other
    mostly_red = wanted_like(Image(draw("rrrrrrrrrrrrrrry", 8)))
    assert mostly_red.shares.sum() == pytest.approx(1)
    assert mostly_red.shares.max() == pytest.approx(15 / 16, abs=0.02)
    np.testing.assert_allclose(mostly_red.lab[0, 1:], ab_of("#ff0000"), atol=1)
    light = np.full((1, 1), float(mostly_red.lab[:, 0].mean()), np.float32)
    red = steer(light, said, mostly_red)
    yellow = steer(light, said, wanted_like(Image(draw("yyyyyyyyyyyyyyyr", 8))))
    assert red[0, 0, 0] > yellow[0, 0, 0]


@pytest.mark.parametrize("kind", ["grey", "alpha", "float", "large", "thin"])
def test_references_of_every_kind(kind):
    pixels = draw("rg\nby", 16)
    if kind == "grey":
        pixels = pixels[..., :1]
    elif kind == "alpha":
        alpha = np.full((32, 32, 1), 255, np.uint8)
        alpha[:, 16:] = 0
        pixels = np.concatenate((pixels, alpha), axis=2)
    elif kind == "float":
        pixels = pixels.astype(np.float32) / 255
        pixels[0, 0] = np.nan
    elif kind == "large":
        pixels = draw("rg\nby", 800)
    else:
        pixels = draw("rgby", 1)
    wanted = wanted_like(Image(pixels))
    assert np.isfinite(wanted.lab).all() and wanted.shares.sum() == pytest.approx(1)
    if kind == "grey":
        np.testing.assert_allclose(wanted.lab[:, 1:], 0, atol=0.1)
    if kind == "alpha":
        assert sorted(np.round(wanted.shares, 1)) == [0.5, 0.5]  # red and blue, the visible half
    if kind == "large":
        np.testing.assert_allclose(wanted.shares[:4], 0.25, atol=0.02)


def test_a_reference_that_cannot_be_seen_is_refused():
    with pytest.raises(ImageUnsupported, match="transparent"):
        wanted_like(Image(np.zeros((9, 9, 4), np.uint8)))


@pytest.mark.parametrize(
    "palette",
    ["#fff", ["#fff"], ["red"], [3], ["#gg0000"], ["#112233"] * 257, {"a": 1}, None, [["#112233"]]],
    ids=str,
)
def test_what_is_no_palette_is_refused(palette):
    with pytest.raises(BadRequest, match="palette"):
        check_palette(palette)


def test_palettes_are_read_from_gimps_files_and_from_lists(tmp_path):
    path = tmp_path / "warm.gpl"
    path.write_text("GIMP Palette\nName: Warm\nColumns: 2\n# so\n200  80\t40 Rust\n  0 0 0\n"
                    "200 80 40 again\n300 1 1 no\n")  # fmt: skip
    assert parse_palette(str(path)) == ("#c85028", "#000000")
    assert parse_palette("#C85028, #000000") == ("#c85028", "#000000")
    assert parse_palette("") == ()


def test_broken_palette_files_are_a_sentence(tmp_path):
    with pytest.raises(FileUnreadable, match="cannot be read"):
        parse_palette(str(tmp_path / "missing.gpl"))
    for text, words in (("\x00\x89PNG", "no GIMP palette"), ("", "no GIMP palette"),
                        ("GIMP Palette\nName: x\n", "no colour")):  # fmt: skip
        (tmp_path / "bad.gpl").write_text(text)
        with pytest.raises(FileUnreadable, match=words):
            parse_palette(str(tmp_path / "bad.gpl"))
    many = "GIMP Palette\n" + "".join(f"{i % 256} {i // 256} 7\n" for i in range(300))
    (tmp_path / "many.gpl").write_text(many)
    with pytest.raises(BadRequest, match="256"):
        parse_palette(str(tmp_path / "many.gpl"))
