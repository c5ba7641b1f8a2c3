# -*- coding: utf-8 -*-
"""What a result layer knows of itself: how it was made, so that it can be made again.

A parasite named NAME on the layer, saved with the .xcf file: one JSON object.

    schema      1
    version     of Limner
    filter      id of plugin/filters.py
    parameters  {name: value} as the user chose them; a layer is the number by which GIMP knows it
    model       id of the model that ran, also where "default" was chosen
    sha256      of its weights
    source      number by which GIMP knows the source layer for as long as the image lives
"""

import json

from plugin import filters
from plugin.errors import Unsupported
from plugin.translation import tr

NAME = "limner"
SCHEMA = 1
MAX_BYTES = 1 << 16

_TEXT = (type(u""), str)


def make_note(chosen, values, report, version, source):
    """The note of a result.

    Args:
        chosen: plugin.filters.Filter.
        values: parameters by name, as the user chose them.
        report: the worker's.
        version: of Limner.
        source: number of the source layer, see plugin.host.Host.source_number.

    Returns:
        JSON, ASCII only.
    """
    names = [p.name for p in chosen.parameters]
    note = {
        "schema": SCHEMA,
        "version": version,
        "filter": chosen.id,
        "parameters": {name: values[name] for name in names if name in values},
        "model": report.get("model", u""),
        "sha256": report.get("sha256", u""),
        "source": source,
    }
    return json.dumps(note, sort_keys=True)


def read_note(data):
    """(filter, parameters, source number) of a layer's note.

    Args:
        data: the parasite's bytes or text, or None where the layer has none. A file may come
            from anybody: what does not fit is not believed.

    Raises:
        Unsupported: there is no note that can be used.
    """
    note = _parsed(data)
    if note is None:
        raise Unsupported(
            tr(u"This layer was not made by Limner, or by another version of it."),
            tr(u"Click a layer that Auto Colorize or Apply Style has added."),
        )
    chosen = filters.find(note["filter"])
    return chosen, fitting_parameters(chosen, note["parameters"]), note["source"]


def fitting_parameters(chosen, parameters):
    """Those values that the filter's parameters can have; the others are left to their defaults."""
    fitting = {}
    for parameter in chosen.parameters:
        value = parameters.get(parameter.name)
        if _fits(parameter, value):
            fitting[parameter.name] = float(value) if parameter.kind == "number" else value
    return fitting


def _fits(parameter, value):
    kind = parameter.kind
    if kind in ("flag", "frames"):
        return isinstance(value, bool)
    if kind in ("number", "integer"):
        types = (int, float) if kind == "number" else (int,)
        number = isinstance(value, types) and not isinstance(value, bool)
        return number and parameter.lower <= value <= parameter.upper
    if kind == "layer":  # by its number in the image
        return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1 << 32
    if kind == "unhinted":
        return value in [name for name, _ in filters.UNHINTED]
    return isinstance(value, _TEXT)


def _parsed(data):
    if data is None or len(data) > MAX_BYTES:
        return None
    try:
        text = data.decode("utf-8") if isinstance(data, bytes) else data
        note = json.loads(text.rstrip(u"\0"))
    except (ValueError, RuntimeError):  # RuntimeError: nested too deep
        return None
    if not isinstance(note, dict) or note.get("schema") != SCHEMA:
        return None
    known = note.get("filter") in [chosen.id for chosen in filters.FILTERS]
    source = note.get("source")
    whole = isinstance(source, int) and not isinstance(source, bool) and 0 < source < 1 << 32
    return note if known and whole and isinstance(note.get("parameters"), dict) else None
