# -*- coding: utf-8 -*-
"""Everything that can go wrong on the plug-in's side of the pipe.

    PluginError
     ├─ WorkerNotInstalled   there is no worker to start, or no model for it
     ├─ WorkerDied           the worker ended, or did not get ready, before its answer was whole
     ├─ ProtocolMismatch     the worker does not speak as this plug-in does
     ├─ FilterFailed         the worker said in words why it could not do it
     └─ Unsupported          what was chosen in GIMP cannot be worked on

Each carries one sentence for the user and a hint that says what to do.
"""

import sys

from plugin.translation import tr

INSTALL_AGAIN = tr(u"Run install.py again.")


def as_text(path):
    """A path, or what else is bytes in Python 2, as text for a sentence."""
    return path.decode("utf-8", "replace") if isinstance(path, bytes) else path


class PluginError(Exception):
    """A failure that the user is told about.

    Args:
        sentence: what happened; text that ends with a full stop.
        hint: what to do about it; text, the class's own where not given.
    """

    hint = u""

    def __init__(self, sentence, hint=None):
        Exception.__init__(self, sentence)
        self.sentence = sentence
        if hint is not None:
            self.hint = hint

    @property
    def text(self):
        """Sentence and hint, as the user reads them."""
        return (u"%s %s" % (self.sentence, self.hint)).strip()

    def __str__(self):
        if sys.version_info[0] == 2:
            return self.text.encode("utf-8")
        return self.text


class WorkerNotInstalled(PluginError):
    """There is no worker to start, or no model for it to run."""

    hint = INSTALL_AGAIN


class WorkerDied(PluginError):
    """The worker ended, or did not get ready, before its answer was whole."""


class ProtocolMismatch(PluginError):
    """The worker is of another version, or what answers is no worker of ours."""

    hint = INSTALL_AGAIN


class FilterFailed(PluginError):
    """The worker's own failure: code, sentence and hint come from core/errors.py."""

    def __init__(self, code, sentence, hint):
        PluginError.__init__(self, sentence, hint)
        self.code = code


class Unsupported(PluginError):
    """The layer, selection or image cannot be worked on as it is."""
