# -*- coding: utf-8 -*-
"""Color dabs: single colors at places of the layer, and how they are painted into a hint picture.

As text, which is how scripts give them and a layer's note keeps them: "x,y,#rrggbb; x,y,#rrggbb",
x and y in pixels of the layer from its top left. No GIMP in here.
"""

import re
from collections import namedtuple

from plugin.errors import Unsupported
from plugin.translation import tr

Dab = namedtuple("Dab", "x y color")
"""A color, (red, green, blue) 0..255, wanted at a pixel of the layer."""

RADIUS = 0.012
"""Of a dab, as a share of the layer's longer side: some pixels of what a network sees."""

MOST = 200
_ONE = re.compile(u"^\\s*(\\d{1,7})\\s*,\\s*(\\d{1,7})\\s*,\\s*#([0-9a-fA-F]{6})\\s*$")


def read_dabs(text):
    """The list of Dab that a text says. Raises Unsupported where it says none."""
    parts = [part for part in text.split(u";") if part.strip()]
    matches = [_ONE.match(part) for part in parts]
    if len(parts) > MOST or None in matches:
        raise Unsupported(
            tr(u"The color dabs are not understood: %s") % text[:60],
            tr(u"Write x,y,#rrggbb for each, with a semicolon between two."),
        )
    return [Dab(int(m.group(1)), int(m.group(2)), parse_color(m.group(3))) for m in matches]


def write_dabs(dabs):
    """The text of a list of Dab."""
    return u"; ".join(u"%d,%d,%s" % (dab.x, dab.y, format_color(dab.color)) for dab in dabs)


def parse_color(text):
    """(red, green, blue), 0..255, of "#rrggbb" or "rrggbb"."""
    text = text.lstrip(u"#")
    return tuple(int(text[at : at + 2], 16) for at in (0, 2, 4))


def format_color(color):
    """ "#rrggbb" of (red, green, blue), 0..255."""
    return u"#%02x%02x%02x" % tuple(color)


def dab_radius(width, height):
    """Radius of a dab on a picture of that size, in pixels."""
    return max(2, int(round(RADIUS * max(width, height))))


def dab_box(dab, radius, scale):
    """(left, top, right, bottom) of a dab, right and bottom excluded, in pixels of the picture
    that is `scale` times the layer's size.
    """
    x, y = int(dab.x * scale), int(dab.y * scale)
    return x - radius, y - radius, x + radius + 1, y + radius + 1


def paint(rows, left, top, width, dabs, radius, scale):
    """Paint dabs into rows of R'G'B'A u8.

    Args:
        rows: bytearray, whole rows of `width` pixels; changed.
        left, top: place of its first pixel in the scaled picture.
        dabs, radius, scale: see dab_box.
    """
    count = len(rows) // (4 * width)
    for dab in dabs:
        x, y = int(dab.x * scale) - left, int(dab.y * scale) - top
        pixel = bytearray(dab.color + (255,))
        for row in range(max(0, y - radius), min(count, y + radius + 1)):
            half = int((radius * radius - (row - y) ** 2) ** 0.5)
            start, end = max(0, x - half), min(width, x + half + 1)
            if end > start:
                at = 4 * (row * width + start)
                rows[at : at + 4 * (end - start)] = pixel * (end - start)
