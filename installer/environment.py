"""Making a private Python: a virtual environment, the packages, and out with what no run needs.

Built in a folder beside its place and renamed when whole, so that neither a lost network nor a
full disk breaks one that works.
"""

import json
import subprocess
from pathlib import Path

from installer import files, runtime
from installer.errors import FREE_SPACE, InstallError
from installer.runtime import Runtime
from installer.steps import Say
from installer.wheels import Wanted

STRIPPED = {
    "pip and setuptools": (
        "pip",
        "pip-*.dist-info",
        "setuptools",
        "setuptools-*.dist-info",
        "pkg_resources",
        "_distutils_hack",
        "distutils-precedence.pth",
    ),
    "ONNX Runtime's tools for making models": (
        "onnxruntime/backend",
        "onnxruntime/datasets",
        "onnxruntime/quantization",
        "onnxruntime/tools",
        "onnxruntime/transformers",
    ),
    "NumPy's tests and compiler helpers": (
        "numpy/**/tests",
        "numpy/_core/include",
        "numpy/_core/lib",
        "numpy/distutils",
        "numpy/f2py",
        "numpy/random/lib",
    ),
    "type stubs and C headers": ("**/*.pyi", "**/*.pxd", "**/*.h"),
}
"""What goes after pip is done: nothing of it is imported when a picture is worked on."""

VENV = ("-m", "venv")

PURE_SOURCES = "pyvips"
"""What the package index has as Python source only; its library is the wheel pyvips-binary."""


def build(place: Runtime, wanted: Wanted, data: Path, wheels: Path | None, say: Say) -> str:
    """Make an environment without core, in place of the one that may be there.

    Args:
        data: Limner's data folder; core.generator.catalog reads it from the stamp.
        wheels: folder of wheels to take instead of the package index.

    Returns:
        A sentence where something optional was left out, else "".

    Raises:
        InstallError: no venv module, no network, no fitting wheels, disk full, no permission.
    """
    left_out = ""

    def fill(folder: Path) -> None:
        nonlocal left_out
        new = Runtime(folder, place.base, place.sandbox)
        _make_environment(new)
        _pip(new, wanted.required, wheels, say)
        for requirement in wanted.optional:
            try:
                _pip(new, (requirement,), wheels, say)
            except InstallError as error:
                left_out = f"{requirement} was left out, the processor does its work: {error}"
        say(f"      Stripped {strip(new)}")
        stamp = {
            "data": str(data),
            "python": runtime.python_version(new, new.python),
            "accelerator": wanted.accelerator,
            "requirements": [*wanted.required, *wanted.optional],
            "left_out": left_out,
            "files": runtime.count(new),
        }
        (folder / runtime.STAMP).write_text(json.dumps(stamp, indent=2) + "\n", encoding="utf-8")

    files.replace_folder(place.folder, fill)
    return left_out


def strip(place: Runtime) -> str:
    """Remove what no run needs; returns what and how much."""
    said = []
    for title, patterns in STRIPPED.items():
        size = 0
        for pattern in patterns:
            for path in list(place.packages.glob(pattern)):
                size += files.size_on_disk(path)
                files.remove(path)
        said.append(f"{title} ({files.megabytes(size)})")
    for path in place.python.parent.glob("pip*"):
        files.remove(path)
    return ", ".join(said) + "."


def _make_environment(place: Runtime) -> None:
    version = runtime.python_version(place, place.base)
    where = {"flatpak": " inside the Flatpak", "snap": " inside the Snap"}.get(place.sandbox, "")
    if not version or tuple(map(int, version.split(".")[:2])) < runtime.OLDEST_PYTHON:
        raise InstallError(
            f"There is no Python 3.11 or newer{where} (found: {version or 'none'}).",
            "Update it, or use a GIMP that is no Flatpak and no Snap.",
        )
    command = place.command(place.base, "-I", *VENV, str(place.folder))
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, env=runtime.clean_environment()
    )
    if done.returncode == 0:
        return
    text = (done.stdout + done.stderr).decode("utf-8", "replace")
    if "No space left" in text:
        raise InstallError("The disk is full.", FREE_SPACE)
    if "ensurepip" in text or "No module named venv" in text:
        minor = ".".join(version.split(".")[:2])
        raise InstallError(
            f"Python{where} lacks its venv module.",
            f"On Debian and Ubuntu: sudo apt install python{minor}-venv. Then run it again.",
        )
    raise InstallError(
        f"The private Python{where} could not be made ({_last_line(text)}).",
        "Put that right, or start install.py with another Python.",
    )


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"


def _pip(place: Runtime, requirements: tuple[str, ...], wheels: Path | None, say: Say) -> None:
    """Install with the user's own pip settings; nothing is compiled on their machine."""
    arguments = ["-I", "-m", "pip", "install", "--no-compile", "--only-binary", ":all:"]
    if wheels is not None:
        arguments += ["--no-index", "--find-links", str(wheels)]
    else:
        arguments += ["--no-binary", PURE_SOURCES]
    lines = []
    with subprocess.Popen(
        place.command(place.python, *arguments, *requirements),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        # pyvips would compile itself against a libvips of the system, and then miss its own
        env=runtime.clean_environment() | {"PKG_CONFIG": "no-pkg-config"},
    ) as process:
        assert process.stdout is not None
        for raw in process.stdout:
            line = raw.decode("utf-8", "replace").strip()
            lines.append(line)
            if line.startswith("Downloading "):
                say(f"      {line}")
    if process.returncode != 0:
        raise _pip_error(lines)


_NETWORK = ("connection", "name resolution", "timed out", "proxy", "retrying", "ssl", "unreachable")


def _pip_error(lines: list[str]) -> InstallError:
    """pip's last word, and what to do about it."""
    text = "\n".join(lines).lower()
    errors = [line for line in lines if line.startswith("ERROR:")] or lines[-1:] or ["no word"]
    sentence = f"pip could not install the packages ({errors[-1].removeprefix('ERROR:').strip()})."
    if "no space left" in text:
        return InstallError("The disk is full.", FREE_SPACE)
    if any(word in text for word in _NETWORK):
        return InstallError(
            sentence,
            "Check the network (pip's own settings for index and proxy are used) and run "
            "install.py again.",
        )
    if "no matching distribution" in text:
        return InstallError(
            sentence,
            "There may be no ready-made packages for this Python on this system: try Python 3.11 "
            "to 3.14 from python.org, and check pip's index settings.",
        )
    return InstallError(sentence, "Put that right and run install.py again.")
