"""Installing, as steps."""

import os
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from installer import environment, files, places, plug_in, record, runtime, wheels
from installer.errors import FREE_SPACE, InstallError
from installer.places import Profile, System
from installer.record import Record
from installer.runtime import Runtime
from installer.steps import Say, Step

NEEDED_BYTES = {"cuda": 6_000_000_000, "openvino": 900_000_000}
NEEDED_BYTES_OTHERWISE = 450_000_000
"""Free space asked for while packages are unpacked beside an environment that is replaced."""


@dataclass(frozen=True)
class Setup:
    """What is to be installed where.

    Attributes:
        checkout: the folder of install.py, absolute.
        data: Limner's data folder, absolute.
        profiles: GIMP profiles that get the plug-in.
        runtimes: the private Pythons, the one outside any sandbox first.
        wheels: folder of wheels to take instead of the package index.
        left_out: sandbox -> why its GIMP cannot be served; the other GIMPs still are.
    """

    checkout: Path
    data: Path
    profiles: tuple[Profile, ...]
    runtimes: tuple[Runtime, ...]
    wanted: wheels.Wanted
    link: bool
    wheels: Path | None
    say: Say
    left_out: dict[str, InstallError] = field(default_factory=dict)

    @property
    def version(self) -> str:
        return checkout_version(self.checkout)

    def runtime_of(self, profile: Profile) -> Runtime:
        """The runtime that serves a profile's own sandbox."""
        kinds = {r.sandbox: r for r in self.runtimes}
        return kinds.get(profile.sandbox, self.runtimes[0])


def runtimes(system: System, data: Path, python: str, profiles: list[Profile]) -> list[Runtime]:
    """The private Pythons that these profiles need."""
    found = [Runtime(data / "venv", python)]
    if _flatpak_can_see(system, profiles):
        found.append(Runtime(data / "venv-flatpak", "python3", "flatpak"))
    if any(profile.sandbox == "snap" for profile in profiles):
        found.append(Runtime(places.snap_folder(system) / "venv", "python3", "snap"))
    return found


def steps(setup: Setup) -> list[Step]:
    """The whole installation. Refuses before the first step what could not be finished.

    Raises:
        InstallError: a foreign folder in the plug-in's place, too little space.
    """
    for profile in setup.profiles:
        plug_in.refuse_foreign(profile.plug_in)
    if not setup.link:
        _refuse_incomplete_checkout(setup.checkout)
    _refuse_full_disk(setup)
    old = record.load(setup.data)
    new = Record(
        version=setup.version,
        accelerator=setup.wanted.accelerator,
        link=setup.link,
        checkout=str(setup.checkout),
        runtimes=[{"sandbox": r.sandbox, "folder": str(r.folder)} for r in setup.runtimes],
        profiles={str(p.folder): p.version for p in setup.profiles},
        made=old.made if old else [],
    )
    if old:  # what an earlier run put elsewhere is still ours to check and to remove
        still = {p: v for p, v in old.profiles.items() if Path(p).is_dir()}
        new.profiles = still | new.profiles
        new.fingerprints = old.fingerprints
        known = [r["folder"] for r in new.runtimes]
        new.runtimes += [r for r in old.runtimes if r["folder"] not in known]
    result = [Step(f"Limner's folder: {setup.data}", lambda: _make_data(setup, new))]
    for place in setup.runtimes:
        result += _runtime_steps(setup, place, new)
    for profile in setup.profiles:
        result.append(_profile_step(setup, profile, new))
    return [*result, Step("Write down what was installed", lambda: _finish(setup, new))]


def checkout_version(checkout: Path) -> str:
    """core.__version__, read and not imported."""
    try:
        text = (checkout / "core" / "__init__.py").read_text(encoding="utf-8")
    except OSError:
        text = ""
    found = re.search(r'^__version__ = "([^"]+)"', text, re.MULTILINE)
    if not found:
        raise InstallError(
            f"{checkout} is no complete copy of Limner (core/__init__.py).",
            "Get Limner again and start install.py from there.",
        )
    return found.group(1)


def launcher(setup: Setup) -> Path | None:
    """A program that starts whichever Python fits the side it is started from; None where one
    is enough. GIMP as a Flatpak and as an ordinary program share one profile folder.
    """
    kinds = {r.sandbox for r in setup.runtimes} - setup.left_out.keys()
    if "flatpak" in kinds:
        return setup.data / "python"
    return None


