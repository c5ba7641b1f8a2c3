"""The worker as the plug-in sees it: real child processes, well behaved and not."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core import protocol
from plugin.errors import FilterFailed, ProtocolMismatch, WorkerDied, WorkerNotInstalled
from plugin.installation import Installation
from plugin.process import MAX_LOG_BYTES, clean_environment
from plugin.worker import Worker

ROOT = Path(__file__).parents[2]
FAKE = str(ROOT / "tests/fakes/worker_process.py")
RED = bytes([255, 0, 0])


def request(width=2, height=3, pixel_format="R'G'B' u8"):
    return {
        "kind": "request",
        "id": 1,
        "filter": "colorize",
        "model": "",
        "device": "auto",
        "params": {},
        "picture": {"width": width, "height": height, "format": pixel_format},
    }


def worker(behaviour, *arguments, log="", **settings):
    command = [sys.executable, "-I", "-u", FAKE, behaviour, *map(str, arguments)]
    return Worker(command, log=str(log), **settings)


def ask(running, width=2, height=3, heard=None):
    heard = [] if heard is None else heard
    pieces = [RED * width] * height
    return running.ask(request(width, height), pieces, lambda *said: heard.append(said))


def is_alive(process_id):
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{process_id}/stat")
    return not (state.exists() and ") Z " in state.read_text())


def wait_until(true, timeout_s=20.0):
    end = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def test_pixels_go_there_and_come_back():
    heard = []
    with worker("invert") as running:
        result = ask(running, heard=heard)
        assert result.picture == {"width": 2, "height": 3, "format": "R'G'B' u8"}
        assert result.report == {"provider": "none"}
        cyan = bytes([0, 255, 255])
        assert result.read(2) == cyan * 4
        assert result.read(1) == cyan * 2
    assert heard == [(0.5, "Working")]


def test_a_picture_larger_than_any_pipe():
    with worker("invert") as running:
        result = ask(running, width=1000, height=1000)
        assert result.read(1000) == bytes([0, 255, 255]) * 1_000_000


def test_start_returns_before_the_worker_is_ready():
    with worker("silent") as running:
        running.start()
        running.start()


def test_a_second_request_goes_to_the_same_process():
    with worker("invert") as running:
        ask(running).read(3)
        process = running._process
        ask(running).read(3)
        assert running._process is process


def test_a_program_that_is_not_there(tmp_path):
    missing = str(tmp_path / "venv/bin/python")
    with pytest.raises(WorkerNotInstalled) as caught:
        Worker.installed(Installation("0", missing, [], "")).start()
    assert missing in str(caught.value) and "Run install.py again." in str(caught.value)


def test_a_program_that_cannot_be_run(tmp_path):
    broken = tmp_path / "python"
    broken.write_text("not a program")
    with pytest.raises(WorkerNotInstalled, match="cannot be started"):
        Worker([str(broken)]).start()


def test_a_worker_that_dies_at_its_start_names_the_log(tmp_path):
    log = tmp_path / "limner.log"
    with worker("dies_at_start", log=log) as running, pytest.raises(WorkerDied) as caught:
        ask(running)
    said = str(caught.value)
    assert "could not start (exit status 1)" in said
    assert "install.py --check" in said and str(log) in said
    assert "No module named 'numpy'" in log.read_text()


def test_a_worker_that_never_gets_ready():
    with worker("silent", hello_timeout_s=0.5) as running:
        with pytest.raises(WorkerDied, match="was not ready after"):
            ask(running)
        process = running._process
    assert process.poll() is not None


def test_a_worker_that_prints_before_it_speaks():
    with worker("garbage") as running, pytest.raises(ProtocolMismatch) as caught:
        ask(running)
    assert "Run install.py again." in str(caught.value)


def test_a_worker_of_another_version():
    versions = f"protocol {protocol.PROTOCOL} and 99"
    with worker("other_version") as running, pytest.raises(ProtocolMismatch, match=versions):
        ask(running)


def test_an_answer_to_another_request():
    with worker("wrong_id") as running, pytest.raises(ProtocolMismatch, match="not understand"):
        ask(running)


@pytest.mark.parametrize(
    "behaviour, status", [("dies_in_mid_run", 7), ("dies_in_mid_result", 9)], ids=str
)
def test_a_worker_that_dies_in_the_middle(behaviour, status):
    sentence = rf"exit status {status}\); nothing was changed"
    with worker(behaviour) as running, pytest.raises(WorkerDied, match=sentence):
        ask(running, 500, 500).read(500)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals to be ended by")
def test_a_worker_that_the_system_killed_most_likely_lacked_memory(tmp_path):
    with worker("sleeps", tmp_path / "pid") as running:

        def kill(_fraction, _text):
            wait_until((tmp_path / "pid").exists)
            running._process.kill()

        with pytest.raises(WorkerDied, match="signal 9.*memory"):
            running.ask(request(1, 1), [RED], kill)


def test_a_failure_comes_as_the_worker_said_it():
    with worker("fails") as running, pytest.raises(FilterFailed) as caught:
        ask(running)
    error = caught.value
    assert (error.code, error.sentence) == ("model_corrupt", "The model is damaged.")
    assert str(error) == "The model is damaged. Do this."


def test_a_bug_in_the_worker_names_the_log(tmp_path):
    log = tmp_path / "limner.log"
    with worker("internal", log=log) as running, pytest.raises(FilterFailed) as caught:
        ask(running)
    assert str(caught.value) == f"The model is damaged. Do this. The log is {log}."


def test_a_failure_that_comes_before_all_pixels_were_taken_is_still_heard():
    with worker("refuses_early") as running, pytest.raises(FilterFailed, match="is damaged"):
        ask(running, 2000, 2000)


def test_a_flood_on_stderr_blocks_nothing_and_lands_in_the_log(tmp_path):
    log = tmp_path / "limner.log"
    with worker("chatty", log=log) as running:
        assert len(ask(running).read(3)) == 18
    assert log.stat().st_size == len("warning\n") * 500_000


def test_a_log_that_grew_too_large_starts_anew(tmp_path):
    log = tmp_path / "limner.log"
    log.write_bytes(b"x" * (MAX_LOG_BYTES + 1))
    with worker("dies_at_start", log=log) as running, pytest.raises(WorkerDied):
        ask(running)
    assert "x" * 80 not in log.read_text()


def test_a_log_that_cannot_be_written_is_done_without(tmp_path):
    with worker("chatty", log=tmp_path / "no/such/folder/log") as running:
        assert len(ask(running).read(3)) == 18


def test_the_environment_is_cleaned():
    kept = {"HOME": "/home/me", "PATH": "/bin", "LANG": "C", "PYENV_ROOT": "/p", "GIMP3_X": "1"}
    dropped = [
        "PYTHONPATH",
        "PYTHONHOME",
        "LD_LIBRARY_PATH",
        "LD_PRELOAD",
        "DYLD_LIBRARY_PATH",
        "GI_TYPELIB_PATH",
        "GIO_EXTRA_MODULES",
        "GTK_PATH",
        "GTK2_RC_FILES",
        "GDK_PIXBUF_MODULE_FILE",
        "GEGL_PATH",
        "BABL_PATH",
        "PythonPath",
    ]
    assert clean_environment(dict(kept, **dict.fromkeys(dropped, "x"))) == kept


def test_the_child_gets_nothing_of_ours(tmp_path, monkeypatch):
    """A poisoned environment, and a pipe that must not stay open in the child."""
    monkeypatch.setenv("PYTHONPATH", "/poison")
    monkeypatch.setenv("GEGL_PATH", "/poison")
    monkeypatch.setenv("LIMNER_TEST", "kept")
    ours, theirs = os.pipe()
    os.set_inheritable(theirs, True)
    try:
        with worker("environment", tmp_path / "seen") as running:
            ask(running).read(3)
    finally:
        os.close(ours)
        os.close(theirs)
    seen = json.loads((tmp_path / "seen").read_text(encoding="utf-8"))
    assert seen["environment"]["LIMNER_TEST"] == "kept"
    assert not {"PYTHONPATH", "GEGL_PATH"} & set(seen["environment"])
    assert theirs not in seen["descriptors"]


def test_stop_ends_the_process_and_may_be_called_twice():
    running = worker("invert")
    running.start()
    process = running._process
    running.stop()
    running.stop()
    assert process.poll() is not None


def test_stop_in_the_middle_of_a_run_does_not_wait_for_it(tmp_path):
    running = worker("sleeps", tmp_path / "pid")
    with running, pytest.raises(KeyboardInterrupt):

        def interrupt(_fraction, _text):
            raise KeyboardInterrupt

        running.ask(request(1, 1), [RED], interrupt)
    assert running._process is None


@pytest.mark.skipif(os.name == "nt", reason="uses SIGKILL")
def test_the_worker_ends_when_the_plug_in_is_killed(tmp_path):
    """What GIMP does on Cancel: nobody is left to close anything but the system."""
    plug_in = subprocess.Popen(
        [sys.executable, "-c", PLUG_IN, sys.executable, FAKE, str(tmp_path / "pid")], cwd=ROOT
    )
    wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    child = int((tmp_path / "pid").read_text())
    assert is_alive(child)
    plug_in.kill()
    plug_in.wait()
    wait_until(lambda: not is_alive(child))


PLUG_IN = """
import sys
from plugin.worker import Worker
python, fake, pid = sys.argv[1:]
picture = {"width": 1, "height": 1, "format": "R'G'B' u8"}
request = {"kind": "request", "id": 1, "filter": "colorize", "model": "", "device": "auto",
           "params": {}, "picture": picture}
