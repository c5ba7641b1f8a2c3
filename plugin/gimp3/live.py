"""The live preview of the dialog: asks the worker whenever something changes, shows its answers.

The preview comes through the same code as the result; what the sliders do costs no inference
(see core/worker/service.py).
"""

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import GLib, Gtk  # noqa: E402

from plugin import installation, preview  # noqa: E402
from plugin.conversation import Conversation  # noqa: E402
from plugin.errors import PluginError  # noqa: E402
from plugin.gimp3.preview import SplitView  # noqa: E402
from plugin.gimp3.swatches import Swatches  # noqa: E402
from plugin.gimp3.values import values_of  # noqa: E402
from plugin.gimp3.view import LARGEST_ZOOM  # noqa: E402
from plugin.others import Other, others_of  # noqa: E402
from plugin.run import add_choices, add_others, make_request  # noqa: E402
from plugin.translation import tr  # noqa: E402

SPACE = 6
LINE_CHARS = 40
"""Longest line of the sentences beside the preview; longer ones are broken."""

PAUSE_MS = 120
"""So long a hand rests before the part that it moved to is asked for."""

MOST_ENLARGED = 4.0
"""Pixels of the screen that one of the layer's can become."""

COMPUTING = tr("Computing the preview…")
COLORED = tr("This layer is in color already. Recolor gives it new colors, in a new layer.")


