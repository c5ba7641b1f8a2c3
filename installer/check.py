"""Everything looked at again: one line each, and what to do about it.

Works with any part missing, the data folder itself too.
"""

import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core.errors import ModelError
from core.generator.catalog import Catalog
from core.generator.manifest import TASKS
from installer import files, plug_in, proof, record, runtime, setup
from installer.errors import InstallError
from installer.places import Profile, profile_at
from installer.record import Record
from installer.runtime import Runtime

AGAIN = "Run install.py again."
LOG_LINES = 12
PROCEDURE = b"limner-auto-colorize"


@dataclass(frozen=True)
class Line:
    """One thing that was looked at.

    Attributes:
        hint: what to do about a problem; "" for a thing that is well.
        telling: belongs into a bug report also when it is well.
    """

    text: str
    hint: str = ""
    telling: bool = False

    def __str__(self) -> str:
        if self.hint:
            return f"PROBLEM  {self.text} -> {self.hint}"
        return f"ok       {self.text}"


@dataclass(frozen=True)
class Look:
    """What is looked at.

    Attributes:
        profiles: the GIMP profiles of this user; one without the plug-in is a problem.
        known: the install record; None where there is none.
    """

    checkout: Path
    data: Path
    profiles: tuple[Profile, ...]
    known: Record | None

    @property
    def runtimes(self) -> list[Runtime]:
        entries = self.known.runtimes if self.known else []
        found = [Runtime(Path(e["folder"]), "python3", e["sandbox"]) for e in entries]
        return found or [Runtime(self.data / "venv", "python3")]


def look(checkout: Path, data: Path, profiles: list[Profile]) -> Look:
    """Take the recorded profiles along with those found."""
    known = record.load(data)
    folders = {os.path.realpath(p.folder): p for p in profiles}
    for path, version in (known.profiles if known else {}).items():
        folders.setdefault(os.path.realpath(path), profile_at(Path(path), version))
    return Look(checkout, data, tuple(folders.values()), known)


def lines(what: Look) -> Iterator[Line]:
    """Every line, the quick ones first."""
    yield from _data_lines(what)
    for place in what.runtimes:
        yield from _runtime_lines(what, place)
    yield from _model_lines(what)
    for profile in what.profiles:
        yield from _profile_lines(what, profile)
    if not what.profiles:
        yield Line("No GIMP was found on this machine; the command line works without one.")
    yield from _proof_lines(what)


def report(what: Look, said: list[Line]) -> str:
    """The block to paste into a bug report; the user's name in paths is left out."""
    place = what.runtimes[0]
    versions = [f"{name} {version}" for name, version in runtime.installed_versions(place).items()]
    profiles = [f"{p.title} {p.folder}" for p in what.profiles] or ["none"]
    known = what.known
    mode = f"{known.state}, {known.accelerator}{', linked' if known.link else ''}" if known else "-"
    text = "\n".join(
        [
            "----- for a bug report, from here -----",
            f"Limner {setup.checkout_version(what.checkout)}, installed {mode}",
            f"{platform.platform()}, {platform.machine()}, Python {platform.python_version()}",
            f"Private Python {place.stamp().get('python', 'none')}: {', '.join(versions) or '-'}",
            *(f"Profile: {text}" for text in profiles),
            *(str(line) for line in said if line.hint or line.telling),
            *(f"log: {text}" for text in proof.log_tail(what.data / "limner.log", LOG_LINES)),
            "----- to here -----",
        ]
    )
    return text.replace(str(Path.home()), "~")


def _data_lines(what: Look) -> Iterator[Line]:
    if not what.data.is_dir():
        yield Line(f"Limner's folder {what.data} is not there.", AGAIN)
    elif what.known is None:
        yield Line(f"The install record in {what.data} is missing or damaged.", AGAIN)
    elif what.known.state != "done":
        yield Line("The last installation was interrupted.", AGAIN)
    else:
        version = setup.checkout_version(what.checkout)
        if what.known.version != version:
            text = f"Limner {what.known.version} is installed, this copy is {version}."
            yield Line(text, "Run install.py to update it.")
        else:
            yield Line(f"Limner {version} is installed in {what.data}")


def _runtime_lines(what: Look, place: Runtime) -> Iterator[Line]:
    if not place.folder.is_dir():
        yield Line(f"Limner's private Python {place.folder} is not there.", AGAIN)
        return
    stamp = place.stamp()
    if not runtime.python_version(place, place.python):
        yield Line(f"Limner's private Python {place.python} does not start.", AGAIN)
    elif not runtime.is_undamaged(place):
        yield Line(f"Packages in {place.folder} are damaged or incomplete.", AGAIN)
    else:
        size = files.megabytes(files.size_on_disk(place.folder))
        yield Line(f"Private Python {stamp['python']} in {place.folder}, {size}")
    for name, version, found in runtime.wrong_packages(place):
        yield Line(f"{name} {version} is needed, {found} is installed.", AGAIN)
    if stamp.get("left_out"):
        yield Line(f"{stamp['left_out']}")
    yield from _changed(what, place.core)


