"""The plan of a film: one reading pass that says what frames there are and where scenes begin.

Everything later depends on the plan and not on how far another run came: frame numbers, the
segments' borders, and where each segment's reading starts. It is kept as JSON beside the
segments, so that a run that goes on reads it instead of the film.
"""

import json
import os
from array import array
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from core.errors import FileUnreadable
from core.film.hdr import Hdr
from core.film.reader import HINT, Damage, FilmReader
from core.motion.scenes import THUMB, Cuts

Array = np.ndarray


@dataclass(frozen=True)
class Plan:
    """What the reading pass found.

    Attributes:
        frames: how many could be decoded.
        cuts: numbers of the frames that begin a scene; 0 is not among them.
        segment: frames of a segment.
        starts: timestamp of every segment's first frame that is read, lead-in included; empty
            where frames cannot be found by their timestamps (damage, odd ones).
        lead: frames read before a segment's own.
        regular: timestamps were unusable and are counted out instead.
        end_s: end of the last frame, in seconds from the first.
        frame_tags: (colorspace, primaries, transfer, range) of the first frame.
        matrix: how a player turns or mirrors the pictures, 9 numbers as in FFmpeg's
            AV_PKT_DATA_DISPLAYMATRIX; empty where it does not.
        references: number of the frame that each reference picture is for.
        damages: sentences.
        batch: frames that are seen in one run of the generator. Part of the plan, so that a run
            that goes on, or another machine, sees the same ones together.
        mastering, light: of core.film.hdr.Hdr.
        interlaced: there are frames of two halves; they are made whole when they are read.
    """

    frames: int
    cuts: tuple[int, ...]
    segment: int
    starts: tuple[int, ...]
    lead: int
    regular: bool
    end_s: float
    frame_tags: tuple[int, int, int, int]
    matrix: tuple[int, ...]
    references: tuple[int, ...]
    damages: tuple[str, ...]
    batch: int = 1
    mastering: str = ""
    light: str = ""
    interlaced: bool = False

    @property
    def hdr(self) -> Hdr:
        return Hdr(self.mastering, self.light)

    @property
    def segments(self) -> int:
        return -(-self.frames // self.segment)

    def range_of(self, number: int) -> range:
        """Frames of a segment."""
        return range(number * self.segment, min((number + 1) * self.segment, self.frames))

    def scene_of(self, frame: int) -> range:
        """Frames of the scene that a frame belongs to."""
        start = max((cut for cut in self.cuts if cut <= frame), default=0)
        stop = min((cut for cut in self.cuts if cut > frame), default=self.frames)
        return range(start, stop)

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        """Raises ValueError, TypeError."""
        data: dict[str, Any] = json.loads(text)
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in data.items()
        }
        return cls(**values)


def numbered(reader: FilmReader, regular: bool) -> Iterator[tuple[int, av.VideoFrame]]:
    """(timestamp, frame) for each frame from where the reader stands; timestamps always grow.

    Args:
        regular: count the timestamps out by the film's rate, from 0.
    """
    step = max(1, round(1 / (reader.info.rate * reader.info.time_base)))
    last: int | None = None
    exact = Fraction(0)
    for frame in reader.frames():
        if regular:
            pts = round(exact)
            exact += 1 / (reader.info.rate * reader.info.time_base)
        elif frame.pts is None or (last is not None and frame.pts <= last):
            pts = 0 if last is None else last + step
        else:
            pts = frame.pts
        last = pts
        yield pts, frame


