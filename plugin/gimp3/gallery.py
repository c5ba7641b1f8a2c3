"""Thumbnails of style pictures: those that come with Limner, and the user's own folder."""

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import GdkPixbuf, Gio, GLib, Gtk  # noqa: E402

from plugin.styles import styles_in  # noqa: E402

SIDE = 64
HEIGHT = 150


class Gallery(Gtk.ScrolledWindow):
    """A click chooses a picture: config's style-file, and no style layer.

    Args:
        config: GIMP's.
        folders: of plugin.installation.Installation.
    """

    def __init__(self, config, folders):
        super().__init__(hscrollbar_policy=Gtk.PolicyType.NEVER, shadow_type=Gtk.ShadowType.IN)
        self._config = config
        self._box = Gtk.FlowBox(
            selection_mode=Gtk.SelectionMode.SINGLE, max_children_per_line=12, homogeneous=True
        )
        self._styles = styles_in(folders)
        self._shown = {}  # path -> child
        self._waiting = list(self._styles)
        self._box.connect("child-activated", self._chosen)
        self.add(self._box)
        self.set_margin_start(12)
        self.set_size_request(-1, HEIGHT)
        config.connect("notify::style-file", lambda *_: self._mark())
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
        path, title = self._waiting.pop(0)
        try:
            picture = GdkPixbuf.Pixbuf.new_from_file_at_scale(path, SIDE, SIDE, True)
        except GLib.Error:
            return True  # the worker may be able to read it; the file chooser is there for it
        child = Gtk.FlowBoxChild()
        child.add(Gtk.Image.new_from_pixbuf(picture))
        child.set_tooltip_text(title)
        child.path = path
        self._box.add(child)
        self._shown[path] = child
        child.show_all()
        self._mark()
        return True

    def _chosen(self, _box, child):
        self._config.set_property("style-layer", None)
        self._config.set_property("style-file", Gio.File.new_for_path(child.path))

    def _mark(self):
        file = self._config.get_property("style-file")
        child = self._shown.get(file.get_path() if file is not None else None)
        if child is None:
            self._box.unselect_all()
        else:
            self._box.select_child(child)

    def _stop(self, _widget):
        if self._source:
            GLib.source_remove(self._source)
            self._source = 0
