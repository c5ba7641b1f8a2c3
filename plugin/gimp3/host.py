"""The Host of plugin/host.py over GIMP 3's images, GEGL buffers and babl formats.

Color. A buffer read or written under a bare name such as "R'G'B'A u8" is converted by babl from
and to the image's own color space, tone curve included: measured in GIMP 3.0 with Display-P3
and with linear images. So the worker always sees sRGB. Where the image's numbers are not sRGB
themselves, the next larger channel type travels: the way there and back would cost levels.

Masks. The selection becomes the new layer's mask, feather kept. A mask that the source layer has
goes on hiding what it hid: it is intersected with the selection.
"""

from contextlib import contextmanager

import gi

gi.require_version("Gimp", "3.0")
gi.require_version("Gegl", "0.4")
gi.require_version("Babl", "0.1")
from gi.repository import Babl, Gegl, Gimp  # noqa: E402

from plugin import hints, others  # noqa: E402
from plugin.errors import Unsupported  # noqa: E402
from plugin.frames import FRAMES_HINT  # noqa: E402
from plugin.gimp3 import hint_layer  # noqa: E402
from plugin.gimp3.draft import Gimp3Draft, attach_note, made_from, must  # noqa: E402
from plugin.host import Host, Source  # noqa: E402
from plugin.preview import preview_scale, preview_size  # noqa: E402
from plugin.translation import tr  # noqa: E402

_BASES = {
    Gimp.ImageBaseType.RGB: "rgb",
    Gimp.ImageBaseType.GRAY: "gray",
    Gimp.ImageBaseType.INDEXED: "indexed",
}

MOST_COLORS = 256
"""Of a palette go to the worker; of a larger one, evenly spread ones do."""

_MODES = {
    "normal": Gimp.LayerMode.NORMAL,
    "color": Gimp.LayerMode.LCH_COLOR,
    "multiply": Gimp.LayerMode.MULTIPLY,
    "lines": Gimp.LayerMode.NORMAL,
}
_SRGB_TYPES = {"u8": "u8", "u16": "u16"}
_OTHER_TYPES = {"u8": "u16"}
"""Channel type of the image -> of the picture, where its numbers are sRGB and where they are not;
float for all that is not listed."""


