"""Films that are coloured and painted in one run, and the palettes and seeds of films."""

import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest

from core.color import spaces
from tests.film.clips import ROOT, bars, limner, packets, pictures, planes, write_film

pytestmark = pytest.mark.film


def rgb_of(frame):
    return frame.to_ndarray(format="rgb24", src_colorspace="itu709")


def lab_of(frame):
    return spaces.srgb_to_lab(rgb_of(frame) / 255.0)


@pytest.mark.parametrize("steady", ["1", "0"])
@pytest.mark.parametrize("painter", ["same", "both"])
def test_a_grey_film_is_coloured_and_then_painted(tmp_path, painters, painter, steady):
    """A painter that changes nothing leaves the colours: a* = L* - 50, b* = 50 - L*."""
    frames = [np.full((48, 64), 90 if i < 8 else 170, np.uint8) for i in range(16)]
    source = write_film(tmp_path / "old.mp4", frames)
    target = tmp_path / "new.mkv"
    ran = limner("style", source, "-o", target, "--colorize", "--model", painter, "--codec", "ffv1",
                 "--steady", steady, "--segment", "8", models=painters)  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    made = pictures(target)
    assert len(made) == 16
    for _, frame in made:
        lab = lab_of(frame)[24, 32]
        wanted = lab[0] - 50
        assert abs(lab[1] - wanted) < 6 and abs(lab[2] + wanted) < 6 and abs(wanted) > 8
    assert packets(source, "audio") == packets(target, "audio")


def test_it_is_the_film_that_two_runs_give(tmp_path, painters):
    """But for eight bits and halved chroma in between."""
    source = write_film(tmp_path / "old.mkv", [bars(i) for i in range(12)], sound=False)
    once, color_only, twice = (tmp_path / f"{name}.mkv" for name in ("once", "color", "twice"))
    options = ["--codec", "ffv1", "--steady", "0"]
    ran = limner("style", source, "-o", once, "--colorize", *options, models=painters)
    assert ran.returncode == 0, ran.stderr
    limner("colorize", source, "-o", color_only, *options, models=painters)
    limner("style", color_only, "-o", twice, *options, models=painters)
    for (_, a), (_, b) in zip(pictures(once), pictures(twice), strict=True):
        assert np.abs(lab_of(a)[4:-4, 4:-4] - lab_of(b)[4:-4, 4:-4]).mean() < 1.5


def test_the_colours_are_steady_before_they_are_painted(tmp_path, painters):
    """Light that flickers: the colours of the painted film flicker less than each frame's own."""
    rng = np.random.default_rng(2)
    frames = [bars(0) // 2 + 60 + rng.integers(-6, 7) for _ in range(24)]
    source = write_film(tmp_path / "old.mkv", [f.astype(np.uint8) for f in frames], sound=False)
    change = {}
    for steady in ("0", "1"):
        target = tmp_path / f"{steady}.mkv"
        ran = limner("style", source, "-o", target, "--colorize", "--model", "same", "--codec",
                     "ffv1", "--steady", steady, models=painters)  # fmt: skip
        assert ran.returncode == 0, ran.stderr
        means = np.array([lab_of(frame)[..., 1].mean() for _, frame in pictures(target)])
        change[steady] = np.abs(np.diff(means)).mean()
    assert change["1"] < 0.5 * change["0"]


def test_a_cut_begins_new_colours(tmp_path, painters):
    frames = [np.full((48, 64), 60, np.uint8)] * 10 + [np.full((48, 64), 190, np.uint8)] * 10
    frames = [np.clip(f + bars(i) // 12, 0, 255).astype(np.uint8) for i, f in enumerate(frames)]
    source = write_film(tmp_path / "old.mkv", frames, sound=False)
    target = tmp_path / "new.mkv"
    ran = limner("style", source, "-o", target, "--colorize", "--model", "same", "--codec", "ffv1",
                 models=painters)  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    colors = [lab_of(frame)[..., 1].mean() for _, frame in pictures(target)]
    assert max(colors[:10]) < -10 and min(colors[10:]) > 10  # nothing is carried over


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT])
def test_a_stopped_run_goes_on_and_gives_the_same_film(tmp_path, painters, stop):
    frames = [bars(i, 192, 160) for i in range(80)] + [bars(i, 192, 160, 1) for i in range(40)]
    source = write_film(tmp_path / "old.mp4", frames)
    whole, target = tmp_path / "whole.mkv", tmp_path / "new.mkv"
    options = ["--colorize", "--segment", "16"]
    ran = limner("style", source, "-o", whole, *options, models=painters)
    assert ran.returncode == 0, ran.stderr
    command = [sys.executable, "-m", "core", "style", source, "-o", target, *options,
               "--models", painters, "--device", "cpu"]  # fmt: skip
    process = subprocess.Popen(list(map(str, command)), cwd=ROOT, stderr=subprocess.PIPE, text=True)
    work = tmp_path / "new.mkv.limner"
    while len(list(work.glob("segment-*.nut"))) < 3:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.005)
    process.send_signal(stop)
    process.communicate(timeout=120)
    assert process.returncode not in (0, 1, 2) and not target.exists()
    if stop == signal.SIGINT:
        assert len(pictures(tmp_path / "new.unfinished.mkv")) >= 48
    ran = limner("style", source, "-o", target, *options, models=painters)
    assert ran.returncode == 0, ran.stderr
    first, second = pictures(whole), pictures(target)
    assert len(first) == len(second) == 120
    for (t0, a), (t1, b) in zip(first, second, strict=True):
        assert t0 == t1
        assert all(np.array_equal(x, y) for x, y in zip(planes(a), planes(b), strict=True))


