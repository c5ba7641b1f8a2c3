"""The proof: a picture coloured by the installed worker, as the plug-in would have it done."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from installer import runtime
from installer.errors import InstallError
from installer.runtime import Runtime

TIMEOUT_S = 180.0
_HINT = "Run install.py again; if it stays so, report what install.py --check prints."


@dataclass(frozen=True)
class Proof:
    """What the worker did.

    Attributes:
        provider: the execution provider that really ran.
        seconds: from the worker's start to the coloured picture.
        colored: share of the pixels that are not grey any more, above 0 to 1.
        report: the worker's own words about the run.
    """

    provider: str
    seconds: float
    colored: float
    report: dict[str, Any]

    def __str__(self) -> str:
        reason = str(self.report.get("reason") or "")
        return (
            f"The worker coloured a picture in {self.seconds:.1f} s, its start included, "
            f"on {self.provider}.{' ' + reason if reason else ''}"
        )


def prove(checkout: Path, data: Path, place: Runtime, plug_ins: list[Path]) -> Proof:
    """Have the installed worker colour a small grey picture.

    Args:
        data: Limner's data folder, with the log.
        place: the Python to start where there is no plug-in whose record names one.
        plug_ins: the installed plug-ins; the first one's code, record and Python are used.

    Raises:
        InstallError: it does not start, does not answer, fails, or returns grey.
    """
    log = data / "limner.log"
    if plug_ins:
        arguments = [str(plug_ins[0])]
    else:
        worker = place.command(place.python, "-I", "-u", "-m", "core", "worker")
        arguments = [str(checkout), str(log), *worker]
    script = Path(__file__).with_name("ask_worker.py")
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-B", str(script), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=runtime.clean_environment(),
            timeout=TIMEOUT_S,
        )
    except subprocess.TimeoutExpired as error:
        raise InstallError(f"The worker gave no answer in {TIMEOUT_S:.0f} s.", _HINT) from error
    return read_answer(done.stdout, done.stderr, log_tail(log, 1))


def log_tail(log: Path, lines: int) -> list[str]:
    """The last lines of a log; [] where there is none."""
    try:
        with log.open("rb") as stream:
            stream.seek(max(0, log.stat().st_size - 20_000))
            text = stream.read().decode("utf-8", "replace")
    except OSError:
        return []
    return text.splitlines()[-lines:]


def read_answer(stdout: bytes, stderr: bytes, last_words: list[str]) -> Proof:
    """The proof in what ask_worker.py printed; see prove for what is raised.

    Args:
        last_words: the log's last line, [] where there is none.
    """
    try:
        answer = json.loads(stdout)
    except ValueError as error:
        lines = stderr.decode("utf-8", "replace").strip().splitlines() or ["no word"]
        raise InstallError(f"The plug-in cannot start its worker ({lines[-1]}).", _HINT) from error
    if "sentence" in answer:
        sentence, hint = answer["sentence"], answer["hint"]
        if "--check" in hint:  # no help to one who is here; the log's last word may be
            hint = _HINT
            sentence += f" It said: {last_words[0]!r}." if last_words else ""
        raise InstallError(sentence, hint)
    if not answer["colored"]:
        raise InstallError("The worker returned the picture as grey as it was.", _HINT)
    return Proof(**answer)
