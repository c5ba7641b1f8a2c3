"""Before and after, side by side with a divider between them: a widget for the dialog.

Pictures are laid into the viewport by GdkPixbuf. Drawing by cairo would need pycairo, which
GIMP's own packages do not always bring along.
"""

import math

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, GdkPixbuf, GLib, Gtk  # noqa: E402

from plugin.gimp3.view import LARGEST_ZOOM, ZOOM_STEP, View  # noqa: E402
from plugin.preview import as_rgb  # noqa: E402

MOST = (480, 320)
"""Largest width and height of the viewport."""

SHARP_FROM = 3.0  # zoom from which on pixels are shown as squares
_CHECKS = (8, 0x999999, 0x666666)  # size and colors of what shines through transparency
_BEHIND = 0x3C3C3CFF
CLEAR = 40  # pixels between the divider and a place that was clicked
_STILL = 3  # pixels that a hand moves while it clicks
_LINE, _EDGE = 0xFFFFFFFF, 0x000000FF


class SplitView(Gtk.EventBox):
    """Two pictures of one size, the left part of the first and the right part of the second.

    Drag the divider; turn the wheel to zoom, drag to pan, press twice to see all of it; a click
    chooses a point. With the keyboard: left and right, plus and minus, 0.

    Args:
        picture: {width, height, format} of the first one.
        pixels: its bytes, u8.
        selection: a byte for each pixel, 255 where the second one is seen; None for everywhere.
        clicked: called with (x, y) of the picture where it was clicked; None for no clicks.
        moved: called when another part is seen, or it is seen larger or smaller.
        largest: zoom that a user can reach.
    """

    def __init__(
        self, picture, pixels, selection=None, clicked=None, moved=None, largest=LARGEST_ZOOM
    ):
        super().__init__(can_focus=True, halign=Gtk.Align.CENTER)
        self._moved = moved
        self._part = None
        self._before = self._after = to_pixbuf(picture, pixels)
        self._selection = selection
        self._clicked = clicked
        self._marks = []  # (x, y of the picture, color or None)
        self._view = View((picture["width"], picture["height"]), MOST, largest=largest)
        self._held = None  # "divider" or "picture", where it was taken, and whether it was moved
        self._image = Gtk.Image()
        self.add(self._image)
        self.add_events(
            Gdk.EventMask.BUTTON_PRESS_MASK
            | Gdk.EventMask.BUTTON_RELEASE_MASK
            | Gdk.EventMask.POINTER_MOTION_MASK
            | Gdk.EventMask.SCROLL_MASK
            | Gdk.EventMask.KEY_PRESS_MASK
        )
        self.connect("button-press-event", self._press)
        self.connect("button-release-event", self._release)
        self.connect("motion-notify-event", self._move)
        self.connect("scroll-event", self._scroll)
        self.connect("key-press-event", self._key)
        self.draw_again()

    def show_after(self, picture, pixels):
        """Take a new second picture, of the first one's size."""
        after = to_pixbuf(picture, pixels)
        if self._selection is not None:
            after = selected(self._before, after, self._selection)
        self._after = after
        self.draw_again()

    def show_part(self, part, before, after, selection=None):
        """Show a part of both pictures at a better resolution.

        Args:
            part: plugin.preview.Part; None to show the pictures alone again.
            before, after: (picture, pixels).
            selection: as for the whole.
        """
        self._part = None
        if part is not None:
            before, after = to_pixbuf(*before), to_pixbuf(*after)
            if selection is not None:
                after = selected(before, after, selection)
            self._part = part, before, after
        self.draw_again()

    @property
    def seen(self):
        """((left, top, right, bottom) of the picture that is seen, pixels for one of its)."""
        return self._view.seen, self._view.zoom

    def mark(self, marks):
        """Show marks, a list of (x, y of the picture, (red, green, blue) or None)."""
        self._marks = list(marks)
        self.draw_again()

    def show_nothing_new(self):
        """There is no second picture: show the first one on both sides."""
        self._after, self._part = self._before, None
        self.draw_again()

    def zoom_in(self):
        self._zoom(ZOOM_STEP)

    def zoom_out(self):
        self._zoom(1 / ZOOM_STEP)

    def fit(self):
        self._view.fit()
        self._draw_moved()

    def _draw_moved(self):
        self.draw_again()
        if self._moved is not None:
            self._moved()

    def draw_again(self):
        view = self._view
        shown = GdkPixbuf.Pixbuf.new(
            GdkPixbuf.Colorspace.RGB, False, 8, view.width, view.height
        )
        shown.fill(_BEHIND)
        self._lay(self._before, shown, 0, view.divider)
        self._lay(self._after, shown, view.divider, view.width)
        if self._part is not None:
            part, before, after = self._part
            self._lay(before, shown, 0, view.divider, part)
            self._lay(after, shown, view.divider, view.width, part)
        for x, color in ((-2, _EDGE), (-1, _LINE), (0, _LINE), (1, _EDGE)):
            if 0 <= view.divider + x < view.width:
                shown.new_subpixbuf(view.divider + x, 0, 1, view.height).fill(color)
        for mark in self._marks:
            self._draw_mark(shown, *mark)
        self._image.set_from_pixbuf(shown)

    def _draw_mark(self, shown, across, down, color):
        """A small square of that color with two borders; a bare frame where there is none."""
        x, y = self._view.place(across, down)
        inner = None if color is None else int.from_bytes(bytes((*color, 255)), "big")
        for reach, fill in ((6, _EDGE), (5, _LINE), (4, inner)):
            if fill is None:
                continue
            if inner is not None:
                _fill(shown, x - reach, y - reach, 2 * reach + 1, 2 * reach + 1, fill)
                continue
            for dx, dy, wide, high in (
                (-reach, -reach, 2 * reach + 1, 1),
                (-reach, reach, 2 * reach + 1, 1),
                (-reach, -reach, 1, 2 * reach + 1),
                (reach, -reach, 1, 2 * reach + 1),
            ):
                _fill(shown, x + dx, y + dy, wide, high, fill)

    def _lay(self, source, shown, start, end, part=None):
        """Lay the picture, or a part of it, into the columns start..end of the viewport."""
        view = self._view
        x, y, width, height = view.rectangle
        at, zoom = (view.left, view.top), (view.zoom, view.zoom)
        if part is not None:
            whole = self._before.get_width(), self._before.get_height()
            zoom = [view.zoom * whole[n] / part.size[n] for n in (0, 1)]
            at = [at[n] + part[n] * zoom[n] for n in (0, 1)]
            right, bottom = (int(at[n] + part[n + 2] * zoom[n]) for n in (0, 1))
            corner = max(x, math.ceil(at[0])), max(y, math.ceil(at[1]))
            width, height = min(x + width, right) - corner[0], min(y + height, bottom) - corner[1]
            x, y = corner
        left, right = max(x, start), min(x + width, end)
        if right <= left or height <= 0:
            return
        sharp = zoom[0] >= SHARP_FROM
        source.composite_color(
            shown,
            left, y, right - left, height,
            *at, *zoom,
            GdkPixbuf.InterpType.NEAREST if sharp else GdkPixbuf.InterpType.BILINEAR,
            255,
            0, 0, *_CHECKS,
        )  # fmt: skip

    def _zoom(self, factor, x=None, y=None):
        view = self._view
        x = view.width / 2 if x is None else x
        view.zoom_at(factor, x, view.height / 2 if y is None else y)
        self._draw_moved()

    def _press(self, _widget, event):
        self.grab_focus()
        if event.type == Gdk.EventType.DOUBLE_BUTTON_PRESS:
            self.fit()
        elif event.button in (1, 2):
            divider = event.button == 1 and self._view.grips(event.x)
            self._held = ("divider" if divider else "picture", event.x, event.y, False)
        return True

    def _release(self, _widget, event):
        held, self._held = self._held, None
        if held is None or held[3] or event.button != 1 or self._clicked is None:
            return True
        point = self._view.point(event.x, event.y)
        if point is not None and not self._view.is_on_divider(event.x):
            if event.x < self._view.divider:  # what becomes of this place is to be seen
                self._view.move_divider(event.x - CLEAR)
            self._clicked(*point)
        return True

    def _move(self, _widget, event):
        if self._held is None:
            away = "grab" if self._clicked is None else "crosshair"
            self._show_cursor("col-resize" if self._view.is_on_divider(event.x) else away)
            return True
        what, x, y, moved = self._held
        if not moved and max(abs(event.x - x), abs(event.y - y)) <= _STILL:
            return True
        if what == "divider":
            self._view.move_divider(event.x)
        else:
            self._view.pan(event.x - x, event.y - y)
        self._held = (what, event.x, event.y, True)
        if what == "divider":
            self.draw_again()
        else:
            self._draw_moved()
        return True

    def _scroll(self, _widget, event):
        if event.direction == Gdk.ScrollDirection.UP:
            self._zoom(ZOOM_STEP, event.x, event.y)
        elif event.direction == Gdk.ScrollDirection.DOWN:
            self._zoom(1 / ZOOM_STEP, event.x, event.y)
        return True

    def _key(self, _widget, event):
        name = Gdk.keyval_name(event.keyval)
        if name in ("Left", "Right"):
            step = 10 if name == "Right" else -10
            self._view.move_divider(self._view.divider + step)
            self.draw_again()
        elif name in ("plus", "KP_Add"):
            self.zoom_in()
        elif name in ("minus", "KP_Subtract"):
            self.zoom_out()
        elif name in ("0", "KP_0"):
            self.fit()
        else:
            return False
        return True

    def _show_cursor(self, name):
        window = self.get_window()
        if window is not None:
            window.set_cursor(Gdk.Cursor.new_from_name(self.get_display(), name))


