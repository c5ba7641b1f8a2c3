# -*- coding: utf-8 -*-
"""What of a result becomes which layer: one alone, or several in a group.

    a picture alone         one layer, or the source's own pixels
    a sketch                a group: lines, colors below them, flats and areas hidden, variants too;
                            the lines are laid over the colors as these are encoded, for so they
                            were taken from the paper
    several variants        a group: the first one shown, the others hidden
    a sketch's colors alone one layer that multiplies with the source, which keeps its lines
    a picture's colors alone    one layer, or a group of variants, of the mode LCh Color
"""

from collections import namedtuple

Plan = namedtuple("Plan", "role mode visible")
"""What becomes of one picture of a result; role u"" is the picture itself."""

SKETCH = (u"lines", u"colors", u"flats", u"areas")
"""Roles of a sketch's layers, the topmost first."""

_HIDDEN = (u"flats", u"areas")
_MODES = {u"lines": "lines"}


def planned(roles, output):
    """Which pictures of a result are kept, the topmost first.

    Args:
        roles: of the result's others, in order.
        output: key of plugin.filters.OUTPUTS.

    Returns:
        List of (number, Plan): number 0 is the picture itself, n the n-th of the others.
    """
    numbers = [(u"", 0)] + [(role, number + 1) for number, role in enumerate(roles)]
    if output == "replace":
        return [(0, Plan(u"", "normal", True))]
    is_sketch = u"colors" in roles
    if is_sketch and output == "color":
        return [(n, Plan(r, "multiply", True)) for r, n in numbers if r == u"colors"][:1]
    mode = "color" if output == "color" else "normal"
    if is_sketch:
        kept = [(n, r) for wanted in SKETCH for r, n in numbers if r == wanted]
        plans = [(n, Plan(r, _MODES.get(r, mode), r not in _HIDDEN)) for n, r in kept]
    else:
        plans = [(0, Plan(u"", mode, True))]
    return plans + [(n, Plan(r, mode, False)) for r, n in numbers if r == u"variant"]
