"""A result in the making, in GIMP 3: a layer that is in no image's stack yet.

Gray images. The result is built in an RGB image that nobody sees. The conversion of the user's
image is a matter of milliseconds then, and the last thing but the layer itself.
"""

import gi

gi.require_version("Gimp", "3.0")
gi.require_version("Gegl", "0.4")
from gi.repository import Gegl, Gimp  # noqa: E402

from plugin import note  # noqa: E402
from plugin.errors import Unsupported  # noqa: E402
from plugin.host import Draft  # noqa: E402
from plugin.translation import tr  # noqa: E402


class Gimp3Draft(Draft):
    """A layer that is in no image's stack yet.

    Args:
        image: the Gimp.Image that it is for.
        name: of the layer.
        picture: its size and the format of the rows to come.
    """

    def __init__(self, image, name, picture):
        width, height = picture["width"], picture["height"]
        self._scratch = None
        home = image
        if image.get_base_type() == Gimp.ImageBaseType.GRAY:
            precision = image.get_precision()
            self._scratch = home = Gimp.Image.new_with_precision(
                width, height, Gimp.ImageBaseType.RGB, precision
            )
        alpha = "A" in picture["format"].partition(" ")[0]
        kind = Gimp.ImageType.RGBA_IMAGE if alpha else Gimp.ImageType.RGB_IMAGE
        self._layer = Gimp.Layer.new(home, name, width, height, kind, 100.0, Gimp.LayerMode.NORMAL)
        self._buffer = None
        self._note = ""
        if self._layer is None:
            self.discard()
            raise Unsupported(tr("GIMP has no memory for a layer of this size."), "")
        self._picture = picture
        self._buffer = self._layer.get_buffer()

    def write(self, top, rows, data):
        rectangle = Gegl.Rectangle.new(0, top, self._picture["width"], rows)
        self._buffer.set(rectangle, self._picture["format"], data)

    @property
    def buffer(self):
        """Gegl.Buffer of the finished result, which the draft goes on to own."""
        self._buffer.flush()
        return self._buffer

    def keep_note(self, text):
        self._note = text

    def take(self, image):
        """The finished layer with its note, for image alone; the draft no longer owns it."""
        layer = self._finished(image)
        if self._note:
            attach_note(layer, self._note)
        return layer

    def _finished(self, image):
        self._buffer.flush()
        self._buffer = None  # GIMP loses a buffer that outlives its image
        layer, self._layer = self._layer, None
        if self._scratch is None:
            return layer
        self._scratch.insert_layer(layer, None, 0)
        copy = Gimp.Layer.new_from_drawable(layer, image)
        must(copy, "the new layer cannot be made")
        copy.set_name(layer.get_name())  # GIMP has called it "… copy"
        return copy

    def discard(self):
        if self._buffer is not None:
            self._buffer.flush()
            self._buffer = None
        if self._layer is not None:
            self._layer.delete()
            self._layer = None
        if self._scratch is not None:
            self._scratch.delete()
            self._scratch = None


def attach_note(layer, text):
    parasite = Gimp.Parasite.new(note.NAME, Gimp.PARASITE_PERSISTENT, text.encode())
    must(layer.attach_parasite(parasite), "the layer's note cannot be attached")


def made_from(layer):
    """Number of the layer that a result was made from; 0 where it is none."""
    parasite = layer.get_parasite(note.NAME)
    if parasite is None:
        return 0
    try:
        return note.read_note(bytes(parasite.get_data()))[2]
    except Unsupported:
        return 0


def must(result, problem):
    """GIMP's procedures answer False or None where they fail."""
    if not result:
        raise Unsupported(tr("GIMP refused: %s.") % problem, Gimp.get_pdb().get_last_error() or "")
