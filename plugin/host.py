"""What run.py needs of GIMP. plugin/gimp3/host.py, plugin/gimp2/host.py and the tests' fake
each do it once; everything that is the same for all of them is told in run.py.
"""

from collections import namedtuple

Source = namedtuple("Source", "drawables kind base floating selection")
"""What the user pointed the filter at.

drawables: how many.
kind: of the one drawable: "layer" (also text and group layers), "mask", "channel" or "other".
base: of the image: "rgb", "gray" or "indexed".
floating: whether the image has a floating selection.
selection: "none", "inside" (it meets the layer) or "outside".
"""


Piece = namedtuple("Piece", "draft x y mode visible")
"""A layer of a group to be.

x, y: of its top left pixel, from the source's own.
mode: "normal", "color" (LCh Color), "multiply", or "lines": normal, but that what is half opaque
    is mixed with what lies below as both are encoded in sRGB, not in linear light.
"""


class Host(object):
    """One layer in GIMP, and the image that it is in.

    A picture is {"width", "height", "format"} as in core/protocol.py. Rows count from the top
    of the layer, whatever its place on the canvas; rows are bytes in that picture's format.
    """

    def source(self):
        """Source: what was chosen. Asked first, and again before the result goes in."""
        raise NotImplementedError

    def alive(self):
        """Whether layer and image are still there; other windows work on while the worker does."""
        raise NotImplementedError

    def picture(self):
        """The layer's picture: sRGB-encoded, straight alpha, Y' for gray, R'G'B' for color.

        The channel type holds what the image holds: u8, u16 or float.
        """
        raise NotImplementedError

    def source_number(self):
        """A number above 0 by which GIMP finds the layer for as long as the image lives, also in
        its .xcf file; 0 where there is none.
        """
        return 0

    def read(self, top, rows):
        """The layer's pixels of some rows, in picture()'s format."""
        raise NotImplementedError

    def finish_reading(self):
        """Let go of the layer's pixels; insert() of another layer's result may change them."""

    def request_fields(self):
        """What this source adds to a request, a dict; nothing for a single layer."""
        return {}

    is_single = True
    """Whether it is one layer; several ones take no hints and give one result each."""

    can_reduce = False
    """Whether read_other can reduce a layer."""

    def is_source(self, layer):
        """Whether a layer, as the user chose it for another role, is the source itself."""
        raise NotImplementedError

    def place(self, layer):
        """(left, top, right, bottom) of any image's layer, right and bottom excluded, in pixels
        from the source's top left; of another image as if both lay on one canvas.
        """
        raise NotImplementedError

    def read_other(self, layer, rectangle, scale):
        """Pixels of any image's layer, R'G'B'A u8, sRGB-encoded, straight alpha.

        Args:
            rectangle: (x, y, width, height) within the layer, after scaling.
            scale: 1.0, or below it where can_reduce.
        """
        raise NotImplementedError

    def layer_number(self, layer):
        """As source_number, of another layer of the same image; 0 where it is in another one."""
        return 0

    def palette_colors(self, name):
        """List of "#rrggbb" of a palette. Raises Unsupported where there is none of that name."""
        raise NotImplementedError

    def new_draft(self, name, picture):
        """Begin a result that no image shows yet.

        Args:
            name: of the layer to be.
            picture: width and height of the layer, format R'G'B' or R'G'B'A.

        Returns:
            A Draft.
        """
        raise NotImplementedError

    def refuse_output(self, output):
        """Raise Unsupported where insert() cannot do what that output asks for; "frames" asks for
        "replace" on every layer.
        """

    def insert(self, draft, output):
        """Show the draft: a gray image becomes RGB, the layer goes in above the source at its
        offsets, and the selection, if there is one, becomes its mask. Called in an undo group,
        with the source as source() said; everything that is slow was done before.

        Args:
            output: key of plugin.filters.OUTPUTS. "color": the layer is of the mode LCh Color.
                "replace": the pixels go into the source, inside the selection. Also "multiply":
                a new layer of that mode.
        """
        raise NotImplementedError

    def after_insert(self, values):
        """Tidy up what the parameters name, in the same undo step."""

    def insert_group(self, name, note, pieces, through):
        """As insert, of several layers in one group of that name, which carries note.

        Args:
            pieces: list of Piece, the topmost first.
            through: whether the layers work on what lies below the group.
        """
        raise NotImplementedError

    def undo_group(self, name):
        """Context manager: all changes inside are one undo step, closed also on an error."""
        raise NotImplementedError

    def progress(self, fraction, text):
        """Show how far it is, 0..1, and one or two words on what is done."""
        raise NotImplementedError

    def tell(self, sentence):
        """Show the user a sentence that is not a failure."""
        raise NotImplementedError


class Draft(object):
    """A result in the making."""

    def write(self, top, rows, data):
        """Store some rows, bytes in the draft's picture's format."""
        raise NotImplementedError

    def keep_note(self, note):
        """Have the layer carry plugin/note.py's text; a host may not be able to."""

    def discard(self):
        """Forget all of it, unless it was inserted; may be called twice."""
        raise NotImplementedError
