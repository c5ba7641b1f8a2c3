# -*- coding: utf-8 -*-
"""What install.py left for the plug-in: which Python, which models, which log.

GIMP reads this at its start, for the dialogs: nothing heavy is imported, and a model that
cannot be read is left out, not complained about.
"""

import io
import json
import os
import sys
from collections import namedtuple

from plugin.errors import WorkerNotInstalled, as_text
from plugin.filters import DEFAULT_MODEL, is_choosing
from plugin.translation import tr

RECORD = "installation.json"
SCHEMA = 1
MAX_MANIFEST_BYTES = 1 << 20

Installation = namedtuple("Installation", "version python models log styles")
Installation.__new__.__defaults__ = ((),)
"""The install record, checked.

python: full path of the worker's Python. models: list of folders, each with a folder per model.
log: full path of the file that takes the worker's stderr; "" for none. styles: list of folders
with pictures for the style gallery, the user's own last; they need not be there.
"""

Model = namedtuple("Model", "id task title default takes thumbnail")
Model.__new__.__defaults__ = ((), "")
"""What the dialog needs of a model's manifest; takes: what its graphs have inputs for, such as
"hint" and "style" (core.generator.manifest.INPUT_ROLES). thumbnail: full path of a picture of how
it paints (core/cli/thumbnail.py); "" for none.
"""

_TEXT = (type(u""), str)


def load(folder):
    """Read and check the record in folder, the one that holds the plug-in.

    Returns:
        Installation.

    Raises:
        WorkerNotInstalled: the record or the Python that it names is missing or damaged.
    """
    path = os.path.join(folder, RECORD)
    shown = as_text(path)
    if not os.path.isfile(path):
        raise WorkerNotInstalled(tr(u"Limner is not completely installed: %s is missing.") % shown)
    data = _read_json(path)
    if isinstance(data, dict) and data.get("schema") != SCHEMA:
        raise WorkerNotInstalled(tr(u"Limner's install record %s is of another version.") % shown)
    record = _checked(data)
    if record is None:
        raise WorkerNotInstalled(tr(u"Limner's install record %s is damaged.") % shown)
    if not os.path.isfile(record.python):
        python = as_text(record.python)
        raise WorkerNotInstalled(tr(u"Limner's own Python is gone: %s is missing.") % python)
    return record


def _checked(data):
    """The record's JSON value as an Installation; None where it is not one."""
    if not isinstance(data, dict):
        return None
    python, models, log = data.get("python"), data.get("models"), data.get("log", u"")
    texts = isinstance(python, _TEXT) and isinstance(log, _TEXT) and isinstance(models, list)
    if not texts or not all(isinstance(folder, _TEXT) for folder in models):
        return None
    folders = [_path(folder) for folder in models]
    styles = data.get("styles")  # records of before the gallery have none
    styles = styles if isinstance(styles, list) else []
    styles = [_path(folder) for folder in styles if isinstance(folder, _TEXT)]
    version = u"%s" % data.get("version", u"")
    return Installation(version, _path(python), folders, _path(log), styles)


def installed_models(folder, tasks):
    """Models for some tasks, the first task's before the others', then the default first, then
    by title; never an error.

    Args:
        folder: the one that holds the plug-in and its record.
        tasks: of core.generator.manifest.TASKS, as a tuple or, for one alone, as it is.

    Returns:
        List of Model; where two folders have the same id, the first folder's.
    """
    tasks = (tasks,) if isinstance(tasks, _TEXT) else tuple(tasks)
    data = _read_json(os.path.join(folder, RECORD))
    folders = data.get("models") if isinstance(data, dict) else None
    found = {}
    for place in folders if isinstance(folders, list) else ():
        for model in _models_in(place):
            if model.task in tasks:
                found.setdefault(model.id, model)

    def order(model):
        return tasks.index(model.task), not model.default, model.title, model.id

    return sorted(found.values(), key=order)


def choose_model(models, value, filter_name):
    """The model that a parameter's value means.

    Args:
        models: as installed_models gives them.
        value: "default" or an id, text or Python 2's str.
        filter_name: for the sentence where there is none.

    Raises:
        WorkerNotInstalled: there is no such model.
    """
    if not models:
        raise WorkerNotInstalled(tr(u"No model for %s is installed.") % filter_name)
    if value == DEFAULT_MODEL:
        return models[0]
    for model in models:
        if model.id == value:
            return model
    raise WorkerNotInstalled(tr(u"The model '%s' is not installed.") % as_text(value))


def asked_model(models, values, filter_name):
    """The model for a run; None where the worker is to choose by what the picture is.

    Args:
        models: as installed_models gives them.
        values: the filter's parameters by name. Where a style is given and no model, the first
            one is meant that takes a style.
        filter_name: for the sentence where there is none.

    Raises:
        WorkerNotInstalled: there is no such model.
    """
    model = choose_model(models, values["model"], filter_name)
    if values["model"] != DEFAULT_MODEL:
        return model
    if is_choosing(models):
        return None
    if values.get("style-layer") is not None or values.get("style-file"):
        return next((each for each in models if u"style" in each.takes), model)
    return model


def fitting_values(values, model):
    """The parameters without the style that a model of a style of its own has no use for."""
    if model is None or u"style" in model.takes:
        return values
    return dict(values, **{"style-layer": None, "style-file": u""})


def _models_in(place):
    if not isinstance(place, _TEXT):
        return []
    place = _path(place)
    try:
        names = sorted(os.listdir(place))
    except (EnvironmentError, ValueError):  # no folder, or no name that a folder can have
        return []
    models = [_read_model(os.path.join(place, name)) for name in names]
    return [model for model in models if model is not None]


def _read_model(folder):
    data = _read_json(os.path.join(folder, "manifest.json"))
    if not isinstance(data, dict):
        return None
    texts = [data.get(name) for name in ("id", "task", "title")]
    if not all(isinstance(text, _TEXT) and text for text in texts):
        return None
    thumbnail = os.path.join(folder, "thumbnail.jpg")
    thumbnail = thumbnail if os.path.isfile(thumbnail) else ""
    return Model(*(texts + [data.get("default") is True, _roles(data), thumbnail]))


def _roles(manifest):
    """Roles of the inputs of all graphs, in the order of the alphabet."""
    found = set()
    for graph in [manifest] + _dicts(manifest.get("parts")):
        for tensor in _dicts(graph.get("inputs")):
            role = tensor.get("role", u"picture")
            if isinstance(role, _TEXT):
                found.add(role)
    return tuple(sorted(found))


def _dicts(value):
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _path(text):
    """A path from JSON as the system takes it: Python 2 cannot encode it where the locale is C."""
    if sys.version_info[0] == 2 and os.name != "nt" and isinstance(text, type(u"")):
        return text.encode("utf-8")
    return text


def _read_json(path):
    """The file's JSON value; None where it cannot be read."""
    try:
        if os.path.getsize(path) > MAX_MANIFEST_BYTES:
            return None
        with io.open(path, encoding="utf-8") as stream:
            return json.load(stream)
    except (EnvironmentError, ValueError, RuntimeError):  # RuntimeError: nested too deep
        return None