def test_another_colouriser_makes_another_film(tmp_path, painters):
    """A film is done already only if also its colours would be the same."""
    from tests.fakes import onnx as fakes

    source = write_film(tmp_path / "old.mkv", [bars(i) for i in range(4)], sound=False)
    target, models = tmp_path / "new.mkv", tmp_path / "models"
    fakes.identity(models / "same", default=True)
    fakes.constant_ab(models / "red", 40.0, 20.0, default=True)
    command = ["style", source, "-o", target, "--colorize"]
    assert limner(*command, models=models).returncode == 0
    assert "done already" in limner(*command, models=models).stderr
    fakes.constant_ab(models / "red", -40.0, 20.0, default=True)
    assert "exists already" in limner(*command, models=models).stderr


def colored_frame(path, number, wanted):
    """A frame of a film as a picture, its a* and b* put to these, at its own lightness."""
    lab = lab_of(pictures(path)[number][1])
    lab[..., 1:] = wanted
    rgb = np.clip(spaces.lab_to_srgb(lab), 0, 1)
    name = path.with_suffix(".png")
    cv2.imwrite(str(name), np.rint(rgb[..., ::-1] * 255).astype(np.uint8))
    return name


def test_a_coloured_frame_locks_the_colours_that_are_painted(tmp_path, painters):
    source = write_film(tmp_path / "old.mkv", [bars(i) for i in range(10)], sound=False)
    reference = colored_frame(source, 4, (0.0, -30.0))
    target = tmp_path / "new.mkv"
    ran = limner("style", source, "-o", target, "--colorize", "--model", "same", "--codec", "ffv1",
                 "--color-reference", f"{reference}@0.17", models=painters)  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    for _, frame in pictures(target)[3:7]:
        lab = lab_of(frame)
        ordinary = (lab[..., 0] > 35) & (lab[..., 0] < 75)  # where sRGB has such a blue
        assert np.abs(np.median(lab[ordinary][:, 1:], axis=0) - (0, -30)).max() < 8


def test_a_painted_frame_is_a_reference_too(tmp_path, painters):
    """The frame as it was painted, and made much lighter by hand."""
    source = write_film(tmp_path / "old.mkv", [bars(i) for i in range(10)], sound=False)
    target, retouched = tmp_path / "new.mkv", tmp_path / "frame.png"
    command = ["style", source, "-o", target, "--colorize", "--codec", "ffv1", "--overwrite"]
    assert limner(*command, models=painters).returncode == 0
    plain = [rgb_of(frame).astype(float) for _, frame in pictures(target)]
    cv2.imwrite(str(retouched), np.clip(plain[4][..., ::-1] + 60, 0, 255).astype(np.uint8))
    ran = limner(*command, "--reference", f"{retouched}@0.17", models=painters)
    assert ran.returncode == 0, ran.stderr
    lighter = [rgb_of(frame).astype(float) for _, frame in pictures(target)]
    assert np.median(lighter[4] - plain[4]) > 40


