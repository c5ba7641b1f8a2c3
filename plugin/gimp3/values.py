"""Between GIMP 3's config of a procedure and the plain values that plugin/run.py takes."""

import gi

gi.require_version("Gimp", "3.0")
from gi.repository import Gimp, Gio  # noqa: E402


def values_of(config, chosen):
    """The parameters of a plugin.filters.Filter by name: a palette by its name, a file by its
    path, "" for none; a layer as it is, None where it is gone.
    """
    return {p.name: _value(config.get_property(p.name), p.kind) for p in chosen.parameters}


def _value(value, kind):
    if kind == "palette":
        return value.get_name() if value is not None and value.is_valid() else ""
    if kind == "file":
        return (value.get_path() or "") if value is not None else ""
    if kind == "layer":
        return value if value is not None and value.is_valid() else None
    return value or "" if kind == "dabs" else value


def set_values(config, chosen, parameters, image):
    """Put what a layer's note says into a config; what is not there any more is left out.

    Args:
        parameters: of plugin.note.read_note.
        image: the Gimp.Image of the layer.
    """
    kinds = {p.name: p.kind for p in chosen.parameters}
    for name, value in parameters.items():
        kind = kinds[name]
        if kind == "palette":
            value = Gimp.Palette.get_by_name(value) if value else None
        elif kind == "file":
            value = Gio.File.new_for_path(value) if value else None
        elif kind == "layer":
            value = image.get_layer_by_tattoo(value)
        config.set_property(name, value)
