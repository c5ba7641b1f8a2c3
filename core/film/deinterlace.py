"""Interlaced frames made whole, by libav's filter bwdif: one frame for each, at its own time."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av


class Deinterlacer:
    """Frames in, frames out, one later; what is not marked as interlaced goes through untouched.

    Args:
        time_base: of the timestamps that come out.
    """

    def __init__(self, time_base: Fraction) -> None:
        self._time_base = time_base
        self._graph: Any = None
        self._shape: tuple[Any, ...] = ()

    def push(self, frame: av.VideoFrame) -> Iterator[av.VideoFrame]:
        """What is finished once this frame is known."""
        shape = (frame.width, frame.height, frame.format.name)
        if shape != self._shape:  # at the beginning, or in a film that changes its size
            yield from self.flush()
            self._begin(frame)
            self._shape = shape
        self._graph.vpush(frame)
        yield from self._pull()

    def flush(self) -> Iterator[av.VideoFrame]:
        """The last frame."""
        if self._graph is not None:
            self._graph.vpush(None)
            yield from self._pull()
            self._graph = None
            self._shape = ()

    def _begin(self, frame: av.VideoFrame) -> None:
        graph = av.filter.Graph()
        graph.threads = 1
        source = graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format.name,
            time_base=frame.time_base or self._time_base,
        )  # fmt: skip
        filtered = graph.add("bwdif", "mode=send_frame:parity=auto:deint=interlaced")
        graph.link_nodes(source, filtered, graph.add("buffersink")).configure()
        self._graph = graph

    def _pull(self) -> Iterator[av.VideoFrame]:
        while True:
            try:
                frame = self._graph.vpull()
            except (av.BlockingIOError, av.EOFError):
                return
            if frame.pts is not None and frame.time_base is not None:
                frame.pts = round(frame.pts * frame.time_base / self._time_base)
                frame.time_base = self._time_base
            yield frame