def test_a_folder_of_films(tmp_path, painters):
    for name in ("a/one.mp4", "two.mkv"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        write_film(tmp_path / "in" / name, [bars(i) for i in range(4)], sound=False)
    ran = limner("style", tmp_path / "in", "-o", tmp_path / "out", "--colorize", models=painters)
    assert ran.returncode == 0, ran.stderr
    for name in ("a/one.mp4", "two.mkv"):
        (_, frame), *_ = pictures(tmp_path / "out" / name)
        assert np.ptp(lab_of(frame)[..., 1]) > 10


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        (["style", "--color-reference", "x.png"], "Add --colorize"),
        (["style", "--colorize", "--color-reference", "gone.png"], "gone.png"),
        (["colorize", "--hints", "x.png"], "give it as --reference"),
        (["colorize", "--variants", "2"], "--variants are for pictures"),
    ],
)
def test_what_films_do_not_take_is_a_sentence(tmp_path, painters, choice, words):
    source = write_film(tmp_path / "old.mkv", [bars(i) for i in range(3)], sound=False)
    ran = limner(choice[0], source, *choice[1:], models=painters)
    assert ran.returncode in (1, 2) and "Traceback" not in ran.stderr
    assert words in ran.stderr.strip().splitlines()[-1]


def test_no_colouriser_is_a_sentence(tmp_path):
    from tests.fakes import onnx as fakes

    fakes.identity(tmp_path / "models" / "same", default=True)
    source = write_film(tmp_path / "old.mkv", [bars(i) for i in range(3)], sound=False)
    ran = limner("style", source, "--colorize", models=tmp_path / "models")
    assert ran.returncode == 1 and "No model to colorize" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_the_palette_of_a_film(tmp_path, painters):
    """One allowed colour: there is no other in any frame."""
    source = write_film(tmp_path / "old.mkv", [bars(i) for i in range(10)], sound=False)
    target = tmp_path / "new.mkv"
    ran = limner("colorize", source, "-o", target, "--palette", "#6a84c8", "--codec", "ffv1",
                 models=painters)  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    wanted = spaces.srgb_to_lab(np.array([0x6A, 0x84, 0xC8]) / 255.0)[1:]
    for _, frame in pictures(target):
        lab = lab_of(frame)
        middle = (lab[..., 0] > 40) & (lab[..., 0] < 70)
        assert np.abs(np.median(lab[middle][:, 1:], axis=0) - wanted).max() < 4


def test_the_seed_of_a_film(tmp_path):
    """The fake model adds its two numbers of noise to ab, of every frame alike."""
    from tests.fakes import onnx as fakes

    fakes.hinted_ab(tmp_path / "models" / "hinted", 10.0, 10.0, default=True, count="n")
    source = write_film(tmp_path / "old.mkv", [np.full((48, 64), 120, np.uint8)] * 6, sound=False)
    means = {}
    for seed in ("0", "3", "4"):
        target = tmp_path / f"{seed}.mkv"
        ran = limner("colorize", source, "-o", target, "--seed", seed, "--codec", "ffv1",
                     models=tmp_path / "models")  # fmt: skip
        assert ran.returncode == 0, ran.stderr
        frames = np.array([lab_of(f)[..., 1:].mean(axis=(0, 1)) for _, f in pictures(target)])
        assert np.ptp(frames, axis=0).max() < 0.2
        means[seed] = frames[0]
    assert np.abs(means["0"] - 10).max() < 1
    assert np.abs(means["3"] - means["4"]).max() > 0.2


def test_a_seed_that_changes_nothing_is_told(tmp_path, models):
    source = write_film(tmp_path / "old.mkv", [bars(i) for i in range(3)], sound=False)
    ran = limner("colorize", source, "--seed", "3", models=models)
    assert ran.returncode == 0 and "knows one colouring" in ran.stderr
