# -*- coding: utf-8 -*-
"""The worker's words in the user's language.

The worker speaks English, and what it says of a failure names files, numbers and models. What it
always says in the same words is looked up; a failure is told by what its code means, with the
worker's own words after it.
"""

from plugin.translation import is_translated, look_up, tr

KNOWN = (
    tr(u"Loading the model"),
    tr(u"Reading lightness"),
    tr(u"Finding colours"),
    tr(u"Laying colour over the picture"),
    tr(u"Nothing is painted on the layer of hints, at least not on this picture."),
    tr(u"The palette was used, and not the reference picture."),
    tr(u"Photographs"),
    tr(u"Photographs, fast"),
    tr(u"Photographs, open licences"),
    tr(u"Van Gogh"),
    tr(u"Monet"),
    tr(u"Pointillism"),
    tr(u"Cézanne"),
    tr(u"Ukiyo-e"),
)
"""Titles and steps that the worker or a manifest gives, word by word."""

_LAYERS = {u"lines": tr(u"Lines"), u"colors": tr(u"Colors"), u"flats": tr(u"Flats"),
           u"areas": tr(u"Areas")}

_CODES = {
    u"bad_request": tr(u"Limner's worker does not take these settings."),
    u"image_unsupported": tr(u"This picture cannot be worked on."),
    u"file_unreadable": tr(u"A picture file cannot be read."),
    u"file_unwritable": tr(u"A file cannot be saved."),
    u"model_missing": tr(u"A model is missing; run install.py again."),
    u"model_corrupt": tr(u"A model is damaged; run install.py again."),
    u"model_unsupported": tr(u"This version of Limner cannot run the model."),
    u"device_unavailable": tr(u"The device cannot be used; choose Automatic."),
    u"out_of_memory": tr(u"Memory ran out: close other programs, take a smaller picture."),
    u"internal": tr(u"Limner's worker met an unexpected problem."),
}


def said(text):
    """What the worker said, in the user's language where it is known."""
    return look_up(text)


def layer_title(role, number):
    """What a layer of a group is called.

    Args:
        role: of core/request/work.py's Layer; u"" for the result's own picture.
        number: 1 for the first of several variants.
    """
    return _LAYERS.get(role) or tr(u"Variant %d") % number


def failure_sentence(code, sentence):
    """A failure's sentence; in another language than English what the code means comes first."""
    meaning = _CODES.get(code)
    if meaning is None or not is_translated():
        return sentence
    return u"%s (%s)" % (meaning, sentence)
