# -*- coding: utf-8 -*-
"""The Host of plugin/host.py over GIMP 2.10's pixel regions and PDB.

Precision. GIMP 2.10 hands out 8 bits per channel until a plug-in asks for an image's precision;
from then on it hands out what the image has, and a region that was already in use kills the
plug-in. So the precision is asked for first, and native bytes are used throughout. Images whose
numbers the pipe has no format for (linear light, u32, half, double) are read through a copy in
an image of the nearest precision that it has; GIMP converts on the way there and on the way back.

Color. Regions give the image's own numbers, whatever its profile; they are taken as sRGB.

Results are always built in an image of their own, which nobody sees, and copied over last.
"""

from contextlib import contextmanager

import gimp
import gimpfu

from core import protocol
from plugin.errors import Unsupported
from plugin.frames import FRAMES_HINT
from plugin.host import Draft, Host, Source
from plugin.translation import tr

U8_GAMMA, U16_GAMMA, FLOAT_GAMMA = 150, 250, 650  # GimpPrecision of 2.10

_DIRECT = {U8_GAMMA: "u8", U16_GAMMA: "u16", FLOAT_GAMMA: "float"}
_NEAREST = {100: U16_GAMMA, 350: U16_GAMMA}  # u8 linear, u32; FLOAT_GAMMA for all others

_BASES = {0: "rgb", 1: "gray", 2: "indexed"}
_ADD_MASK_WHITE, _ADD_MASK_SELECTION = 0, 4  # GimpAddMaskType
_INTERSECT = 3  # CHANNEL_OP_INTERSECT
_TILE = 64


