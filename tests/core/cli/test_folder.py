"""Folders: done pictures are skipped, several processes, record and report."""

import json
import os
import signal
import struct
import subprocess
import sys
import time
import zlib
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


def with_text(png, keyword):
    """A PNG's bytes with a tEXt chunk after its header."""
    body = b"tEXt" + keyword + b"\0caption"
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return png[:33] + chunk + png[33:]


def test_odd_files_of_a_folder_are_made_or_named_and_the_others_are_made(tmp_path, models):  # noqa: F811
    """A Latin-1 keyword is legal in PNG; a name that is not UTF-8 is legal on Linux."""
    source = tmp_path / "in"
    for name in ("a.png", "b.png", "z.png"):
        save(source / name, grey("4", 16))
    odd = source / "b.png"
    odd.write_bytes(with_text(odd.read_bytes(), b"Bildunterschrift \xfc"))
    if sys.platform == "linux":
        (source / os.fsdecode(b"m\xe9.png")).write_bytes(odd.read_bytes())
    done = limner("colorize", source, "-o", tmp_path / "out", models=models)
    made = sorted(path.name for path in (tmp_path / "out").glob("*.png"))
    assert made == ["a.png", "b.png", "z.png"]
    assert "Traceback" not in done.stderr
    if sys.platform == "linux":
        assert done.returncode == 1 and "not valid UTF-8" in done.stderr


def test_a_bug_in_one_picture_does_not_stop_the_others(tmp_path, models, capsys, monkeypatch):  # noqa: F811
    from core.files.picture import PictureFile

    source, real = scans(tmp_path / "in", 3), PictureFile.read

    def read(path):
        if path.name == "01.png":
            raise IndexError("no such row")
        return real(path)

    monkeypatch.setattr(PictureFile, "read", read)
    assert (
        main(["colorize", str(source), "-o", str(tmp_path / "out"), "--models", str(models)]) == 1
    )
    said = capsys.readouterr()
    assert len(said.out.split()) == 2
    assert "01.png" in said.err and "unexpected problem (IndexError" in said.err


def refused(capsys, models, *words):  # noqa: F811
    assert main([*map(str, words), "--models", str(models)]) == 2
    assert "would be written over" in capsys.readouterr().err


def test_no_file_that_is_read_is_ever_written(tmp_path, models, capsys):  # noqa: F811
    for name in ("1/art.png", "2/art.png", "x.png", "x.colorized.variant2.png"):
        save(tmp_path / name, grey("4", 16))
    os.link(tmp_path / "x.png", tmp_path / "same.png")
    (tmp_path / "link.png").symlink_to(tmp_path / "x.png")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.png")}
    x, art = tmp_path / "x.png", (tmp_path / "1/art.png", tmp_path / "2/art.png")
    variant = tmp_path / "x.colorized.variant2.png"
    for words in (
        ("colorize", x, "-o", tmp_path / "r.png", "--report", x),
        ("colorize", x, "-o", tmp_path / "r.png", "--report", tmp_path / "r.png"),
        ("colorize", x, "-o", tmp_path / "same.png"),
        ("colorize", x, "-o", tmp_path / "link.png"),
        ("colorize", x, "-o", art[0], "--hints", art[0]),
        ("colorize", x, "-o", art[0], "--reference", art[0]),
        ("colorize", x, variant, "--variants", "2"),
        ("colorize", *art, "--layers", tmp_path / "layers"),
    ):
        refused(capsys, models, *words)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.png")} == before


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_processes_end_with_their_parent(tmp_path, models):  # noqa: F811
    source = scans(tmp_path / "in", 300)
    command = [sys.executable, "-m", "core", "colorize", str(source), "-o", str(tmp_path / "out"),
               "--jobs", "2", "--models", str(models)]  # fmt: skip
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE) as parent:
        assert parent.stderr is not None
        parent.stderr.readline()  # a first picture is made: the processes are there
        children = children_of(parent.pid)
        parent.kill()
    assert children
    ends = time.monotonic() + 60
    while any(Path(f"/proc/{child}").exists() for child in children):
        assert time.monotonic() < ends, "processes outlive their parent"
        time.sleep(0.1)


def children_of(parent):
    tasks = Path(f"/proc/{parent}/task")
    if not tasks.exists():
        pytest.skip("needs /proc")
    return [child for task in tasks.iterdir() for child in (task / "children").read_text().split()]


def test_what_a_killed_run_left_is_swept_and_a_live_ones_is_not(tmp_path, models):  # noqa: F811
    source = scans(tmp_path / "in", 1)
    out = tmp_path / "out" / "0"
    out.mkdir(parents=True)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    dead, live = out / f".limner-{gone.pid}-abc.png", out / f".limner-{os.getpid()}-abc.png"
    for path in (dead, live):
        path.write_bytes(b"half")
    assert limner("colorize", source, "-o", out.parent, models=models).returncode == 0
    assert not dead.exists() and live.exists()


def test_pictures_of_other_kinds_in_a_folder_are_named(tmp_path, models):  # noqa: F811
    source = scans(tmp_path / "in", 1)
    save(source / "photo.jpg", grey("4", 16))
    (source / "photo.jpg").rename(source / "photo.jfif")
    for name in ("a.heic", "b.HEIC", "c.gif", "notes.txt"):
        (source / name).write_bytes(b"")
    done = limner("colorize", source, "-o", tmp_path / "out", models=models)
    assert done.returncode == 0
    assert "Left out: 1 .gif, 2 .heic." in done.stderr and "txt" not in done.stderr
    assert (tmp_path / "out" / "photo.jfif").exists()
