"""Reading, seeing, steadying, laying and encoding at the same time.

    reader thread -> pool: see, motion -> steady thread -> pool: lay -> caller: encode

A film that is coloured and painted is seen and steadied twice, once by each look.

Frames keep their order; a few are between any two steps, so memory does not grow with the film.
NumPy, OpenCV, ONNX Runtime and libav let go of Python's lock while they compute.
"""

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import av
import numpy as np

from core.errors import FileUnreadable
from core.film.dis_flow import Motion, find_motion
from core.film.looks import ColorLook, Look, Looks, View, to_coding
from core.film.plan import Plan, numbered
from core.film.planes import Coding
from core.film.reader import FilmReader
from core.motion.temporal_mean import Steadier
from core.style.painter_input import Coloring

Array = np.ndarray
In = TypeVar("In")
Out = TypeVar("Out")

AHEAD = 3
"""Frames that may wait between two steps."""

SEEK_SLACK_S = 2.0


@dataclass
class Shot:
    """A frame on its way.

    Attributes:
        number: of the frame in the film.
        pts: its timestamp, in units of the film's time base.
        frame: decoded; later the finished one.
        lightness: see Look.lightness.
        before: lightness of the frame before; None where a scene or the reading begins.
        segment: that it is for; None where all segments that read the frame share it.
        coloring: what an earlier look said of it.
    """

    number: int
    pts: int
    frame: av.VideoFrame
    lightness: Array
    before: Array | None
    segment: int | None = None
    coloring: Coloring | None = None


@dataclass
class Made:
    """A finished frame, and the segment that it belongs to."""

    segment: int
    number: int
    pts: int
    frame: av.VideoFrame


def make_frames(
    reader: FilmReader,
    plan: Plan,
    segments: range,
    looks: Looks,
    coding: Coding,
    threads: int,
) -> Iterator[Made]:
    """The finished frames of some consecutive segments, in order.

    Raises:
        LimnerError: whatever the looks raise.
    """
    first, last = looks[0], looks[-1]
    shots = ahead(_shots(reader, plan, segments, first, coding))
    with ThreadPoolExecutor(threads, "limner-film") as pool:
        seen = _seen(shots, plan, first, pool, threads)
        steadied = ahead(_steadied(seen, plan, segments, first))
        if isinstance(first, ColorLook) and last is not first:
            colored = ahead(_colored(steadied, first, last))
            seen = _seen(colored, plan, last, pool, threads)
            steadied = ahead(_steadied(seen, plan, segments, last))
        own = _own(steadied, plan)
        yield from in_order(own, pool, lambda item: _lay(*item, last), threads + AHEAD)


def _seen(
    shots: Iterator[Shot], plan: Plan, look: Look, pool: ThreadPoolExecutor, threads: int
) -> Iterator[tuple[Shot, Array, Motion | None]]:
    """Each shot with what it alone says, and its motion."""
    size = plan.batch if look.generator.takes_many else 1
    depth = threads + (AHEAD if size == 1 else 1)
    batches = _batches(shots, size, plan)
    together = in_order(batches, pool, lambda batch: _see(batch, look), depth)
    return (each for batch in together for each in batch)


def _shots(
    reader: FilmReader, plan: Plan, segments: range, look: Look, coding: Coding
) -> Iterator[Shot]:
    """Decoded frames from the first segment's lead-in on."""
    first = max(segments.start * plan.segment - plan.lead, 0)
    stop = plan.range_of(segments.stop - 1).stop
    before = None
    for number, pts, decoded in _from(reader, plan, segments.start, first):
        if number >= stop:
            return
        frame = to_coding(decoded, coding)
        lightness = look.lightness(frame)
        begins = number == first or number in plan.cuts
        yield Shot(number, pts, frame, lightness, None if begins else before)
        before = lightness


def _from(
    reader: FilmReader, plan: Plan, segment: int, first: int
) -> Iterator[tuple[int, int, av.VideoFrame]]:
    """(number, timestamp, frame) from frame `first` on: by seeking, or by reading on to it."""
    if first and plan.starts:
        wanted = plan.starts[segment]
        try:
            reader.seek(wanted - round(SEEK_SLACK_S / reader.info.time_base))
            number = None
            for pts, frame in numbered(reader, False):
                if number is None and pts > wanted:
                    break  # the container's index is wrong
                if pts == wanted:
                    number = first
                if number is not None:
                    yield number, pts, frame
                    number += 1
            if number is not None:
                return
        except av.FFmpegError:
            pass
        reader.rewind()
    for number, (pts, frame) in enumerate(numbered(reader, plan.regular)):
        if number >= first:
            yield number, pts, frame


