"""Which libraries films and clusters need, and what to say where they are missing."""

import importlib.util
import sys

from core.errors import LimnerError

EXTRAS = {"film": ("av", "cv2"), "cluster": ("ray",)}
"""Extra of pyproject.toml -> the modules that it brings."""

PACKAGES = {
    "film": '"av>=18,<19" "opencv-python-headless>=4.10,<6"',
    "cluster": '"ray[data]>=2.50,<3"',
}


class ExtraMissing(LimnerError):
    """An optional library is not installed."""

    code = "extra_missing"


def require(extra: str) -> None:
    """Raise ExtraMissing, with the command that helps, unless the extra is installed."""
    missing = [name for name in EXTRAS[extra] if importlib.util.find_spec(name) is None]
    if missing:
        what = {"film": "Films need PyAV and OpenCV", "cluster": "--ray needs Ray"}[extra]
        python = f'"{sys.executable}"'
        # install.py leaves no pip in Limner's own environment; ensurepip brings it from Python
        raise ExtraMissing(
            f"{what}, which are not installed.",
            f"Run: {python} -m ensurepip && {python} -m pip install {PACKAGES[extra]}",
        )
