"""Rows of the dialog for what GIMP's own dialog has no "none" for: layers and palettes."""

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("Gimp", "3.0")
gi.require_version("GimpUi", "3.0")
from gi.repository import Gimp, GimpUi, GObject, Gtk  # noqa: E402

from plugin.translation import tr  # noqa: E402

SPACE = 6
NONE = -1
_VALUE, _LABEL = 0, 1  # columns of GimpUi.IntStore


class LayerRow(Gtk.Box):
    """A label and a list of the layers of all open images, "None" first.

    Args:
        config: GIMP's, with the layer as its property `parameter.name`.
        parameter: plugin.filters.Parameter.
        left_out: Gimp.Layer that is not offered, or None.
    """

    def __init__(self, config, parameter, left_out):
        super().__init__(spacing=SPACE)
        self._config, self._name = config, parameter.name
        self.label = Gtk.Label.new_with_mnemonic(parameter.label)
        self.label.set_xalign(0.0)
        self._list = GimpUi.LayerComboBox.new(lambda _image, layer: layer != left_out)
        store = self._list.get_model()
        store.set(store.prepend(), [_VALUE, _LABEL], [NONE, tr("None")])
        self.label.set_mnemonic_widget(self._list)
        for widget in (self.label, self._list):
            widget.set_tooltip_text(parameter.blurb)
        self.pack_start(self.label, False, False, 0)
        self.pack_start(self._list, True, True, 0)
        self._show()
        GObject.Object.connect(self._list, "changed", self._chosen)  # connect() is GIMP's own
        config.connect(f"notify::{parameter.name}", lambda *_: self._show())
        self.show_all()

    def _show(self):
        layer = self._config.get_property(self._name)
        number = layer.get_id() if layer is not None and layer.is_valid() else NONE
        if self._number() != number and not self._list.set_active(number):
            self._list.set_active(NONE)

    def _number(self):
        answer = self._list.get_active()
        found, number = answer if isinstance(answer, tuple) else (True, answer)
        return number if found else NONE

    def _chosen(self, _list):
        number = self._number()
        layer = Gimp.Drawable.get_by_id(number) if number != NONE else None
        if self._config.get_property(self._name) != layer:
            self._config.set_property(self._name, layer)


class PaletteRow(Gtk.Box):
    """A check button and GIMP's own palette chooser; unchecked means no palette."""

    def __init__(self, config, parameter):
        super().__init__(spacing=SPACE)
        self._config, self._name = config, parameter.name
        palette = config.get_property(parameter.name)
        self._check = Gtk.CheckButton.new_with_mnemonic(parameter.label)
        self._check.set_active(palette is not None)
        self._chooser = GimpUi.PaletteChooser.new(
            tr("Palette"), None, palette or Gimp.context_get_palette()
        )
        self._chooser.set_sensitive(palette is not None)
        for widget in (self._check, self._chooser):
            widget.set_tooltip_text(parameter.blurb)
        self.label = self._check
        self.pack_start(self._check, False, False, 0)
        self.pack_start(self._chooser, True, True, 0)
        self._check.connect("toggled", lambda *_: self._chosen())
        self._chooser.connect("resource-set", lambda *_: self._chosen())
        config.connect(f"notify::{parameter.name}", lambda *_: self._show())
        self.show_all()

    def _chosen(self):
        palette = self._chooser.get_resource() if self._check.get_active() else None
        self._chooser.set_sensitive(palette is not None)
        if self._config.get_property(self._name) != palette:
            self._config.set_property(self._name, palette)

    def _show(self):
        palette = self._config.get_property(self._name)
        self._check.set_active(palette is not None)
        self._chooser.set_sensitive(palette is not None)
        if palette is not None and self._chooser.get_resource() != palette:
            self._chooser.set_resource(palette)


def show_no_file(widget):
    """Have GIMP's chooser of a file show none, when there is none: it keeps the last one's name."""
    if isinstance(widget, Gtk.FileChooserButton):
        widget.unselect_all()
    elif isinstance(widget, Gtk.Container):
        widget.forall(show_no_file)
