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
                "replace": the pixels go into the source, inside the selection.
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
