"""The row below the preview: other likely colors where the user clicked, and the dabs so far."""

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("Gdk", "3.0")
from gi.repository import Gdk, GdkPixbuf, Gtk  # noqa: E402

from plugin import hints  # noqa: E402
from plugin.translation import tr  # noqa: E402

SPACE = 6
_SIZE = 22
_MOST = 3


class Swatches(Gtk.Box):
    """Offers colors for the point that was clicked; a click on one makes a dab there.

    Args:
        config: GIMP's, with the dabs' text as its property "dabs".
        size: (width, height) of the layer.
    """

    def __init__(self, config, size):
        super().__init__(spacing=SPACE)
        self._config, self._size = config, size
        self.point = None
        """(x, y) of the layer where the user clicked; None where nowhere yet."""
        self._said = Gtk.Label(xalign=0.0, wrap=True, max_width_chars=34)
        self._offered = Gtk.Box(spacing=SPACE)
        self._or = Gtk.Label(label=tr("or"))
        self._any = Gtk.ColorButton(title=tr("Color for this place"))
        self._any.set_tooltip_text(tr("Any other color for this place"))
        self._any.connect("color-set", self._any_chosen)
        self._remove = Gtk.Button.new_from_icon_name("edit-undo-symbolic", Gtk.IconSize.BUTTON)
        self._remove.set_tooltip_text(tr("Remove the last color dab"))
        self._remove.connect("clicked", lambda *_: self._set(self.dabs[:-1]))
        self.pack_start(self._said, False, False, 0)
        self.pack_start(self._offered, False, False, 0)
        self.pack_start(self._or, False, False, 0)
        self.pack_start(self._any, False, False, 0)
        self.pack_end(self._remove, False, False, 0)
        self.show_all()
        self.offer([])

    @property
    def dabs(self):
        """The list of plugin.hints.Dab; empty where the text is none."""
        try:
            return hints.read_dabs(self._config.get_property("dabs") or "")
        except hints.Unsupported:
            return []

    def choose(self, x, y):
        """The user clicked there, in pixels of the layer."""
        self.point = (int(x), int(y))
        self.offer([])

    def offer(self, likeliest):
        """Show colors for the point, [{"color", "share"}]."""
        for child in self._offered.get_children():
            child.destroy()
        for each in likeliest[:_MOST] if self.point else ():
            self._offered.pack_start(self._swatch(each), False, False, 0)
        self._offered.show_all()
        self._any.set_visible(self.point is not None)
        self._or.set_visible(self.point is not None and bool(likeliest))
        if likeliest:
            self._show_any(hints.parse_color(likeliest[0]["color"]))
        self._remove.set_visible(bool(self.dabs))
        if self.point is None:
            self._said.set_text(tr("Wrong color? Click it in the picture."))
        elif likeliest:
            self._said.set_text(tr("Make it:"))
        else:
            self._said.set_text(tr("Choose a color for this place:"))

    def _swatch(self, offered):
        color = hints.parse_color(offered["color"])
        picture = GdkPixbuf.Pixbuf.new(GdkPixbuf.Colorspace.RGB, False, 8, _SIZE, _SIZE)
        picture.fill(int.from_bytes(bytes((*color, 255)), "big"))
        button = Gtk.Button(image=Gtk.Image.new_from_pixbuf(picture))
        share = round(100 * offered.get("share", 0.0))
        button.set_tooltip_text(tr("%s, likely to %d %%") % (offered["color"], share))
        button.connect("clicked", lambda *_: self._add(color))
        return button

    def _any_chosen(self, button):
        chosen = button.get_rgba()
        self._add(tuple(round(255 * part) for part in (chosen.red, chosen.green, chosen.blue)))

    def _show_any(self, color):
        self._any.set_rgba(Gdk.RGBA(*(part / 255 for part in color), 1.0))

    def _add(self, color):
        if self.point is None:
            return
        x, y = self.point
        near = hints.dab_radius(*self._size)
        kept = [dab for dab in self.dabs if max(abs(dab.x - x), abs(dab.y - y)) > near]
        self._show_any(color)
        self._set([*kept, hints.Dab(x, y, color)][-hints.MOST :])

    def _set(self, dabs):
        self._config.set_property("dabs", hints.write_dabs(dabs))
        self._remove.set_visible(bool(dabs))
