"""Whole films through the real command: colour, sound, tags, timestamps, codecs, resuming."""

import signal
import subprocess
import sys
import time
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from core.film.plan import display_matrix
from tests.film.clips import ROOT, bars, limner, packets, pictures, planes, write_film

pytestmark = pytest.mark.film


def test_a_film_is_coloured_and_keeps_luma_sound_and_time(tmp_path, models):
    frames = [bars(i) for i in range(20)] + [bars(i, scene=1) for i in range(10)]
    source = write_film(tmp_path / "old.mp4", frames, metadata={"title": "Waves"})
    target = tmp_path / "new.mkv"
    ran = limner("colorize", source, "-o", target, "--codec", "ffv1", models=models)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == [str(target)]
    before, after = pictures(source), pictures(target)
    assert len(after) == 30
    for (t0, old), (t1, new) in zip(before, after, strict=True):
        assert abs(t0 - t1) < 0.0015
        assert np.array_equal(planes(old)[0], planes(new)[0])  # luma bit by bit
        assert planes(new)[1].std() > 5  # and colour
    assert packets(source, "audio") == packets(target, "audio")
    with av.open(str(target)) as film:
        assert film.metadata["title"] == "Waves"
        assert film.streams.video[0].average_rate == 24
    assert not (tmp_path / "new.mkv.limner").exists()


def test_dark_is_green_and_light_is_red_as_the_model_says(tmp_path, models):
    """The fake model: a* = L* - 50, b* = 50 - L*; held against core.color.spaces's own formulas."""
    from core.color import spaces

    frames = [np.full((48, 64), 90 if i < 8 else 170, np.uint8) for i in range(16)]
    source = write_film(tmp_path / "old.mkv", frames, sound=False, tags=(1, 1, 1, 1))
    ran = limner("colorize", source, "-o", tmp_path / "new.mkv", "--codec", "ffv1", models=models)
    assert ran.returncode == 0, ran.stderr
    for _, frame in pictures(tmp_path / "new.mkv"):
        rgb = frame.to_ndarray(format="rgb24", src_colorspace="itu709")[24, 32]
        lab = spaces.srgb_to_lab(rgb / 255.0)
        wanted = lab[0] - 50
        assert abs(lab[1] - wanted) < 6 and abs(lab[2] + wanted) < 6


def test_style_paints_every_frame(tmp_path, models):
    source = write_film(tmp_path / "old.mp4", [np.full((48, 64), 180, np.uint8)] * 6)
    ran = limner("style", source, models=models)
    assert ran.returncode == 0, ran.stderr
    (_, frame), *rest = pictures(tmp_path / "old.styled.mp4")
    assert len(rest) == 5
    rgb = frame.to_ndarray(format="rgb24")[24, 32].astype(int)
    assert np.abs(rgb - 90).max() <= 3


def test_a_film_in_the_style_of_a_picture(tmp_path):
    """The fake model adds the style picture's mean colour; another picture is another film."""
    from tests.fakes import onnx as fakes

    fakes.with_part(tmp_path / "models" / "two", default=True)
    style, target = tmp_path / "style.png", tmp_path / "new.mkv"
    source = write_film(tmp_path / "old.mp4", [np.full((48, 64), 100, np.uint8)] * 4)
    command = ["style", source, "-o", target, "--codec", "ffv1", "--style", style, "--overwrite"]
    for value in (51, 102):
        cv2.imwrite(str(style), np.full((32, 32, 3), value, np.uint8))
        ran = limner(*command, models=tmp_path / "models")
        assert ran.returncode == 0, ran.stderr
        (_, frame), *_ = pictures(target)
        rgb = frame.to_ndarray(format="rgb24", src_colorspace="itu709")[24, 32].astype(int)
        assert np.abs(rgb - 100 - value).max() <= 4


