"""Frames: what goes in comes out, and nothing else is taken for a frame."""

import io
import struct
import subprocess
from pathlib import Path

import pytest

from core import protocol
from tests.python27 import PYTHON27, needs_python27

ROOT = Path(__file__).parents[2]

HELLO = {"kind": "hello", "protocol": 1, "core": "0.1.0", "models": []}
REQUEST = {
    "kind": "request",
    "id": 7,
    "filter": "colorize",
    "model": "",
    "device": "auto",
    "params": {"strength": 1.0},
    "picture": {"width": 3, "height": 2, "format": "R'G'B'A u8"},
}


def frame(header, payload=()):
    stream = io.BytesIO()
    protocol.write_frame(stream, header, payload)
    return stream.getvalue()


def test_a_message_without_picture_comes_back():
    assert protocol.read_header(io.BytesIO(frame(HELLO))) == HELLO


def test_a_picture_in_pieces_comes_back_whole():
    pixels = bytes(range(24))
    stream = io.BytesIO(frame(REQUEST, [pixels[:5], memoryview(pixels)[5:24]]))
    assert protocol.read_header(stream) == REQUEST
    assert protocol.read_exactly(stream, protocol.payload_size(REQUEST)) == pixels
    assert protocol.read_header(stream) is None


def test_text_of_any_language_survives():
    message = {"kind": "progress", "id": 1, "fraction": 0.5, "text": "Färben… 着色"}
    assert protocol.read_header(io.BytesIO(frame(message))) == message


def test_read_into_fills_a_buffer_across_short_reads():
    class Trickle(io.RawIOBase):
        def __init__(self, data):
            self.data = data

        def readable(self):
            return True

        def readinto(self, view):
            count = min(3, len(view), len(self.data))
            view[:count], self.data = self.data[:count], self.data[count:]
            return count

    buffer = bytearray(10)
    protocol.read_into(Trickle(b"0123456789"), memoryview(buffer))
    assert buffer == b"0123456789"
    with pytest.raises(protocol.PipeClosed):
        protocol.read_into(Trickle(b"0123"), memoryview(bytearray(10)))


@pytest.mark.parametrize("size", [1, 15, 17, 40])
def test_a_stream_that_ends_inside_a_frame_is_told_from_one_that_ends_after_it(size):
    with pytest.raises(protocol.PipeClosed):
        stream = io.BytesIO(frame(REQUEST, [bytes(24)])[:size])
        protocol.read_header(stream)


@pytest.mark.parametrize(
    "junk",
    [
        b"Loading model... please wait",
        struct.pack("<4sIQ", b"LMNR", protocol.MAX_HEADER + 1, 0),
        struct.pack("<4sIQ", b"LMNR", 2, protocol.MAX_PAYLOAD + 1),
        struct.pack("<4sIQ", b"LMNR", 2, 0) + b"{]",
        struct.pack("<4sIQ", b"LMNR", 2, 0) + b"[]",
        struct.pack("<4sIQ", b"LMNR", 2, 0) + b"{}",
        struct.pack("<4sIQ", b"LMNR", 2, 0) + b"\xff\xfe",
        struct.pack("<4sIQ", b"LMNR", 200000, 0) + b"[" * 200000,
    ],
)
def test_junk_is_refused(junk):
    with pytest.raises(protocol.ProtocolError):
        protocol.read_header(io.BytesIO(junk))


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "reply"},
        {"kind": []},
        {"id": "7"},
        {"id": True},
        {"params": []},
        {"picture": {"width": 0, "height": 2, "format": "Y' u8"}},
        {"picture": {"width": 1.5, "height": 2, "format": "Y' u8"}},
        {"picture": {"width": 3, "height": 2, "format": "CMYK u8"}},
        {"picture": {"width": 3, "height": 2, "format": "RGBA u8"}},
        {"picture": {"width": 3, "height": 2}},
        {"picture": {"width": 1 << 23, "height": 1 << 23, "format": "Y' u8"}},
        {"picture": None},
    ],
)
def test_a_message_without_its_fields_is_refused_on_the_way_out(change):
    with pytest.raises(protocol.ProtocolError):
        frame({**REQUEST, **change}, [bytes(24)])


@pytest.mark.parametrize("pieces", [[], [bytes(23)], [bytes(25)], [bytes(24), b"x"]])
def test_a_payload_of_another_size_is_refused(pieces):
    with pytest.raises(protocol.ProtocolError):
        frame(REQUEST, pieces)


def test_a_payload_size_that_does_not_fit_the_picture_is_refused():
    data = bytearray(frame(REQUEST, [bytes(24)]))
    data[8:16] = struct.pack("<Q", 25)
    with pytest.raises(protocol.ProtocolError, match="size"):
        protocol.read_header(io.BytesIO(data))


@pytest.mark.parametrize(
    ("name", "size"), [("Y' u8", 1), ("Y'A u16", 4), ("R'G'B' float", 12), ("R'G'B'A u16", 8)]
)
def test_bytes_per_pixel(name, size):
    assert protocol.bytes_per_pixel(name) == size


@needs_python27
def test_both_pythons_understand_each_other():
    """A frame goes through the real Python 2.7 and back: GIMP 2.10's side of the pipe."""
    script = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from core import protocol\n"
        "header = protocol.read_header(sys.stdin)\n"
        "pixels = protocol.read_exactly(sys.stdin, protocol.payload_size(header))\n"
        "protocol.write_frame(sys.stdout, header, [buffer(pixels, 0, 7), bytearray(pixels[7:])])\n"
    )
    pixels = bytes(range(24))
    header = {**REQUEST, "model": "ukiyo-e é"}
    answer = subprocess.run(
        [PYTHON27, "-B", "-c", script], input=frame(header, [pixels]), stdout=-1, check=True
    ).stdout
    stream = io.BytesIO(answer)
    assert protocol.read_header(stream) == header
    assert stream.read() == pixels


OTHER = {"role": "hint", "x": -3, "y": 2, "width": 2, "height": 1, "format": "R'G'B'A u8"}


def test_others_follow_the_picture():
    request = dict(REQUEST, others=[OTHER, dict(OTHER, role="reference", x=0)])
    first = protocol.picture_size(REQUEST["picture"])
    stream = io.BytesIO(frame(request, [b"p" * first, b"h" * 8, b"r" * 8]))
    assert protocol.read_header(stream) == request
    pixels = protocol.read_exactly(stream, protocol.payload_size(request))
    assert pixels == b"p" * first + b"h" * 8 + b"r" * 8


@pytest.mark.parametrize(
    "others",
    [
        7,
        [7],
        [OTHER] * 65,
        [dict(OTHER, x=1.5)],
        [dict(OTHER, y=True)],
        [dict(OTHER, x=1 << 24)],
        [dict(OTHER, role=3)],
        [dict(OTHER, width=0)],
        [dict(OTHER, width=(1 << 24) - 1, height=(1 << 24) - 1)],
        [{k: v for k, v in OTHER.items() if k != "x"}],
    ],
)
def test_others_that_are_none_are_refused(others):
    with pytest.raises(protocol.ProtocolError):
        frame(dict(REQUEST, others=others))


def test_a_results_others_have_titles():
    result = {"kind": "result", "id": 1, "report": {}, "picture": REQUEST["picture"]}
    with pytest.raises(protocol.ProtocolError, match="title"):
        frame(dict(result, others=[OTHER]))
