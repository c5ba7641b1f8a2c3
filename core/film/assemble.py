"""Joining segments into a film, without encoding again, with the source's other streams.

Sound, subtitles, chapters, tags, covers and attached files are taken over as they are. Text
subtitles are put into the form that the container has; what does not go into it is left out and
named.
"""

import heapq
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from core.errors import FileUnreadable
from core.film.attachments import add_attachments, is_cover
from core.film.encoder import set_tags, shift, unwritable
from core.film.planes import Coding
from core.film.reader import FilmInfo

TEXT_SUBTITLES = {"mov_text", "subrip", "srt", "text"}
_MOVIE_SUFFIXES = {".mp4", ".m4v", ".mov"}
_ASS_HEADER = (
    b"[Script Info]\r\nScriptType: v4.00+\r\n\r\n"
    b"[V4+ Styles]\r\nFormat: Name, Fontname, Fontsize\r\n"
    b"Style: Default,Arial,16\r\n\r\n[Events]\r\nFormat: Layer, Start, End, Style, Text\r\n"
)


def assemble(
    segments: list[Path],
    source: Path,
    target: Path,
    suffix: str,
    info: FilmInfo,
    coding: Coding,
    matrix: tuple[int, ...],
    tag: str,
    end_s: float,
) -> list[str]:
    """Write the film.

    Args:
        segments: files of SegmentWriter, in order.
        source: the film that the other streams are taken from.
        target: file to write; suffix: chooses the container.
        matrix: how a player turns or mirrors the pictures, see core.film.plan.Plan.
        tag: kept in the film's metadata as "limner".
        end_s: what of the other streams begins later, in seconds from the video's first frame,
            is left out.

    Returns:
        Sentences about what was left out.

    Raises:
        FileUnwritable, FileUnreadable.
    """
    format_name = {".mkv": "matroska", ".mov": "mov"}.get(suffix, "mp4")
    options = {"movflags": "use_metadata_tags+faststart"} if suffix in _MOVIE_SUFFIXES else {}
    times = _times(segments, info)
    with unwritable(target), av.open(str(source), metadata_errors="replace") as given:
        film: Any = av.open(str(target), "w", format=format_name, options=options)
        with film:
            film.metadata.update(given.metadata)
            film.metadata["limner"] = tag
            with av.open(str(segments[0])) as first:
                video = _video_stream(film, first.streams.video[0], given, info, coding, matrix)
            others, notes = _other_streams(film, given, suffix)
            with av.open(str(source), metadata_errors="replace") as again:
                notes += add_attachments(film, again, suffix)
            if hasattr(given, "chapters") and hasattr(film, "set_chapters"):
                film.set_chapters(given.chapters())
            pictures = _pictures(segments, times, video, info)
            limit = float(min(times) * info.time_base) + end_s
            rest = _copied(given, others, limit)
            for _, _, packet in heapq.merge(pictures, rest, key=lambda entry: entry[:2]):
                film.mux(packet)
    return notes


def _times(segments: list[Path], info: FilmInfo) -> "array[int]":
    """Timestamps of all frames, in the order in which they are shown."""
    times: array[int] = array("q")
    for path in segments:
        times.extend(pts for _, pts in _segment_packets(path, info))
    return array("q", sorted(times))


def _segment_packets(path: Path, info: FilmInfo) -> Iterator[tuple[av.Packet, int]]:
    """(packet, timestamp in the film's time base); segments count in multiples of it."""
    with av.open(str(path)) as container:
        for packet in container.demux(container.streams.video[0]):
            if packet.size:
                if packet.pts is None:
                    raise FileUnreadable(f"{path} is damaged.", "Delete it and run again.")
                units = round(packet.pts * packet.time_base / info.time_base)
                yield packet, units - shift(info)


def _pictures(
    segments: list[Path], times: "array[int]", stream: Any, info: FilmInfo
) -> Iterator[tuple[float, int, av.Packet]]:
    """The segments' packets, with decoding times that grow over the whole film.

    Encoders make those for a segment alone, and two segments' would overlap where timestamps are
    uneven. Here the n-th packet is decoded when the (n - delay)-th frame is shown, the delay
    being the least that has every frame decoded before it is shown.
    """
    delay = _delay(segments, info)
    step = max(1, round(1 / (info.rate * info.time_base)))
    number = 0
    for path in segments:
        for packet, pts in _segment_packets(path, info):
            earlier = number - delay
            dts = times[earlier] if earlier >= 0 else times[0] + earlier * step
            packet.stream = stream
            packet.time_base = info.time_base
            packet.pts, packet.dts = pts, dts
            after = bisect_right(times, pts)
            packet.duration = times[after] - pts if after < len(times) else step
            number += 1
            yield float(dts * info.time_base), 0, packet


