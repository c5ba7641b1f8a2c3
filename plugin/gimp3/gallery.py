"""Thumbnails of styles: the painters, the pictures that come with Limner, the user's own folder."""

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import GdkPixbuf, Gio, GLib, Gtk  # noqa: E402

from plugin.filters import DEFAULT_MODEL  # noqa: E402
from plugin.styles import painters, styles_in  # noqa: E402

SIDE = 56
HEIGHT = 150


class Gallery(Gtk.ScrolledWindow):
    """A click chooses a painter, config's model, or a picture, config's style-file; and no layer.

    Args:
        config: GIMP's.
        models: of plugin.installation.installed_models.
        folders: of plugin.installation.Installation.
    """

    def __init__(self, config, models, folders):
        super().__init__(hscrollbar_policy=Gtk.PolicyType.NEVER, shadow_type=Gtk.ShadowType.IN)
        self._config = config
        self._box = Gtk.FlowBox(
            selection_mode=Gtk.SelectionMode.SINGLE, max_children_per_line=12, homogeneous=True
        )
        self._models = models
        self._styles = painters(models) + styles_in(folders)
        self._shown = {}  # Style -> child
        self._waiting = list(self._styles)
        self._box.connect("child-activated", self._chosen)
        self.add(self._box)
        self.set_margin_start(12)
        self.set_size_request(-1, HEIGHT)
        for name in ("style-file", "style-layer", "model"):
            config.connect("notify::" + name, lambda *_: self._mark())
        self._source = GLib.idle_add(self._load_one)  # the dialog does not wait for them
        self.connect("destroy", self._stop)
        if self._styles:
            self.show_all()

    @property
    def is_empty(self):
        return not self._styles

    def _load_one(self):
        if not self._waiting:
            self._source = 0
            return False
        style = self._waiting.pop(0)
        try:
            picture = GdkPixbuf.Pixbuf.new_from_file_at_scale(style.path, SIDE, SIDE, True)
        except GLib.Error:
            return True  # the worker may be able to read it; the file chooser is there for it
        child = Gtk.FlowBoxChild()
        child.add(Gtk.Image.new_from_pixbuf(picture))
        child.set_tooltip_text(style.title)
        child.style = style
        self._box.add(child)
        self._shown[style] = child
        child.show_all()
        self._mark()
        return True

    def _chosen(self, _box, child):
        self._config.set_property("style-layer", None)
        if child.style.model:
            self._config.set_property("style-file", None)
            self._config.set_property("model", child.style.model)
        else:
            self._config.set_property("style-file", Gio.File.new_for_path(child.style.path))

    def _mark(self):
        child = next((self._shown[s] for s in self._shown if self._is_chosen(s)), None)
        if child is None:
            self._box.unselect_all()
        else:
            self._box.select_child(child)

    def _is_chosen(self, style):
        file, layer, model = map(self._config.get_property, ("style-file", "style-layer", "model"))
        if not style.model:
            return file is not None and file.get_path() == style.path
        chosen = self._models[0].id if model == DEFAULT_MODEL else model
        return file is None and layer is None and style.model == chosen

    def _stop(self, _widget):
        if self._source:
            GLib.source_remove(self._source)
            self._source = 0