class Gimp3Host(Host):
    """One drawable of a GIMP 3 image.

    Args:
        image: Gimp.Image.
        drawables: list of Gimp.Drawable, as GIMP hands them to a procedure.
        replaced: an earlier result, Gimp.Layer, whose place, mask and mode the new one takes;
            None for a result of its own, with the selection as its mask.
    """

    def __init__(self, image, drawables, replaced=None):
        Gegl.init(None)
        self._replaced = replaced
        self._image = image
        self._drawables = drawables
        self._drawable = drawables[0] if drawables else None
        self._buffer = None
        self._picture = None

    def source(self):
        return Source(
            drawables=len(self._drawables),
            kind=self._kind(),
            base=_BASES[self._image.get_base_type()],
            floating=self._image.get_floating_sel() is not None,
            selection=self._selection(),
        )

    def _kind(self):
        if isinstance(self._drawable, Gimp.Layer):
            return "layer"
        if isinstance(self._drawable, Gimp.LayerMask):
            return "mask"
        return "channel" if isinstance(self._drawable, Gimp.Channel) else "other"

    def _selection(self):
        if self._drawable is None or self._replaced or Gimp.Selection.is_empty(self._image):
            return "none"
        meets, _x, _y, _width, _height = self._drawable.mask_intersect()
        return "inside" if meets else "outside"

    def alive(self):
        if not self._image.is_valid() or not self._is_in_image(self._drawable):
            return False
        size = (self._drawable.get_width(), self._drawable.get_height())
        return size == self._size() and (not self._replaced or self._is_in_image(self._replaced))

    def _is_in_image(self, layer):
        if not layer.is_valid():
            return False
        parent = layer.get_parent()
        return layer in (parent.get_children() if parent else self._image.get_layers())

    def _size(self):
        return self._picture["width"], self._picture["height"]

    def picture(self):
        channels = "Y'" if self._drawable.is_gray() else "R'G'B'"
        alpha = "A" if self._drawable.has_alpha() else ""
        self._picture = {
            "width": self._drawable.get_width(),
            "height": self._drawable.get_height(),
            "format": f"{channels}{alpha} {self._channel_type()}",
        }
        self._buffer = self._drawable.get_buffer()
        return self._picture

    def _channel_type(self):
        babl_format = self._drawable.get_format()
        model, _, channel_type = Babl.format_get_encoding(babl_format).partition(" ")
        # "'" is the sRGB curve, "~" the space's own, which is the same where the space is sRGB
        encoded = "'" in model or "~" in model
        is_srgb = encoded and Babl.get_name(Babl.format_get_space(babl_format)) == "sRGB"
        return (_SRGB_TYPES if is_srgb else _OTHER_TYPES).get(channel_type, "float")

    def read(self, top, rows):
        rectangle = Gegl.Rectangle.new(0, top, self._picture["width"], rows)
        picture_format = self._picture["format"]
        return self._buffer.get(rectangle, 1.0, picture_format, Gegl.AbyssPolicy.NONE)

    def finish_reading(self):
        self._buffer = None  # GIMP loses a buffer that is still held

    def source_number(self):
        return self._drawable.get_tattoo()

    can_reduce = True

    def is_source(self, layer):
        return layer == self._drawable

    def place(self, layer):
        _, x, y = layer.get_offsets()
        _, left, top = self._drawable.get_offsets()
        return x - left, y - top, x - left + layer.get_width(), y - top + layer.get_height()

    def read_other(self, layer, rectangle, scale):
        # at a border lies less than a pixel more than the layer has: it is the border's own
        return layer.get_buffer().get(
            Gegl.Rectangle.new(*rectangle), scale, others.FORMAT, Gegl.AbyssPolicy.CLAMP
        )

    def layer_number(self, layer):
        return layer.get_tattoo() if layer.get_image() == self._image else 0

    def palette_colors(self, name):
        palette = Gimp.Palette.get_by_name(name)
        colors = palette.get_colors() if palette else []
        if not colors:
            raise Unsupported(
                tr("The palette '%s' is not there or has no colors.") % name,
                tr("Choose another palette, or none."),
            )
        step = -(-len(colors) // MOST_COLORS)
        encoded = [color.get_bytes(Babl.format("R'G'B' u8")) for color in colors[::step]]
        return [hints.format_color(each.get_data()) for each in encoded]

    @property
    def has_display_profile(self):
        """Whether GIMP shows pictures by the profile of a monitor."""
        return Gimp.get_color_configuration().get_display_color_profile() is not None

    def preview_selection(self, part=None):
        """What the preview, or a part of it, shows of the selection, a byte a pixel; None for no
        selection.
        """
        if self._replaced or Gimp.Selection.is_empty(self._image):
            return None
        full = self._picture
        scale = preview_scale(full["width"], full["height"])
        left, top, (width, height) = 0, 0, preview_size(full["width"], full["height"])
        if part is not None:
            left, top, width, height, size = part
            scale = size[0] / full["width"]
        _, x, y = self._drawable.get_offsets()
        left, top = left + round(x * scale), top + round(y * scale)
        rectangle = Gegl.Rectangle.new(left, top, width, height)
        selection = self._image.get_selection().get_buffer()
        return selection.get(rectangle, scale, "Y u8", Gegl.AbyssPolicy.BLACK)

    def new_hint_layer(self):
        """See plugin.gimp3.hint_layer."""
        hint_layer.make(self._image, self._drawable)

    def preview(self):
        """The whole layer, small: (picture, its bytes), u8, with picture()'s channels."""
        full = self.picture()
        size = full["width"], full["height"]
        width, height = preview_size(*size)
        picture_format = full["format"].partition(" ")[0] + " u8"
        rectangle = Gegl.Rectangle.new(0, 0, width, height)
        # beyond the border lies less than a pixel, which is the border's own color
        pixels = self._buffer.get(
            rectangle, preview_scale(*size), picture_format, Gegl.AbyssPolicy.CLAMP
        )
        return {"width": width, "height": height, "format": picture_format}, pixels

    def preview_part(self, part):
        """A plugin.preview.Part of the layer, as preview() gives the whole.

        Raises Unsupported where the layer has gone meanwhile.
        """
        if not self.alive():
            raise Unsupported(tr("The layer was removed or resized."), tr("Close this dialog."))
        picture_format = self._picture["format"].partition(" ")[0] + " u8"
        rectangle = Gegl.Rectangle.new(*part[:4])
        scale = part.size[0] / self._picture["width"]
        pixels = self._drawable.get_buffer().get(
            rectangle, scale, picture_format, Gegl.AbyssPolicy.CLAMP
        )
        return {"width": part.width, "height": part.height, "format": picture_format}, pixels

    def new_draft(self, name, picture):
        return Gimp3Draft(self._image, name, picture)

    @contextmanager
    def undo_group(self, name):
        # GIMP calls the step after the menu entry that runs; the name is for other hosts
        self._image.undo_group_start()
        try:
            yield
        finally:
            self._image.undo_group_end()

    @property
    def layer(self):
        """The Gimp.Layer to work on."""
        return self._drawable

    @property
    def replaces(self):
        """Whether the result takes an earlier one's place."""
        return self._replaced is not None

    def refuse_output(self, output):
        if output not in ("replace", "frames") or self._replaced:
            return
        together = FRAMES_HINT if output == "frames" else ""
        if self._drawable.is_group():
            raise Unsupported(
                tr("A layer group has no pixels of its own."),
                together or tr("Let the result become a new layer, or click a layer in the group."),
            )
        if self._drawable.get_lock_content():
            raise Unsupported(
                tr("The pixels of this layer are locked."),
                together
                or tr("Unlock them in the Layers dialog, or let the result become a new layer."),
            )

    def insert(self, draft, output):
        self._become_color()
        if output == "replace" and not self._replaced:
            self._replace_pixels(draft)
        else:
            layer = draft.take(self._image)
            layer.set_mode(_MODES.get(output, Gimp.LayerMode.NORMAL))
            self._insert_layer(layer)
        Gimp.displays_flush()

    def insert_group(self, name, note, pieces, through):
        self._become_color()
        group = Gimp.GroupLayer.new(self._image, name)
        attach_note(group, note)
        if through:
            group.set_mode(Gimp.LayerMode.PASS_THROUGH)
        self._insert_layer(group, pieces)
        Gimp.displays_flush()

    def _fill(self, group, pieces):
        _, left, top = self._drawable.get_offsets()
        for number, piece in enumerate(pieces):
            layer = piece.draft.take(self._image)
            layer.set_mode(_MODES[piece.mode])
            if piece.mode == "lines":
                layer.set_composite_space(Gimp.LayerColorSpace.RGB_PERCEPTUAL)
            layer.set_visible(piece.visible)
            placed = layer.set_offsets(left + piece.x, top + piece.y)
            must(placed, "the new layer cannot be placed")
            added = self._image.insert_layer(layer, group, number)
            must(added, "the new layer cannot be added")

    def after_insert(self, values):
        hint = values.get("hint")
        if hint is not None and hint_layer.is_one(hint):
            hint.set_visible(False)  # its strokes would lie over the result

    def _become_color(self):
        if self._image.get_base_type() == Gimp.ImageBaseType.GRAY:
            must(self._image.convert_rgb(), "the image cannot be converted to RGB")

    def _replace_pixels(self, draft):
        """Put the draft's pixels into the source, by way of its shadow: inside the selection."""
        self.finish_reading()
        whole = Gegl.Rectangle.new(0, 0, *self._size())
        shadow = self._drawable.get_shadow_buffer()
        draft.buffer.copy(whole, Gegl.AbyssPolicy.NONE, shadow, whole)
        shadow.flush()
        del shadow  # GIMP loses a buffer that is still held
        must(self._drawable.merge_shadow(True), "the pixels cannot be replaced")
        self._drawable.update(0, 0, *self._size())

    def _insert_layer(self, layer, pieces=()):
        """Put a layer, or a group with its pieces, above the source or in an old result's place."""
        name = layer.get_name()
        above = self._replaced or self._drawable
        position = self._image.get_item_position(above)
        if not self._replaced:
            position -= self._results_above(position)
        if not pieces:
            _, x, y = self._drawable.get_offsets()
            must(layer.set_offsets(x, y), "the new layer cannot be placed")
        added = self._image.insert_layer(layer, above.get_parent(), position)
        must(added, "the new layer cannot be added")
        self._fill(layer, pieces)
        if self._replaced:
            self._take_over(layer)
            must(self._image.remove_layer(self._replaced), "the old layer cannot be removed")
            layer.set_name(name)  # beside the old one, GIMP has given it a number
        else:
            self._add_mask(layer)
        if pieces:
            self._image.set_selected_layers([layer])  # GIMP selects what came last, in the group

    def _results_above(self, position):
        """How many results of this source lie right above it: a new one must not be hidden."""
        parent = self._drawable.get_parent()
        above = (parent.get_children() if parent else self._image.get_layers())[:position]
        count = 0
        for layer in reversed(above):
            if made_from(layer) != self._drawable.get_tattoo():
                break
            count += 1
        return count

    def _take_over(self, layer):
        """Make a new layer look as the one does that it replaces, but for its pixels."""
        old = self._replaced
        layer.set_opacity(old.get_opacity())
        layer.set_mode(old.get_mode())
        layer.set_visible(old.get_visible())
        mask = old.get_mask()
        same_size = (old.get_width(), old.get_height()) == self._size()
        if mask is None or not same_size:
            return
        copy = layer.create_mask(Gimp.AddMaskType.WHITE)
        combined = copy.combine_masks(mask, Gimp.ChannelOps.REPLACE, 0, 0)
        must(combined, "the mask cannot be copied")
        _give_mask(layer, copy)
        layer.set_apply_mask(old.get_apply_mask())

    def _add_mask(self, layer):
        own = self._drawable.get_mask()
        selected = not Gimp.Selection.is_empty(self._image)
        if not selected and own is None:
            return
        start = Gimp.AddMaskType.SELECTION if selected else Gimp.AddMaskType.WHITE
        mask = layer.create_mask(start)
        if own is not None and self._drawable.get_apply_mask():
            combined = mask.combine_masks(own, Gimp.ChannelOps.INTERSECT, 0, 0)
            must(combined, "the masks cannot be combined")
        _give_mask(layer, mask)

    def progress(self, fraction, text):
        Gimp.progress_set_text(text)
        Gimp.progress_update(fraction)

    def tell(self, sentence):
        Gimp.message(sentence)


def _give_mask(layer, mask):
    """Add a mask, and leave the layer itself the one that is worked on, also in a saved file."""
    must(layer.add_mask(mask), "the mask cannot be added")
    layer.set_edit_mask(False)