def _delay(segments: list[Path], info: FilmInfo) -> int:
    """Frames by which decoding runs ahead of showing."""
    rank = {}
    delay = number = base = 0
    for path in segments:
        shown = [pts for _, pts in _segment_packets(path, info)]
        rank = {pts: base + index for index, pts in enumerate(sorted(shown))}
        for pts in shown:
            delay = max(delay, number - rank[pts])
            number += 1
        base += len(shown)
    return delay


def _video_stream(
    film: Any, segment: Any, given: Any, info: FilmInfo, coding: Coding, matrix: tuple[int, ...]
) -> Any:
    stream = film.add_stream_from_template(segment)
    stream.time_base = info.time_base
    set_tags(stream.codec_context, coding)
    stream.codec_context.framerate = info.rate
    stream.codec_context.sample_aspect_ratio = info.aspect
    source = given.streams.video[0]
    stream.metadata.update({k: v for k, v in source.metadata.items() if k in ("language", "title")})
    if matrix:
        stream.set_display_matrix(matrix)
    return stream


def _other_streams(
    film: Any, given: Any, suffix: str
) -> tuple[dict[int, tuple[Any, str]], list[str]]:
    """Index of a stream of the source -> (its stream in the film, how its packets change)."""
    others: dict[int, tuple[Any, str]] = {}
    notes: list[str] = []
    known = film.supported_codecs
    main = next(s.index for s in given.streams.video if not is_cover(s))
    for stream in given.streams:
        if stream.index == main or is_cover(stream) or stream.type == "attachment":
            continue
        context = stream.codec_context
        name = context.name if context is not None else "unknown"
        change = ""
        try:
            if stream.type == "subtitle" and name in TEXT_SUBTITLES:
                kept, change = _subtitles(film, stream, name, suffix)
            elif stream.type in ("audio", "subtitle") and name in known:
                kept = film.add_stream_from_template(stream)
            else:
                raise ValueError(name)
        except (ValueError, av.FFmpegError):
            notes.append(f"The {stream.type} stream {stream.index} ({name}) does not go into "
                         f"{suffix} and was left out.")  # fmt: skip
            continue
        kept.metadata.update(stream.metadata)
        others[stream.index] = (kept, change)
    return others, notes


def _subtitles(film: Any, stream: Any, name: str, suffix: str) -> tuple[Any, str]:
    """A stream for text subtitles in the form that the container has."""
    into_movie = suffix in _MOVIE_SUFFIXES
    if (name == "mov_text") == into_movie:
        return film.add_stream_from_template(stream), ""
    if not into_movie:
        return film.add_mux_stream("subrip"), "to text"
    kept = film.add_stream("mov_text")
    kept.codec_context.subtitle_header = _ASS_HEADER
    kept.codec_context.time_base = Fraction(1, 1000)
    return kept, "to movie text"


def _copied(
    given: Any, others: dict[int, tuple[Any, str]], limit: float
) -> Iterator[tuple[float, int, av.Packet]]:
    """Packets of the source's other streams."""
    if not others:
        return
    wanted = [stream for stream in given.streams if stream.index in others]
    packets = given.demux(wanted)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.FFmpegError):  # a damaged end was told of by the plan
            return
        if packet.dts is None or not packet.size:
            continue
        seconds = float(packet.dts * packet.time_base)
        if seconds > limit:
            continue
        stream, change = others[packet.stream.index]
        if change:
            packet = _changed_text(packet, change)
            if packet is None:
                continue
        packet.stream = stream
        yield seconds, 1, packet


def _changed_text(packet: av.Packet, change: str) -> av.Packet | None:
    """MP4's text is its length in two bytes, the text, and boxes of style; Matroska's only text."""
    data = bytes(packet)
    if change == "to text":
        length = int.from_bytes(data[:2], "big")
        data = data[2 : 2 + length]
        if not data:
            return None
    else:
        data = len(data).to_bytes(2, "big") + data
    changed = av.Packet(data)
    changed.pts, changed.dts = packet.pts, packet.dts
    changed.duration, changed.time_base = packet.duration, packet.time_base
    return changed
