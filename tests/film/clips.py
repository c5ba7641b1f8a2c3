"""Small real films, made by PyAV: moving bars, sound, subtitles, uneven timestamps, damage."""

import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

ROOT = Path(__file__).parents[2]


def bars(number, width=64, height=48, scene=0):
    """A grey frame uint8: a gradient that moves two pixels a frame, another pattern a scene."""
    x = np.arange(width)[None, :] + 2 * number
    y = np.arange(height)[:, None]
    wave = np.sin(x / (5 + 3 * scene)) * np.cos(y / (9 - 4 * scene))
    return np.rint(128 + (70 if scene == 0 else -90) * wave + 20 * scene).astype(np.uint8)


def write_film(
    path,
    frames,
    rate=24,
    codec="libx264",
    pix_fmt="yuv420p",
    sound=True,
    subtitles="",
    times=None,
    time_base=None,
    tags=(1, 1, 1, 1),
    metadata=None,
    options=None,
    rotation=0,
    matrix=None,
    sound_s=None,
):
    """Write a film of grey frames (uint8 arrays, full range); returns the path.

    Args:
        times: timestamps in units of time_base; default: 0, 1, 2 … of 1 / rate.
        subtitles: codec of one line of text; "" for none.
    """
    time_base = time_base or Fraction(1, rate)
    height, width = frames[0].shape
    with av.open(str(path), "w") as film:
        film.metadata.update(metadata or {})
        video = film.add_stream(codec, rate=rate, width=width, height=height)
        context = video.codec_context
        context.pix_fmt, context.time_base = pix_fmt, time_base
        context.colorspace, context.color_primaries, context.color_trc = tags[:3]
        context.color_range = tags[3]
        context.options = options or ({"crf": "8", "g": "12"} if "26" in codec else {})
        if codec == "libx265":
            context.options = {"x265-params": "log-level=error"}
        if rotation:
            video.set_display_rotation(rotation)
        if matrix:
            video.set_display_matrix(matrix)
        audio = film.add_stream("aac", rate=48000, layout="mono") if sound else None
        text = film.add_mux_stream(subtitles) if subtitles else None
        for number, grey in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(grey, "gray")
            full = tags[3] == 2
            frame = frame.reformat(
                format=pix_fmt, src_color_range=2, dst_color_range=2 if full else 1
            )
            frame.pts = times[number] if times else number
            frame.time_base = time_base
            film.mux(video.encode(frame))
        film.mux(video.encode(None))
        if audio is not None:
            for packet in _tone(audio, sound_s or len(frames) / rate):
                film.mux(packet)
        if text is not None:
            film.mux(_line(text, "Hello there"))
    return path


def _tone(stream, seconds):
    count = int(seconds * 48000)
    wave = (0.3 * np.sin(np.arange(count) * 0.06)).astype(np.float32)
    for start in range(0, count, 1024):
        frame = av.AudioFrame.from_ndarray(wave[None, start : start + 1024], "fltp", "mono")
        frame.rate, frame.pts, frame.time_base = 48000, start, Fraction(1, 48000)
        yield from stream.encode(frame)
    yield from stream.encode(None)


def _line(stream, words):
    packet = av.Packet(words.encode())
    packet.pts = packet.dts = 100
    packet.duration, packet.time_base, packet.stream = 400, Fraction(1, 1000), stream
    return packet


def pictures(path):
    """Every frame of a film: list of (seconds since the first, frame).

    Matroska has no negative times: a film whose sound begins before its pictures is shifted.
    """
    with av.open(str(path)) as film:
        stream = film.streams.video[0]
        frames = list(film.decode(stream))
        return [(float((f.pts - frames[0].pts) * stream.time_base), f) for f in frames]


def planes(frame):
    """The frame's planes as arrays, uint8 or uint16."""
    from core.film.planes import plane

    return [plane(frame, number).copy() for number in range(len(frame.planes))]


def packets(path, kind):
    """Bytes of every packet of the first stream of a kind."""
    with av.open(str(path)) as film:
        stream = next(s for s in film.streams if s.type == kind)
        return [bytes(packet) for packet in film.demux(stream) if packet.size]


def limner(*arguments, models, **more):
    """Run the real command; returns the finished process."""
    command = [sys.executable, "-m", "core", *map(str, arguments), "--models", str(models)]
    command += ["--device", "cpu"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, **more)