def make_plan(
    path: Path,
    segment: int,
    lead: int,
    references: list[tuple[Array, float | None]],
    progress: Callable[[float], None],
) -> Plan:
    """Read the film once.

    Args:
        path: of the film.
        segment, lead: frames.
        references: for each reference picture its thumbnail (float32, of THUMB's size, 0..255)
            and the second it is for; None for the frame that it resembles most.
        progress: told the share of the film that was read, 0..1.

    Raises:
        FileUnreadable: no frame can be decoded.
    """
    matches = [_Match(thumb, at) for thumb, at in references]
    with FilmReader(path) as reader:
        info = reader.info
        cuts = Cuts()
        window: deque[int] = deque(maxlen=lead + 1)
        starts: list[int] = []
        odd = missing = 0
        first_pts = last_pts = count = 0
        tags, matrix, step = (2, 2, 2, 0), (), 0
        hdr, interlaced = Hdr(), False
        for frame in reader.frames():
            if frame.pts is None:
                missing += 1
            elif count and frame.pts <= last_pts:
                odd += 1
            pts = frame.pts if frame.pts is not None else last_pts
            if not count:
                first_pts = pts
                tags = (int(frame.colorspace), int(frame.color_primaries),
                        int(frame.color_trc), int(frame.color_range))  # fmt: skip
                matrix, hdr = display_matrix(frame), Hdr.of(frame)
            interlaced = interlaced or frame.interlaced_frame
            step = max(pts - last_pts, 0) if count else 0
            last_pts = pts
            window.append(pts)
            if count % segment == 0:
                starts.append(window[0])
            thumb = thumbnail(frame)
            cuts.see(thumb)
            seconds = float((pts - first_pts) * info.time_base)
            for match in matches:
                match.see(count, thumb, seconds)
            count += 1
            if info.duration_s:
                progress(min(seconds / info.duration_s, 1.0))
        if not count:
            raise FileUnreadable(f"{path} holds no frame that can be decoded.", HINT)
        regular = missing > 0
        if regular:
            end_s = float(count / info.rate)
        else:
            end_s = float((last_pts - first_pts + (step or 1)) * info.time_base)
        _note_early_end(reader.damage, reader, info.duration_s, end_s)
        sentences = reader.damage.sentences(path)
    findable = not (odd or missing or sentences)
    return Plan(
        frames=count,
        cuts=tuple(cuts.close()),
        segment=segment,
        starts=tuple(starts) if findable else (),
        lead=lead,
        regular=regular,
        end_s=end_s,
        frame_tags=tags,
        matrix=matrix,
        references=tuple(match.best for match in matches),
        damages=tuple(sentences),
        mastering=hdr.mastering,
        light=hdr.light,
        interlaced=interlaced,
    )


def save_plan(plan: Plan, fingerprint: dict[str, Any], path: Path) -> None:
    """Write both, by way of a temporary name. Raises OSError."""
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps({"made_for": fingerprint, "plan": plan.to_json()}))
    os.replace(temporary, path)


def load_plan(path: Path, fingerprint: dict[str, Any]) -> Plan | None:
    """The plan that was saved for just this; None where there is none."""
    try:
        data = json.loads(path.read_text())
        if data["made_for"] != json.loads(json.dumps(fingerprint)):
            return None
        return Plan.from_json(data["plan"])
    except (OSError, ValueError, TypeError, KeyError):
        return None


def display_matrix(frame: av.VideoFrame) -> tuple[int, ...]:
    """The frame's display matrix, 9 numbers; empty for none."""
    entries: Any = frame.side_data  # its type stubs take it for a mapping
    for entry in entries:
        if entry.type.name == "DISPLAYMATRIX":
            return tuple(array("i", bytes(entry)[:36]))
    return ()


def thumbnail(frame: av.VideoFrame) -> Array:
    """Grey float32 (36, 64), 0..255."""
    small = frame.reformat(*THUMB, format="gray", interpolation="AREA")
    return small.to_ndarray().astype(np.float32)


class _Match:
    """Finds the frame that a reference picture is for."""

    def __init__(self, thumb: Array, at: float | None) -> None:
        self.best = 0
        self._thumb, self._at = _normal(thumb), at
        self._least = float("inf")

    def see(self, number: int, thumb: Array, seconds: float) -> None:
        if self._at is None:
            distance = float(np.abs(_normal(thumb) - self._thumb).mean())
        else:
            distance = abs(seconds - self._at)
        if distance < self._least:
            self._least, self.best = distance, number


def _normal(thumb: Array) -> Array:
    return (thumb - thumb.mean()) / (thumb.std() + 1)


def _note_early_end(damage: Damage, reader: FilmReader, promised_s: float, end_s: float) -> None:
    """A film that says it is longer than what could be read was cut off."""
    frame_s = float(1 / reader.info.rate)
    read_s = max(end_s, reader.last_s)
    if promised_s and read_s < promised_s - max(0.5, 2 * frame_s, 0.02 * promised_s):
        damage.ended_early_s = end_s
