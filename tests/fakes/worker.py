"""A scriptable worker for plugin/run.py: the answer is given beforehand, no process is started."""

from plugin.errors import WorkerDied
from plugin.run import COLOR_OF
from tests.fakes.host import drawn, pixels_of

DIED = WorkerDied("Limner's worker ended in the middle of the work.", "")


class FakeWorker:
    """Answers one request.

    Args:
        result: the picture to give back, drawn.
        fails: an exception to raise in place of a result.
        dies_after: rows of the result after which the worker is dead; None for never.
        picture: fields of the result's picture that are to differ from the right ones.
        report: for the user.
        meanwhile: called while the worker "works", that is before it answers.
        others: list of (role, title, rows drawn) beside the picture; "." is transparent there.

    Attributes:
        request: the header that came.
        received: the pixels that came with it.
    """

    def __init__(
        self,
        result="",
        fails=None,
        dies_after=None,
        picture=None,
        report=None,
        meanwhile=None,
        others=(),
    ):
        self._result, self._fails, self._dies_after = drawn(result), fails, dies_after
        self._picture, self._report = picture or {}, report or {}
        self._meanwhile = meanwhile
        self._others = others
        self.request, self.received = None, b""

    def ask(self, request, pieces, progress):
        self.request = request
        self.received = b"".join(pieces)
        progress(0.5, "Working")
        if self._meanwhile:
            self._meanwhile()
        if self._fails:
            raise self._fails
        model, _, kind = request["picture"]["format"].partition(" ")
        right = dict(request["picture"], format=f"{COLOR_OF.get(model, model)} {kind}")
        result = FakeResult(
            dict(right, **self._picture), self._report, self._result, self._dies_after
        )
        for role, title, text in self._others:
            rows = drawn(text)
            alpha = {"width": len(rows[0]), "height": len(rows), "format": f"R'G'B'A {kind}"}
            result.others.append(FakeResult(alpha, {}, rows, None, role, title))
        return result


class FakeResult:
    """The drawn result, given out row by row."""

    x = y = 0

    def __init__(self, picture, report, rows, dies_after, role="", title=""):
        self.picture, self.report = picture, report
        self.role, self.title, self.others = role, title, []
        self._rows, self._dies_after, self._at = rows, dies_after, 0
        self._channels = 4 if picture["format"].startswith("R'G'B'A ") else 3

    def skip_all(self):
        pass

    def read(self, rows):
        start, self._at = self._at, self._at + rows
        if self._dies_after is not None and self._at > self._dies_after:
            raise DIED
        return pixels_of(self._rows[start : self._at], self._channels)
