"""The plug-in's folder in a GIMP profile.

plug-ins/limner/
  limner.py           what GIMP starts: folder name = script name, and the exec bit set
  plugin/             our code inside GIMP
  core/               __init__.py and protocol.py, the part that both Pythons share
  locale/             the plug-in's texts in other languages, made of po/
  help/               the pages behind the dialogs' Help button, from docs/help/
  installation.json   which Python runs core, where models, style pictures and log are
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from installer import catalogs, files
from installer.errors import InstallError

RECORD = "installation.json"
SCHEMA = 1
SCRIPT = "limner.py"
SHARED = ("__init__.py", "protocol.py")
HELP = Path("docs/help")

PYTHON_3, PYTHON_2 = b"#!/usr/bin/env python3\n", b"#!/usr/bin/env python2\n"
"""First lines of the script; the second is what GIMP 2.10's own Python plug-ins have."""

_NOT_COPIED = frozenset({"entry"})
_OURS = {"plugin", "core", "locale", "help", SCRIPT, RECORD, "__pycache__"}
_OUR_SUFFIXES = {
    "locale": (".mo",),
    "help": (".html", ".css", ".xml", ".jpg", ".png"),
}


@dataclass(frozen=True)
class Source:
    """Where the plug-in's files come from, and what its record says.

    Attributes:
        gimp2: for GIMP 2.10, which starts the script by the Python of its first line, and has
            its modules in Python 2 alone.
        link: links into the checkout instead of copies.
        models: folders with a folder per model.
        styles: folders with style pictures.
    """

    checkout: Path
    gimp2: bool
    link: bool
    version: str
    python: Path
    models: tuple[Path, ...]
    log: Path
    styles: tuple[Path, ...] = ()

    def record(self) -> dict[str, object]:
        return {
            "schema": SCHEMA,
            "version": self.version,
            "python": str(self.python),
            "models": [str(folder) for folder in self.models],
            "log": str(self.log),
            "styles": [str(folder) for folder in self.styles],
        }


def is_ours(folder: Path) -> bool:
    """Whether install.py made this folder: by its record, or by its files where that is lost."""
    if folder.is_symlink():
        return False
    files_of_ours = (SCRIPT, "plugin/installation.py", "core/protocol.py")
    return bool(read_record(folder)) or all((folder / name).is_file() for name in files_of_ours)


def read_record(folder: Path) -> dict[str, object]:
    """The plug-in's record; {} where there is none that can be read."""
    try:
        data = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) and data.get("schema") == SCHEMA else {}


def refuse_foreign(folder: Path) -> None:
    """Raises InstallError where something that is not ours has the plug-in's place."""
    if os.path.lexists(folder) and not is_ours(folder):
        raise InstallError(
            f"{folder} is there already and was not made by install.py.",
            "Move it away or remove it, and run install.py again.",
        )


def put(folder: Path, source: Source) -> None:
    """Make or replace the plug-in's folder; files of other people's in it move along."""
    refuse_foreign(folder)

    def fill(new: Path) -> None:
        _fill(new, source)
        for path in foreign_files(folder):
            target = new / path.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, target)

    files.replace_folder(folder, fill)


def remove(folder: Path) -> list[Path]:
    """Remove what is ours in the folder, and the folder if nothing is left; returns what is."""
    for leftover in files.beside(folder):
        files.remove(leftover)
    if not is_ours(folder):
        return []
    foreign = foreign_files(folder)
    # the record goes last: without it, nobody would know the rest as ours
    for path in sorted(_own_files(folder), key=lambda path: path == folder / RECORD):
        files.remove(path)
    for root, _, _ in os.walk(folder, topdown=False):
        files.remove_if_empty(Path(root))
    return foreign


def foreign_files(folder: Path) -> list[Path]:
    """Files in our folder that are not ours."""
    return sorted(set(_all_files(folder)) - set(_own_files(folder)))


def _own_files(folder: Path) -> list[Path]:
    """Ours are files of the usual kinds at the places that this module's docstring lists."""
    return [path for path in _all_files(folder) if _is_own(path, path.relative_to(folder).parts[0])]


def _is_own(path: Path, place: str) -> bool:
    if place not in _OURS:
        return False
    suffixes = _OUR_SUFFIXES.get(place, (".py", ".pyc"))
    return path.is_symlink() or path.suffix in suffixes or path.name == RECORD


def _all_files(folder: Path) -> list[Path]:
    """Files and links below a folder; what a link points to is not looked into."""
    found = []
    for root, folders, names in os.walk(folder):
        links = [name for name in folders if os.path.islink(os.path.join(root, name))]
        found += [Path(root, name) for name in names + links]
    return found


def _fill(new: Path, source: Source) -> None:
    (new / "core").mkdir()
    _put_script(new / SCRIPT, source)
    if source.link:
        (new / "plugin").symlink_to(source.checkout / "plugin", target_is_directory=True)
        for name in SHARED:
            (new / "core" / name).symlink_to(source.checkout / "core" / name)
        (new / "help").symlink_to(source.checkout / HELP, target_is_directory=True)
    else:
        files.copy_tree(source.checkout / "plugin", new / "plugin", _NOT_COPIED)
        for name in SHARED:
            files.copy_file(source.checkout / "core" / name, new / "core" / name)
        files.copy_tree(source.checkout / HELP, new / "help")
    catalogs.put(new / "locale", source.checkout)
    text = json.dumps(source.record(), indent=2) + "\n"
    (new / RECORD).write_text(text, encoding="utf-8")


def _put_script(path: Path, source: Source) -> None:
    """What GIMP starts, with the exec bit; a link only where its first line can stay."""
    script = source.checkout / "plugin" / "entry" / SCRIPT
    if source.link and not source.gimp2:
        if not os.access(script, os.X_OK):
            script.chmod(script.stat().st_mode | 0o111)
        path.symlink_to(script)
        return
    text = script.read_bytes()
    if source.gimp2:
        text = text.replace(PYTHON_3, PYTHON_2, 1)
    path.write_bytes(text)
    path.chmod(0o755)
