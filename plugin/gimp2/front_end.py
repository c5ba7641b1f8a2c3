# -*- coding: utf-8 -*-
"""Limner's procedures in GIMP 2.10: registered from plugin/filters.py, run through plugin/run.py.

gimpfu does the dialog, with three habits that are worked around here: an error inside the dialog
is shown with a traceback, the first "repeat last" of a session raises TypeError, and a function
is not told its run mode. So GIMP calls this file's _run, and that calls gimpfu's.
"""

import sys
import traceback

import gimp
import gimpfu

from plugin import filters, installation
from plugin.errors import INSTALL_AGAIN, PluginError, as_text
from plugin.translation import tr

IMAGE_AND_DRAWABLE = 2


class FilterError(RuntimeError):
    """What GIMP gets to see of any failure; raised outside gimpfu's dialog."""


def main(folder):
    """Register the filters and serve GIMP. folder: where the plug-in and its record are."""
    for chosen in filters.FILTERS:
        _register(folder, chosen)
    gimp.main(None, None, gimpfu._query, _run)


def _register(folder, chosen):
    models = installation.installed_models(folder, chosen.tasks)

    def function(image, drawable, *values):
        return _Call(folder, chosen, models, image, drawable, values)

    gimpfu.register(
        chosen.id,
        _native(chosen.blurb),
        _native(chosen.help),
        "The Limner authors",
        "The Limner authors",
        "2026",
        _native(chosen.label),
        filters.IMAGE_TYPES,
        [
            (gimpfu.PF_IMAGE, "image", "Image", None),
            (gimpfu.PF_DRAWABLE, "drawable", "Layer", None),
        ]
        + [_argument(entry, models) for entry in _entries(chosen)],
        [],
        function,
        menu=chosen.menu,
    )


USED = "use-"
"""Begins the name of a switch that stands before a layer: gimpfu has no way to choose none."""


def _entries(chosen):
    """The parameters that there are in 2.10, where a result is always a new layer or a group, and
    a switch before each that is a layer.
    """
    found = []
    for parameter in chosen.parameters:
        if parameter.kind == "layer":
            name, label = USED + parameter.name, tr(u"Use %s") % parameter.label.replace(u"_", u"")
            found.append(parameter._replace(name=name, kind="flag", label=label, default=False))
        if parameter.kind not in filters.OUTPUT_KINDS + ("palette",):
            found.append(parameter)
    return found


def _values(chosen, given):
    """The parameters by name, of what gimpfu hands over in the order of _entries."""
    values = {entry.name: given[n] for n, entry in enumerate(_entries(chosen))}
    for parameter in chosen.parameters:
        name = parameter.name
        if parameter.kind == "layer" and not values.pop(USED + name):
            values[name] = None
        elif parameter.kind in ("file", "dabs"):
            values[name] = as_text(values[name] or "")
    return values


def _argument(parameter, models):
    """gimpfu's description of a parameter. Names of models and devices are strings in the PDB."""
    texts = (parameter.name, _native(parameter.label))
    if parameter.kind in ("number", "integer"):
        is_number = parameter.kind == "number"
        step = (parameter.upper - parameter.lower) / 20 if is_number else 1
        bounds = (parameter.lower, parameter.upper, step)
        kind = gimpfu.PF_SLIDER if is_number else gimpfu.PF_SPINNER
        return (kind,) + texts + (parameter.default, bounds)
    plain = {
        "flag": gimpfu.PF_TOGGLE,
        "frames": gimpfu.PF_TOGGLE,
        "layer": gimpfu.PF_DRAWABLE,
        "file": gimpfu.PF_FILE,
        "dabs": gimpfu.PF_STRING,
    }
    if parameter.kind in plain:
        default = parameter.default
        return (plain[parameter.kind],) + texts + (_native(default),)
    entries = filters.choices(parameter, models)
    radio = tuple((_native(label), _native(name)) for name, label in entries)
    return (gimpfu.PF_RADIO,) + texts + (parameter.default, radio)


class _Call(object):
    """A run that was asked for, with its values; carried out after gimpfu's dialog is gone."""

    def __init__(self, folder, chosen, models, image, drawable, values):
        self.folder = folder
        self.chosen = chosen
        self.models = models
        self.image = image
        self.drawable = drawable
        self.values = _values(chosen, values)


def _run(procedure, params):
    """One call from the menu or the PDB. The process boundary: any error becomes a sentence."""
    interactive = params[0] != gimpfu.RUN_NONINTERACTIVE
    try:
        call = _make_call(procedure, params)
        if call is None:
            return  # cancelled
        _carry_out(call)
    except PluginError as error:
        problem = error.text
    except ImportError as error:
        sentence = tr(u"A file of Limner is missing (%s).") % error
        problem = u"%s %s" % (sentence, INSTALL_AGAIN)
    except Exception as error:  # noqa: BLE001  a bug of ours, or of GIMP's
        traceback.print_exc()
        problem = tr(u"Limner met an unexpected problem (%s). Please report it.") % (
            type(error).__name__
        )
    else:
        return
    if interactive:
        gimpfu.pdb.gimp_message(_native(problem))
    raise FilterError(_native(problem))


def _make_call(procedure, params):
    """The _Call for what GIMP handed over, after the dialog where one is wanted."""
    registered = gimpfu._registered_plugins_[procedure]
    declared, function = registered[8], registered[10]
    if params[0] != gimpfu.RUN_NONINTERACTIVE and not _is_choosable(procedure, declared):
        gimpfu._set_defaults(procedure, tuple(entry[3] for entry in declared))
    if params[0] != gimpfu.RUN_WITH_LAST_VALS:
        return gimpfu._run(procedure, params)
    # a list where nothing was saved yet, a tuple otherwise; gimpfu joins it to a tuple and fails
    values = tuple(gimpfu._get_defaults(procedure))[IMAGE_AND_DRAWABLE:]
    return function(*(tuple(params[1 : 1 + IMAGE_AND_DRAWABLE]) + values))


def _is_choosable(procedure, declared):
    """Whether the saved values fit; a model may be gone, and its dialog would not close."""
    saved = gimpfu._get_defaults(procedure)
    if len(saved) != len(declared):
        return False
    return all(
        saved[number] in [name for _, name in entry[4]]
        for number, entry in enumerate(declared)
        if entry[0] == gimpfu.PF_RADIO
    )


def _carry_out(call):
    from plugin.frames import FramesHost
    from plugin.gimp2.host import Gimp2Host
    from plugin.run import refuse_unsupported, run
    from plugin.worker import Worker

    record = installation.load(call.folder)
    model = installation.asked_model(call.models, call.values, call.chosen.undo)
    layers = [call.drawable]
    if call.values["frames"]:
        layers = list(reversed(call.image.layers))  # the lowest layer is the first frame
    hosts = [Gimp2Host(call.image, layer) for layer in layers]
    host = FramesHost(hosts) if call.values["frames"] else hosts[0]
    try:
        refuse_unsupported(host.source())
        with Worker.installed(record) as worker:
            worker.start()
            values = installation.fitting_values(call.values, model)
            run(host, worker, call.chosen, values, model, record.version)
    finally:
        for each in hosts:
            each.close()
    gimp.displays_flush()


def _native(text):
    """The str that Python 2.7's gimpfu takes: UTF-8 bytes. None stays None."""
    if sys.version_info[0] == 2 and isinstance(text, type(u"")):
        return text.encode("utf-8")
    return text
