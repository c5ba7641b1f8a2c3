"""How the plug-in and the worker talk: frames on a pipe, five kinds of message.

The only file that GIMP's Python and the worker's Python share: standard library only, valid in
Python 2.7 and 3, imports nothing of ours.

A frame is

    4 bytes   b"LMNR"
    u32       size of the header in bytes, little endian, at most MAX_HEADER
    u64       size of the payload in bytes, little endian, at most MAX_PAYLOAD
    header    one JSON object, UTF-8; its "kind" names the message
    payload   raw pixels, or nothing

The messages. The worker speaks first:

    hello     worker -> plug-in   protocol, core (version),
                                  models: [{id, task, title, takes: input roles of the manifest}],
                                  styles: [{id, title, painter, year, license, path, shipped}]
    request   plug-in -> worker   id, filter, model, device, params; picture, others + payload
    progress  worker -> plug-in   id, fraction 0..1, text
    result    worker -> plug-in   id, report; picture, others + payload   ends the request
    failure   worker -> plug-in   id, code, sentence, hint            ends the request

A request may say "preview": true, "at": [x, y], "part": {size, layer} and "frames": number, see
core/worker/service.py.

Beside its picture a request or a result may have "others", a list of at most MAX_OTHERS pictures,
each with a "role" and the place x, y of its top left pixel, in pixels from the picture's own top
left (anywhere, also outside it); a result's others have a "title" too, for the user. The payload
is the picture's pixels, then those of the others in their order.

    role of a request's others    hint, reference, style (several: a mix), part
    role of a result's others     variant, colors, flats, areas, lines; see core/request/work.py

A picture is {width, height, format}; its payload has exactly width * height * bytes-per-pixel
bytes: rows from the top, pixels from the left, channels interleaved, native byte order (both
ends are one machine), no padding. Formats carry babl's names: the primes say that the values are
sRGB-encoded, alpha is straight. Integers span their whole range, floats 0..1.

Payloads are written from and read into pieces, so that neither side needs a second copy of a
large picture.
"""

import json
import struct

PROTOCOL = 2
"""Raised when either side could misread the other. Both refuse another number in words."""

MAX_HEADER = 1 << 20
MAX_PAYLOAD = 1 << 36
MAX_OTHERS = 64
MAX_PLACE = 1 << 24
PIECE = 1 << 20
"""Bytes asked of a pipe at a time."""

_MAGIC = b"LMNR"
_PREFIX = struct.Struct("<4sIQ")

_MODELS = {"Y'": 1, "Y'A": 2, "R'G'B'": 3, "R'G'B'A": 4}
_TYPES = {"u8": 1, "u16": 2, "float": 4}

_FIELDS = {
    "hello": {"protocol": "int", "core": "text", "models": "list"},
    "request": {
        "id": "int",
        "filter": "text",
        "model": "text",
        "device": "text",
        "params": "dict",
        "picture": "picture",
    },
    "progress": {"id": "int", "fraction": "number", "text": "text"},
    "result": {"id": "int", "report": "dict", "picture": "picture"},
    "failure": {"id": "int", "code": "text", "sentence": "text", "hint": "text"},
}

_TEXT = (type(b"".decode("ascii")), str)
_INT = tuple({int, type(1 << 62)})
_JSON_TYPES = {
    "int": _INT,
    "number": _INT + (float,),
    "text": _TEXT,
    "list": (list,),
    "dict": (dict,),
    "picture": (dict,),
}


class ProtocolError(ValueError):
    """The other side sent something that is no frame of ours."""


class PipeClosed(ProtocolError):
    """The other side went away in the middle of a frame."""


def bytes_per_pixel(pixel_format):
    """Size of one pixel.

    Args:
        pixel_format: a babl name such as "R'G'B'A u8": one of Y', Y'A, R'G'B', R'G'B'A,
            then one of u8, u16, float.

    Raises:
        ProtocolError: for any other name.
    """
    channels, size = split_format(pixel_format)
    return channels * size


def split_format(pixel_format):
    """(number of channels, bytes per channel) of a format name; see bytes_per_pixel."""
    model, _, channel_type = pixel_format.partition(" ")
    if model not in _MODELS or channel_type not in _TYPES:
        raise ProtocolError("unknown pixel format %r" % (pixel_format,))
    return _MODELS[model], _TYPES[channel_type]


def picture_size(picture):
    """Bytes of a picture's pixels; picture is {width, height, format}."""
    return picture["width"] * picture["height"] * bytes_per_pixel(picture["format"])


