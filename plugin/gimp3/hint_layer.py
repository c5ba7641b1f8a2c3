"""The layer "Color hints" that the dialog makes: a transparent one on top, to be painted on.

It knows which layer it was made for, so that Auto Colorize finds that one when the hint layer
itself is the selected one, as it is right after painting on it.
"""

import gi

gi.require_version("Gimp", "3.0")
from gi.repository import Gimp  # noqa: E402

from plugin.errors import Unsupported  # noqa: E402
from plugin.translation import tr  # noqa: E402

PARASITE = "limner-hints"
"""Holds the tattoo of the layer that the hints are for, in digits."""


def make(image, source):
    """Put a new hint layer for source on top of image and select it, in one undo step.

    Raises:
        Unsupported: GIMP has no memory for it.
    """
    image.undo_group_start()
    try:
        if image.get_base_type() == Gimp.ImageBaseType.GRAY:
            image.convert_rgb()  # there are no colors to paint with otherwise
        width, height = source.get_width(), source.get_height()
        layer = Gimp.Layer.new(
            image,
            tr("Color hints"),
            width,
            height,
            Gimp.ImageType.RGBA_IMAGE,
            100.0,
            Gimp.LayerMode.NORMAL,
        )
        if layer is None:
            raise Unsupported(tr("GIMP has no memory for a layer of this size."), "")
        layer.fill(Gimp.FillType.TRANSPARENT)
        _, x, y = source.get_offsets()
        layer.set_offsets(x, y)
        number = str(source.get_tattoo()).encode()
        layer.attach_parasite(Gimp.Parasite.new(PARASITE, Gimp.PARASITE_PERSISTENT, number))
        image.insert_layer(layer, None, 0)
        image.set_selected_layers([layer])
    finally:
        image.undo_group_end()
    Gimp.displays_flush()
    return layer


def is_one(layer):
    """Whether the dialog made that layer."""
    return layer.get_parasite(PARASITE) is not None


def resolve(image, drawables, config, interactive):
    """The layers to work on, and config's hint where it goes without saying.

    Where a hint layer of ours is selected, its source is meant. In the dialog a source that has
    a hint layer gets it, unless another one was chosen.
    """
    if len(drawables) != 1 or not isinstance(drawables[0], Gimp.Layer):
        return drawables
    layer = drawables[0]
    if is_one(layer):
        source = _source_of(image, layer)
        if source is not None:
            config.set_property("hint", layer)
            return [source]
    chosen = config.get_property("hint")
    if interactive and (chosen is None or not chosen.is_valid() or chosen.get_image() != image):
        config.set_property("hint", _newest_for(image, layer))
    return drawables


def _source_of(image, hint):
    digits = bytes(hint.get_parasite(PARASITE).get_data()).rstrip(b"\0")
    number = int(digits) if digits.isdigit() and len(digits) < 11 else 0
    return image.get_layer_by_tattoo(number) if 0 < number < 1 << 32 else None


def _newest_for(image, source):
    for layer in image.get_layers():
        if layer != source and is_one(layer) and _source_of(image, layer) == source:
            return layer
    return None
