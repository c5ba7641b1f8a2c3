"""GIMP 2.10's module gimp for tests: one process, images in memory, Python 2.7 only.

Not a GIMP: what Limner's GIMP 2.10 side calls, with the habits that were measured in a real
2.10.22. A region gives 8 bits per channel until somebody asks for a precision; a region that was
in use then kills the plug-in; assignment takes only str of the exact length; writing to a locked
layer or a group kills the plug-in; a layer must have its image's type; an undo group must close.
"""

import array
import sys
import traceback

reload(sys)  # noqa: F821  GIMP's own module does this to the whole process
sys.setdefaultencoding("utf-8")

_KINDS = {  # GimpPrecision -> (array type, largest value or None, bytes, linear light)
    100: ("B", 255, 1, True),
    150: ("B", 255, 1, False),
    200: ("H", 65535, 2, True),
    250: ("H", 65535, 2, False),
    350: ("I", 4294967295, 4, False),
    600: ("f", None, 4, True),
    650: ("f", None, 4, False),
}
_CHANNELS = {0: 3, 1: 4, 2: 1, 3: 2, 4: 1, 5: 2}  # GimpImageType

native = False
_live_regions = 0
images = []
messages = []
progress = []
errors = []
tile_cache = None


class PluginKilled(BaseException):
    """GIMP would have killed the plug-in here."""


def _text(value):
    if type(value) is not str:
        raise TypeError("must be str, not %s" % type(value).__name__)
    return value


def _flip():
    global native
    if not native and _live_regions:
        raise PluginKilled("expected tile ack")
    native = True


def _decode(data, precision):
    """Packed values -> sRGB-encoded floats."""
    kind, top, _, linear = _KINDS[precision]
    values = array.array(kind)
    values.fromstring(bytes(data))
    floats = [float(value) / top if top else value for value in values]
    return [_encoded(value) for value in floats] if linear else floats


def _encode(floats, precision):
    kind, top, _, linear = _KINDS[precision]
    floats = [_decoded(value) for value in floats] if linear else floats
    if top:
        floats = [int(min(max(value, 0.0), 1.0) * top + 0.5) for value in floats]
    return bytearray(array.array(kind, floats).tostring())


def _encoded(value):
    return 12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055


def _decoded(value):
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def _tripled(floats, step):
    """Gray pixels, with alpha where step is 2, as color."""
    wide = []
    for at in range(0, len(floats), step):
        wide += [floats[at]] * 3 + floats[at + 1 : at + step]
    return wide


class Image(object):
    def __init__(self, width, height, base_type, precision=150):
        self.width, self.height, self.base_type = width, height, base_type
        self._precision = precision
        self.layers = []
        self.selection = None  # rows of 0..255, or None
        self.floating = None
        self.deleted = False
        self.open_groups, self.undo_steps, self.changes = 0, 0, []
        images.append(self)

    @property
    def precision(self):
        _flip()
        return self._precision

    def remove_layer(self, layer):
        (layer.parent.children if layer.parent else self.layers).remove(layer)
        layer.valid = False
        self.changes.append("remove")

    def undo_group_start(self):
        self.open_groups += 1

    def undo_group_end(self):
        self.open_groups -= 1
        self.undo_steps += 1


