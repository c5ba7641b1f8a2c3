# -*- coding: utf-8 -*-
"""The pictures of the style gallery: the painters, those that come with Limner, the user's own."""

import io
import json
import os
from collections import namedtuple

from plugin.translation import look_up

MOST = 60
INDEX = "index.json"
_ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")

Style = namedtuple("Style", "path title model")
Style.__new__.__defaults__ = (u"",)
"""A picture of the gallery: full path, what it is called, and the id of the model that it was
painted by; u"" where it is a style picture itself.
"""


def painters(models):
    """Those that have a style of their own, as plugin.installation.Model, in their order."""
    own = [model for model in models if model.thumbnail and u"style" not in model.takes]
    return [Style(model.thumbnail, look_up(model.title), model.id) for model in own]


def styles_in(folders):
    """The style pictures of some folders, folder after folder: those of an index.json in its
    order (core/style/gallery.py's), or else every picture by its name.
    """
    found = []
    for folder in folders:
        found += _indexed(folder) or _unindexed(folder)
    return found[:MOST]


def _indexed(folder):
    try:
        with io.open(os.path.join(folder, INDEX), encoding="utf-8") as stream:
            entries = json.load(stream)
        return [
            Style(
                os.path.join(folder, os.path.basename(entry["file"])),
                u"%s (%s)" % (look_up(entry["title"]), entry["painter"]),
            )
            for entry in entries
        ]
    except (EnvironmentError, ValueError, TypeError, KeyError, RuntimeError):
        return []  # none is needed, and a damaged one hides no picture


def _unindexed(folder):
    try:
        names = sorted(os.listdir(folder))
    except EnvironmentError:
        return []  # the user's own may not be there
    names = [name for name in names if name.lower().endswith(_ENDINGS) and name[0] != "."]
    return [Style(os.path.join(folder, name), os.path.splitext(name)[0]) for name in names]