def _batches(shots: Iterator[Shot], size: int, plan: Plan) -> Iterator[list[Shot]]:
    """Shots of one segment whose numbers share a block of `size`: the same ones wherever reading
    begins, for segments and what is read before them are whole blocks.
    """
    batches: dict[int | None, list[Shot]] = {}
    try:
        for shot in shots:
            batches.setdefault(shot.segment, []).append(shot)
            if shot.number % size == size - 1 or shot.number == plan.frames - 1:
                yield batches.pop(shot.segment)
        yield from batches.values()
    finally:
        shots.close()  # pyright: ignore[reportAttributeAccessIssue]  a generator


def _see(batch: list[Shot], look: Look) -> list[tuple[Shot, Array, Motion | None]]:
    views = [View(shot.frame, shot.lightness, shot.number, shot.coloring) for shot in batch]
    said = look.see(views)
    return [(shot, each, _motion(shot, look)) for shot, each in zip(batch, said, strict=True)]


def _motion(shot: Shot, look: Look) -> Motion | None:
    if shot.before is None or look.memory <= 1:
        return None
    motion = find_motion(shot.lightness, shot.before)
    size = look.scale(shot.lightness)
    return motion.enlarged(size) if size else motion


def _steadied(
    seen: Iterator[tuple[Shot, Array, Motion | None]], plan: Plan, segments: range, look: Look
) -> Iterator[tuple[Shot, Array]]:
    """Every shot, once for each segment that reads it, with what is said of it there.

    The segment that comes next starts its own memory in the last frames of the one before, from
    just where it would start if it were made alone.
    """
    steadiers: dict[int, Steadier] = {}
    for shot, said, motion in seen:
        own = shot.number // plan.segment
        readers = range(own, segments.stop) if shot.segment is None else [shot.segment]
        for segment in readers:
            start = max(segment * plan.segment - plan.lead, 0)
            if shot.number < start:
                break
            if segment < segments.start:
                continue
            steadier = steadiers.setdefault(segment, Steadier(look.memory))
            result = steadier.next(said, motion if shot.number > start else None)
            yield replace(shot, segment=segment), result
        for old in [s for s in steadiers if s < own]:
            del steadiers[old]


def _colored(
    steadied: Iterator[tuple[Shot, Array]], color: ColorLook, painting: Look
) -> Iterator[Shot]:
    """Shots for the look that paints, with their colours."""
    number = -1
    lightness: Array = np.zeros(0)
    before = lightness
    for shot, said in steadied:
        if shot.number != number:
            number, before = shot.number, lightness
            lightness = painting.lightness(shot.frame)
        begins = shot.before is None
        coloring = color.coloring(shot.frame, shot.lightness, said)
        yield replace(shot, lightness=lightness, before=None if begins else before,
                      coloring=coloring)  # fmt: skip


def _own(steadied: Iterator[tuple[Shot, Array]], plan: Plan) -> Iterator[tuple[Shot, Array]]:
    """The frames of each segment, without those that were read before it."""
    for shot, said in steadied:
        if shot.number // plan.segment == shot.segment:
            yield shot, said


def _lay(shot: Shot, said: Array, look: Look) -> Made:
    assert shot.segment is not None
    frame = look.lay(shot.frame, shot.lightness, said)
    return Made(shot.segment, shot.number, shot.pts, frame)


def ahead(items: Iterator[Out], depth: int = AHEAD) -> Iterator[Out]:
    """The same items, made on a thread of their own, at most `depth` before they are asked for."""
    waiting: queue.Queue[tuple[str, Any]] = queue.Queue(depth)
    stop = threading.Event()

    def put(kind: str, value: Any) -> bool:
        while not stop.is_set():
            try:
                waiting.put((kind, value), timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        try:
            for item in items:
                if not put("item", item):
                    return
            put("end", None)
        except BaseException as error:  # noqa: BLE001 - raised again on the caller's thread
            put("error", error)
        finally:
            close = getattr(items, "close", None)
            if close:
                close()

    thread = threading.Thread(target=work, name="limner-film-ahead", daemon=True)
    thread.start()
    try:
        while True:
            kind, value = waiting.get()
            if kind == "error":
                raise value
            if kind == "end":
                return
            yield value
    finally:
        stop.set()
        thread.join()


def in_order(
    items: Iterator[In], pool: ThreadPoolExecutor, work: Callable[[In], Out], depth: int
) -> Iterator[Out]:
    """work(item) for each item, in order, up to `depth` of them at a time on the pool."""
    under_way: deque[Future[Out]] = deque()
    try:
        for item in items:
            under_way.append(pool.submit(work, item))
            if len(under_way) >= depth:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
    finally:
        for future in under_way:
            future.cancel()
        close = getattr(items, "close", None)
        if close:
            close()


def frame_at(reader: FilmReader, plan: Plan, number: int) -> av.VideoFrame:
    """One decoded frame. Raises FileUnreadable."""
    segment = number // plan.segment
    first = max(segment * plan.segment - plan.lead, 0)
    for found, _, frame in _from(reader, plan, segment, first):
        if found == number:
            return frame
    raise FileUnreadable(f"Frame {number} of {reader.path} cannot be read again.")
