"""What a GIMP with windows shows; run inside it by D-Bus and python-fu-eval."""

import json
import os

from scene import Gegl, Gimp, image_facts


def write(path):
    """Write the facts of the image that was opened first as JSON, by way of a temporary name.

    Later images are left alone: a filter at work makes and deletes one of its own meanwhile.
    """
    images = sorted(Gimp.get_images(), key=lambda image: image.get_id())
    with open(path + ".part", "w") as stream:
        json.dump([image_facts(image) for image in images[:1]], stream)
    os.rename(path + ".part", path)


def paint(x, y, width, height, color):
    """Fill a rectangle of the topmost layer of the image that was opened first."""
    layer = min(Gimp.get_images(), key=lambda image: image.get_id()).get_layers()[0]
    buffer = layer.get_buffer()
    pixels = bytes(color) * (width * height)
    buffer.set(Gegl.Rectangle.new(x, y, width, height), "R'G'B'A u8", pixels)
    buffer.flush()
    layer.update(x, y, width, height)
    Gimp.displays_flush()
