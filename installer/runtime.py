"""The private Python that runs core: a virtual environment with pinned packages and core in it.

core is copied in, not built by pip: a copy needs no build
backend from the network, works from a read-only checkout and offline, and can be compared file by
file afterwards.

A GIMP in a sandbox (Flatpak, Snap) brings its own system, where this machine's Python does not
run: such a one gets an environment of its own, made by the sandbox's Python.
"""

import json
import os
import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

from installer import files
from installer.places import FLATPAK_ID
from installer.wheels import Wanted, requirement_name, requirement_version

STAMP = "limner.json"
OLDEST_PYTHON = (3, 11)

_CLEANED = ("PYTHON", "LD_", "DYLD_", "GI_", "GIO_", "GTK", "GDK", "GEGL", "BABL", "__PYVENV")
_NOT_FOR_PIP = ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_REQUIRE_VIRTUALENV")


@dataclass(frozen=True)
class Runtime:
    """An environment and the way to run its Python.

    Attributes:
        sandbox: "" | "flatpak" | "snap".
        folder: of the environment.
        base: the Python that makes it.
    """

    folder: Path
    base: str
    sandbox: str = ""

    @property
    def python(self) -> Path:
        if os.name == "nt":
            return self.folder / "Scripts" / "python.exe"
        return self.folder / "bin" / "python"

    @property
    def command_line(self) -> Path:
        """The `limner` command."""
        return self.python.with_name("limner.cmd" if os.name == "nt" else "limner")

    @property
    def packages(self) -> Path:
        """site-packages."""
        if os.name == "nt":
            return self.folder / "Lib" / "site-packages"
        found = sorted(self.folder.glob("lib/python3*/site-packages"))
        return found[0] if found else self.folder / "lib" / "python3" / "site-packages"

    @property
    def core(self) -> Path:
        return self.packages / "core"

    def command(self, program: str | Path, *arguments: str) -> list[str]:
        """A command line that runs a program where this environment lives."""
        if self.sandbox == "flatpak":
            return ["flatpak", "run", f"--command={program}", FLATPAK_ID, *arguments]
        if self.sandbox == "snap":
            return [
                "snap",
                "run",
                "--shell",
                "gimp",
                "-c",
                'exec "$0" "$@"',
                str(program),
                *arguments,
            ]
        return [str(program), *arguments]

    def stamp(self) -> dict[str, object]:
        """What the environment was made for; {} where it never became whole."""
        try:
            return json.loads((self.folder / STAMP).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}


def clean_environment() -> dict[str, str]:
    """The environment without what would bend another Python; pip's settings stay."""
    kept = {
        k: v for k, v in os.environ.items() if not k.upper().startswith(_CLEANED + _NOT_FOR_PIP)
    }
    # settings of a user's pip.conf that have no meaning inside an environment
    return kept | {"PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}


def python_version(runtime: Runtime, program: str | Path) -> str:
    """ "3.11.7" of a Python where the runtime lives; "" where it does not start."""
    code = "import sys; print('%d.%d.%d' % sys.version_info[:3])"
    try:
        done = subprocess.run(
            runtime.command(program, "-I", "-c", code),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=clean_environment(),
            timeout=60,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    found = re.fullmatch(r"\d+\.\d+\.\d+", done.stdout.decode("utf-8", "replace").strip())
    return found.group() if found and done.returncode == 0 else ""


def is_whole(runtime: Runtime, wanted: Wanted, data: Path) -> bool:
    """Whether the environment is there, undamaged, and the one that is wanted."""
    stamp = runtime.stamp()
    return (
        stamp.get("data") == str(data)
        and stamp.get("accelerator") == wanted.accelerator
        and stamp.get("requirements") == [*wanted.required, *wanted.optional]
        and is_undamaged(runtime)
    )


def is_undamaged(runtime: Runtime) -> bool:
    """Whether the environment's Python still runs and no file was lost or cut short."""
    stamp = runtime.stamp()
    return (
        bool(stamp)
        and stamp.get("python") == python_version(runtime, runtime.python)
        and stamp.get("files") == count(runtime)
        and not wrong_packages(runtime)
    )


def wrong_packages(runtime: Runtime) -> list[tuple[str, str, str]]:
    """(package, version that was asked for, version found) of those that differ."""
    stamp = runtime.stamp()
    pins = stamp.get("requirements")
    if stamp.get("left_out") or not isinstance(pins, list):
        return []
    found = installed_versions(runtime)
    names = [(requirement_name(pin), requirement_version(pin)) for pin in pins]
    return [(n, v, found.get(n, "nothing")) for n, v in names if found.get(n) != v]


def installed_versions(runtime: Runtime) -> dict[str, str]:
    """Package -> version, read from the names of the dist-info folders."""
    found = {}
    for path in runtime.packages.glob("*.dist-info"):
        name, _, version = path.name.removesuffix(".dist-info").rpartition("-")
        found[name.replace("_", "-")] = version
    return found


def put_core(runtime: Runtime, checkout: Path, link: bool) -> None:
    """Put core and its models into the environment; as a link to a developer's checkout."""
    if link:
        files.remove(runtime.core)
        runtime.core.symlink_to(checkout / "core", target_is_directory=True)
        return
    files.replace_folder(runtime.core, lambda new: files.copy_tree(checkout / "core", new))


def put_command(runtime: Runtime) -> None:
    """Write the `limner` command."""
    if os.name == "nt":
        # relative, because cmd.exe reads the file in a code page of its own
        text = '@"%~dp0python.exe" -I -m core %*\r\n'
    else:
        # no "#!/path/to/python": that may hold spaces, or be too long for the system
        text = f'#!/bin/sh\nexec {shlex.quote(str(runtime.python))} -I -m core "$@"\n'
    runtime.command_line.write_bytes(text.encode("utf-8", "surrogateescape"))
    runtime.command_line.chmod(0o755)


def count(runtime: Runtime) -> list[int]:
    """[number, bytes] of the packages' files, core and compiled ones aside."""
    number = size = 0
    for root, folders, names in os.walk(runtime.packages):
        top = Path(root) == runtime.packages
        folders[:] = [f for f in folders if f != "__pycache__" and not (top and "core" in f)]
        for name in names:
            number += 1
            size += os.lstat(os.path.join(root, name)).st_size
    return [number, size]
