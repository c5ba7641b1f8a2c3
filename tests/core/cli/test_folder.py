"""Folders: done pictures are skipped, several processes, record and report."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.cli import folder
from core.cli.main import main
from tests.core.cli.test_main import ROOT, limner, load, models, save  # noqa: F401
from tests.pixels import grey


def scans(path, count):
    for number in range(count):
        save(path / f"{number % 3}" / f"{number:02d}.png", grey("4", 16))
    return path


def test_what_is_done_is_skipped_until_something_changes(tmp_path, models, capsys):  # noqa: F811
    source, out = scans(tmp_path / "in", 4), tmp_path / "out"
    command = ["colorize", str(source), "-o", str(out), "--models", str(models)]

    def made(*more):
        assert main([*command, *more]) == 0
        return len(capsys.readouterr().out.split())

    assert [made(), made()] == [4, 0]
    assert made("--overwrite") == 4
    assert made("--saturation", "0.5") == 4  # other settings
    assert made("--saturation", "0.5", "--model", "nothing") == 4  # another model
    save(source / "0" / "00.png", grey("6", 16))  # another source
    (out / "1" / "01.png").unlink()  # a result is gone
    (out / "2" / "02.png").write_bytes(b"cut")  # a result is not whole
    assert made("--saturation", "0.5", "--model", "nothing") == 3
    with (out / folder.RECORD).open("a") as record:
        record.write('{"half a line')
    assert made("--saturation", "0.5", "--model", "nothing") == 0


def test_processes_do_what_one_does_and_report(tmp_path, models):  # noqa: F811
    source = scans(tmp_path / "in", 9)
    (source / "0" / "bad.png").write_bytes(b"no picture")
    report = tmp_path / "report.json"
    one = limner("colorize", source, "-o", tmp_path / "one", models=models)
    two = limner(
        "colorize", source, "-o", tmp_path / "two", "--jobs", "2", "--report", report,
        models=models,
    )  # fmt: skip
    assert (one.returncode, two.returncode) == (1, 1)
    assert "bad.png" in two.stderr and "limner: 1 of 10 pictures failed." in two.stderr
    for path in sorted((tmp_path / "one").rglob("*.png")):
        other = tmp_path / "two" / path.relative_to(tmp_path / "one")
        assert (load(path) == load(other)).all()
    told = json.loads(report.read_text())
    assert told["counts"] == {"done": 9, "skipped": 0, "failed": 1}
    (bad,) = [entry for entry in told["files"] if entry["status"] == "failed"]
    assert bad["source"].endswith("bad.png") and bad["error"]["code"] == "file_unreadable"
    again = limner(
        "colorize", source, "-o", tmp_path / "two", "--jobs", "2", "--report", report,
        models=models,
    )  # fmt: skip
    assert again.stdout == ""
    assert json.loads(report.read_text())["counts"] == {"done": 0, "skipped": 9, "failed": 1}


@pytest.mark.skipif(sys.platform != "linux", reason="finds the processes in /proc")
def test_a_process_that_is_killed_loses_nothing(tmp_path, models):  # noqa: F811
    source, out = scans(tmp_path / "in", 60), tmp_path / "out"
    command = [sys.executable, "-m", "core", "colorize", source, "-o", out, "--jobs", "2",
               "--models", models]  # fmt: skip
    process = subprocess.Popen(
        list(map(str, command)), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while len(list(out.rglob("*.png"))) < 5:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.005)
    os.kill(children(process.pid)[-1], signal.SIGKILL)
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 0, stderr
    assert sorted(stdout.split()) == sorted(str(p) for p in out.rglob("*.png"))
    assert len(stdout.split()) == 60


def children(pid):
    """The processes that multiprocessing started for work, not its resource tracker."""
    found = []
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with open(f"/proc/{child}/cmdline", "rb") as stream:
            if b"spawn_main" in stream.read():
                found.append(int(child))
    assert found
    return found


def test_a_model_that_cannot_be_opened_is_one_sentence(tmp_path, models):  # noqa: F811
    source = scans(tmp_path / "in", 4)
    ran = limner("colorize", source, "--jobs", "2", "--device", "cuda", models=models)
    assert ran.returncode == 1
    assert ran.stderr.strip().splitlines()[-1].startswith("limner: CUDA")
    ran = limner("colorize", source, "--jobs", "1000", models=models)
    assert ran.returncode == 2 and "--jobs" in ran.stderr