class LivePreview:
    """The preview and the sentences about it.

    Args:
        config, chosen, host, worker, models: as plugin.gimp3.dialog.ask_user has them.
        heard: called with each report of the worker.

    Attributes:
        widget, sentences: what is to be shown.
    """

    def __init__(self, config, chosen, host, worker, models, heard):
        self._config = config
        self._chosen = chosen
        self._host = host
        self._models = models
        self._heard = heard
        self._picture, self._pixels = host.preview()
        layer = host.picture()
        self._layer = layer["width"], layer["height"]
        self._scale = preview.preview_scale(layer["width"], layer["height"])
        colorizes = chosen.task == "colorize"
        self._swatches = Swatches(config, (layer["width"], layer["height"])) if colorizes else None
        self._view = SplitView(
            self._picture,
            self._pixels,
            host.preview_selection(),
            self._clicked if colorizes else None,
            self._moved,
            max(LARGEST_ZOOM, MOST_ENLARGED / self._scale),
        )
        self._part, self._part_read = None, None  # what is to be seen of the layer, and its pixels
        self._pause = 0
        self._state, self._size, self._device, self._colored = (label() for _ in range(4))
        tell(self._size, self._size_text())
        self.widget = self._packed_view()
        self.sentences = self._packed_sentences()
        self._worker = worker
        self._conversation = None
        self._asked = 0
        self._parts = {}  # number of a question -> (part, pixels) that it was about
        self._last = None
        self._others, self._others_key = [], None

    def start(self):
        """Begin to talk to the worker, which nobody else may do until close()."""
        self._conversation = Conversation(
            self._worker, GLib.idle_add, self._answered, self._failed
        )
        self._handler = self._config.connect("notify", lambda *_: self.ask())
        self.ask()

    def close(self, interrupt):
        """Ask no more, and leave the worker to the caller."""
        self._config.disconnect(self._handler)
        if self._pause:
            GLib.source_remove(self._pause)
        self._conversation.close(interrupt)

    def ask(self, again=False):
        """Ask for a preview; unless `again`, only where it would be another one than the last."""
        values = dict(values_of(self._config, self._chosen), variants=1, flats=False)
        try:
            request, values = self._request(values)
            signature = repr((request, values, self._part))
            if signature == self._last and not again:
                return
            others = self._read_others(values, again)
        except PluginError as error:
            self._last = None
            self._failed(self._asked, error)
            return
        self._last = signature
        request["preview"] = True
        if self._part is not None:
            others = [*others, self._add_part(request)]
        add_others(request, others)
        pixels = b"".join([self._pixels, *(other.pieces for other in others)])
        self._asked = self._conversation.ask(request, pixels)
        self._parts[self._asked] = self._part, self._part_read
        if not self._state.get_text():
            tell(self._state, COMPUTING)

    def _add_part(self, request):
        """Ask for the part alone; what goes beside the preview for that."""
        part, (picture, pixels) = self._part, self._part_read
        request["part"] = {"size": list(part.size), "layer": list(self._layer)}
        return Other(dict(picture, role="part", x=part.x, y=part.y), pixels)

    def _moved(self):
        """The user looks at another part; soon, when the hand rests, it is made sharp."""
        if self._pause:
            GLib.source_remove(self._pause)
        self._pause = GLib.timeout_add(PAUSE_MS, self._look_closer)

    def _look_closer(self):
        self._pause = 0
        part = preview.part_of(self._layer, *self._view.seen)
        if preview.holds(self._part, part):
            return False
        try:
            self._part_read = None if part is None else self._host.preview_part(part)
            self._part = part
        except PluginError as error:
            self._failed(self._asked, error)
            return False
        self.ask()
        return False

    def _read_others(self, values, again):
        """The pictures beside the layer, their pixels as one piece; read anew only where another
        one was chosen, or `again`: a large layer takes GEGL a while.
        """
        key = repr([values.get(name) for name in ("hint", "dabs", "reference", "style-layer")])
        if again or key != self._others_key:
            self._others_key = None
            found = others_of(self._host, values, self._picture, self._scale)
            self._others = [other._replace(pieces=b"".join(other.pieces)) for other in found]
            self._others_key = key
        return self._others

    def _request(self, values):
        """The request without its others, and the values that it was made of."""
        model = installation.asked_model(self._models, values, self._chosen.undo)
        values = installation.fitting_values(values, model)
        named = dict(values, model=model.id if model else "")
        request = make_request(self._chosen, named, self._picture)
        add_choices(request, self._host, values)
        if self._swatches is not None and self._swatches.point is not None:
            request["at"] = self._on_preview(self._swatches.point)
        return request, values

    def _on_preview(self, point):
        sizes = self._picture["width"], self._picture["height"]
        return [min(int(point[n] * self._scale), sizes[n] - 1) for n in (0, 1)]

    def _clicked(self, x, y):
        self._swatches.choose(x / self._scale, y / self._scale)
        self._draw_marks()
        self.ask()

    def _draw_marks(self):
        if self._swatches is None:
            return
        dabs = self._swatches.dabs
        marks = [(dab.x * self._scale, dab.y * self._scale, dab.color) for dab in dabs]
        if self._swatches.point is not None:
            x, y = self._swatches.point
            marks.append((x * self._scale, y * self._scale, None))
        self._view.mark(marks)

    def _answered(self, number, picture, pixels, report):
        self._show(number, picture, pixels, report)
        tell(self._state, "" if number == self._asked else COMPUTING)
        if not report.get("recalled"):
            device = self._config.get_property("device")
            tell(self._device, preview.device_sentence(report, device))
        tell(self._colored, COLORED if preview.is_recolored(report) else "")
        if self._swatches is not None and number == self._asked:
            self._swatches.offer(report.get("likeliest", []))
        self._draw_marks()
        self._heard(report)

    def _show(self, number, picture, pixels, report):
        """Show an answer, of the whole or of a part, and say how near it is to the result."""
        part, read = self._parts[number]
        self._parts = {n: kept for n, kept in self._parts.items() if n > number}
        if report.get("part"):
            self._view.show_part(
                part, read, (picture, pixels), self._host.preview_selection(part)
            )
            tell(self._size, self._size_text(part, report))
        else:
            self._view.show_part(None, None, None)
            self._view.show_after(picture, pixels)
            tell(self._size, self._size_text())

    def _failed(self, number, error):
        if number != self._asked:
            return  # a newer one is on its way
        self._view.show_nothing_new()
        tell(self._device, "")
        tell(self._state, tr("No preview: %s") % error.text)

    def _size_text(self, part=None, report=None):
        task, small = self._chosen.task, (self._picture["width"], self._picture["height"])
        if part is None:
            said = [preview.size_sentence(task, self._layer, small)]
        else:
            said = [preview.part_sentence(task, self._layer, part, report)]
        if self._host.has_display_profile:
            said.append(tr("The preview does without the monitor's color profile."))
        return " ".join(sentence for sentence in said if sentence)

    def _packed_sentences(self):
        box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=SPACE)
        for each in (self._colored, self._state, self._device, self._size):
            box.pack_start(each, False, False, 0)
        box.show()
        return box

    def _packed_view(self):
        box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=SPACE, border_width=2 * SPACE)
        box.pack_start(self._view, False, False, 0)
        row = Gtk.Box(spacing=SPACE)
        row.pack_start(Gtk.Label(label=tr("Before"), sensitive=False), False, False, 0)
        row.pack_end(Gtk.Label(label=tr("After"), sensitive=False), False, False, 0)
        buttons = Gtk.Box(halign=Gtk.Align.CENTER)
        for icon, tip, action in (
            ("zoom-out-symbolic", tr("Zoom out (mouse wheel)"), self._view.zoom_out),
            ("zoom-fit-best-symbolic", tr("Show all of the layer (double click)"), self._view.fit),
            ("zoom-in-symbolic", tr("Zoom in (mouse wheel)"), self._view.zoom_in),
        ):
            button = Gtk.Button.new_from_icon_name(icon, Gtk.IconSize.BUTTON)
            button.set_tooltip_text(tip)
            button.connect("clicked", _clicked, action)
            buttons.pack_start(button, False, False, 0)
        row.set_center_widget(buttons)
        box.pack_start(row, False, False, 0)
        row.show_all()
        self._view.show_all()
        box.show()
        if self._swatches is not None:
            box.pack_start(self._swatches, False, False, 0)
        return box


def tell(widget, sentence):
    """Show a sentence; an empty one takes no room."""
    widget.set_text(sentence)
    widget.set_visible(bool(sentence))


def label():
    """An empty label for sentences."""
    return Gtk.Label(wrap=True, max_width_chars=LINE_CHARS, xalign=0.0, selectable=False)


def _clicked(_button, action):
    action()
