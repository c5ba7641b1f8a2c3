"""A progress bar on a terminal; two plain lines a picture elsewhere."""

from typing import TextIO

_WIDTH = 24


class Bar:
    """Shows one picture's progress; call it with (fraction 0..1, text)."""

    def __init__(self, stream: TextIO, label: str) -> None:
        self._stream = stream
        self._label = label
        self._shown = 0
        if not stream.isatty():
            print(label, file=stream, flush=True)

    def __call__(self, fraction: float, text: str) -> None:
        if self._stream.isatty():
            full = round(_WIDTH * min(max(fraction, 0.0), 1.0))
            self._draw(f"{self._label} |{'#' * full}{'-' * (_WIDTH - full)}| {text}")

    def close(self, word: str) -> None:
        """End the line with a word such as "done"."""
        if self._stream.isatty():
            self._draw(f"{self._label} {word}")
            print(file=self._stream, flush=True)
        else:
            print(f"{self._label} {word}", file=self._stream, flush=True)

    def _draw(self, line: str) -> None:
        self._stream.write("\r" + line + " " * max(0, self._shown - len(line)))
        self._stream.flush()
        self._shown = len(line)
