"""The dialog of a filter: GIMP's own one of the procedure's arguments, with a live preview in it.

GIMP's dialog brings Reset, the saved settings and Help. The preview comes from the worker through
the same code as the result; what the sliders do costs no inference (see core/service.py).
"""

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("GimpUi", "3.0")
from gi.repository import GimpUi, GLib, Gtk  # noqa: E402

from plugin import filters, installation, preview  # noqa: E402
from plugin.conversation import Conversation  # noqa: E402
from plugin.errors import PluginError  # noqa: E402
from plugin.gimp3.preview import SplitView  # noqa: E402
from plugin.run import make_request  # noqa: E402
from plugin.translation import tr  # noqa: E402

SPACE = 6
LINE_CHARS = 40
"""Longest line of the sentences beside the preview; longer ones are broken."""

COMPUTING = tr("Computing the preview…")
COLORED = tr("This layer is in color already. Recolor gives it new colors, in a new layer.")


def ask_user(procedure, config, chosen, host, worker, models):
    """Show the dialog; whether the user agreed.

    Args:
        procedure, config: GIMP's, of the filter; config gets what the user chooses.
        chosen: plugin.filters.Filter.
        host: plugin.gimp3.host.Gimp3Host, its source supported.
        worker: plugin.worker.Worker, started; it is free again afterwards.
        models: list of plugin.installation.Model for the filter.
    """
    GimpUi.init("limner")
    dialog = GimpUi.ProcedureDialog.new(procedure, config, chosen.undo)
    for parameter in chosen.parameters:
        if parameter.kind == "number":
            dialog.get_scale_entry(parameter.name, 1.0)  # a slider instead of a bare number
    live = LivePreview(config, chosen, host, worker, models, dialog)
    chosen_here = [
        p for p in chosen.parameters if not (host.replaces and p.kind in filters.FIRST_TIME_KINDS)
    ]
    _lay_out(dialog, live, [p.name for p in chosen_here])
    agreed = False
    try:
        agreed = dialog.run()
    finally:
        live.close(interrupt=not agreed)
        dialog.destroy()
    return agreed


def _lay_out(dialog, live, names):
    """The preview on the left, the parameters and what is said on the right: a dialog that low
    screens have room for. GIMP's takes its own widgets alone, so the preview goes beside a label.
    """
    dialog.get_label("limner-preview", "", False, False).hide()
    left = dialog.fill_box("limner-left", ["limner-preview"])
    left.pack_start(live.widget, False, False, 0)
    right = dialog.fill_box("limner-right", names)
    right.set_margin_start(2 * SPACE)
    right.pack_end(live.sentences, False, False, 0)
    both = Gtk.Orientation.HORIZONTAL
    dialog.fill_paned("limner-both", both, "limner-left", "limner-right")
    dialog.fill(["limner-both"])


class LivePreview:
    """The preview and the sentences about it; asks the worker whenever a parameter changes."""

    def __init__(self, config, chosen, host, worker, models, dialog):
        self._config = config
        self._chosen = chosen
        self._models = models
        self._dialog = dialog
        self._agree = None  # what the button OK says in this language
        self._picture, self._pixels = host.preview()
        self._view = SplitView(self._picture, self._pixels)
        self._state, self._size, self._device, self._colored = (_label() for _ in range(4))
        _tell(self._size, self._size_text(host.picture()))
        self.widget = self._packed_view()
        self.sentences = self._packed_sentences()
        self._conversation = Conversation(worker, GLib.idle_add, self._answered, self._failed)
        self._handler = config.connect("notify", self._changed)
        self._asked = 0
        self._ask()

    def close(self, interrupt):
        """Ask no more, and leave the worker to the caller."""
        self._config.disconnect(self._handler)
        self._conversation.close(interrupt)

    def _packed_sentences(self):
        box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=SPACE)
        for label in (self._colored, self._state, self._device, self._size):
            box.pack_start(label, False, False, 0)
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
        box.show_all()
        return box

    def _size_text(self, layer):
        sizes = [(picture["width"], picture["height"]) for picture in (layer, self._picture)]
        return preview.size_sentence(self._chosen.task, *sizes)

    def _changed(self, _config, _parameter):
        self._ask()

    def _ask(self):
        values = {p.name: self._config.get_property(p.name) for p in self._chosen.parameters}
        try:
            model = installation.choose_model(self._models, values["model"], self._chosen.undo)
        except PluginError as error:
            self._failed(self._asked, error)
            return
        request = make_request(self._chosen, dict(values, model=model.id), self._picture)
        self._asked = self._conversation.ask(dict(request, preview=True), self._pixels)
        if not self._state.get_text():
            _tell(self._state, COMPUTING)

    def _answered(self, number, picture, pixels, report):
        self._view.show_after(picture, pixels)
        _tell(self._state, "" if number == self._asked else COMPUTING)
        if not report["recalled"]:
            device = self._config.get_property("device")
            _tell(self._device, preview.device_sentence(report, device))
        self._tell_colored(preview.is_colored(report))

    def _failed(self, number, error):
        if number != self._asked:
            return  # a newer one is on its way
        self._view.show_nothing_new()
        _tell(self._device, "")
        _tell(self._state, tr("No preview: %s") % error.text)

    def _tell_colored(self, colored):
        _tell(self._colored, COLORED if colored else "")
        agree = self._dialog.get_widget_for_response(Gtk.ResponseType.OK)
        if agree is not None:
            self._agree = self._agree or agree.get_label()
            agree.set_label(tr("Rec_olor") if colored else self._agree)


def _tell(label, sentence):
    """Show a sentence; an empty one takes no room."""
    label.set_text(sentence)
    label.set_visible(bool(sentence))


def _label():
    return Gtk.Label(wrap=True, max_width_chars=LINE_CHARS, xalign=0.0, selectable=False)


def _clicked(_button, action):
    action()