def _model_lines(what: Look) -> Iterator[Line]:
    folders = (what.runtimes[0].core / "data" / "models", what.data / "models")
    catalog = Catalog.read(folders)
    for folder, error in catalog.broken.items():
        yield Line(error.sentence, _model_hint(what, folder))
    for model in catalog.models():
        try:
            model.verify()
        except ModelError as error:
            yield Line(error.sentence, _model_hint(what, model.folder))
        else:
            yield Line(
                f"Model {model.manifest.id}, sha256 {model.manifest.sha256[:12]}… is right",
                telling=True,
            )
    for task in TASKS:
        try:
            catalog.find(task)
        except ModelError as error:
            if error.sentence not in [e.sentence for e in catalog.broken.values()]:
                yield Line(error.sentence, AGAIN)


def _model_hint(what: Look, folder: Path) -> str:
    """install.py puts back its own models; the user's own it does not have."""
    if what.data / "models" in folder.parents:
        return f"Put the model there again, or remove the folder {folder}."
    return AGAIN


def _profile_lines(what: Look, profile: Profile) -> Iterator[Line]:
    folder = profile.plug_in
    if not profile.folder.is_dir():
        return  # that GIMP's settings were removed, and the plug-in with them
    if not os.path.lexists(folder):
        yield Line(f"{profile.title} has no Limner ({folder}).", AGAIN)
        return
    if not plug_in.is_ours(folder):
        yield Line(f"{folder} was not made by install.py.", "Move it away. " + AGAIN)
        return
    script = folder / plug_in.SCRIPT
    if not script.is_file():
        yield Line(f"{script} is missing.", AGAIN)
    elif os.name != "nt" and not os.access(script, os.X_OK):
        yield Line(f"{script} may not be executed, so GIMP passes it over.", AGAIN)
    installed = plug_in.read_record(folder)
    python = Path(str(installed.get("python")))
    if not installed:
        yield Line(f"{folder / plug_in.RECORD} is missing or damaged.", AGAIN)
    elif not python.is_file():
        yield Line(f"The plug-in in {folder} looks for {python}, which is not there.", AGAIN)
    elif python.parent != what.data and python not in [r.python for r in what.runtimes]:
        text = f"The plug-in in {folder} uses another installation ({python})."
        yield Line(text, "Run install.py with that --data-dir, or again to take this one.")
    changed = list(_changed(what, folder))
    yield from changed
    yield from _known_to_gimp(profile)


def _known_to_gimp(profile: Profile) -> Iterator[Line]:
    """Whether GIMP, at its last start, took the plug-in in; pluginrc is what it remembers."""
    try:
        remembered = (profile.folder / "pluginrc").read_bytes()
        newer = os.path.getmtime(profile.folder / "pluginrc") > os.path.getmtime(
            profile.plug_in / plug_in.RECORD
        )
    except OSError:
        remembered, newer = b"", False
    if PROCEDURE in remembered:
        yield Line(f"{profile.title} has the filters: Filters > Limner > Auto Colorize…")
    elif newer:
        text = f"{profile.title} was started since and did not take the plug-in in."
        if profile.version.startswith("2."):
            yield Line(text, "It may lack Python-Fu (Python 2.7), which it needs; GIMP 3 does not.")
        else:
            yield Line(text, "Start GIMP from a terminal and report what it prints about limner.")
    else:
        yield Line(f"The plug-in is in {profile.plug_in}; {profile.title} was not started since")


def _changed(what: Look, folder: Path) -> Iterator[Line]:
    """Files of ours that are not as they were put."""
    expected = what.known.fingerprints.get(str(folder), {}) if what.known else {}
    for name, fingerprint in expected.items():
        path = folder / name
        if path.suffix == ".onnx" or path.name == "manifest.json":
            continue  # the models have lines of their own
        if not path.is_file():
            yield Line(f"{path} is missing.", AGAIN)
        elif files.sha256(path) != fingerprint:
            yield Line(f"{path} was changed after the installation.", AGAIN)


def _proof_lines(what: Look) -> Iterator[Line]:
    tried = [p.plug_in for p in what.profiles if plug_in.is_ours(p.plug_in) and not p.sandbox]
    for place in what.runtimes:
        if not place.python.exists():
            continue  # said before
        where = f"In the {place.sandbox}: " if place.sandbox else ""
        plug_ins = [] if place.sandbox else tried
        try:
            done = proof.prove(what.checkout, what.data, place, plug_ins)
        except InstallError as error:
            yield Line(where + error.sentence, error.hint)
        else:
            yield Line(where + str(done), telling=True)