class Drawable(object):
    count = 0

    def __init__(self, image, name, width, height, kind):
        Drawable.count += 1
        self.ID = Drawable.count
        self.image, self._name = image, _text(name)
        self.width, self.height, self.type = width, height, kind
        self.parent, self.mask, self.apply_mask = None, None, True
        self.offsets = (0, 0)
        self.mode, self.opacity, self.visible = 28, 100.0, True
        self.locked = self.is_group = False
        self.valid = True
        self.flushed = True
        size = _KINDS[image._precision][2]
        self.pixels = bytearray(width * height * self.channels * size)

    @property
    def name(self):
        return self._name

    @name.setter
    def name(self, value):
        self._name = _text(value)

    @property
    def channels(self):
        return _CHANNELS[self.type]

    @property
    def has_alpha(self):
        return self.type in (1, 3, 5)

    @property
    def is_rgb(self):
        return self.type in (0, 1)

    def get_pixel_rgn(self, x, y, width, height, dirty, shadow):
        if shadow:
            raise AssertionError("a shadow region would clip the result to the selection")
        return PixelRgn(self, x, y, width, height, dirty)

    def flush(self):
        self.flushed = True

    def update(self, x, y, width, height):
        if not self.flushed:
            raise AssertionError("update before flush")

    def set_offsets(self, x, y):
        self.offsets = (x, y)

    def mask_intersect(self):
        """x, y, width, height in the drawable's own coordinates; None where nothing is selected."""
        left, top = self.offsets
        inside = [
            (x - left, y - top)
            for y in range(max(0, top), min(self.image.height, top + self.height))
            for x in range(max(0, left), min(self.image.width, left + self.width))
            if self.image.selection is None or self.image.selection[y][x]
        ]
        if not inside:
            return None
        xs, ys = [x for x, _ in inside], [y for _, y in inside]
        return min(xs), min(ys), max(xs) - min(xs) + 1, max(ys) - min(ys) + 1

    def create_mask(self, kind):
        mask = Channel(self.image, self.name + " mask", self.width, self.height, 2)
        left, top = self.offsets
        rows = []
        for y in range(top, top + self.height):
            for x in range(left, left + self.width):
                canvas = 0 <= x < self.image.width and 0 <= y < self.image.height
                selected = canvas and self.image.selection[y][x] if kind == 4 else 255
                rows.append(selected if selected else 0)
        mask.values = rows
        return mask

    def add_mask(self, mask):
        if self not in self.image.layers and self.parent is None:
            raise RuntimeError("the layer is in no image")
        self.mask = mask

    def __nonzero__(self):
        return True


class Layer(Drawable):
    pass


class Channel(Drawable):
    values = ()
    is_layer_mask = True


class PixelRgn(object):
    def __init__(self, drawable, x, y, width, height, dirty):
        global _live_regions
        _live_regions += 1
        self._drawable, self._dirty, self._native = drawable, dirty, native
        self.x, self.y, self.w, self.h = x, y, width, height
        self.bpp = drawable.channels * (_KINDS[drawable.image._precision][2] if native else 1)

    def __del__(self):
        global _live_regions
        _live_regions -= 1

    def _span(self, index):
        if self._native != native:
            raise PluginKilled("expected tile ack")
        (columns, rows) = index
        for part, size in ((columns, self.w), (rows, self.h)):
            if part.step not in (None, 1) or not 0 <= part.start < part.stop <= size:
                raise IndexError("outside the region, empty, or with a step")
        return columns.start, columns.stop, rows.start, rows.stop

    def __getitem__(self, index):
        if self._dirty:
            raise AssertionError("a region for reading must not be dirty")
        left, right, top, bottom = self._span(index)
        pixels, bpp = self._drawable.pixels, self.bpp
        if not self._native:
            pixels = _encode(_decode(pixels, self._drawable.image._precision), 150)
        stride = self._drawable.width * bpp
        rows = [bytes(pixels[y * stride + left * bpp : y * stride + right * bpp])
                for y in range(top, bottom)]
        return b"".join(rows)

    def __setitem__(self, index, value):
        if self._drawable.locked or self._drawable.is_group:
            raise PluginKilled("a locked layer or a group was written to")
        if not self._dirty:
            raise AssertionError("a region for writing must be dirty")
        left, right, top, bottom = self._span(index)
        if type(value) is not str:
            raise TypeError("must be str, not %s" % type(value).__name__)
        width = (right - left) * self.bpp
        if len(value) != width * (bottom - top):
            raise TypeError("string is wrong length")
        stride = self._drawable.width * self.bpp
        for number, y in enumerate(range(top, bottom)):
            start = y * stride + left * self.bpp
            self._drawable.pixels[start : start + width] = value[number * width :][:width]
        self._drawable.flushed = False


