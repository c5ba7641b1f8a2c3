"""Whether a picture is coloured already."""

import numpy as np
import pytest

from core.colorize.is_colored import colored_share
from core.image import Image

RED, GREEN, BLUE, GREY = (220, 40, 40), (40, 180, 40), (40, 60, 220), (120, 120, 120)


def picture(*colors, side=16, dtype=np.uint8):
    """Equal stripes of sRGB colours, 8-bit values."""
    rows = np.repeat(np.array(colors, np.float64), side, axis=0)[:, None, :]
    pixels = np.broadcast_to(rows, (len(rows), side, rows.shape[2]))
    if dtype == np.float32:
        return Image((pixels / 255).astype(dtype))
    return Image((pixels * (np.iinfo(dtype).max / 255)).astype(dtype))


def test_a_grey_picture_has_no_color_in_either_form():
    assert colored_share(Image(np.full((9, 9, 1), 77, np.uint8))) == 0
    assert colored_share(picture((0, 0, 0), GREY, (255, 255, 255))) == 0


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_a_colored_picture_is_known_at_every_depth(dtype):
    assert colored_share(picture(RED, GREEN, BLUE, GREY, dtype=dtype)) >= 0.5


def test_a_toned_photograph_counts_as_grey():
    sepia = [(40, 26, 13), (112, 86, 60), (190, 163, 130), (240, 225, 200)]
    assert colored_share(picture(*sepia)) == 0


def test_jpeg_noise_around_grey_counts_as_grey():
    noise = np.random.default_rng(1).integers(118, 124, (64, 64, 3), np.uint8)
    assert colored_share(Image(noise)) == 0


def test_transparent_pixels_do_not_count():
    hidden = [(*RED, 0), (*GREEN, 0), (*BLUE, 0), (*GREY, 255)]
    assert colored_share(picture(*hidden)) == 0
    assert colored_share(picture(*[(*color[:3], 255) for color in hidden])) >= 0.5


def test_nothing_visible_is_no_error():
    assert colored_share(picture((*RED, 0), (*BLUE, 0))) == 0


def test_a_large_picture_is_sampled_evenly():
    pixels = np.full((1000, 1500, 3), 128, np.uint8)
    pixels[:, 750:1125] = RED
    pixels[:, 1125:] = BLUE
    # both hues lie apart from their mean
    assert abs(colored_share(Image(pixels)) - 0.5) < 0.01
