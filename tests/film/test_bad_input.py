"""What is wrong with a film is one sentence; what could be made is kept and plays."""

import os
import resource
import subprocess
import sys

import av
import numpy as np
import pytest

from tests.film.clips import ROOT, bars, limner, packets, pictures, write_film

pytestmark = pytest.mark.film


def refused(ran, *words):
    """A failed command's last line, held to be one clear sentence."""
    assert ran.returncode not in (0, None), ran.stderr
    assert "Traceback" not in ran.stderr, ran.stderr
    line = ran.stderr.strip().splitlines()[-1]
    assert line.startswith("limner: ")
    for word in words:
        assert word in line, line
    return line


def test_no_film(tmp_path, models):
    empty = tmp_path / "empty.mp4"
    empty.touch()
    refused(limner("colorize", empty, models=models), "empty.mp4 is empty")
    noise = tmp_path / "noise.mkv"
    noise.write_bytes(b"no film at all" * 100)
    refused(limner("colorize", noise, models=models), "noise.mkv", "as a film")
    refused(limner("colorize", tmp_path / "gone.mp4", models=models), "gone.mp4 is no file")
    assert sorted(os.listdir(tmp_path)) == ["empty.mp4", "noise.mkv"]


def test_sound_alone_and_no_frames(tmp_path, models):
    sound = tmp_path / "song.mkv"
    with av.open(str(sound), "w") as film:
        stream = film.add_stream("aac", rate=48000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), "fltp", "mono")
        frame.rate, frame.pts = 48000, 0
        film.mux(stream.encode(frame))
        film.mux(stream.encode(None))
    refused(limner("colorize", sound, models=models), "no moving pictures", "audio")
    still = tmp_path / "still.mp4"
    with av.open(str(still), "w") as film:
        film.add_stream("libx264", rate=24, width=64, height=48)
        film.start_encoding()
    refused(limner("colorize", still, models=models), "still.mp4")
    tiny = write_film(tmp_path / "tiny.mkv", [bars(i, 4, 4) for i in range(3)], codec="ffv1",
                      sound=False)  # fmt: skip
    refused(limner("colorize", tiny, models=models), "4×4", "8×8")


def cut(path, share):
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def test_a_truncated_film_is_made_as_far_as_it_goes(tmp_path, models):
    source = cut(write_film(tmp_path / "cut.mkv", [bars(i) for i in range(240)]), 0.5)
    target = tmp_path / "new.mkv"
    ran = limner("colorize", source, "-o", target, models=models)
    refused(ran, "ends early", "The rest was made")
    assert 60 < len(pictures(target)) < 200
    assert packets(target, "audio")
    headless = cut(write_film(tmp_path / "cut.mp4", [bars(i) for i in range(48)]), 0.5)
    refused(limner("colorize", headless, models=models), "cut.mp4 cannot be read as a film")


def test_damage_inside_is_named_with_its_place(tmp_path, models):
    frames = [bars(i) for i in range(120)]
    source = write_film(tmp_path / "hurt.mkv", frames, codec="ffv1", sound=False,
                        options={"g": "1", "slicecrc": "1", "level": "3"})  # fmt: skip
    data = bytearray(source.read_bytes())
    with av.open(str(source)) as film:
        hurt = [p.pos for p in film.demux(video=0) if p.size][60]
    data[hurt + 60 : hurt + 400] = bytes(340)
    source.write_bytes(data)
    target = tmp_path / "new.mkv"
    ran = limner("colorize", source, "-o", target, models=models)
    refused(ran, "damaged in one place (near 0:02.", "The rest was made")
    assert len(pictures(target)) == 119


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        (["-o", "x.avi"], "no name for a film"),
        (["-o", "x.mp4", "--codec", "ffv1"], "does not go into .mp4"),
        (["-o", "x.mkv", "--codec", "vp9"], "no codec 'vp9'"),
        (["-o", "x.mkv", "--quality", "99"], "--quality"),
        (["-o", "x.mkv", "--steady", "2"], "--steady"),
        (["-o", "x.mkv", "--jobs", "-1"], "--jobs"),
        (["-o", "x.mkv", "--reference", "gone.png"], "gone.png"),
        (["-o", "x.mkv", "--reference", "gone.png@noon"], "noon"),
    ],
)
def test_wrong_choices_are_a_sentence(tmp_path, models, choice, words):
    source = write_film(tmp_path / "old.mkv", [bars(i) for i in range(3)], sound=False)
    given = [tmp_path / c if c.startswith("x.") else c for c in choice]
    refused(limner("colorize", source, *given, models=models), words)
    assert os.listdir(tmp_path) == ["old.mkv"]


def test_a_full_disk(tmp_path, models):
    """The largest file that the process may write stands in for the disk's end."""
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 255, (160, 192), dtype=np.uint8) for _ in range(40)]
    source = write_film(tmp_path / "old.mkv", frames, sound=False)
    target = tmp_path / "new.mkv"
    command = [sys.executable, "-m", "core", "colorize", source, "-o", target, "--codec", "ffv1",
               "--segment", "8", "--models", models, "--device", "cpu"]  # fmt: skip
    most = 500_000  # more than a segment, less than the film
    ran = subprocess.run(
        list(map(str, command)), cwd=ROOT, capture_output=True, text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)),
    )  # fmt: skip
    refused(ran, "new.mkv", "cannot be written")
    assert "segments that can be played are in" in ran.stderr
    assert not target.exists()
    kept = sorted((tmp_path / "new.mkv.limner").glob("segment-*.nut"))
    assert len(kept) == 5
    assert [len(pictures(path)) for path in kept] == [8] * 5
    assert "only has to join them" in ran.stderr
    assert limner(*command[3:-4], models=models).returncode == 0  # room again: it goes on
    assert len(pictures(target)) == 40


def test_a_frame_that_fails_keeps_what_was_made(tmp_path, models, monkeypatch, capsys):
    """The model returns numbers that are none from the thirtieth frame on."""
    from core.cli.main import main
    from core.errors import ModelCorrupt
    from core.generator.generator import Generator

    source = write_film(tmp_path / "old.mkv", [bars(i) for i in range(48)])
    real, count = Generator.run_many, []

    def run_many(self, inputs, wanted):
        count.extend(inputs["picture"])
        if len(count) > 30:
            raise ModelCorrupt("The model 'Rose' returned values that are no numbers.")
        return real(self, inputs, wanted)

    monkeypatch.setattr(Generator, "run_many", run_many)
    target = tmp_path / "new.mkv"
    command = ["colorize", str(source), "-o", str(target), "--segment", "10",
               "--models", str(models), "--device", "cpu"]  # fmt: skip
    assert main(command) == 1
    told = capsys.readouterr().err
    assert "no numbers" in told and "new.unfinished.mkv" in told
    assert not target.exists()
    part = pictures(tmp_path / "new.unfinished.mkv")
    assert 20 <= len(part) <= 30
    monkeypatch.setattr(Generator, "run_many", real)
    assert main(command) == 0
    assert len(pictures(target)) == 48


def test_a_film_without_timestamps(tmp_path, models):
    first = write_film(tmp_path / "a.nut", [bars(i) for i in range(8)], sound=False)
    data = packets(first, "video")
    with av.open(str(first)) as film:
        extra = film.streams.video[0].codec_context.extradata or b""
    raw = tmp_path / "raw.avi"
    raw.write_bytes(extra + b"".join(data))  # a bare H.264 stream knows no times
    target = tmp_path / "new.mkv"
    ran = limner("colorize", raw, "-o", target, models=models)
    assert ran.returncode == 0, ran.stderr
    assert len(pictures(target)) == 8