class _Pdb(object):
    """The procedures that are called, by their Python names."""

    def gimp_message(self, text):
        messages.append(_text(text))

    def gimp_progress_set_text(self, text):
        progress.append(_text(text))

    def gimp_item_is_layer(self, item):
        return isinstance(item, Layer)

    def gimp_item_is_layer_mask(self, item):
        return isinstance(item, Channel) and item.is_layer_mask

    def gimp_item_is_valid(self, item):
        return item.valid

    def gimp_item_is_group(self, item):
        return item.is_group

    def gimp_item_get_lock_content(self, item):
        return item.locked

    def gimp_image_is_valid(self, image):
        return not image.deleted

    def gimp_selection_is_empty(self, image):
        return image.selection is None

    def gimp_image_get_floating_sel(self, image):
        return image.floating

    def gimp_image_new_with_precision(self, width, height, base_type, precision):
        _flip()
        return Image(width, height, base_type, precision)

    def gimp_layer_new(self, image, width, height, kind, name, opacity, mode):
        if mode != 28:
            raise AssertionError("not LAYER_MODE_NORMAL")
        return Layer(image, name, width, height, kind)

    def gimp_layer_new_from_drawable(self, drawable, image):
        if not drawable.flushed:
            raise AssertionError("copied before flush")
        gray = image.base_type == 1
        kind = (2 if gray else 0) + (1 if drawable.has_alpha else 0)
        layer = Layer(image, drawable.name + " copy", drawable.width, drawable.height, kind)
        if layer.channels < drawable.channels:
            raise AssertionError("this stub does not turn color into gray")
        floats = _decode(drawable.pixels, drawable.image._precision)
        if layer.channels > drawable.channels:
            floats = _tripled(floats, drawable.channels)
        layer.pixels = _encode(floats, image._precision)
        return layer

    def gimp_layer_set_composite_space(self, layer, space):
        layer.composite_space = space

    def gimp_layer_add_alpha(self, layer):
        step = layer.channels
        layer.type += 1
        wide = bytearray()
        for at in range(0, len(layer.pixels), step):
            wide += layer.pixels[at : at + step] + b"\xff"
        layer.pixels = wide

    def gimp_layer_group_new(self, image):
        group = Layer(image, "Layer Group", 1, 1, 0)
        group.is_group, group.children = True, []
        return group

    def gimp_image_insert_layer(self, image, layer, parent, position):
        if (image.base_type == 1) == layer.is_rgb or layer.image is not image:
            raise RuntimeError("the layer's type does not fit the image")
        if parent is None:
            image.layers.insert(position, layer)
        else:
            parent.children.insert(position, layer)
            layer.parent = parent
            parent.width, parent.height = layer.width, layer.height
        image.changes.append("insert")

    def gimp_image_get_item_position(self, image, item):
        return (item.parent.children if item.parent else image.layers).index(item)

    def gimp_image_convert_rgb(self, image):
        if image.base_type != 1:
            raise RuntimeError("image is already of type RGB")
        image.base_type = 0
        image.changes.append("to rgb")
        for layer in image.layers:
            floats = _decode(layer.pixels, image._precision)
            wide = _tripled(floats, layer.channels)
            layer.type -= 2
            layer.pixels = _encode(wide, image._precision)

    def gimp_channel_combine_masks(self, mask, other, operation, x, y):
        if operation != 3 or (x, y) != (0, 0):
            raise AssertionError("not an intersection in place")
        mask.values = [min(pair) for pair in zip(mask.values, other.values)]


pdb = _Pdb()


def delete(thing):
    thing.deleted = True


def displays_flush():
    pass


def progress_init(text):
    progress.append(_text(text))


def progress_update(fraction):
    progress.append(fraction)


def tile_cache_ntiles(count):
    global tile_cache
    tile_cache = count


_callbacks = []


def main(init, quit, query, run):
    _callbacks[:] = [query, run]


installed = {}


def query():
    """What GIMP does at its start."""
    _callbacks[0]()


def call(procedure, *params):
    """What GIMP does when a procedure is called: "success" or "execution error"."""
    try:
        _callbacks[1](procedure, params)
    except Exception:
        errors.append(traceback.format_exc())
        status = "execution error"
    else:
        status = "success"
    for image in images:
        if image.open_groups:
            raise AssertionError("the plug-in left image undo in inconsistent state")
    return status
