"""Images look at bytes without copying them, and unusable ones are refused in a sentence."""

import numpy as np
import pytest

from core.errors import BadRequest, ImageUnsupported
from core.image import Image, check_usable


@pytest.mark.parametrize("model", ["Y'", "Y'A", "R'G'B'", "R'G'B'A"])
@pytest.mark.parametrize(("channel", "size"), [("u8", 1), ("u16", 2), ("float", 4)])
def test_bytes_there_and_back(model, channel, size):
    channels = {"Y'": 1, "Y'A": 2, "R'G'B'": 3, "R'G'B'A": 4}[model]
    picture = {"width": 3, "height": 2, "format": f"{model} {channel}"}
    buffer = bytearray(range(6 * channels * size))
    image = Image.from_bytes(picture, buffer)
    assert image.picture == picture
    assert image.pixels.shape == (2, 3, channels)
    assert image.data == buffer
    buffer[0] += 1
    assert image.data[0] == buffer[0], "from_bytes made a copy"


@pytest.mark.parametrize(
    ("picture", "size"),
    [
        ({"width": 3, "height": 2, "format": "Y' u8"}, 5),
        ({"width": 3, "height": 2, "format": "Y' u8"}, 7),
        ({"width": 1, "height": 1, "format": "CMYK u8"}, 4),
    ],
)
def test_bytes_that_do_not_fit_are_refused(picture, size):
    with pytest.raises(BadRequest):
        Image.from_bytes(picture, bytes(size))


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 5), (0, 4, 3), (4, 0, 3)], ids=str)
def test_arrays_that_are_no_picture_are_refused(shape):
    with pytest.raises(ImageUnsupported):
        Image(np.zeros(shape, np.uint8))
    with pytest.raises(ImageUnsupported):
        Image(np.zeros((4, 4, 3), np.int16))


def unusable():
    nan = np.full((9, 9, 3), 0.5, np.float32)
    nan[4, 4, 1] = np.nan
    infinite = np.full((9, 9, 1), 0.5, np.float32)
    infinite[8, 0] = -np.inf
    clear = np.full((9, 9, 4), 200, np.uint8)
    clear[..., 3] = 0
    return {
        "one pixel": (np.zeros((1, 1, 3), np.uint8), "1×1"),
        "a line": (np.zeros((1, 20000, 3), np.uint8), "20000×1"),
        "a thin strip": (np.zeros((20000, 7, 1), np.uint8), "7×20000"),
        "NaN": (nan, "NaN"),
        "infinite": (infinite, "infinite"),
        "transparent": (clear, "transparent"),
    }


@pytest.mark.parametrize("name", unusable())
def test_unusable_pictures_are_refused_in_a_sentence(name):
    pixels, word = unusable()[name]
    with pytest.raises(ImageUnsupported, match=word) as caught:
        check_usable(Image(pixels))
    assert caught.value.sentence.endswith(".")
    assert caught.value.hint.endswith(".")


def test_one_visible_pixel_is_enough():
    pixels = np.zeros((8, 8, 4), np.uint8)
    pixels[7, 7, 3] = 1
    check_usable(Image(pixels))


@pytest.mark.parametrize(
    "out",
    [
        np.zeros((8, 8, 3), np.uint8),
        np.zeros((8, 9, 4), np.uint8),
        np.zeros((8, 8, 4), np.uint16),
        np.frombuffer(bytes(256), np.uint8).reshape(8, 8, 4),
    ],
    ids=["channels", "width", "type", "read-only"],
)
def test_memory_for_a_result_has_to_fit(out):
    with pytest.raises(BadRequest):
        Image(np.zeros((8, 8, 2), np.uint8)).color_result(out)
