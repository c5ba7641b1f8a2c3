"""Reading a film: its description, its frames in order, and what of it is damaged."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from core.errors import FileUnreadable
from core.film.attachments import is_cover
from core.film.deinterlace import Deinterlacer
from core.image import MINIMUM_SIDE

HINT = "Check that it is a whole film, for instance by playing it."
MOST_DAMAGES = 20
"""Places of damage that are remembered one by one."""


@dataclass(frozen=True)
class FilmInfo:
    """A film's video stream, as its container describes it.

    Attributes:
        width, height: of a stored frame, in pixels; a player may turn it (`rotation`).
        pix_fmt: libav's name of the pixel format.
        rate: frames in a second, on average; 25 where nobody says.
        time_base: seconds of one unit of a timestamp.
        duration_s: of the whole file; 0 where it does not say.
        aspect: width of a pixel by its height.
    """

    width: int
    height: int
    pix_fmt: str
    rate: Fraction
    time_base: Fraction
    duration_s: float
    aspect: Fraction


@dataclass
class Damage:
    """What could not be read, as sentences' material.

    Attributes:
        places: seconds into the film, the first MOST_DAMAGES ones.
        count: of all.
        ended_early_s: where reading stopped before the film's own end; None otherwise.
    """

    places: list[float] = field(default_factory=list)
    count: int = 0
    ended_early_s: float | None = None

    def note(self, seconds: float) -> None:
        self.count += 1
        if len(self.places) < MOST_DAMAGES:
            self.places.append(seconds)

    def sentences(self, path: Path) -> list[str]:
        said = []
        if self.count:
            at = ", ".join(clock(place) for place in self.places[:5])
            more = " …" if self.count > 5 else ""
            places = "one place" if self.count == 1 else f"{self.count} places"
            said.append(f"{path} is damaged in {places} (near {at}{more}); "
                        "frames that could not be read are missing.")  # fmt: skip
        if self.ended_early_s is not None:
            said.append(f"{path} ends early: after {clock(self.ended_early_s)} nothing could "
                        "be read, though the film says that it is longer.")  # fmt: skip
        return said


def clock(seconds: float) -> str:
    """75.5 -> "1:15.5"."""
    tenths = round(max(seconds, 0) * 10)
    return f"{tenths // 600}:{tenths % 600 // 10:02d}.{tenths % 10}"


class FilmReader:
    """An opened film; a context manager.

    Attributes:
        info: what the container says.
        damage: what was met while reading frames.
        last_s: seconds into the film of the latest packet of any stream that was read.

    Args:
        whole: make interlaced frames whole.
    """

    def __init__(self, path: Path, whole: bool = False) -> None:
        """Open the film.

        Raises:
            FileUnreadable: missing, empty, no film, without pictures, or with too small ones.
        """
        self.path = path
        self._whole = whole
        self.damage = Damage()
        self.last_s = 0.0
        self.container: Any = _open(path)
        try:
            self.stream: Any = _video_stream(path, self.container)
            self.info = _described(path, self.container, self.stream)
        except BaseException:
            self.container.close()
            raise
        self.stream.thread_type = "AUTO"

    def __enter__(self) -> "FilmReader":
        return self

    def __exit__(self, *about: object) -> None:
        self.container.close()

    def frames(self) -> Iterator[av.VideoFrame]:
        """Every frame that can be decoded, in the order in which they are shown."""
        if not self._whole:
            yield from self._decoded()
            return
        halves = Deinterlacer(self.info.time_base)
        for frame in self._decoded():
            yield from halves.push(frame)
        yield from halves.flush()

    def _decoded(self) -> Iterator[av.VideoFrame]:
        for packet in self._packets():
            try:
                yield from packet.decode()
            except av.FFmpegError:
                self.damage.note(self._seconds(packet.pts))

    def seek(self, pts: int) -> None:
        """Go to a key frame at or before a timestamp. Raises av.FFmpegError."""
        self.container.seek(max(pts, 0), stream=self.stream, backward=True)

    def rewind(self) -> None:
        """Open the film again, to read from its beginning."""
        self.container.close()
        self.container = _open(self.path)
        self.stream = _video_stream(self.path, self.container)
        self.stream.thread_type = "AUTO"

    def _packets(self) -> Iterator[av.Packet]:
        packets = self.container.demux()
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except av.FFmpegError:
                self.damage.note(self.last_s)
                return
            if packet.pts is not None and packet.stream.time_base:
                start = packet.stream.start_time or 0
                seconds = float((packet.pts - start) * packet.stream.time_base)
                self.last_s = max(self.last_s, seconds)
            if packet.stream.index == self.stream.index:
                yield packet

    def _seconds(self, pts: int | None) -> float:
        start = self.stream.start_time or 0
        return 0.0 if pts is None else float((pts - start) * self.info.time_base)


def _open(path: Path) -> Any:
    logging.getLogger("libav").setLevel(logging.CRITICAL)
    if not path.is_file():
        raise FileUnreadable(f"{path} is no file.", "Check the name.")
    if path.stat().st_size == 0:
        raise FileUnreadable(f"{path} is empty.", "Copy or export the film again.")
    try:
        return av.open(str(path), metadata_errors="replace", options={"protocol_whitelist": "file"})
    except av.FFmpegError as error:
        reason = (error.strerror or "no reason given").rstrip(".")
        raise FileUnreadable(f"{path} cannot be read as a film ({reason}).", HINT) from error


def _video_stream(path: Path, container: Any) -> Any:
    moving = [s for s in container.streams.video if not is_cover(s)]
    if not moving:
        kinds = sorted({s.type for s in container.streams}) or ["nothing"]
        raise FileUnreadable(
            f"{path} has no moving pictures (it holds: {', '.join(kinds)}).", "Choose a film."
        )
    return moving[0]


def _described(path: Path, container: Any, stream: Any) -> FilmInfo:
    context = stream.codec_context
    width, height, pix_fmt = context.width, context.height, context.pix_fmt
    if not (width and height and pix_fmt):
        raise FileUnreadable(f"{path} has pictures of a kind that cannot be decoded here.", HINT)
    if min(width, height) < MINIMUM_SIDE:
        raise FileUnreadable(
            f"{path} is {width}×{height} pixels, and {MINIMUM_SIDE}×{MINIMUM_SIDE} are needed.",
            "Choose a larger film.",
        )
    duration = stream.duration * stream.time_base if stream.duration else 0
    if not duration and container.duration:
        duration = Fraction(container.duration, av.time_base)
    rate = stream.average_rate or stream.guessed_rate or Fraction(25)
    aspect = stream.sample_aspect_ratio or Fraction(1)
    return FilmInfo(
        width, height, pix_fmt, Fraction(rate), Fraction(stream.time_base), float(duration), aspect
    )
