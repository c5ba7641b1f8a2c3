"""How far a film is: share, frames per second, time left."""

import time
from typing import TextIO

from core.progress_bar import Bar

PLAIN_EVERY_S = 10.0
TERMINAL_EVERY_S = 0.25


class FilmProgress:
    """Shows one film's progress; a line every few seconds where there is no terminal."""

    def __init__(self, stream: TextIO, label: str) -> None:
        self._stream, self._label = stream, label
        self._bar = Bar(stream, label)
        self._every = TERMINAL_EVERY_S if stream.isatty() else PLAIN_EVERY_S
        self._shown = time.monotonic()
        self._began: float | None = None
        self._first = 0

    def reading(self, share: float) -> None:
        """The plan is being made."""
        self._show(share, f"reading, {share:.0%}")

    def frame(self, done: int, total: int) -> None:
        """`done` of `total` frames are finished, those of earlier runs included."""
        now = time.monotonic()
        if self._began is None:
            self._began, self._first = now, done
        rate = (done - self._first) / max(now - self._began, 1e-9)
        left = f", {clock_long((total - done) / rate)} left" if rate > 0 else ""
        self._show(done / total, f"{done} of {total} frames, {rate:.1f} frames/s{left}")

    def close(self, word: str) -> None:
        self._bar.close(word)

    def _show(self, share: float, text: str) -> None:
        now = time.monotonic()
        if now - self._shown < self._every:
            return
        self._shown = now
        if self._stream.isatty():
            self._bar(share, text)
        else:
            print(f"{self._label} {text}", file=self._stream, flush=True)


def clock_long(seconds: float) -> str:
    """4000 -> "1:06:40"."""
    whole = round(max(seconds, 0))
    hours, rest = divmod(whole, 3600)
    minutes = f"{rest // 60:02d}" if hours else str(rest // 60)
    return (f"{hours}:" if hours else "") + f"{minutes}:{rest % 60:02d}"