@pytest.mark.parametrize(("task", "model"), [("colorize", "rose"), ("style", "blur")])
def test_many_frames_go_through_one_session_call(tmp_path, models, monkeypatch, task, model):
    """And they come out as they do one by one."""
    from core.cli.main import main
    from core.film import run
    from core.generator.generator import Generator

    source = write_film(tmp_path / "old.mkv", [bars(i) for i in range(30)], sound=False)
    real, counts = Generator.run_many, []

    def run_many(self, inputs, wanted):
        counts.append(len(inputs["picture"]))
        return real(self, inputs, wanted)

    monkeypatch.setattr(Generator, "run_many", run_many)
    targets = {}
    for most in (8, 1):
        monkeypatch.setattr(run, "batch_size", lambda width, height, most=most: most)
        targets[most] = tmp_path / f"{most}.mkv"
        command = [task, str(source), "-o", str(targets[most]), "--codec", "ffv1", "--segment",
                   "16", "--models", str(models), "--model", model, "--device", "cpu"]  # fmt: skip
        assert main(command) == 0
        if most == 8:
            assert sorted(counts) == [6, 8, 8, 8]
    for (_, many), (_, one) in zip(*map(pictures, targets.values()), strict=True):
        for a, b in zip(planes(many), planes(one), strict=True):
            assert np.abs(a.astype(int) - b).max() <= 1


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt", "expected"),
    [
        ("a.mp4", "h264", "yuv420p", "yuv420p"),
        ("a.mp4", "h264", "yuv422p10le", "yuv422p10le"),
        ("a.mkv", "hevc", "yuv420p10le", "yuv420p10le"),
        ("a.mov", "prores", "yuv420p", "yuv422p10le"),
        ("a.mkv", "ffv1", "yuv444p12le", "yuv444p12le"),
        ("a.mkv", "ffv1", "gray10le", "yuv420p10le"),
        ("a.mkv", "ffv1", "gbrp10le", "yuv444p10le"),
    ],
)
def test_codecs_depth_and_tags(tmp_path, models, name, codec, pix_fmt, expected):
    tags = (9, 9, 16, 1) if "10" in pix_fmt and "gray" not in pix_fmt else (1, 1, 1, 1)
    if pix_fmt.startswith("g"):
        tags = (0, 2, 2, 2) if pix_fmt == "gbrp10le" else (2, 2, 2, 2)
    source = write_film(tmp_path / "in.mkv", [bars(i) for i in range(8)], codec="ffv1",
                        pix_fmt=pix_fmt, tags=tags)  # fmt: skip
    target = tmp_path / name
    ran = limner("colorize", source, "-o", target, "--codec", codec, models=models)
    assert ran.returncode == 0, ran.stderr
    made = pictures(target)
    assert len(made) == 8
    frame = made[0][1]
    assert frame.format.name == expected
    if not pix_fmt.startswith("g"):
        found = (frame.colorspace, frame.color_primaries, frame.color_trc, frame.color_range)
        assert tuple(map(int, found)) == tags
    middle = 2 ** (frame.format.components[0].bits - 1)
    assert np.abs(planes(frame)[1].astype(int) - middle).max() > middle / 16


def test_uneven_timestamps_are_kept(tmp_path, models):
    steps = [0, 1000, 1500, 5500, 5600, 9000, 9400, 20000, 20800, 21000, 26000, 27000]
    source = write_film(tmp_path / "vfr.mkv", [bars(i) for i in range(12)], times=steps,
                        time_base=Fraction(1, 1000), sound=False)  # fmt: skip
    target = tmp_path / "new.mp4"
    ran = limner("colorize", source, "-o", target, "--segment", "5", models=models)
    assert ran.returncode == 0, ran.stderr
    assert [round(t, 3) for t, _ in pictures(target)] == [s / 1000 for s in steps]


def test_odd_sizes(tmp_path, models):
    frames = [bars(i, 67, 45) for i in range(6)]
    source = write_film(tmp_path / "odd.mkv", frames, codec="ffv1", sound=False)
    for name, codec, size in (("a.mkv", "ffv1", (67, 45)), ("b.mp4", "h264", (68, 46))):
        ran = limner("colorize", source, "-o", tmp_path / name, "--codec", codec, models=models)
        assert ran.returncode == 0, ran.stderr
        frame = pictures(tmp_path / name)[0][1]
        assert (frame.width, frame.height) == size


@pytest.mark.parametrize(("inside", "outside"), [("subrip", "mp4"), ("subrip", "mkv")])
def test_subtitles_go_along(tmp_path, models, inside, outside):
    source = write_film(tmp_path / "in.mkv", [bars(i) for i in range(30)], subtitles=inside)
    target = tmp_path / f"out.{outside}"
    ran = limner("colorize", source, "-o", target, models=models)
    assert ran.returncode == 0, ran.stderr
    assert any(b"Hello there" in text for text in packets(target, "subtitle")), ran.stderr
    back = tmp_path / "back.mkv"
    ran = limner("colorize", target, "-o", back, models=models)
    assert ran.returncode == 0, ran.stderr
    assert packets(back, "subtitle") == [b"Hello there"]


