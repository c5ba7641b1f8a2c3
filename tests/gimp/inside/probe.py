"""What a GIMP with windows shows; run inside it by D-Bus and python-fu-eval."""

import json
import os

from scene import Gegl, Gimp, Gio, all_layers, image_facts

NEAR = 2  # pixels around a point whose mean is told


def write(path, points=()):
    """Write the facts of the image that was opened first as JSON, by way of a temporary name.

    Later images are left alone: a filter at work makes and deletes one of its own meanwhile.

    points: {x, y} of the canvas; of each the facts tell, under "seen", the color that the user
        sees and, under "colors", that of every layer, by its name; None outside of it.
    """
    images = sorted(Gimp.get_images(), key=lambda image: image.get_id())
    facts = [image_facts(image) for image in images[:1]]
    for image, told in zip(images, facts, strict=False):
        told["notes"] = {layer.get_name(): _note(layer) for layer in all_layers(image)}
        if points:
            told["colors"] = {
                layer.get_name(): [_color(layer, *point) for point in points]
                for layer in all_layers(image)
            }
            copy = image.duplicate()
            seen = Gimp.Layer.new_from_visible(copy, copy, "seen")
            copy.insert_layer(seen, None, 0)
            told["seen"] = [_color(seen, *point) for point in points]
            copy.delete()
    with open(path + ".part", "w") as stream:
        json.dump(facts, stream)
    os.rename(path + ".part", path)


def _note(layer):
    """What Limner has written on a layer, "" where nothing."""
    parasite = layer.get_parasite("limner")
    return bytes(parasite.get_data()).rstrip(b"\0").decode() if parasite else ""


def _color(layer, x, y):
    """Mean red, green, blue and alpha, 0..255, around a point of the canvas."""
    _, left, top = layer.get_offsets()
    x, y = x - left, y - top
    if not (0 <= x < layer.get_width() and 0 <= y < layer.get_height()):
        return None
    side = 2 * NEAR + 1
    rectangle = Gegl.Rectangle.new(x - NEAR, y - NEAR, side, side)
    data = layer.get_buffer().get(rectangle, 1.0, "R'G'B'A u8", Gegl.AbyssPolicy.CLAMP)
    return [round(sum(data[n::4]) / side**2) for n in range(4)]


def _first():
    return min(Gimp.get_images(), key=lambda image: image.get_id())


def paint(x, y, width, height, color):
    """Fill a rectangle of the topmost layer of the image that was opened first."""
    layer = _first().get_layers()[0]
    buffer = layer.get_buffer()
    pixels = bytes(color) * (width * height)
    buffer.set(Gegl.Rectangle.new(x, y, width, height), "R'G'B'A u8", pixels)
    buffer.flush()
    layer.update(x, y, width, height)
    Gimp.displays_flush()


def select_around(x, y, width, height, feather):
    """Select all but an ellipse of the image that was opened first, its border softened."""
    image = _first()
    Gimp.context_set_feather(True)
    Gimp.context_set_feather_radius(feather, feather)
    image.select_ellipse(Gimp.ChannelOps.REPLACE, x, y, width, height)
    Gimp.Selection.invert(image)
    Gimp.context_set_feather(False)
    Gimp.displays_flush()


def open_beside(path):
    """Open another picture, without a window of its own: its layers can be chosen."""
    Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(path))


def select_layer(name):
    """Make that layer the one to work on."""
    image = _first()
    image.set_selected_layers([each for each in all_layers(image) if each.get_name() == name])
    Gimp.displays_flush()
