"""The dialog of a filter: GIMP's own one of the procedure's arguments, with a live preview in it.

GIMP's dialog brings Reset, the saved settings and Help. Where its own widgets do not fit - layers
and palettes that may be none, the style gallery - rows of ours stand between them.
"""

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("GimpUi", "3.0")
from gi.repository import GimpUi, GObject, Gtk  # noqa: E402

from plugin import filters  # noqa: E402
from plugin.gimp3.choosers import LayerRow, PaletteRow, show_no_file  # noqa: E402
from plugin.gimp3.gallery import Gallery  # noqa: E402
from plugin.gimp3.live import LivePreview, label, tell  # noqa: E402
from plugin.preview import is_recolored  # noqa: E402
from plugin.translation import tr  # noqa: E402

SPACE = 6
MORE = ("palette", "seed", "variants", "device", "frames")
"""Parameters that stand behind "More settings"."""

SKETCH_ONLY = ("strictness", "flats", "unhinted")
PHOTO_ONLY = ("saturation",)
LISTED = ("model", "device", "unhinted", *filters.OUTPUT_KINDS)
STYLE = ("style-file", "style-layer")
WIDTH = 380
"""Of the parameters' side, in pixels."""


def ask_user(procedure, config, chosen, host, worker, models, record):
    """Show the dialog; whether the user agreed.

    Args:
        procedure, config: GIMP's, of the filter; config gets what the user chooses.
        chosen: plugin.filters.Filter.
        host: plugin.gimp3.host.Gimp3Host, its source supported.
        worker: plugin.worker.Worker, started; it is free again afterwards.
        models: list of plugin.installation.Model for the filter.
        record: plugin.installation.Installation.
    """
    GimpUi.init("limner")
    dialog = FilterDialog(procedure, config, chosen, host, worker, models, record)
    agreed = False
    dialog.live.start()
    try:
        agreed = dialog.window.run()
    finally:
        dialog.live.close(interrupt=not agreed)
        dialog.window.destroy()
    if dialog.wants_hint_layer:
        host.new_hint_layer()
        _say(chosen.undo, HINT_LAYER_MADE)
    return agreed


def _say(title, sentence):
    """Show a sentence that is no warning; GIMP's own messages all look like one."""
    info, close = Gtk.MessageType.INFO, Gtk.ButtonsType.CLOSE
    said = Gtk.MessageDialog(title=title, message_type=info, buttons=close, text=sentence)
    GimpUi.window_set_transient(said)
    said.run()
    said.destroy()


HINT_LAYER_MADE = tr(
    "Paint the colors that you want on the new layer “Color hints”, a dab for each thing,"
    " and choose Auto Colorize again."
)