class Gimp2Host(Host):
    """One drawable of a GIMP 2.10 image; close() after use.

    Args:
        image: gimp.Image.
        drawable: gimp.Drawable.
    """

    def __init__(self, image, drawable):
        # before any region is made, see above
        precision = image.precision
        self._image = image
        self._drawable = drawable
        self._precision = precision if precision in _DIRECT else _NEAREST.get(precision)
        self._precision = self._precision or FLOAT_GAMMA
        self._is_direct = precision in _DIRECT
        self._copy = None
        self._others = {}  # ID of a layer -> (image of ours, its copy there)
        self._region = None
        self._picture = None
        self._text = None

    def finish_reading(self):
        self._region = None

    def close(self):
        """Give GIMP back what a run needed in between."""
        self.finish_reading()
        if self._copy is not None:
            gimp.delete(self._copy)
            self._copy = None
        for image, _ in self._others.values():
            gimp.delete(image)
        self._others = {}

    def source(self):
        pdb = gimpfu.pdb
        return Source(
            drawables=1,
            kind=self._kind(),
            base=_BASES[self._image.base_type],
            floating=pdb.gimp_image_get_floating_sel(self._image) is not None,
            selection=self._selection(),
        )

    def _kind(self):
        pdb = gimpfu.pdb
        if pdb.gimp_item_is_layer(self._drawable):
            return "layer"
        return "mask" if pdb.gimp_item_is_layer_mask(self._drawable) else "channel"

    def _selection(self):
        if gimpfu.pdb.gimp_selection_is_empty(self._image):
            return "none"
        box = self._drawable.mask_intersect()  # x, y, width, height
        return "inside" if box and box[2] > 0 and box[3] > 0 else "outside"

    def alive(self):
        pdb = gimpfu.pdb
        if not pdb.gimp_image_is_valid(self._image) or not pdb.gimp_item_is_valid(self._drawable):
            return False
        size = (self._drawable.width, self._drawable.height)
        return size == (self._picture["width"], self._picture["height"])

    def picture(self):
        drawable = self._drawable
        channels = "R'G'B'" if drawable.is_rgb else "Y'"
        alpha = "A" if drawable.has_alpha else ""
        self._picture = {
            "width": drawable.width,
            "height": drawable.height,
            "format": "%s%s %s" % (channels, alpha, _DIRECT[self._precision]),
        }
        if not self._is_direct:
            drawable = self._converted_copy()
        gimp.tile_cache_ntiles(2 * (256 // _TILE + 1) * (drawable.width // _TILE + 1))
        self._region = drawable.get_pixel_rgn(
            0, 0, drawable.width, drawable.height, False, False  # neither dirty nor shadow
        )
        _check_bytes(self._region.bpp, self._picture["format"])
        return self._picture

    def _converted_copy(self):
        pdb = gimpfu.pdb
        width, height = self._drawable.width, self._drawable.height
        self._copy = pdb.gimp_image_new_with_precision(
            width, height, self._image.base_type, self._precision
        )
        layer = pdb.gimp_layer_new_from_drawable(self._drawable, self._copy)
        pdb.gimp_image_insert_layer(self._copy, layer, None, 0)
        return layer

    def read(self, top, rows):
        width = self._picture["width"]
        data = self._region[0:width, top : top + rows]
        wanted = protocol.picture_size(dict(self._picture, height=rows))
        if len(data) != wanted:
            raise Unsupported(u"GIMP gave %d bytes instead of %d." % (len(data), wanted), u"")
        return data

    def is_source(self, layer):
        return layer.ID == self._drawable.ID

    def place(self, layer):
        x, y = (layer.offsets[n] - self._drawable.offsets[n] for n in (0, 1))
        return x, y, x + layer.width, y + layer.height

    def read_other(self, layer, rectangle, scale):
        if layer.ID not in self._others:
            self._others[layer.ID] = self._copied(layer)
        x, y, width, height = rectangle
        copy = self._others[layer.ID][1]
        region = copy.get_pixel_rgn(0, 0, copy.width, copy.height, False, False)
        _check_bytes(region.bpp, "R'G'B'A u8")
        return region[x : x + width, y : y + height]

    def _copied(self, layer):
        """(image of ours, its layer): 8-bit color with alpha, whatever the layer has."""
        pdb = gimpfu.pdb
        image = pdb.gimp_image_new_with_precision(layer.width, layer.height, gimpfu.RGB, U8_GAMMA)
        copy = pdb.gimp_layer_new_from_drawable(layer, image)
        pdb.gimp_image_insert_layer(image, copy, None, 0)
        if not copy.has_alpha:
            pdb.gimp_layer_add_alpha(copy)
        return image, copy

    def new_draft(self, name, picture):
        return Gimp2Draft(name, picture, self._precision)

    @contextmanager
    def undo_group(self, name):
        # GIMP calls the step after the menu entry that runs; the name is for other hosts
        self._image.undo_group_start()
        try:
            yield
        finally:
            self._image.undo_group_end()

    def refuse_output(self, output):
        if output != "frames":
            return
        pdb = gimpfu.pdb
        if pdb.gimp_item_is_group(self._drawable):
            raise Unsupported(tr(u"A layer group has no pixels of its own."), FRAMES_HINT)
        if pdb.gimp_item_get_lock_content(self._drawable):
            raise Unsupported(tr(u"The pixels of this layer are locked."), FRAMES_HINT)
        if not pdb.gimp_selection_is_empty(self._image):
            raise Unsupported(
                tr(u"In GIMP 2.10, frames are replaced whole."), tr(u"Choose Select > None first.")
            )

    def insert(self, draft, output):
        """Outputs that there are in 2.10: "layer", and "replace" for frames of an animation, whose
        place, name and looks a new layer takes.
        """
        pdb = gimpfu.pdb
        if self._image.base_type == 1:
            pdb.gimp_image_convert_rgb(self._image)
        layer = draft.copy_for(self._image)
        position = pdb.gimp_image_get_item_position(self._image, self._drawable)
        pdb.gimp_image_insert_layer(self._image, layer, self._drawable.parent, position)
        layer.set_offsets(*self._drawable.offsets)
        self._add_mask(layer)
        if output == "replace":
            self._take_over(layer)

    def insert_group(self, name, note, pieces, through):  # no group works through itself here
        pdb = gimpfu.pdb
        if self._image.base_type == 1:
            pdb.gimp_image_convert_rgb(self._image)
        position = pdb.gimp_image_get_item_position(self._image, self._drawable)
        group = pdb.gimp_layer_group_new(self._image)
        group.name = _native(name)
        pdb.gimp_image_insert_layer(self._image, group, self._drawable.parent, position)
        left, top = self._drawable.offsets
        for number, piece in enumerate(pieces):
            layer = piece.draft.copy_for(self._image)
            pdb.gimp_image_insert_layer(self._image, layer, group, number)
            layer.set_offsets(left + piece.x, top + piece.y)
            layer.visible = piece.visible
            if piece.mode == "lines":
                space = gimpfu.LAYER_COLOR_SPACE_RGB_PERCEPTUAL
                pdb.gimp_layer_set_composite_space(layer, space)
        self._add_mask(group)

    def _take_over(self, layer):
        old, name = self._drawable, self._drawable.name
        layer.mode, layer.opacity, layer.visible = old.mode, old.opacity, old.visible
        self._image.remove_layer(old)
        layer.name = name  # beside the old one, GIMP would have given it a number

    def _add_mask(self, layer):
        pdb = gimpfu.pdb
        own = self._drawable.mask
        selected = not pdb.gimp_selection_is_empty(self._image)
        if not selected and own is None:
            return
        mask = layer.create_mask(_ADD_MASK_SELECTION if selected else _ADD_MASK_WHITE)
        if own is not None and self._drawable.apply_mask:
            pdb.gimp_channel_combine_masks(mask, own, _INTERSECT, 0, 0)
        layer.add_mask(mask)

    def progress(self, fraction, text):
        if self._text is None:
            gimp.progress_init(_native(text))
        elif text != self._text:
            gimpfu.pdb.gimp_progress_set_text(_native(text))
        self._text = text
        gimp.progress_update(fraction)

    def tell(self, sentence):
        gimpfu.pdb.gimp_message(_native(sentence))


class Gimp2Draft(Draft):
    """A layer in an image that nobody sees.

    Args:
        name: of the layer.
        picture: its size and the format of the rows to come.
        precision: one of this file's three, that format's.
    """

    def __init__(self, name, picture, precision):
        pdb = gimpfu.pdb
        width, height = picture["width"], picture["height"]
        self._picture = picture
        self._name = _native(name)
        alpha = "A" in picture["format"].partition(" ")[0]
        kind = gimpfu.RGBA_IMAGE if alpha else gimpfu.RGB_IMAGE
        self._image = pdb.gimp_image_new_with_precision(width, height, gimpfu.RGB, precision)
        self._layer = pdb.gimp_layer_new(
            self._image, width, height, kind, self._name, 100.0, gimpfu.LAYER_MODE_NORMAL
        )
        pdb.gimp_image_insert_layer(self._image, self._layer, None, 0)
        self._region = self._layer.get_pixel_rgn(0, 0, width, height, True, False)
        _check_bytes(self._region.bpp, picture["format"])

    def write(self, top, rows, data):
        # a region takes nothing but str of the exact length
        self._region[0 : self._picture["width"], top : top + rows] = data

    def copy_for(self, image):
        """The finished layer in image's own precision, not yet inserted."""
        self._region = None
        self._layer.flush()
        self._layer.update(0, 0, self._picture["width"], self._picture["height"])
        layer = gimpfu.pdb.gimp_layer_new_from_drawable(self._layer, image)
        layer.name = self._name
        return layer

    def discard(self):
        self._region = None
        if self._image is not None:
            gimp.delete(self._image)
            self._image = None


def _check_bytes(bpp, picture_format):
    """Raise Unsupported where GIMP's pixels are not the ones that the format says."""
    wanted = protocol.bytes_per_pixel(picture_format)
    if bpp != wanted:
        raise Unsupported(u"GIMP gave pixels of %d bytes instead of %d." % (bpp, wanted), u"")


def _native(text):
    """The str that Python 2.7's GIMP modules take: UTF-8 bytes."""
    return text.encode("utf-8") if isinstance(text, type(u"")) else text
