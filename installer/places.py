"""Where things go on this system, and which GIMPs this user has.

A GIMP profile is GIMP's own folder for one user and one minor version, with `plug-ins` in it:

    Linux      $XDG_CONFIG_HOME/GIMP/3.0, ~/.config/GIMP/3.0
    Flatpak    the same where it exists (the package opens that folder to the sandbox), else
               ~/.var/app/org.gimp.GIMP/config/GIMP/3.0
    Snap       ~/snap/gimp/current/.config/GIMP/3.0
    macOS      ~/Library/Application Support/GIMP/3.0
    Windows    %APPDATA%\\GIMP\\3.0; the Store's GIMP keeps its own below %LOCALAPPDATA%\\Packages
    anywhere   $GIMP2_DIRECTORY, $GIMP3_DIRECTORY

Every minor version from 2.10 counts, also those that do not exist yet; 2.99 was 3.0's
preview. A GIMP that is installed and was never started has no profile: its folder is made.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from installer.errors import InstallError

FLATPAK_ID = "org.gimp.GIMP"
_VERSION = re.compile(r"\d+\.\d+")
_PROGRAM = re.compile(r"gimp(-console)?(-\d+(\.\d+)?)?(\.exe)?")


@dataclass(frozen=True)
class System:
    """The machine as the installer sees it; tests make their own."""

    platform: str = sys.platform
    home: Path = field(default_factory=Path.home)
    env: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def folder(self, variable: str, *default: str) -> Path:
        """The folder that a variable names, else the one at home."""
        return Path(self.env.get(variable) or self.home.joinpath(*default))


@dataclass(frozen=True)
class Profile:
    """One GIMP profile.

    Attributes:
        version: "3.0"; "" for a folder given by hand whose name does not tell.
        sandbox: "" | "flatpak" | "snap": who runs a plug-in that lies there.
    """

    folder: Path
    version: str
    sandbox: str = ""

    @property
    def title(self) -> str:
        kind = {"flatpak": " (Flatpak)", "snap": " (Snap)"}.get(self.sandbox, "")
        return f"GIMP {self.version}{kind}".replace("  ", " ").strip()

    @property
    def plug_in(self) -> Path:
        """Where Limner's plug-in goes: folder name = script name."""
        return self.folder / "plug-ins" / "limner"


def data_folder(system: System) -> Path:
    """Limner's data folder; core.generator.catalog.user_data_folder says the same to the worker."""
    given = system.env.get("LIMNER_DATA_DIR")
    if given:
        return Path(given)
    if system.platform == "win32":
        return system.folder("LOCALAPPDATA", "AppData", "Local") / "Limner"
    if system.platform == "darwin":
        return system.home / "Library" / "Application Support" / "Limner"
    return system.folder("XDG_DATA_HOME", ".local", "share") / "limner"


def snap_folder(system: System) -> Path:
    """Where a Snap's GIMP may run programs from: it cannot see hidden folders at home."""
    return system.home / "snap" / "gimp" / "common" / "limner"


def is_wanted(version: str) -> bool:
    """Whether a folder of this name is a GIMP profile that the plug-in fits."""
    if not _VERSION.fullmatch(version):
        return False
    major, minor = map(int, version.split("."))
    return (major, minor) >= (2, 10) and (major, minor) != (2, 99)


def find_profiles(system: System, installed: Iterable[Profile] = ()) -> list[Profile]:
    """Every GIMP profile of this user, oldest GIMP first.

    Args:
        installed: profiles that GIMPs found by installed_gimps will use once started.
    """
    found = [
        Profile(folder, folder.name, sandbox)
        for root, sandbox in _roots(system)
        for folder in _folders(root)
        if is_wanted(folder.name)
    ]
    for variable, version in (("GIMP2_DIRECTORY", "2.10"), ("GIMP3_DIRECTORY", "3")):
        if system.env.get(variable):
            # GIMP takes a relative one from the user's home
            found.append(Profile(system.home / system.env[variable], version))
    return _unique(system, [*found, *installed])


def given_profile(text: str) -> Profile:
    """The profile that --gimp-dir names; its plug-ins folder will do as well."""
    folder = Path(os.path.abspath(os.path.expanduser(text)))
    if folder.name == "plug-ins":
        folder = folder.parent
    if not folder.is_dir():
        raise InstallError(
            f"There is no folder {folder}.",
            "Give --gimp-dir GIMP's folder that has 'plug-ins' in it; GIMP's Preferences > "
            "Folders > Plug-ins shows it.",
        )
    return profile_at(folder, folder.name if is_wanted(folder.name) else "")