def test_a_turned_film_stays_turned(tmp_path, models):
    source = write_film(tmp_path / "in.mp4", [bars(i) for i in range(6)], rotation=90)
    ran = limner("colorize", source, "-o", tmp_path / "out.mp4", models=models)
    assert ran.returncode == 0, ran.stderr
    turned = [pictures(path)[0][1].rotation for path in (source, tmp_path / "out.mp4")]
    assert turned[0] == turned[1] != 0


ONE = 1 << 16


@pytest.mark.parametrize(
    "matrix",
    [(-ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30), (0, ONE, 0, ONE, 0, 0, 0, 0, 1 << 30)],
    ids=["left to right", "turned too"],
)
def test_a_mirrored_film_stays_mirrored(tmp_path, models, matrix):
    """Selfie cameras mirror by the display matrix, of which an angle is only a part."""
    frames = [bars(i) for i in range(6)]
    source = write_film(tmp_path / "in.mp4", frames, sound=False, matrix=matrix)
    ran = limner("colorize", source, "-o", tmp_path / "out.mp4", models=models)
    assert ran.returncode == 0, ran.stderr
    for path in (source, tmp_path / "out.mp4"):
        assert display_matrix(pictures(path)[0][1]) == matrix


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_sound_goes_on_after_the_last_picture(tmp_path, models, suffix):
    frames = [bars(i) for i in range(6)]
    source = write_film(tmp_path / f"in.{suffix}", frames, sound_s=2)
    target = tmp_path / f"out.{suffix}"
    ran = limner("colorize", source, "-o", target, models=models)
    assert ran.returncode == 0, ran.stderr
    sound = packets(source, "audio")
    assert len(sound) > 80 and packets(target, "audio") == sound


def test_done_films_are_skipped_and_others_not_written_over(tmp_path, models):
    source = write_film(tmp_path / "old.mp4", [bars(i) for i in range(6)])
    target = tmp_path / "new.mp4"
    assert limner("colorize", source, "-o", target, models=models).returncode == 0
    made = target.read_bytes()
    again = limner("colorize", source, "-o", target, models=models)
    assert again.returncode == 0 and "done already" in again.stderr
    other = limner("colorize", source, "-o", target, "--saturation", "0.5", models=models)
    assert other.returncode == 1 and "exists already" in other.stderr
    assert target.read_bytes() == made
    options = ["--saturation", "0.5", "--overwrite"]
    assert limner("colorize", source, "-o", target, *options, models=models).returncode == 0
    assert target.read_bytes() != made


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT])
def test_a_stopped_run_goes_on_and_gives_the_same_film(tmp_path, models, stop):
    frames = [bars(i, 192, 160) for i in range(200)] + [bars(i, 192, 160, 1) for i in range(100)]
    source = write_film(tmp_path / "old.mp4", frames)
    whole, target = tmp_path / "whole.mkv", tmp_path / "new.mkv"
    options = ["--segment", "20"]
    assert limner("colorize", source, "-o", whole, *options, models=models).returncode == 0
    command = [sys.executable, "-m", "core", "colorize", source, "-o", target, *options,
               "--models", models, "--device", "cpu"]  # fmt: skip
    process = subprocess.Popen(list(map(str, command)), cwd=ROOT, stderr=subprocess.PIPE, text=True)
    work = tmp_path / "new.mkv.limner"
    while len(list(work.glob("segment-*.nut"))) < 4:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.005)
    process.send_signal(stop)
    _, told = process.communicate(timeout=60)
    assert process.returncode not in (0, 1, 2)
    assert not target.exists()
    kept = sorted(work.glob("segment-*.nut"))
    stamps = {path: path.stat().st_mtime_ns for path in kept}
    assert 4 <= len(kept) < 15
    assert len(pictures(kept[0])) == 20  # a finished segment plays by itself
    if stop == signal.SIGINT:
        part = tmp_path / "new.unfinished.mkv"
        assert str(part) in told and "goes on" in told
        assert len(pictures(part)) >= 80
        assert packets(part, "audio")
    seen = {}
    with (tmp_path / "told").open("w") as told:
        process = subprocess.Popen(list(map(str, command)), cwd=ROOT, stderr=told)
    while process.poll() is None:
        for path in kept:
            try:
                seen[path] = path.stat().st_mtime_ns
            except FileNotFoundError:
                break
        time.sleep(0.01)
    assert process.returncode == 0, (tmp_path / "told").read_text()
    assert seen == stamps  # none was made again
    first, second = pictures(whole), pictures(target)
    assert len(first) == len(second) == 300
    for (t0, a), (t1, b) in zip(first, second, strict=True):
        assert t0 == t1
        assert all(np.array_equal(x, y) for x, y in zip(planes(a), planes(b), strict=True))