def write_frame(stream, header, payload=()):
    """Write one frame and flush.

    Args:
        stream: binary, writable.
        header: dict with a "kind" of this module's docstring and that kind's fields.
        payload: iterable of pieces (bytes, bytearray or memoryview of bytes, "B"); together
            exactly the header's picture and others.

    Raises:
        ProtocolError: the header is not a message, or the pieces have another size.
    """
    _check(header)
    size = payload_size(header)
    text = json.dumps(header, sort_keys=True).encode("utf-8")
    if len(text) > MAX_HEADER:
        raise ProtocolError("a header of %d bytes is too long" % len(text))
    stream.write(_PREFIX.pack(_MAGIC, len(text), size) + text)
    sent = 0
    for piece in payload:
        sent += len(piece)
        if sent > size:
            break
        stream.write(piece)
    if sent != size:
        raise ProtocolError("a payload of %d bytes was announced, %d came" % (size, sent))
    stream.flush()


def read_header(stream):
    """Read a frame up to its payload.

    Returns:
        The header, checked; its payload of payload_size(header) bytes is still in the stream.
        None where the stream ended between two frames.

    Raises:
        PipeClosed: the stream ended inside the frame.
        ProtocolError: no frame, or a message without its fields.
    """
    prefix = _read_some(stream, _PREFIX.size)
    if not prefix:
        return None
    if len(prefix) < _PREFIX.size:
        raise PipeClosed("the stream ended inside a frame")
    magic, header_size, size = _PREFIX.unpack(prefix)
    if magic != _MAGIC or header_size > MAX_HEADER or size > MAX_PAYLOAD:
        raise ProtocolError("this is not a frame: %r" % (prefix,))
    header = _parse(read_exactly(stream, header_size))
    if size != payload_size(header):
        raise ProtocolError("the payload's size does not fit its picture")
    return header


def payload_size(header):
    """Bytes that follow a header of read_header."""
    return sum(picture_size(picture) for picture in pictures_of(header))


def pictures_of(header):
    """A header's picture and others, in the payload's order; empty for a header without."""
    if "picture" not in header:
        return []
    return [header["picture"]] + header.get("others", [])


def read_exactly(stream, size):
    """The next size bytes as bytes. Raises PipeClosed where fewer come."""
    data = _read_some(stream, size)
    if len(data) != size:
        raise PipeClosed("the stream ended inside a frame")
    return data


def read_into(stream, view):
    """Fill a writable, contiguous memoryview of bytes from the stream (Python 3 only)."""
    filled = 0
    while filled < len(view):
        count = stream.readinto(view[filled : filled + PIECE])
        if not count:
            raise PipeClosed("the stream ended inside a frame")
        filled += count


def _read_some(stream, size):
    """Up to size bytes; fewer only at the end of the stream."""
    pieces = []
    while size:
        piece = stream.read(min(size, PIECE))
        if not piece:
            break
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def _parse(text):
    try:
        header = json.loads(text.decode("utf-8"))
    except (ValueError, RuntimeError) as error:  # RuntimeError: nested too deep
        raise ProtocolError("a header is not JSON: %s" % error)
    _check(header)
    return header


def _check(header):
    kind = header.get("kind") if isinstance(header, dict) else None
    fields = _FIELDS.get(kind) if isinstance(kind, _TEXT) else None
    if fields is None:
        raise ProtocolError("unknown message %r" % (kind,))
    for name, wanted in fields.items():
        value = header.get(name)
        if not isinstance(value, _JSON_TYPES[wanted]) or isinstance(value, bool):
            raise ProtocolError("a %s message needs %s: %s" % (kind, name, wanted))
        if wanted == "picture":
            _check_picture(value)
            _check_others(header)


def _check_others(header):
    others = header.get("others", [])
    if not isinstance(others, list) or len(others) > MAX_OTHERS:
        raise ProtocolError("others is no list of at most %d pictures" % MAX_OTHERS)
    texts = ("role", "title") if header["kind"] == "result" else ("role",)
    for other in others:
        if not isinstance(other, dict):
            raise ProtocolError("one of the others is no picture")
        for name in texts:
            if not isinstance(other.get(name), _TEXT):
                raise ProtocolError("one of the others has no %s" % name)
        for name in ("x", "y"):
            value = other.get(name)
            if not isinstance(value, _INT) or isinstance(value, bool):
                raise ProtocolError("one of the others has no %s" % name)
            if not -MAX_PLACE < value < MAX_PLACE:
                raise ProtocolError("one of the others is too far away")
        _check_picture(other)
    if payload_size(header) > MAX_PAYLOAD:
        raise ProtocolError("the pictures are too large to send")


def _check_picture(picture):
    for name in ("width", "height"):
        value = picture.get(name)
        if not isinstance(value, _INT) or isinstance(value, bool) or not 0 < value < 1 << 24:
            raise ProtocolError("a picture needs a %s above 0" % name)
    pixel_format = picture.get("format")
    if not isinstance(pixel_format, _TEXT):
        raise ProtocolError("a picture needs a format")
    if picture["width"] * picture["height"] * bytes_per_pixel(pixel_format) > MAX_PAYLOAD:
        raise ProtocolError("the picture is too large to send")