def _make_data(setup: Setup, new: Record) -> str:
    new.make_folder(setup.data)
    new.make_folder(setup.data / "models")
    new.make_folder(setup.data / "styles")
    new.save(setup.data)
    return ""


def _runtime_steps(setup: Setup, place: Runtime, new: Record) -> list[Step]:
    where = {"flatpak": " for the Flatpak", "snap": " for the Snap"}.get(place.sandbox, "")

    def make() -> str:
        if runtime.is_whole(place, setup.wanted, setup.data):
            return "It is there and whole."
        new.make_folder(place.folder.parent)
        new.save(setup.data)
        try:
            return environment.build(place, setup.wanted, setup.data, setup.wheels, setup.say)
        except InstallError as error:
            if not place.sandbox:
                raise
            setup.left_out[place.sandbox] = error
            return f"Left out: {error}"

    def core() -> str:
        if place.sandbox in setup.left_out:
            return "Left out."
        runtime.put_core(place, setup.checkout, setup.link)
        runtime.put_command(place)
        new.remember(place.core, setup.link)
        if place.sandbox == "flatpak":
            _put_launcher(setup)
        return f"On the command line: {place.command_line}" if not place.sandbox else ""

    packages = ", ".join(setup.wanted.required + setup.wanted.optional)
    return [
        Step(f"Private Python{where} with {packages} (a download the first time)", make),
        Step(f"Limner's engine and models{where}, version {setup.version}", core),
    ]


def _profile_step(setup: Setup, profile: Profile, new: Record) -> Step:
    def put() -> str:
        if profile.sandbox in setup.left_out:
            return "Left out."
        new.make_folder(profile.plug_in.parent)
        new.save(setup.data)
        place = setup.runtime_of(profile)
        python = place.python
        if profile.sandbox != "snap":
            python = launcher(setup) or python
        models = (place.core / "data" / "models", setup.data / "models")
        log = setup.data / "limner.log"
        if profile.sandbox == "snap":
            log = place.folder.parent / log.name
        plug_in.put(
            profile.plug_in,
            plug_in.Source(
                checkout=setup.checkout,
                gimp2=profile.version.startswith("2."),
                link=setup.link,
                version=setup.version,
                python=python,
                models=models,
                log=log,
                styles=(place.core / "data" / "styles", setup.data / "styles"),
            ),
        )
        new.remember(profile.plug_in, setup.link)
        return ""

    return Step(f"Plug-in for {profile.title}: {profile.plug_in}", put)


def _finish(setup: Setup, new: Record) -> str:
    new.state = "done"
    new.save(setup.data)
    return ""


def _put_launcher(setup: Setup) -> None:
    pythons = {r.sandbox: r.python for r in setup.runtimes}
    path = setup.data / "python"
    path.write_text(
        "#!/bin/sh\n"
        "# GIMP as a Flatpak has another system below it, and so another Python\n"
        "here=${0%/*}\n"
        "if [ -e /.flatpak-info ]; then\n"
        f'  exec "$here/{pythons["flatpak"].relative_to(setup.data)}" "$@"\n'
        "fi\n"
        f'exec "$here/{pythons[""].relative_to(setup.data)}" "$@"\n',
        encoding="utf-8",
    )
    path.chmod(0o755)


def _flatpak_can_see(system: System, profiles: list[Profile]) -> bool:
    """Whether a GIMP in a Flatpak will look into one of these profiles."""
    return bool(profiles) and places.has_flatpak(system)


def _refuse_incomplete_checkout(checkout: Path) -> None:
    for name in ("core/protocol.py", "plugin/entry/limner.py", "core/data/models"):
        if not (checkout / name).exists():
            raise InstallError(
                f"{checkout} is no complete copy of Limner: {name} is missing.",
                "Get Limner again and start install.py from there.",
            )


def _refuse_full_disk(setup: Setup) -> None:
    needed = NEEDED_BYTES.get(setup.wanted.accelerator, NEEDED_BYTES_OTHERWISE)
    if all(r.folder.exists() for r in setup.runtimes):
        return  # probably nothing to download; a full disk says so later
    place = setup.data
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if free < needed:
        raise InstallError(
            f"The disk at {place} has {files.megabytes(free)} free, and "
            f"{files.megabytes(needed)} are needed while installing.",
            FREE_SPACE,
        )


def absolute(path: str | os.PathLike[str]) -> Path:
    """Without '~' and '..'; on Windows also without the Store's redirections."""
    text = os.path.abspath(os.path.expanduser(path))
    return Path(os.path.realpath(text) if os.name == "nt" else text)
