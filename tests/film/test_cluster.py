"""A real Ray on this machine, two workers, one of which is killed: nothing lost, nothing twice."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.film.clips import ROOT, bars, limner, pictures, planes, write_film

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.film,
    pytest.mark.skipif(importlib.util.find_spec("ray") is None,
                       reason="needs the extra cluster: pip install '.[film,cluster]'"),
    pytest.mark.skipif(sys.platform != "linux", reason="finds Ray's processes in /proc"),
]  # fmt: skip


def start(folder, *arguments, models):
    """Begin the command, what it says going into out.txt and err.txt of a folder."""
    command = [sys.executable, "-m", "core", *map(str, arguments), "--models", str(models),
               "--device", "cpu", "--ray", "local", "--jobs", "2"]  # fmt: skip
    with (folder / "out.txt").open("w") as out, (folder / "err.txt").open("w") as err:
        return subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=err)


def workers(pid):
    """Processes of our actors below a process, by the names that Ray gives them."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
                parents[int(entry.name)] = (int(stat.rpartition(")")[2].split()[1]),
                                            (entry / "cmdline").read_bytes())  # fmt: skip
            except OSError:
                continue
    below = {pid}
    while True:
        more = {p for p, (parent, _) in parents.items() if parent in below} - below
        if not more:
            break
        below |= more
    return [p for p in below if b"ray::" in parents[p][1] and b"MapWorker" in parents[p][1]]


def kill_one(process, begun):
    """Kill one of the two actors once the work has begun."""
    until = time.monotonic() + 600  # a busy machine starts Ray in minutes
    while not begun():
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.01)
    victims = workers(process.pid)
    assert len(victims) == 2
    os.kill(victims[0], signal.SIGKILL)


def test_a_folder(tmp_path, models):
    from tests.core.cli.test_main import save
    from tests.pixels import grey

    source, out = tmp_path / "in", tmp_path / "out"
    for number in range(200):
        save(source / f"{number % 2}" / f"{number:03d}.png", grey("4", 200))
    (source / "bad.png").write_bytes(b"no picture")
    process = start(tmp_path, "colorize", source, "-o", out, models=models)
    kill_one(process, lambda: len(list(out.rglob("*.png"))) >= 10)
    returncode = process.wait(timeout=900)
    stdout, stderr = (tmp_path / "out.txt").read_text(), (tmp_path / "err.txt").read_text()
    assert returncode == 1, stderr
    assert "bad.png" in stderr and "1 of 201 pictures failed" in stderr
    told = stdout.split()
    assert len(told) == len(set(told)) == 200  # each told of once
    record = (out / ".limner-done.jsonl").read_text().splitlines()
    made = [json.loads(line)[0] for line in record]
    assert len(made) == len(set(made)) == 200  # each made once
    assert sorted(made) == sorted(p.relative_to(out).as_posix() for p in out.rglob("*.png"))


@pytest.mark.parametrize(
    ("command", "size", "count"),
    [(["colorize"], (384, 320), 320), (["style", "--colorize"], (192, 160), 160)],
    ids=["colorize", "style-colorize"],
)
def test_a_film(tmp_path, models, command, size, count):
    frames = [bars(i, *size, scene=i // (count * 5 // 8)) for i in range(count)]
    source = write_film(tmp_path / "old.mp4", frames)
    options = ["--segment", "16", "--codec", "ffv1"]
    whole, target = tmp_path / "whole.mkv", tmp_path / "new.mkv"
    ran = limner(*command, source, "-o", whole, *options, models=models)
    assert ran.returncode == 0, ran.stderr
    process = start(tmp_path, *command, source, "-o", target, *options, models=models)
    work = tmp_path / "new.mkv.limner"
    kill_one(process, lambda: len(list(work.glob("segment-*.nut"))) >= 2)
    stamps = {p: p.stat().st_mtime_ns for p in work.glob("segment-*.nut")}
    last = {}
    while process.poll() is None:
        for path in stamps:
            try:
                last[path] = path.stat().st_mtime_ns
            except FileNotFoundError:
                break
        time.sleep(0.01)
    assert process.returncode == 0, (tmp_path / "err.txt").read_text()
    assert last == stamps  # none that was whole was made again
    first, second = pictures(whole), pictures(target)
    assert len(first) == len(second) == count
    for (t0, a), (t1, b) in zip(first, second, strict=True):
        assert t0 == t1
        assert all(np.array_equal(x, y) for x, y in zip(planes(a), planes(b), strict=True))


def test_no_cluster_there_is_a_sentence(tmp_path, models):
    from tests.core.cli.test_main import save
    from tests.pixels import grey

    save(tmp_path / "in" / "a.png", grey("4", 16))
    ran = limner("colorize", tmp_path / "in", "--ray", "127.0.0.1:1", models=models)
    assert ran.returncode == 1 and "Traceback" not in ran.stderr
    assert "limner: Ray at '127.0.0.1:1' cannot be reached" in ran.stderr
