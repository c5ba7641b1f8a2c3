# -*- coding: utf-8 -*-
"""All layers of an image as the frames of an animation: one Host over the Hosts of the layers.

run.py sees one tall picture, the frames one below the other, and the worker keeps the colors
steady from one to the next (core/animation.py). Each result takes the place of its frame's pixels,
so that the animation stays one, with its layers' names, which hold its delays.
"""

import struct

from core import protocol
from plugin.errors import PluginError, Unsupported
from plugin.host import Draft, Host
from plugin.translation import tr

FRAMES_HINT = tr(u"All layers are frames: unlock them, and merge the groups among them.")

_OPAQUE = {"u8": b"\xff", "u16": b"\xff\xff", "float": struct.pack("=f", 1.0)}


class FramesHost(Host):
    """Several layers of one image.

    Args:
        hosts: list of Host, one a frame, the first frame first.
    """

    def __init__(self, hosts):
        self._hosts = hosts
        self._pictures = []
        self._alpha = False
        self.can_reduce = hosts[0].can_reduce

    is_single = False

    def source(self):
        return self._hosts[0].source()

    def alive(self):
        return all(host.alive() for host in self._hosts)

    def refuse_output(self, output):
        for host in self._hosts:
            host.refuse_output("frames")

    def request_fields(self):
        return {"frames": len(self._hosts)}

    def place(self, layer):
        return self._hosts[0].place(layer)

    def read_other(self, layer, rectangle, scale):
        return self._hosts[0].read_other(layer, rectangle, scale)

    def palette_colors(self, name):
        return self._hosts[0].palette_colors(name)

    def picture(self):
        self._pictures = [host.picture() for host in self._hosts]
        sizes = {(picture["width"], picture["height"]) for picture in self._pictures}
        if len(sizes) != 1:
            raise Unsupported(
                tr(u"The layers differ in size, so they are no whole frames."),
                tr(u"Choose Filters > Animation > Unoptimize, and take the image that it makes."),
            )
        self._alpha = any(_has_alpha(picture) for picture in self._pictures)
        width, height = sizes.pop()
        return {
            "width": width,
            "height": height * len(self._hosts),
            "format": _with_channels(self._pictures[0]["format"], self._alpha),
        }

    def read(self, top, rows):
        pieces = []
        for number, start, count in self._parts(top, rows):
            data = self._hosts[number].read(start, count)
            if self._alpha and not _has_alpha(self._pictures[number]):
                data = add_alpha(data, self._pictures[number]["format"])
            pieces.append(data)
        return b"".join(pieces)

    def _parts(self, top, rows):
        """(frame, its first row, how many) for rows of the tall picture."""
        height = self._pictures[0]["height"]
        while rows:
            number, start = divmod(top, height)
            count = min(rows, height - start)
            yield number, start, count
            top, rows = top + count, rows - count

    def new_draft(self, name, picture):
        draft = FramesDraft(self._pictures, picture, self._parts)
        try:
            for number, host in enumerate(self._hosts):
                source = self._pictures[number]
                own = dict(source, format=_with_channels(picture["format"], _has_alpha(source)))
                draft.drafts.append(host.new_draft(name, own))
        except PluginError:
            draft.discard()
            raise
        return draft

    def insert(self, draft, output):
        for host in self._hosts:
            host.finish_reading()
        for number, host in enumerate(self._hosts):
            host.insert(draft.drafts[number], "replace")

    def undo_group(self, name):
        return self._hosts[0].undo_group(name)

    def progress(self, fraction, text):
        self._hosts[0].progress(fraction, text)

    def tell(self, sentence):
        self._hosts[0].tell(sentence)


class FramesDraft(Draft):
    """The frames' drafts, written as one tall picture; they carry no note."""

    def __init__(self, sources, picture, parts):
        self.drafts = []
        self._sources = sources
        self._picture = picture
        self._parts = parts

    def write(self, top, rows, data):
        pixel_format = self._picture["format"]
        stride = protocol.picture_size(dict(self._picture, height=1))
        at = 0
        for number, start, count in self._parts(top, rows):
            piece = data[at : at + count * stride]
            at += count * stride
            if _has_alpha(self._picture) and not _has_alpha(self._sources[number]):
                piece = drop_alpha(piece, pixel_format)
            self.drafts[number].write(start, count, piece)

    def discard(self):
        for draft in self.drafts:
            draft.discard()


def add_alpha(data, pixel_format):
    """Pixels of a format without alpha as those of the same with it, opaque."""
    channels, size = protocol.split_format(pixel_format)
    opaque = _OPAQUE[pixel_format.partition(" ")[2]]
    step = channels * size
    result = bytearray(len(data) // step * (step + size))
    for byte in range(step):
        result[byte :: step + size] = data[byte::step]
    for byte in range(size):
        result[step + byte :: step + size] = opaque[byte : byte + 1] * (len(data) // step)
    return bytes(result)


def drop_alpha(data, pixel_format):
    """Pixels of a format with alpha as those of the same without it."""
    channels, size = protocol.split_format(pixel_format)
    step = (channels - 1) * size
    result = bytearray(len(data) // (step + size) * step)
    for byte in range(step):
        result[byte::step] = data[byte :: step + size]
    return bytes(result)


def _has_alpha(picture):
    return u"A" in picture["format"].partition(" ")[0]


def _with_channels(pixel_format, alpha):
    """The format with or without alpha."""
    model, _, channel_type = pixel_format.partition(" ")
    return "%s%s %s" % (model.replace("A", ""), "A" if alpha else "", channel_type)
