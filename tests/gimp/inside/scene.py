"""Pictures and facts, inside GIMP's own Python: standard library and GIMP only, no numpy.

A case builds a Scene, runs a filter on it and records facts. Nothing is judged here: pytest
reads the facts outside (tests/gimp/test_*.py), where NumPy is.
"""

import hashlib
import json
import os

import gi

gi.require_version("Gimp", "3.0")
gi.require_version("Gegl", "0.4")
gi.require_version("Babl", "0.1")
from gi.repository import Babl, Gegl, Gimp, Gio, GLib  # noqa: E402

INPUT = "/limner/in"
OUTPUT = "/limner/out"
SIZE = (96, 64)
"""Width and height of photo.f32, the picture that most scenes show."""

RGB, GRAY = Gimp.ImageBaseType.RGB, Gimp.ImageBaseType.GRAY
U8 = Gimp.Precision.U8_NON_LINEAR
LAYER_TYPES = {
    (RGB, False): Gimp.ImageType.RGB_IMAGE,
    (RGB, True): Gimp.ImageType.RGBA_IMAGE,
    (GRAY, False): Gimp.ImageType.GRAY_IMAGE,
    (GRAY, True): Gimp.ImageType.GRAYA_IMAGE,
}
FORMAT = "R'G'B'A float"


class Scene:
    """An image with one layer that shows the photo; the layer is what the filter gets.

    Args:
        base: RGB or GRAY.
        alpha: the layer has an alpha channel; it then holds the photo's, else it is opaque.
        size: of the layer; the photo is cut or repeated to it.
        canvas: size of the image; the layer's where not given.
        offsets: of the layer on the canvas.
    """

    def __init__(self, base=RGB, precision=U8, alpha=False, size=SIZE, canvas=None, offsets=(0, 0)):
        width, height = canvas or size
        self.image = Gimp.Image.new_with_precision(width, height, base, precision)
        self.layer = self.add_layer("source", size, alpha)
        self.layer.set_offsets(*offsets)
        self.paint(photo(*size))

    def add_layer(self, name, size, alpha=False, parent=None, position=0):
        """A new layer at that place in the stack."""
        kind = LAYER_TYPES[self.image.get_base_type(), alpha]
        layer = Gimp.Layer.new(self.image, name, size[0], size[1], kind, 100, Gimp.LayerMode.NORMAL)
        self.image.insert_layer(layer, parent, position)
        return layer

    def paint(self, pixels):
        """Fill the layer with pixels in FORMAT."""
        put(self.layer, FORMAT, pixels)

    def select(self, x, y, width, height, feather=0):
        """Select a rectangle of the canvas, its border softened over that many pixels."""
        Gimp.context_set_feather(bool(feather))
        if feather:
            Gimp.context_set_feather_radius(feather, feather)
        self.image.select_rectangle(Gimp.ChannelOps.REPLACE, x, y, width, height)
        Gimp.context_set_feather(False)


def photo(width, height):
    """The photo repeated to a size: bytes in FORMAT."""
    with open(os.path.join(INPUT, "photo.f32"), "rb") as stream:
        data = stream.read()
    row = SIZE[0] * 16
    rows = [data[y * row : (y + 1) * row] for y in range(SIZE[1])]
    repeats = -(-width // SIZE[0])
    return b"".join((rows[y % SIZE[1]] * repeats)[: width * 16] for y in range(height))


def put(drawable, pixel_format, pixels):
    """Write a whole drawable."""
    width, height = drawable.get_width(), drawable.get_height()
    buffer = drawable.get_buffer()
    buffer.set(Gegl.Rectangle.new(0, 0, width, height), pixel_format, pixels)
    buffer.flush()
    drawable.update(0, 0, width, height)


def pixels_of(drawable, pixel_format=None):
    """A whole drawable's bytes, in its own format where none is given."""
    rectangle = Gegl.Rectangle.new(0, 0, drawable.get_width(), drawable.get_height())
    buffer = drawable.get_buffer()
    return buffer.get(rectangle, 1.0, pixel_format, Gegl.AbyssPolicy.NONE)


def own_format(drawable):
    """babl's name of a drawable's own format; "indexed" for any palette's."""
    name = Babl.get_name(drawable.get_format())
    return "indexed" if "indexed" in name else name  # the rest of such a name is an address


def load(name):
    """A picture file of the input folder as an image, and its layer."""
    file = Gio.File.new_for_path(os.path.join(INPUT, name))
    image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, file)
    return image, image.get_layers()[0]


