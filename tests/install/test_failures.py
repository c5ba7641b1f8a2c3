"""What cannot go on is one sentence with what to do, and leaves nothing half-made."""

import ast
import errno
import os
import shutil
import subprocess
import sys
from glob import glob
from pathlib import Path

import pytest

from installer import cli, environment, setup
from installer.errors import from_os_error
from installer.runtime import Runtime
from tests.python27 import PYTHON27

GIMP_3 = ".config/GIMP/3.0"


def one_sentence(said):
    """The last line, which tells the failure; nothing like a traceback stands before it."""
    assert "Traceback" not in said
    last = said.strip().splitlines()[-1]
    assert last.startswith("Not done: ")
    return last


OS_ERRORS = {
    errno.ENOSPC: "The disk is full (at /x/y). Free about 500 MB",
    errno.EACCES: "There is no permission to change /x/y. Close GIMP",
    errno.EPERM: "There is no permission to change /x/y.",
    errno.EROFS: "The place of /x/y is read-only.",
    errno.ENOTDIR: "Not a directory: /x/y.",
}


@pytest.mark.parametrize(("code", "text"), OS_ERRORS.items(), ids=errno.errorcode.get)
def test_system_errors_become_sentences(code, text):
    assert str(from_os_error(OSError(code, os.strerror(code), "/x/y"))).startswith(text)


def test_a_full_disk_is_seen_before_anything_is_changed(machine, monkeypatch):
    machine.profile(GIMP_3)
    before = machine.tree()
    usage = shutil.disk_usage(machine.home)
    monkeypatch.setattr(setup.shutil, "disk_usage", lambda path: usage._replace(free=99_000_000))
    status, said = machine.run()
    assert status == 1
    assert "99 MB free" in one_sentence(said)
    assert machine.tree() == before


def test_a_disk_that_gets_full_leaves_no_half_folder(machine, monkeypatch):
    machine.profile(GIMP_3)
    machine.install()
    before = machine.tree()

    def full(source, target):
        raise OSError(errno.ENOSPC, "No space left on device", str(target))

    monkeypatch.setattr("installer.files.copy_file", full)
    status, said = machine.run()
    assert status == 1
    assert "The disk is full" in one_sentence(said)
    record = ".local/share/limner/install.json"
    assert b'"incomplete"' in machine.tree()[record]
    assert machine.tree() | {record: 0} == before | {record: 0}


def test_a_file_in_the_way_of_the_data_folder(machine):
    (machine.home / ".local").write_text("a file")
    status, said = machine.run()
    assert status == 1
    assert str(machine.home / ".local") in one_sentence(said)


def base_python(machine, script):
    """A Python that says it is 3.11 and then does as the script says."""
    return machine.program(
        "python3", f'case "$*" in *version_info*) echo 3.11.2;; *) {script};; esac'
    )


BROKEN_PYTHONS = {
    "no ensurepip": (
        "echo 'The virtual environment was not created successfully because ensurepip is not "
        "available.'; exit 1",
        "sudo apt install python3.11-venv",
    ),
    "no venv": ("echo 'No module named venv' >&2; exit 1", "sudo apt install python3.11-venv"),
    "full": ("echo 'OSError: [Errno 28] No space left on device' >&2; exit 1", "disk is full"),
    "broken": ("echo 'something else' >&2; exit 1", "could not be made (something else)"),
}


@pytest.mark.parametrize(("script", "expected"), BROKEN_PYTHONS.values(), ids=list(BROKEN_PYTHONS))
def test_a_python_that_makes_no_environment(machine, monkeypatch, script, expected):
    monkeypatch.setattr(sys, "executable", str(base_python(machine, script)))
    status, said = machine.run()
    assert status == 1
    assert expected in one_sentence(said)
    assert not (machine.data / "venv").exists()


PIP_WORDS = {
    "no network": (
        [
            "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError'",
            "ERROR: No matching distribution found for numpy==2.4.6",
        ],
        "No matching distribution found for numpy==2.4.6). Check the network",
    ),
    "no wheel": (
        ["ERROR: No matching distribution found for numpy==2.4.6"],
        "There may be no ready-made packages for this Python",
    ),
    "full": (
        ["ERROR: Could not install packages due to an OSError: No space left on device"],
        "The disk is full.",
    ),
    "anything": (["ERROR: it broke"], "pip could not install the packages (it broke)."),
    "silence": ([], "pip could not install the packages (no word)."),
}


@pytest.mark.parametrize(("words", "expected"), PIP_WORDS.values(), ids=list(PIP_WORDS))
def test_pips_last_word_is_passed_on(words, expected):
    assert expected in str(environment._pip_error(words))


def test_a_real_pip_without_a_package_index(tmp_path, capsys):
    """The Python of the tests, asked for wheels from an empty folder."""
    place = Runtime(Path(sys.prefix), sys.executable)
    if not (place.packages / "pip").is_dir():
        pytest.skip("this Python has no pip")
    with pytest.raises(environment.InstallError, match="no-such-package-of-limner"):
        environment._pip(place, ("no-such-package-of-limner==1",), tmp_path, print)


def test_sudo_is_refused(machine, monkeypatch):
    monkeypatch.setenv("SUDO_USER", "somebody")
    status, said = machine.run()
    assert status == 1
    assert "Start it without sudo." in one_sentence(said)
    assert not machine.data.exists()


def test_a_worker_that_does_not_start_is_a_failure(machine, monkeypatch):
    """Not an installation that says nothing and a filter that does not work."""
    machine.profile(GIMP_3)
    monkeypatch.setattr("tests.install.machine.LENT", [])
    status, said = machine.run()
    assert status == 1
    assert "numpy" in one_sentence(said)


def test_a_reader_that_goes_away_is_no_trouble(machine):
    """install.py --check | head -1"""
    command = [sys.executable, str(cli.CHECKOUT / "install.py"), "--check"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout and process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""


def test_an_incomplete_copy_of_limner_is_refused(machine, monkeypatch, tmp_path):
    shutil.copytree(cli.CHECKOUT / "core", tmp_path / "limner/core")
    shutil.copy(cli.CHECKOUT / "pyproject.toml", tmp_path / "limner")
    monkeypatch.setattr(cli, "CHECKOUT", tmp_path / "limner")
    status, said = machine.run()
    assert status == 1
    assert "is no complete copy of Limner" in one_sentence(said)


def test_install_py_is_read_by_old_pythons():
    """Only its own file: it refuses before it imports the rest."""
    text = (cli.CHECKOUT / "install.py").read_text(encoding="utf-8")
    ast.parse(text, feature_version=(3, 4))


def starts(python):
    """A version manager may put shims into the PATH that only complain."""
    return subprocess.run([python, "-c", ""], capture_output=True).returncode == 0


def old_pythons():
    found = glob(str(Path.home() / ".pyenv/versions/3.[0-9].*/bin/python"))
    found += glob(str(Path.home() / ".pyenv/versions/3.10.*/bin/python"))
    found += [path for n in range(4, 11) if (path := shutil.which(f"python3.{n}"))]
    return [path for path in [*found, PYTHON27] if path and starts(path)]


@pytest.mark.parametrize("python", old_pythons() or [None])
def test_an_old_python_is_refused_in_one_sentence(python):
    if python is None:
        pytest.skip("no Python older than 3.11 was found")
    answer = subprocess.run(
        [python, str(cli.CHECKOUT / "install.py")], capture_output=True, text=True
    )
    assert answer.returncode == 1
    assert answer.stderr.startswith("Limner needs Python 3.11 or newer and this is Python")
    assert answer.stderr.count("\n") == 1
    assert answer.stdout == ""
