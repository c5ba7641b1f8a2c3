"""install.py's command line: every failure is one sentence, every step one line."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from installer import check, files, places, plug_in, proof, record, remove, runtime, setup, steps
from installer.errors import InstallError, from_os_error
from installer.places import Profile, System
from installer.runtime import Runtime
from installer.wheels import ACCELERATORS, wanted

CHECKOUT = Path(__file__).absolute().parents[1]

DESCRIPTION = """\
Sets Limner up for you alone: a private Python with Limner's engine and models, and the plug-in
in every GIMP that you have. Run it again to update, to repair, or to finish what was
interrupted. Without GIMP you get the command line."""


def main(arguments: list[str] | None = None) -> int:
    """Run; returns the exit status: 0 done, 1 a problem (told), 2 wrong arguments."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace", line_buffering=True)
    options = _parser().parse_args(arguments)
    try:
        status = run(options, System())
    except InstallError as error:
        status = _failed(error)
    except BrokenPipeError:
        # whoever read our words has gone (`| head`); nothing may be flushed to them at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        status = _failed(from_os_error(error))
    except KeyboardInterrupt:
        say("\nStopped. Run install.py again to finish.")
        status = 130
    _keep_window_open()
    return status


def run(options: argparse.Namespace, system: System) -> int:
    """Do what the options say; see main."""
    data = setup.absolute(options.data_dir or _data_folder(system))
    if options.check:
        return run_check(options, system, data)
    if options.uninstall:
        return run_uninstall(options, system, data)
    return run_install(options, system, data)


def run_install(options: argparse.Namespace, system: System, data: Path) -> int:
    """Install, prove it, and say what to do next."""
    _refuse_wrong_user(options, system)
    profiles = _profiles(options, system, data)
    known = record.load(data)
    accelerator = options.accelerator or (known.accelerator if known else "auto")
    work = setup.Setup(
        checkout=CHECKOUT,
        data=data,
        profiles=tuple(profiles),
        runtimes=tuple(setup.runtimes(system, data, sys.executable, profiles)),
        wanted=wanted(CHECKOUT, accelerator, system),
        link=options.link,
        wheels=setup.absolute(options.offline) if options.offline else None,
        say=say,
    )
    say(f"Limner {work.version}. {work.wanted.reason}")
    if not profiles:
        say("No GIMP was found: only the command line is installed.")
    steps.run(setup.steps(work), say, options.dry_run)
    if options.dry_run:
        return 0
    place = work.runtimes[0]
    outside = [profile.plug_in for profile in profiles if not profile.sandbox]
    say(str(proof.prove(CHECKOUT, data, place, outside)))
    for other in work.runtimes[1:]:
        if other.sandbox not in work.left_out:
            say(f"In the {other.sandbox}: {proof.prove(CHECKOUT, data, other, [])}")
    say(f"It takes {files.megabytes(_size(work))} on disk in all.")
    status = _colorize(options.colorize, place) if options.colorize else 0
    _say_what_is_next([p for p in profiles if p.sandbox not in work.left_out], place)
    for sandbox, error in work.left_out.items():
        say(f"Not done for the {sandbox}: {error}")
    return 1 if work.left_out else status


def run_check(options: argparse.Namespace, system: System, data: Path) -> int:
    """Look at everything again."""
    what = check.look(CHECKOUT, data, _profiles(options, system, data))
    said = []
    for line in check.lines(what):
        say(str(line))
        said.append(line)
    problems = sum(bool(line.hint) for line in said)
    say("")
    say(check.report(what, said))
    say("")
    say(f"{problems} problem(s), see above." if problems else "All is well.")
    return 1 if problems else 0


def run_uninstall(options: argparse.Namespace, system: System, data: Path) -> int:
    """Remove what install.py put."""
    work = remove.steps(system, data, _profiles(options, system, data))
    if not work:
        say(f"Nothing of Limner was found (looked in {data} and in GIMP's folders).")
        return 0
    steps.run(work, say, options.dry_run)
    if not options.dry_run:
        say("Limner is removed. If GIMP is open, close it.")
    return 0


