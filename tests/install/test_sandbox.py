"""GIMP as a Flatpak or Snap: another system, so a Python of its own. The sandboxes are played by
scripts that run what they are told on this machine, and write down what that was.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from installer.runtime import Runtime

FLATPAK = ".var/app/org.gimp.GIMP/config/GIMP/3.0"
SNAP = "snap/gimp/current/.config/GIMP/3.0"
HOST = ".config/GIMP/3.0"

FLATPAK_SCRIPT = """
echo "$*" >> {log}
if [ "$1" = info ]; then echo "Version: 3.0.6"; exit 0; fi
[ "$1" = run ] || exit 1
command=${{2#--command=}}
[ "$3" = org.gimp.GIMP ] || exit 1
shift 3
exec "$command" "$@"
"""

SNAP_SCRIPT = """
echo "$*" >> {log}
[ "$1 $2 $3 $4" = "run --shell gimp -c" ] || exit 1
shift 3
exec /bin/sh "$@"
"""


@pytest.fixture
def flatpak(machine, tmp_path):
    machine.log = tmp_path / "sandbox.log"
    machine.program("flatpak", FLATPAK_SCRIPT.format(log=f"'{machine.log}'"))
    machine.program("python3", f'exec "{sys.executable}" "$@"')
    return machine


def record(machine, profile):
    path = machine.home / profile / "plug-ins/limner/installation.json"
    return json.loads(path.read_text(encoding="utf-8"))


def test_a_flatpak_gets_a_python_of_its_own(flatpak):
    flatpak.profile(FLATPAK)
    said = flatpak.install()
    assert (flatpak.data / "venv/limner.json").is_file()
    assert (flatpak.data / "venv-flatpak/limner.json").is_file()
    assert "In the flatpak: The worker coloured" in said
    assert "-m venv" in flatpak.log.read_text()
    assert "-m core worker" in flatpak.log.read_text()


def test_one_profile_that_both_gimps_use_starts_the_python_that_fits(flatpak):
    flatpak.profile(HOST)
    flatpak.install()
    python = Path(record(flatpak, HOST)["python"])
    answer = subprocess.run(
        [python, "-I", "-c", "import sys; print(sys.prefix)"],
        capture_output=True,
        text=True,
        check=True,
    )
    inside = Path("/.flatpak-info").exists()
    assert answer.stdout.strip() == str(flatpak.data / ("venv-flatpak" if inside else "venv"))
    assert "venv-flatpak/bin/python" in python.read_text(encoding="utf-8")
    assert "All is well" in flatpak.install("--check")


def test_a_profile_of_an_earlier_run_keeps_its_sandbox(flatpak, tmp_path):
    flatpak.profile(FLATPAK)
    flatpak.install()
    before = record(flatpak, FLATPAK)
    other = tmp_path / "other"
    other.mkdir()
    flatpak.install("--gimp-dir", str(other))
    assert record(flatpak, FLATPAK) == before


def test_a_flatpak_is_uninstalled_whole(flatpak):
    flatpak.profile(FLATPAK)
    before = flatpak.tree()
    flatpak.install()
    flatpak.install("--uninstall")
    assert flatpak.tree() == before


def test_a_sandbox_that_cannot_be_served_is_said_and_the_other_gimp_is_served(flatpak):
    flatpak.profile(FLATPAK)
    flatpak.profile(".config/GIMP/2.10")
    flatpak.program("python3", "echo 3.9.1")
    status, said = flatpak.run()
    assert status == 1
    assert "There is no Python 3.11 or newer inside the Flatpak (found: 3.9.1)." in said
    python = record(flatpak, ".config/GIMP/2.10")["python"]
    assert python == str(flatpak.data / "venv/bin/python")
    assert not (flatpak.home / FLATPAK / "plug-ins/limner").exists()
    status, said = flatpak.run("--check")
    assert status == 1
    assert "venv-flatpak is not there" in said


def test_a_snap_gets_a_python_where_it_can_see_it(machine, tmp_path):
    machine.log = tmp_path / "sandbox.log"
    machine.program("snap", SNAP_SCRIPT.format(log=f"'{machine.log}'"))
    machine.program("python3", f'exec "{sys.executable}" "$@"')
    machine.profile(SNAP)
    before = machine.tree()
    said = machine.install()
    common = machine.home / "snap/gimp/common/limner"
    assert record(machine, SNAP)["python"] == str(common / "venv/bin/python")
    assert record(machine, SNAP)["log"] == str(common / "limner.log")
    assert "In the snap: The worker coloured" in said
    machine.install("--uninstall")
    assert machine.tree() == before


@pytest.mark.parametrize(
    ("sandbox", "expected"),
    [
        ("", ["/p/python", "-c", "x y"]),
        ("flatpak", ["flatpak", "run", "--command=/p/python", "org.gimp.GIMP", "-c", "x y"]),
        (
            "snap",
            ["snap", "run", "--shell", "gimp", "-c", 'exec "$0" "$@"', "/p/python", "-c", "x y"],
        ),
    ],
)
def test_command_lines(sandbox, expected):
    assert Runtime(Path("/p"), "python3", sandbox).command("/p/python", "-c", "x y") == expected
