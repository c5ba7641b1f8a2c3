"""Uninstalling, as steps: what install.py put, and nothing else."""

from collections.abc import Callable
from pathlib import Path

from installer import files, places, plug_in, record, runtime
from installer.places import Profile, System
from installer.record import Record
from installer.steps import Step


def steps(system: System, data: Path, profiles: list[Profile]) -> list[Step]:
    """The whole removal; [] where nothing of Limner is found.

    Args:
        profiles: GIMP profiles to look into, beside those that the record names.
    """
    known = record.load(data) or Record()
    folders = {str(p.folder): p.folder for p in profiles}
    folders |= {path: Path(path) for path in known.profiles}
    result = [
        _plug_in_step(folder / "plug-ins" / "limner")
        for folder in folders.values()
        if _has_plug_in(folder / "plug-ins" / "limner")
    ]
    pythons = [data / "venv", data / "venv-flatpak", places.snap_folder(system) / "venv"]
    pythons += [Path(entry["folder"]) for entry in known.runtimes]
    for python in dict.fromkeys(pythons):
        if (python / runtime.STAMP).is_file() or any(p.exists() for p in files.beside(python)):
            result.append(Step(f"Remove the private Python {python}", _remover(python)))
    if known.state == "done" or known.checkout or _own_files(data):
        result.append(Step(f"Remove Limner's folder {data}", lambda: _remove_data(data, known)))
    return result


def _has_plug_in(folder: Path) -> bool:
    return plug_in.is_ours(folder) or any(p.exists() for p in files.beside(folder))


def _plug_in_step(folder: Path) -> Step:
    def act() -> str:
        kept = plug_in.remove(folder)
        if not kept:
            return ""
        return "Kept, because Limner did not put it there: " + ", ".join(map(str, kept))

    return Step(f"Remove the plug-in {folder}", act)


def _remover(folder: Path) -> Callable[[], str]:
    def act() -> str:
        for path in (*files.beside(folder), folder):
            files.remove(path)
        log = folder.parent / "limner.log"  # a Snap has its own
        files.remove(log)
        return ""

    return act


def _own_files(data: Path) -> list[Path]:
    names = (record.NAME, record.NAME + ".tmp", "limner.log", "python")
    return [data / name for name in names if (data / name).is_file()]


def _remove_data(data: Path, known: Record) -> str:
    kept = []
    if data.is_dir():
        for name in ("models", "styles"):  # the user's own, where there are any
            files.remove_if_empty(data / name)
        own = _own_files(data)
        # the record goes last: an interrupted removal can be done again
        for path in sorted(own, key=lambda path: path.name == record.NAME):
            files.remove(path)
        kept = sorted(data.iterdir())
        files.remove_if_empty(data)
    for folder in reversed(known.made):
        files.remove_if_empty(Path(folder))
    if not kept:
        return ""
    return "Kept, because it is yours: " + ", ".join(str(path) for path in kept)
