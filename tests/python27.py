"""Where a real Python 2.7 is, for the tests of GIMP 2.10's side."""

import os
import subprocess
from glob import glob
from pathlib import Path

import pytest


def _works(path: str) -> bool:
    """A version manager may put a shim named python2.7 into the PATH that only complains."""
    try:
        answer = subprocess.run(
            [path, "-c", "import sys; print(sys.version_info[:2])"],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    except OSError:
        return False
    return answer.stdout.strip() == "(2, 7)"


def _find() -> str | None:
    candidates = [
        os.environ.get("LIMNER_PYTHON27", ""),
        *sorted(glob(str(Path.home() / ".pyenv/versions/2.7.*/bin/python2.7"))),
        "/usr/bin/python2.7",
        "/usr/local/bin/python2.7",
    ]
    return next((path for path in candidates if path and _works(path)), None)


PYTHON27 = _find()

needs_python27 = pytest.mark.skipif(
    PYTHON27 is None,
    reason="no Python 2.7 found; set LIMNER_PYTHON27 to the full path of one",
)