def say(text: str) -> None:
    print(text, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="install.py", description=DESCRIPTION)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", action="store_true", help="look whether all is in place and works")
    what.add_argument("--uninstall", action="store_true", help="remove all that install.py put")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and stop")
    parser.add_argument(
        "--accelerator",
        choices=ACCELERATORS,
        help="what works on pictures; auto adds WebGPU where a graphics card is (default: auto, "
        "or what was chosen before)",
    )
    parser.add_argument(
        "--colorize", metavar="PICTURE", help="also colour this grey picture, as a first try"
    )
    parser.add_argument(
        "--gimp-dir",
        metavar="DIR",
        action="append",
        default=[],
        help="a GIMP profile (the folder with 'plug-ins' in it) instead of those found; repeatable",
    )
    parser.add_argument("--data-dir", metavar="DIR", help="another place for Limner's own folder")
    parser.add_argument(
        "--offline", metavar="WHEELS", help="a folder of wheels to take instead of the network"
    )
    parser.add_argument(
        "--link", action="store_true", help="for developers: link to this folder, copy nothing"
    )
    return parser


def _data_folder(system: System) -> Path:
    """The usual one; where that has no record, the one that an installed plug-in works with."""
    usual = places.data_folder(system)
    if record.load(usual) or system.env.get("LIMNER_DATA_DIR"):
        return usual
    for profile in places.find_profiles(system):
        log = plug_in.read_record(profile.plug_in).get("log")
        if isinstance(log, str) and record.load(Path(log).parent):
            return Path(log).parent
    return usual


def _profiles(options: argparse.Namespace, system: System, data: Path) -> list[Profile]:
    """Those given by hand, else all that are found; and those of an earlier run."""
    if options.gimp_dir:
        found = [places.given_profile(text) for text in options.gimp_dir]
    else:
        found = places.find_profiles(system, places.installed_gimps(system))
    known = record.load(data)
    seen = {os.path.realpath(profile.folder) for profile in found}
    for path, version in (known.profiles if known else {}).items():
        profile = places.profile_at(Path(path), version)
        if os.path.realpath(path) not in seen and plug_in.is_ours(profile.plug_in):
            found.append(profile)
    return found


def _refuse_wrong_user(options: argparse.Namespace, system: System) -> None:
    """sudo would install for root, where the user's GIMP does not look."""
    if system.env.get("SUDO_USER", "root") != "root" and not options.data_dir:
        raise InstallError(
            "install.py was started with sudo, and would set Limner up for root and not for you.",
            "Start it without sudo.",
        )
    if system.platform == "win32" and "WindowsApps" in sys.base_prefix:
        raise InstallError(
            "This Python is the Microsoft Store's, which hides the files it writes from GIMP.",
            "Install Python from python.org and start install.py with that.",
        )


def _colorize(picture: str, place: Runtime) -> int:
    """The installed command line's own words go through; its stdout names the result."""
    path = setup.absolute(picture)
    command = place.command(place.python, "-I", "-m", "core", "colorize", str(path))
    done = subprocess.run(command, env=runtime.clean_environment(), stdout=subprocess.PIPE)
    if done.returncode == 0:
        result = done.stdout.decode("utf-8", "surrogateescape").strip()
        say(f"Your picture in colour: {result}")
    return done.returncode


def _size(work: setup.Setup) -> int:
    places_ = {work.data, *(r.folder for r in work.runtimes if work.data not in r.folder.parents)}
    places_ |= {profile.plug_in for profile in work.profiles}
    return sum(files.size_on_disk(folder) for folder in places_)


def _say_what_is_next(profiles: list[Profile], place: Runtime) -> None:
    say("")
    if profiles:
        say("Next: start GIMP (close it first if it is open), open a picture, and choose")
        say("      Filters > Limner > Auto Colorize…")
    say(f"On the command line: {place.command_line} colorize PICTURE")
    say("If something does not work: install.py --check")


def _failed(error: InstallError) -> int:
    print(f"Not done: {error}", file=sys.stderr, flush=True)
    return 1


def _keep_window_open() -> None:
    """Wait for Enter where the window belongs to this run and would take the words with it."""
    if len(sys.argv) > 1 or not (sys.stdin and sys.stdin.isatty()):
        return
    if sys.platform == "win32" and "PROMPT" not in os.environ and _has_own_console():
        input("\nPress Enter to close this window.")
    elif sys.platform == "darwin" and os.path.isabs(sys.argv[0]):
        input("\nPress Enter.")


def _has_own_console() -> bool:
    """Windows: nobody but this program (and the py launcher) is in the console."""
    import ctypes

    many = (ctypes.c_uint32 * 8)()
    return ctypes.windll.kernel32.GetConsoleProcessList(many, 8) <= 2