Worker([python, "-u", fake, "sleeps", pid]).ask(request, [b"abc"], lambda *said: None)
"""


def test_the_real_worker_says_hello_and_refuses_in_words(tmp_path):
    """core's own worker; -I would need it installed, so it is put onto the path by hand."""
    start = f"import sys; sys.path.insert(0, {str(ROOT)!r}); "
    start += "from core.worker.process import main; main(())"
    running = Worker([sys.executable, "-c", start], log=str(tmp_path / "log"))
    with running, pytest.raises(FilterFailed) as caught:
        ask(running)
    assert caught.value.code == "image_unsupported"
    assert caught.value.sentence and caught.value.hint


def test_layers_beside_the_picture_come_in_their_order():
    hint = {"role": "hint", "x": -1, "y": 2, "width": 1, "height": 1, "format": "R'G'B'A u8"}
    with worker("layers") as running:
        pieces = [RED * 6, bytes([1, 2, 3, 4])]
        result = running.ask(dict(request(), others=[hint]), pieces, lambda *said: None)
        assert [(other.role, other.x, other.y) for other in result.others] == [
            ("lines", -1, 2),
            ("colors", 0, 0),
            ("flats", 0, 0),
        ]
        assert result.read(3) == bytes([0, 255, 255]) * 6
        assert result.others[0].read(1) == bytes([1, 2, 3, 4])
        result.skip_all()
        assert len(ask(running).read(3)) == 18  # the next answer begins where it should