def layer_facts(layer):
    """What can be said of one layer, its pixels as a digest."""
    facts = {
        "id": layer.get_id(),
        "name": layer.get_name(),
        "size": [layer.get_width(), layer.get_height()],
        "offsets": [layer.get_offsets().offset_x, layer.get_offsets().offset_y],
        "format": own_format(layer),
        "mask": layer.get_mask() is not None,
        "visible": layer.get_visible(),
        "opacity": layer.get_opacity(),
        "mode": layer.get_mode().value_nick,
        "text": layer.is_text_layer(),
        "pixels": hashlib.sha256(pixels_of(layer)).hexdigest(),
    }
    if layer.is_group():
        facts["children"] = [layer_facts(child) for child in layer.get_children()]
    return facts


def image_facts(image):
    """What can be said of an image; `dirty` tells whether undo steps came since clean_all."""
    profile = image.get_color_profile()
    return {
        "id": image.get_id(),
        "images": len(Gimp.get_images()),
        "base": image.get_base_type().value_nick,
        "precision": image.get_precision().value_nick,
        "size": [image.get_width(), image.get_height()],
        "dirty": image.is_dirty(),
        "profile": profile.get_label() if profile else "",
        "selection": hashlib.sha256(pixels_of(image.get_selection())).hexdigest(),
        "layers": [layer_facts(layer) for layer in image.get_layers()],
        "channels": [channel.get_name() for channel in image.get_channels()],
    }


class Record:
    """The facts of one case, and the pixels that go with them."""

    def __init__(self, name):
        self.name = name
        self.facts = {"case": name}

    def dump(self, label, drawable, pixel_format=None):
        """Keep a drawable's pixels for the judges outside."""
        pixel_format = pixel_format or own_format(drawable)
        file_name = "{}.{}.raw".format(self.name.replace("/", "."), label)
        with open(os.path.join(OUTPUT, file_name), "wb") as stream:
            stream.write(pixels_of(drawable, pixel_format))
        self.facts.setdefault("pixels", {})[label] = {
            "file": file_name,
            "width": drawable.get_width(),
            "height": drawable.get_height(),
            "format": pixel_format,
        }

    def flattened(self, label, image):
        """Keep what the user sees: all visible layers together, the canvas' size."""
        copy = image.duplicate()
        self.dump(label, Gimp.Layer.new_from_visible(copy, copy, "seen"), FORMAT)
        copy.delete()

    def run(self, procedure, image, drawables, **parameters):
        """Call a filter by the PDB; facts before and after go into the record.

        Returns:
            The layers that the image did not have before.
        """
        image.clean_all()
        known = {layer.get_id() for layer in all_layers(image)}
        self.facts["before"] = image_facts(image)
        self.facts.update(call(procedure, image, drawables, **parameters))
        self.facts["after"] = image_facts(image)
        new = [layer for layer in all_layers(image) if layer.get_id() not in known]
        self.facts["new"] = [layer_facts(layer) for layer in new]
        return new


def all_layers(image):
    """Every layer of an image, those in groups too."""
    found, waiting = [], list(image.get_layers())
    while waiting:
        layer = waiting.pop(0)
        found.append(layer)
        if layer.is_group():
            waiting = list(layer.get_children()) + waiting
    return found


def call(procedure, image, drawables, **parameters):
    """{status, message} of a call by the PDB, run mode NONINTERACTIVE unless told otherwise."""
    found = Gimp.get_pdb().lookup_procedure(procedure)
    if found is None:
        raise RuntimeError(f"{procedure} is not registered")
    config = found.create_config()
    config.set_property("image", image)
    config.set_core_object_array("drawables", drawables)
    for name, value in parameters.items():
        config.set_property(name.replace("_", "-"), value)
    return outcome(found.run(config))


def outcome(values):
    """{status, message} of a procedure's return values."""
    status = values.index(0)
    message = Gimp.get_pdb().get_last_error() or ""
    if status == Gimp.PDBStatusType.SUCCESS:
        message = ""
    elif values.length() > 1 and isinstance(values.index(1), GLib.Error):
        message = values.index(1).message
    return {"status": status.value_nick, "message": message}


def write_facts(stream, facts):
    """One line of JSON, on disk at once: a later crash of GIMP leaves the earlier cases."""
    stream.write(json.dumps(facts) + "\n")
    stream.flush()