class FilterDialog:
    """See ask_user.

    Attributes:
        window: GimpUi.ProcedureDialog.
        live: LivePreview, to be started.
        wants_hint_layer: whether it was left by the button "New Hint Layer".
    """

    def __init__(self, procedure, config, chosen, host, worker, models, record):
        self._config, self._chosen, self._host, self._models = config, chosen, host, models
        self._agree = None  # what the button OK says in this language
        self._heard_kind = None
        self.wants_hint_layer = False
        self.window = GimpUi.ProcedureDialog.new(procedure, config, chosen.undo)
        self._rows = {}  # name of a parameter -> the widget that shows it
        self._labels = Gtk.SizeGroup(mode=Gtk.SizeGroupMode.HORIZONTAL)
        self._kind, self._other_kind = label(), Gtk.Button(relief=Gtk.ReliefStyle.NONE)
        self._other_kind.connect("clicked", lambda *_: self._take_other_kind())
        self.live = LivePreview(config, chosen, host, worker, models, self._heard)
        self._lay_out(record)
        self._show_rows_of("photo")
        if chosen.task == "stylize":
            config.connect("notify::style-file", lambda *_: self._style_chosen("style-file"))
            config.connect("notify::style-layer", lambda *_: self._style_chosen("style-layer"))
            config.connect("notify::model", lambda *_: self._model_chosen())
        self.window.connect("focus-in-event", self._looked_at)

    def _lay_out(self, record):
        """The preview on the left, the parameters and what is said on the right: a dialog that
        low screens have room for. GIMP's takes its own widgets alone, so ours go beside them.
        """
        window = self.window
        window.get_label("limner-preview", "", False, False).hide()
        left = window.fill_box("limner-left", ["limner-preview"])
        left.pack_start(self.live.widget, False, False, 0)
        shown = [p for p in self._chosen.parameters if self._is_shown(p)]
        first = [p for p in shown if p.name not in MORE]
        more = [p for p in shown if p.name in MORE]
        upper = self._filled("limner-first", first)
        if filters.is_choosing(self._models):
            self._add_kind(upper, first)
        if any(parameter.name in STYLE for parameter in first):
            gallery = Gallery(self._config, self._models, record.styles)
            if not gallery.is_empty:
                left.pack_start(gallery, True, True, 0)
        lower = self._filled("limner-more", more)
        window.get_label("limner-more-title", tr("More settings"), False, False)
        expander = window.fill_expander(
            "limner-expander", "limner-more-title", False, "limner-more"
        )
        expander.set_expanded(False)
        lower.set_margin_top(SPACE)
        right = window.fill_box("limner-right", ["limner-first", "limner-expander"])
        right.set_margin_start(2 * SPACE)
        right.set_size_request(WIDTH, -1)
        right.pack_end(self.live.sentences, False, False, 0)
        both = Gtk.Orientation.HORIZONTAL
        window.fill_paned("limner-both", both, "limner-left", "limner-right")
        window.fill(["limner-both"])

    def _is_shown(self, parameter):
        if parameter.kind == "dabs":
            return False  # they are made in the preview
        if parameter.name in STYLE:
            return any("style" in model.takes for model in self._models)
        return not (self._host.replaces and parameter.kind in filters.FIRST_TIME_KINDS)

    def _filled(self, name, parameters):
        """A box with the rows of the parameters in their order."""
        ours = {"layer": self._layer_row, "palette": self._palette_row}
        for parameter in parameters:
            if parameter.kind == "number":
                self.window.get_scale_entry(parameter.name, 1.0)  # a slider, no bare number
            elif parameter.kind in LISTED:  # GIMP 3.2 would make a tall frame of few choices
                self.window.get_widget(parameter.name, Gtk.ComboBox.__gtype__)
        box = self.window.fill_box(name, [p.name for p in parameters if p.kind not in ours])
        box.set_spacing(SPACE)
        for place, parameter in enumerate(parameters):
            if parameter.kind in ours:
                row = ours[parameter.kind](parameter)
                box.pack_start(row, False, False, 0)
                box.reorder_child(row, place)
            else:
                row = self.window.get_widget(parameter.name, GObject.TYPE_NONE)
            self._rows[parameter.name] = row
            if isinstance(row, GimpUi.Labeled):
                self._labels.add_widget(row.get_label())
            elif hasattr(row, "get_label_widget"):  # GimpUi.FileChooser
                self._labels.add_widget(row.get_label_widget())
            elif hasattr(row, "label"):
                self._labels.add_widget(row.label)
        return box

    def _layer_row(self, parameter):
        row = LayerRow(self._config, parameter, self._host.layer)
        if parameter.name == "hint":
            button = Gtk.Button.new_with_mnemonic(tr("Ne_w…"))
            button.set_tooltip_text(
                tr("Make a transparent layer on top to paint colors on, and close this dialog")
            )
            button.connect("clicked", self._hint_layer_wanted)
            row.pack_end(button, False, False, 0)
            row.show_all()
        return row

    def _palette_row(self, parameter):
        return PaletteRow(self._config, parameter)

    def _add_kind(self, box, parameters):
        """What the picture was taken for, below the model that was taken for it."""
        row = Gtk.Box(spacing=SPACE)
        row.pack_start(self._kind, False, False, 0)
        row.pack_end(self._other_kind, False, False, 0)
        row.show()
        box.pack_start(row, False, False, 0)
        names = [parameter.name for parameter in parameters]
        box.reorder_child(row, names.index("model") + 1)

    def _hint_layer_wanted(self, _button):
        self.wants_hint_layer = True
        self.window.response(Gtk.ResponseType.CANCEL)

    def _looked_at(self, *_):
        """The dialog got the keyboard back: the user may have painted on the hint layer."""
        if "hint" in self._rows and self._config.get_property("hint") is not None:
            self.live.ask(again=True)
        return False

    def _style_chosen(self, name):
        """A style picture was chosen: a layer and a file rule each other out, and a model that
        has a style of its own gives way to one that takes it.
        """
        if self._config.get_property(name) is None:
            if name == "style-file":
                show_no_file(self._rows[name])
            return
        other = next(each for each in STYLE if each != name)
        if self._config.get_property(other) is not None:
            self._config.set_property(other, None)
        takes = [model.id for model in self._models if "style" in model.takes]
        if takes and not self._takes_style():
            self._config.set_property("model", takes[0])

    def _model_chosen(self):
        if not self._takes_style():
            for name in STYLE:
                if self._config.get_property(name) is not None:
                    self._config.set_property(name, None)

    def _takes_style(self):
        """Whether the chosen model takes its style from a picture."""
        chosen = self._config.get_property("model")
        found = [model for model in self._models if model.id == chosen] or self._models[:1]
        return any("style" in model.takes for model in found)

    def _heard(self, report):
        """Say what the worker's report tells of the picture."""
        kind = report.get("kind")
        agree = self.window.get_widget_for_response(Gtk.ResponseType.OK)
        if agree is not None:
            self._agree = self._agree or agree.get_label()
            agree.set_label(tr("Rec_olor") if is_recolored(report) else self._agree)
        if kind is None or not filters.is_choosing(self._models):
            return
        detected = report.get("kind_reason") == "detected"
        self._show_rows_of(kind)
        tell(self._kind, _KINDS[kind] if detected and kind in _KINDS else "")
        self._other_kind.set_label(_OTHER_KINDS.get(kind, ""))
        self._other_kind.set_visible(detected and kind in _OTHER_KINDS)
        self._heard_kind = kind

    def _take_other_kind(self):
        task = "colorize" if self._heard_kind == "sketch" else "sketch"
        model = next(each for each in self._models if each.task == task)
        self._config.set_property("model", model.id)

    def _show_rows_of(self, kind):
        for name in SKETCH_ONLY:
            if name in self._rows:
                self._rows[name].set_visible(kind == "sketch")
        for name in PHOTO_ONLY:
            if name in self._rows:
                self._rows[name].set_visible(kind != "sketch")


_KINDS = {
    "photo": tr("This is a photograph."),
    "sketch": tr("This is a sketch."),
}
_OTHER_KINDS = {
    "photo": tr("No, a sketch"),
    "sketch": tr("No, a photograph"),
}