def _fill(shown, x, y, width, height, color):
    """Fill the part of a rectangle that lies on the pixbuf."""
    left, top = max(0, x), max(0, y)
    right, bottom = min(shown.get_width(), x + width), min(shown.get_height(), y + height)
    if left < right and top < bottom:
        shown.new_subpixbuf(left, top, right - left, bottom - top).fill(color)


def selected(before, after, selection):
    """A pixbuf: `after` where the selection is 255, `before` where it is 0, both in between."""
    width, height = before.get_width(), before.get_height()
    solid = GdkPixbuf.Pixbuf.new(GdkPixbuf.Colorspace.RGB, True, 8, width, height)
    after.copy_area(0, 0, width, height, solid, 0, 0)
    pixels = bytearray(solid.read_pixel_bytes().get_data())
    alpha = bytes(selection)
    if after.get_has_alpha():
        alpha = bytes(min(pair) for pair in zip(alpha, pixels[3::4], strict=True))
    pixels[3::4] = alpha
    masked = GdkPixbuf.Pixbuf.new_from_bytes(
        GLib.Bytes.new(bytes(pixels)), GdkPixbuf.Colorspace.RGB, True, 8, width, height, 4 * width
    )
    whole = before.copy()
    nearest = GdkPixbuf.InterpType.NEAREST
    masked.composite(whole, 0, 0, width, height, 0, 0, 1, 1, nearest, 255)
    return whole


def to_pixbuf(picture, pixels):
    """A GdkPixbuf of u8 pixels as core/protocol.py has them, gray or color."""
    model = picture["format"].partition(" ")[0]
    alpha = model.endswith("A")
    if model.startswith("Y'"):
        pixels = as_rgb(pixels, alpha)
    width = picture["width"]
    return GdkPixbuf.Pixbuf.new_from_bytes(
        GLib.Bytes.new(pixels),
        GdkPixbuf.Colorspace.RGB,
        alpha,
        8,
        width,
        picture["height"],
        width * (4 if alpha else 3),
    )
