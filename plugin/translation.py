# -*- coding: utf-8 -*-
"""The user's language: what tr(u"…") says comes from a catalog beside the plug-in, if there is one.

The catalogs are made of po/*.po when Limner is installed. GIMP tells a plug-in its language by
the environment, as gettext does; GIMP 3 tells it better, see use().
"""

import gettext
import os

DOMAIN = "limner"
FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "locale")

_catalogs = [gettext.NullTranslations()]


def use(languages=None, folder=FOLDER):
    """Choose the catalog.

    Args:
        languages: list of codes such as "pt_BR", the best first; None asks the environment.
        folder: holds LANGUAGE/LC_MESSAGES/limner.mo.
    """
    try:
        found = gettext.translation(DOMAIN, folder, languages, fallback=True)
    except (EnvironmentError, ValueError):  # a damaged catalog hides no menu entry
        found = gettext.NullTranslations()
    _catalogs[:] = [found]


def tr(text):
    """The text in the user's language; text itself where the catalog does not have it."""
    return look_up(text)


def look_up(text):
    """As tr, for text that another program has made; see plugin/words.py for what is known."""
    catalog = _catalogs[0]
    return getattr(catalog, "ugettext", catalog.gettext)(text) if text else text


def is_translated():
    """Whether there is a catalog of the user's language."""
    return isinstance(_catalogs[0], gettext.GNUTranslations)


use()
