"""GIMP 2.10's module gimpfu for tests: registration, saved values, and a dialog without windows.

Behaves as 2.10's own where Limner depends on it: names get python-fu- put before them, saved
values are a tuple and defaults a list, the first RUN_WITH_LAST_VALS of a session raises
TypeError, an exception inside the dialog is shown with its traceback, a PDB call that supplies
everything shows no dialog, and a radio button without a fitting default has no value.
"""

import traceback

import gimp
from gimp import pdb  # noqa: F401

RUN_INTERACTIVE, RUN_NONINTERACTIVE, RUN_WITH_LAST_VALS = 0, 1, 2
RGB, GRAY, INDEXED = 0, 1, 2
RGB_IMAGE, RGBA_IMAGE, GRAY_IMAGE, GRAYA_IMAGE, INDEXED_IMAGE, INDEXEDA_IMAGE = range(6)
NORMAL_MODE, LAYER_MODE_NORMAL = 0, 28
LAYER_COLOR_SPACE_RGB_PERCEPTUAL = 2

PF_IMAGE, PF_DRAWABLE = 13, 16
PF_BOOL = PF_TOGGLE = 1000
PF_STRING = 4
PF_SLIDER, PF_SPINNER, PF_FILE, PF_RADIO = 1001, 1002, 1004, 1008

_OBJECTS = {PF_IMAGE: gimp.Image, PF_DRAWABLE: gimp.Drawable, PF_SLIDER: float, PF_RADIO: str,
            PF_TOGGLE: int, PF_SPINNER: float, PF_FILE: str, PF_STRING: str}

_registered_plugins_ = {}
_shelf = {}

dialog = None
"""Function of the values shown that gives the values on OK, or None for Cancel; set by a test."""

traceback_dialogs = []


class CancelError(RuntimeError):
    pass


def register(proc_name, blurb, help, author, copyright, date, label, imagetypes, params, results,
             function, menu=None, domain=None, on_query=None, on_run=None):
    for text in (proc_name, blurb, help, author, copyright, date, label, imagetypes, menu):
        gimp._text(text)
    for entry in params:
        if len(entry) < 4 or entry[0] not in _OBJECTS:
            raise RuntimeError("parameter definition %r" % (entry,))
        if not all(letter.isalnum() or letter in "-_" for letter in entry[1]):
            raise RuntimeError("parameter name contains illegal characters")
        gimp._text(entry[2])
        if entry[0] == PF_RADIO:
            for words, value in entry[4]:
                gimp._text(words)
                gimp._text(value)
    if not proc_name.startswith(("python-", "extension-", "plug-in-", "file-")):
        proc_name = "python-fu-" + proc_name
    _registered_plugins_[proc_name] = (
        blurb, help, author, copyright, date, label, imagetypes, 1, params, results, function,
        menu, domain, on_query, on_run,
    )


def _query():
    for name, entry in _registered_plugins_.items():
        gimp.installed[name] = {"label": entry[5], "types": entry[6], "menu": entry[11],
                                "params": entry[8]}


def _get_defaults(proc_name):
    if proc_name in _shelf:
        return _shelf[proc_name]
    return [entry[3] for entry in _registered_plugins_[proc_name][8]]


def _set_defaults(proc_name, defaults):
    _shelf[proc_name] = defaults


def _interact(proc_name, start_params):
    params, function = _registered_plugins_[proc_name][8], _registered_plugins_[proc_name][10]
    shown = list(_get_defaults(proc_name))[len(start_params):]
    for entry, value in zip(params[len(start_params):], shown):
        if entry[0] == PF_RADIO and value not in [name for _, name in entry[4]]:
            raise AttributeError("'RadioEntry' object has no attribute 'active_value'")
    values = dialog(shown)
    if values is None:
        raise CancelError
    values = start_params + tuple(values)
    _set_defaults(proc_name, values)
    try:
        return function(*values)
    except Exception:
        traceback_dialogs.append(traceback.format_exc())
        raise


def _run(proc_name, params):
    run_mode = params[0]
    script_params, function = _registered_plugins_[proc_name][8], _registered_plugins_[proc_name][10]
    if run_mode == RUN_NONINTERACTIVE:
        return function(*params[1:])
    given = 0
    for entry, value in zip(script_params, params[1:]):
        if not isinstance(value, _OBJECTS[entry[0]]):
            break
        given += 1
    if len(script_params) > given:
        start = params[: given + 1]
        if run_mode == RUN_WITH_LAST_VALS:
            params = start + _get_defaults(proc_name)[given:]
        else:
            params = start
    else:
        run_mode = RUN_NONINTERACTIVE
    if run_mode == RUN_INTERACTIVE:
        try:
            result = _interact(proc_name, params[1:])
        except CancelError:
            return None
    else:
        result = function(*params[1:])
    gimp.displays_flush()
    return result