def profile_at(folder: Path, version: str) -> Profile:
    """The profile in a folder; whose it is shows in the folder's path."""
    path = folder.as_posix()
    if f"/.var/app/{FLATPAK_ID}/" in path:
        return Profile(folder, version, "flatpak")
    return Profile(folder, version, "snap" if "/snap/gimp/" in path else "")


def installed_gimps(system: System) -> list[Profile]:
    """A profile, there or not, for every GIMP that is installed."""
    found = []
    for program in _programs(system):
        version = _program_version(program)
        if is_wanted(version):
            found.append(Profile(_roots(system)[0][0] / version, version))
    if has_flatpak(system):
        version = _first_version(_output(["flatpak", "info", FLATPAK_ID]), r"Version:\s*")
        host = _roots(system)[0][0]
        root = host if host.is_dir() else _flatpak_root(system)
        if is_wanted(version):
            found.append(Profile(root / version, version, "" if root == host else "flatpak"))
    return found


def has_flatpak(system: System) -> bool:
    """Whether GIMP is installed as a Flatpak."""
    if system.platform != "linux" or not _which(system, "flatpak"):
        return False
    return bool(_output(["flatpak", "info", FLATPAK_ID]))


def _roots(system: System) -> list[tuple[Path, str]]:
    """Folders that hold profiles, and their sandbox; this system's usual one first."""
    if system.platform == "win32":
        roaming = system.folder("APPDATA", "AppData", "Roaming") / "GIMP"
        packages = system.folder("LOCALAPPDATA", "AppData", "Local") / "Packages"
        store = [p / "LocalCache/Roaming/GIMP" for p in _folders(packages) if "GIMP" in p.name]
        return [(folder, "") for folder in (roaming, *store)]
    if system.platform == "darwin":
        return [(system.home / "Library/Application Support/GIMP", "")]
    return [
        (system.folder("XDG_CONFIG_HOME", ".config") / "GIMP", ""),
        (_flatpak_root(system), "flatpak"),
        (system.home / "snap/gimp/current/.config/GIMP", "snap"),
    ]


def _flatpak_root(system: System) -> Path:
    return system.home / ".var/app" / FLATPAK_ID / "config/GIMP"


def _unique(system: System, profiles: list[Profile]) -> list[Profile]:
    """Each folder once (Flatpak may link one to the other), sorted by version."""
    kept: dict[str, Profile] = {}
    for profile in profiles:
        kept.setdefault(os.path.realpath(profile.folder), profile)

    def order(profile: Profile) -> tuple[list[int], str]:
        return [int(n) for n in profile.version.split(".")], str(profile.folder)

    return sorted(kept.values(), key=order)


def _folders(root: Path) -> list[Path]:
    try:
        return sorted(path for path in root.iterdir() if path.is_dir())
    except OSError:
        return []


def _programs(system: System) -> Iterator[Path]:
    """GIMP's programs on this system, each real file once."""
    if system.platform == "win32":
        places = [system.folder(v, "-") for v in ("PROGRAMFILES", "PROGRAMW6432")]
        places.append(system.folder("LOCALAPPDATA", "AppData", "Local") / "Programs")
        folders = [gimp / "bin" for place in places for gimp in place.glob("GIMP*")]
    elif system.platform == "darwin":
        places = [Path("/Applications"), system.home / "Applications"]
        folders = [app / "Contents/MacOS" for place in places for app in place.glob("GIMP*.app")]
    else:
        folders = [Path(p) for p in system.env.get("PATH", "").split(os.pathsep) if p]
    seen = set()
    for folder in folders:
        for path in sorted(folder.glob("gimp*")):
            real = path.resolve()
            # a Snap's command is a link to snap itself: another name, so passed over here
            if _PROGRAM.fullmatch(real.name) and real not in seen and real.is_file():
                seen.add(real)
                yield real


def _program_version(program: Path) -> str:
    """ "3.0" from a name like gimp-3.0, else from what the program says of itself."""
    named = _VERSION.search(program.name)
    if named:
        return named.group()
    if program.suffix == ".exe" and "console" not in program.name:
        return ""  # would open a window
    return _first_version(_output([str(program), "--version"]), r"")


def _first_version(text: str, before: str) -> str:
    found = re.search(before + r"(\d+\.\d+)", text)
    return found.group(1) if found else ""


def _which(system: System, name: str) -> str | None:
    return shutil.which(name, path=system.env.get("PATH", ""))


def _output(command: list[str]) -> str:
    """What a program prints; "" where it fails, is missing, or takes half a minute."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=30,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode("utf-8", "replace")
