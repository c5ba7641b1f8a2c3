# -*- coding: utf-8 -*-
"""The pictures that go to the worker beside the layer: hint, reference, style.

Hints lie on the layer pixel by pixel, so they travel at its size and place, cut to it. Of a
reference or a style only the look matters: it is sent small where the host can make it so.
"""

from collections import namedtuple

from plugin import hints
from plugin.errors import Unsupported
from plugin.translation import tr

Other = namedtuple("Other", "header pieces")
"""One of core/protocol.py's others: its header, and an iterable of its bytes."""

FORMAT = u"R'G'B'A u8"
LARGEST = 1024
"""Longer side of a reference or a style in pixels, where a host can reduce it."""

_ROLES = {"reference": u"reference", "style-layer": u"style"}
_STRIP_ROWS = 256


def others_of(host, values, picture, scale=1.0):
    """List of Other for a request.

    Args:
        host: plugin.host.Host.
        values: parameters by name, as the user chose them.
        picture: the request's own, {width, height, format}.
        scale: its size over the layer's; below 1 for a preview.

    Raises:
        Unsupported: what was chosen cannot be used.
    """
    found = []
    dabs = hints.read_dabs(values.get("dabs") or u"")
    layer = values.get("hint")
    if layer is not None or dabs:
        if not host.is_single:
            raise Unsupported(
                tr(u"Frames of an animation take no color hints."),
                tr(u"Choose no hint layer; a reference picture works for all of them."),
            )
        found.append(_hint(host, layer, dabs, picture, scale))
    for name, role in sorted(_ROLES.items()):
        if values.get(name) is not None:
            found.append(_whole(host, values[name], role))
    return found


def _hint(host, layer, dabs, picture, scale):
    radius = hints.dab_radius(picture["width"], picture["height"])
    boxes = [hints.dab_box(dab, radius, scale) for dab in dabs]
    place = None
    if layer is not None:
        if host.is_source(layer):
            raise Unsupported(
                tr(u"The hint layer is the layer that is to be colored."),
                tr(u"Choose another hint layer, or none."),
            )
        place = _scaled(host.place(layer), scale)
        boxes.append(place)
    boxes = [_clipped(box, picture) for box in boxes]
    boxes = [box for box in boxes if box[0] < box[2] and box[1] < box[3]]
    if not boxes:
        raise Unsupported(
            tr(u"The color hints do not lie on this layer."),
            tr(u"Move the hint layer over it, or choose no hint layer."),
        )
    left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
    right, bottom = max(box[2] for box in boxes), max(box[3] for box in boxes)
    header = _header(u"hint", right - left, bottom - top, left, top)

    def pieces():
        for start in range(top, bottom, _STRIP_ROWS):
            count = min(_STRIP_ROWS, bottom - start)
            rows = bytearray(4 * (right - left) * count)
            if place is not None:
                _copy(host, layer, place, scale, rows, left, start, right - left)
            hints.paint(rows, left, start, right - left, dabs, radius, scale)
            yield bytes(rows)

    return Other(header, pieces())


def _copy(host, layer, place, scale, rows, left, top, width):
    """Copy what a layer has there into rows of R'G'B'A u8 whose first pixel is at (left, top)."""
    bottom = top + len(rows) // (4 * width)
    x0, y0 = max(left, place[0]), max(top, place[1])
    x1, y1 = min(left + width, place[2]), min(bottom, place[3])
    if x0 >= x1 or y0 >= y1:
        return
    rectangle = (x0 - place[0], y0 - place[1], x1 - x0, y1 - y0)
    data = host.read_other(layer, rectangle, scale)
    stride = 4 * (x1 - x0)
    for number in range(y1 - y0):
        at = 4 * ((y0 - top + number) * width + x0 - left)
        rows[at : at + stride] = data[number * stride : (number + 1) * stride]


def _whole(host, layer, role):
    x0, y0, x1, y1 = host.place(layer)
    scale = min(1.0, float(LARGEST) / max(x1 - x0, y1 - y0)) if host.can_reduce else 1.0
    width = max(1, int((x1 - x0) * scale))
    height = max(1, int((y1 - y0) * scale))

    def pieces():
        for top in range(0, height, _STRIP_ROWS):
            rectangle = (0, top, width, min(_STRIP_ROWS, height - top))
            yield host.read_other(layer, rectangle, scale)

    return Other(_header(role, width, height, 0, 0), pieces())


def _header(role, width, height, x, y):
    place = {"role": role, "x": x, "y": y}
    return dict(place, width=width, height=height, format=FORMAT)


def _scaled(box, scale):
    left, top = int(round(box[0] * scale)), int(round(box[1] * scale))
    width = max(1, int((box[2] - box[0]) * scale))
    height = max(1, int((box[3] - box[1]) * scale))
    return left, top, left + width, top + height


def _clipped(box, picture):
    return (
        max(0, box[0]),
        max(0, box[1]),
        min(picture["width"], box[2]),
        min(picture["height"], box[3]),
    )
