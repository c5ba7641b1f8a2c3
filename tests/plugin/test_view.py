"""Zoom, pan and the divider of the preview."""

import pytest

from plugin.gimp3.view import GRIP, LARGEST_ZOOM, View

MOST = (480, 320)


def at(view, x, y):
    """The point of the picture that lies at a point of the viewport."""
    return (x - view.left) / view.zoom, (y - view.top) / view.zoom


@pytest.mark.parametrize(
    "picture, viewport",
    [
        ((480, 320), (480, 320)),
        ((512, 341), (480, 320)),
        ((100, 50), (480, 240)),  # a small picture is enlarged
        ((200, 400), (160, 320)),
        ((16000, 8), (480, 120)),
        ((8, 16000), (120, 320)),
    ],
)
def test_the_viewport_has_the_pictures_shape_within_bounds(picture, viewport):
    view = View(picture, MOST)
    assert (view.width, view.height) == viewport
    x, y, width, height = view.rectangle
    assert width >= 1 and height >= 1
    assert min(x, y) >= 0 and x + width <= view.width and y + height <= view.height


def test_at_first_all_is_seen_and_the_divider_is_in_the_middle():
    view = View((960, 640), MOST)
    assert view.rectangle == (0, 0, 480, 320)
    assert (view.zoom, view.divider) == (0.5, 240)


def test_zoom_keeps_the_point_under_the_pointer():
    view = View((960, 640), MOST)
    view.zoom_at(3, 100, 200)
    assert view.zoom == 1.5
    assert at(view, 100, 200) == pytest.approx((200, 400))


def test_zoom_ends_at_all_of_it_and_at_the_largest():
    view = View((960, 640), MOST)
    view.zoom_at(1000, 240, 160)
    assert view.zoom == LARGEST_ZOOM
    view.zoom_at(0.0001, 0, 0)
    assert (view.zoom, view.left, view.top) == (0.5, 0, 0)


def test_a_tiny_picture_that_fits_beyond_the_largest_zoom_stays_as_it_is():
    view = View((8, 8), MOST)
    view.zoom_at(2, 0, 0)
    assert view.zoom == 40


def test_pan_ends_at_the_borders():
    view = View((960, 640), MOST)
    view.pan(50, 50)
    assert (view.left, view.top) == (0, 0)
    view.zoom_at(2, 0, 0)
    view.pan(-100, -30)
    assert (view.left, view.top) == (-100, -30)
    view.pan(-10000, -10000)
    assert (view.left, view.top) == (480 - 960, 320 - 640)
    assert view.rectangle == (0, 0, 480, 320)


def test_fit_undoes_zoom_and_pan_and_keeps_the_divider():
    view = View((960, 640), MOST)
    view.zoom_at(4, 30, 30)
    view.move_divider(77.4)
    view.fit()
    assert (view.zoom, view.left, view.top, view.divider) == (0.5, 0, 0, 77)


def test_the_divider_stays_in_the_viewport():
    view = View((960, 640), MOST)
    view.move_divider(-5)
    assert view.divider == 0
    view.move_divider(9999)
    assert view.divider == 480


def test_a_press_takes_the_divider_nearby_or_anywhere_while_all_is_seen():
    view = View((960, 640), MOST)
    assert view.grips(10)
    view.zoom_at(2, 240, 160)
    assert view.grips(240 + GRIP) and not view.grips(240 + GRIP + 1)


def test_a_point_of_the_viewport_is_one_of_the_picture_and_back():
    view = View((1000, 500), (500, 250))
    view.zoom_at(4.0, 100, 50)
    across, down = view.point(250, 125)
    assert view.place(across, down) == (250, 125)
    assert 0 <= across < 1000 and 0 <= down < 500


def test_beside_the_picture_there_is_no_point():
    view = View((10, 500), (480, 320))
    assert view.point(0, 100) is None
    assert view.point(view.width / 2, 100) is not None


def test_what_is_seen_is_told_in_the_pictures_pixels():
    view = View((960, 640), MOST)
    assert view.seen == (0, 0, 960, 640)
    view.zoom_at(4, 0, 0)  # zoom 2: 240 x 160 of its pixels
    view.pan(-200, -100)
    assert view.seen == pytest.approx((100, 50, 340, 210))
    assert View((16000, 8), MOST).seen == pytest.approx((0, 0, 16000, 8))


def test_of_a_large_layer_a_larger_zoom_can_be_reached():
    view = View((512, 341), MOST, largest=60.0)
    view.zoom_at(1000, 240, 160)
    assert view.zoom == 60.0
