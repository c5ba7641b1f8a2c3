"""The command line as users call it: a process, folders in, pictures out, sentences on failure."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import pyvips
from onnx import helper

from core.cli.main import find_jobs, main
from core.errors import BadRequest
from core.generator.manifest import TilingSpec
from tests.drawings import lines
from tests.fakes import onnx as fakes
from tests.pixels import assert_close, draw, grey

ROOT = Path(__file__).parents[3]


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    pyvips.Image.new_from_array(pixels).write_to_file(str(path))
    return path


def load(path):
    return pyvips.Image.new_from_file(str(path)).numpy()


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    fakes.constant_ab(folder / "rose", 40.0, 10.0, default=True)
    fakes.constant_ab(folder / "nothing")
    fakes.scale(folder / "dark", 0.5, tiling=TilingSpec("allowed", 0))
    return folder


def limner(*arguments, models=None):
    """Run the real command; returns the finished process."""
    command = [sys.executable, "-m", "core", *map(str, arguments)]
    if models is not None:
        command += ["--models", str(models)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_colorize_writes_beside_the_source(tmp_path, models):
    source = save(tmp_path / "old.png", grey("4", 16))
    before = source.read_bytes()
    ran = limner("colorize", source, models=models)
    assert (ran.returncode, ran.stdout.split()) == (0, [str(tmp_path / "old.colorized.png")])
    assert "Rose on CPUExecutionProvider" in ran.stderr and "[1/1] old.png done" in ran.stderr
    red, green, blue = load(tmp_path / "old.colorized.png")[8, 8]
    assert red > 150 > 130 > green
    assert source.read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["old.colorized.png", "old.png"]


def test_model_strength_and_saturation(tmp_path, models):
    source = save(tmp_path / "old.png", grey("4", 16))
    expected = draw("4", 16)
    for choice in (["--model", "nothing"], ["--strength", "0"], ["--saturation", "0"]):
        out = tmp_path / "new.png"
        assert limner("colorize", source, "-o", out, *choice, models=models).returncode == 0
        assert_close(load(out), expected, 0)
        out.unlink()


def test_style(tmp_path, models):
    source = save(tmp_path / "photo.png", draw("w6\n42", 8))
    ran = limner("style", source, "--device", "cpu", "--strength", "1", models=models)
    assert ran.returncode == 0, ran.stderr
    assert_close(load(tmp_path / "photo.styled.png"), np.rint(draw("w6\n42", 8) / 2 + 0.01)
                 .astype(np.uint8), 0)  # fmt: skip


def test_the_style_of_pictures(tmp_path):
    fakes.any_style(tmp_path / "models" / "any")
    fakes.scale(tmp_path / "models" / "dark", 0.5, default=True)
    photo = save(tmp_path / "photo.png", np.full((16, 16, 3), 100, np.uint8))
    white = save(tmp_path / "white.png", np.full((8, 8, 3), 200, np.uint8))
    black = save(tmp_path / "black.png", np.full((8, 8, 3), 40, np.uint8))
    models = tmp_path / "models"
    first, second, third = (tmp_path / f"{n}.png" for n in "123")  # libvips remembers by name
    ran = limner("style", photo, "--style", white, "-o", first, models=models)
    assert ran.returncode == 0 and "Any on CPU" in ran.stderr
    assert_close(load(first), np.full((16, 16, 3), 200, np.uint8), 1)
    mix = ["--style", white, "--weight", "3", "--style", black, "--weight", "1"]
    limner("style", photo, *mix, "--brush-size", "2", "-o", second, models=models)
    assert_close(load(second), np.full((16, 16, 3), 160, np.uint8), 1)
    named = limner("style", photo, "--style", "great-wave", "--preserve-colors", "-o", third,
                   models=models)  # fmt: skip
    assert named.returncode == 0, named.stderr
    assert_close(load(third)[..., 0], load(third)[..., 2], 1)  # the photograph is grey
    few = limner("style", photo, "--style", white, "--weight", "1", "--weight", "2", models=models)
    assert few.returncode == 2 and "2 --weight for 1 --style" in few.stderr
    none = limner("style", photo, "--style", "nowhere", models=models)
    assert none.returncode == 1 and "There is no style picture nowhere." in none.stderr
    assert "great-wave" in limner("styles").stdout


def test_colour_and_style_in_one_run(tmp_path, models):
    source = save(tmp_path / "old.png", grey("4", 16))
    ran = limner("style", source, "--colorize", "--model", "dark", models=models)
    assert ran.returncode == 0, ran.stderr
    red, green, blue = load(tmp_path / "old.styled.png")[8, 8]
    assert 40 < green < blue < red < 110  # rose, and dark


def test_models_are_added_listed_verified_and_removed(tmp_path):
    node = helper.make_node("Identity", ["input"], ["output"])
    path = fakes.stranger(tmp_path / "Same 7.onnx", ["None", 3, 64, 64], [node])
    folder = tmp_path / "models"
    ran = limner("models", "add", path, "--models", folder)
    assert (ran.returncode, ran.stdout) == (0, "same-7\n"), ran.stderr
    assert "64×64 pixels" in ran.stderr and "Licence: not stated" in ran.stderr
    for listing in (["models"], ["models", "list"]):
        assert "same-7  stylize  Same 7" in limner(*listing, models=folder).stdout
    assert limner("models", "verify", "--models", folder).stdout == "same-7: whole\n"
    photo = save(tmp_path / "photo.png", draw("w4\n26", 50))
    ran = limner("style", photo, "--model", "same-7", models=folder)
    assert "painted 4 tiles that are faded into each other" in ran.stderr
    assert_close(load(tmp_path / "photo.styled.png"), draw("w4\n26", 50), 1)
    (folder / "same-7" / "model.onnx").write_bytes(b"x")
    ran = limner("models", "verify", "same-7", "--models", folder)
    assert ran.returncode == 1 and "damaged" in ran.stderr and "Traceback" not in ran.stderr
    assert limner("models", "remove", "same-7", "--models", folder).stdout == "same-7\n"
    assert list(folder.iterdir()) == []
    ran = limner("models", "remove", "same-7", "--models", folder)
    assert ran.returncode == 2 and "no model 'same-7' (installed: none)" in ran.stderr


def test_a_folder_is_mirrored_and_a_broken_file_does_not_stop_it(tmp_path, models):
    scans = tmp_path / "scans"
    save(scans / "a.png", grey("4", 16))
    (scans / "b.png").write_bytes((scans / "a.png").read_bytes()[:60])
    save(scans / "deep" / "er" / "c.tif", grey("6", 16))
    save(scans / "tiny.png", grey("4", 1))
    (scans / "notes.txt").write_text("no picture")
    out = tmp_path / "out"
    ran = limner("colorize", scans, "-o", out, models=models)
    assert ran.returncode == 1
    record = out / ".limner-done.jsonl"
    made = [out / "a.png", out / "deep" / "er" / "c.tif"]
    assert ran.stdout.split() == list(map(str, made))
    assert sorted(path for path in out.rglob("*") if path.is_file()) == [record, *made]
    *_, broken, tiny, count = ran.stderr.strip().splitlines()
    assert "b.png" in broken and "cannot be read" in broken
    assert "tiny.png" in tiny and "1×1" in tiny
    assert count == "limner: 2 of 4 pictures failed."


def test_running_twice_takes_no_result_for_a_source(tmp_path, models, capsys):
    save(tmp_path / "a.png", grey("4", 16))
    for _ in range(2):
        assert main(["colorize", str(tmp_path), "--models", str(models)]) == 0
    files = sorted(os.listdir(tmp_path))
    assert files == [".limner-done.jsonl", "a.colorized.png", "a.png"]


def test_models_are_listed(models):
    ran = limner("models", models=models)
    lines = ran.stdout.splitlines()
    assert ran.returncode == 0
    assert lines[0].split() == ["ID", "TASK", "TITLE", "SIZE", "LICENCE"]
    assert [line.split()[0] for line in lines[1:]] == ["rose", "dark", "nothing"]
    assert lines[1].split()[1:3] == ["colorize", "Rose"] and lines[1].endswith("MIT")


def test_check_runs_every_model(models):
    ran = limner("check", "--device", "cpu", models=models)
    assert ran.returncode == 0, ran.stderr
    assert sorted(line.split(":")[0] for line in ran.stdout.splitlines()) == [
        "dark", "nothing", "rose"]  # fmt: skip
    assert ran.stdout.count("on CPUExecutionProvider") == 3


def test_check_names_damaged_models_and_goes_on(tmp_path):
    fakes.constant_ab(tmp_path / "sound")
    damaged = fakes.constant_ab(tmp_path / "damaged") / "model.onnx"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    (tmp_path / "unread").mkdir()
    (tmp_path / "unread" / "manifest.json").write_text("{")
    ran = limner("check", models=tmp_path)
    assert ran.returncode == 1
    assert ran.stdout.startswith("sound: ok") and len(ran.stdout.splitlines()) == 1
    assert "damaged" in ran.stderr and "unread" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("command", ["models", "check", "colorize"])
def test_no_model_is_a_sentence(tmp_path, command):
    arguments = [save(tmp_path / "a.png", grey("4", 16))] if command == "colorize" else []
    ran = limner(command, *arguments, models=tmp_path)
    assert ran.returncode == 1
    assert "o model" in ran.stderr and "install.py" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        (["--strength", "2"], "'strength' is 2.0, not a number from 0 to 1."),
        (["--saturation", "nan"], "'saturation'"),
        (["--model", "dark"], "No model 'dark'"),
        (["--device", "abacus"], "There is no device 'abacus'"),
        (["-o", "here"], "neither a folder nor a picture's name"),
        (["-o", "a.gif"], ".png"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_choices_are_a_sentence(tmp_path, models, choice, words, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "a.png", grey("4", 16))
    assert main(["colorize", "a.png", "--models", str(models), *choice]) in (1, 2)
    assert words in capsys.readouterr().err
    assert os.listdir(tmp_path) == ["a.png"]


def test_hints_give_the_same_pixels_as_the_filter(tmp_path, models):
    from core.colorize.colorize import ColorizeSettings
    from core.filters import run_colorize
    from core.image import Image
    from core.request.work import Other, Work
    from tests.core.engine import open_generator

    picture = grey("1246\n6421", 16)
    hint = np.zeros((32, 64, 4), np.uint8)
    hint[4:10, 20:30] = (30, 60, 200, 255)
    save(tmp_path / "old.png", picture)
    save(tmp_path / "dabs.png", hint)
    out = tmp_path / "new.png"
    ran = limner("colorize", tmp_path / "old.png", "--hints", tmp_path / "dabs.png",
                 "-o", out, "--device", "cpu", models=models)  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    generator = open_generator(fakes.constant_ab(tmp_path / "m" / "rose", 40.0, 10.0))
    others = (Other("hint", Image(hint)),)
    work = Work(Image(picture), ColorizeSettings(), lambda task, name: generator, "",
                lambda fraction, text: None, others)  # fmt: skip
    assert_close(load(out), run_colorize(work).image.pixels, 0)
    assert load(out)[6, 25, 2] > load(out)[6, 25, 0]


def test_palette_reference_and_variants(tmp_path, models, capsys):
    fakes.palette_ab(tmp_path / "m" / "choosing", ((60, 40), (20, -60), (-50, 40)), (1, 0.7, 0.5))
    source = save(tmp_path / "old.png", grey("4", 16))
    save(tmp_path / "blue.png", draw("b", 16))
    (tmp_path / "blue.gpl").write_text("GIMP Palette\n40 60 200 blue\n")
    for choice in (["--palette", "#2840c8"], ["--palette", str(tmp_path / "blue.gpl")],
                   ["--reference", str(tmp_path / "blue.png")]):  # fmt: skip
        out = tmp_path / "new.png"
        assert (
            main(["colorize", str(source), "-o", str(out), "--models", str(models), *choice]) == 0
        )
        assert load(out)[8, 8, 2] > load(out)[8, 8, 0]
    choice = ["--seed", "3", "--variants", "3", "--models", str(tmp_path / "m")]
    assert main(["colorize", str(source), "-o", str(tmp_path / "out.png"), *choice]) == 0
    made = [load(tmp_path / name) for name in ("out.png", "out.variant2.png", "out.variant3.png")]
    assert (made[0] != made[1]).any() and (made[1] != made[2]).any()
    out = tmp_path / "one.png"
    choice = ["--seed", "3", "--models", str(models)]
    assert main(["colorize", str(source), "-o", str(out), *choice]) == 0
    assert "one colouring" in capsys.readouterr().err


def test_a_changed_reference_makes_a_folder_again(tmp_path, models):
    save(tmp_path / "in" / "a.png", grey("4", 16))
    command = ["colorize", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--models",
               str(models), "--reference", str(tmp_path / "r.png")]  # fmt: skip
    made = []
    for turn, letter in enumerate("brr"):
        if turn < 2:
            save(tmp_path / "r.png", draw(letter, 16 + turn))
        # each in a process of its own: libvips remembers files by their names
        assert limner(*command).returncode == 0
        copy = shutil.copy(tmp_path / "out" / "a.png", tmp_path / f"{turn}.png")
        made.append(load(copy))
    assert made[0][8, 8, 2] > made[1][8, 8, 2] + 100
    record = (tmp_path / "out" / ".limner-done.jsonl").read_text()
    assert len(record.splitlines()) == 2  # the third turn had nothing to do


def test_inspect_tells_the_likeliest_colors(tmp_path, models, capsys):
    fakes.palette_ab(tmp_path / "m" / "choosing", ((60, 40), (20, -60)), (1, 0.7))
    source = str(save(tmp_path / "old.png", grey("4", 16)))
    assert main(["inspect", source, "--at", "3,4", "--models", str(tmp_path / "m")]) == 0
    first, second, sure = capsys.readouterr().out.splitlines()
    assert first.startswith("#") and first.endswith("57.4%") and second.endswith("42.6%")
    assert sure.startswith("confidence 0.")
    assert main(["inspect", source, "--at", "3,4", "--models", str(models)]) == 1
    assert "does not tell" in capsys.readouterr().err
    for place in ("16,0", "x", "1", "-1,3", "1,2,3"):
        assert main(["inspect", source, "--at=" + place, "--models", str(models)]) == 2
        assert "--at" in (said := capsys.readouterr().err) or "'at'" in said


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        (["--hints", "missing.png"], "missing.png cannot be read"),
        (["--reference", "missing.png"], "missing.png cannot be read"),
        (["--reference", "a.png", "--reference", "b.png"], "one --reference"),
        (["--palette", "missing.gpl"], "missing.gpl cannot be read"),
        (["--palette", "blue"], "no colour like"),
        (["--seed", "-1"], "'seed' is -1"),
        (["--variants", "7"], "'variants' is 7"),
        (["--hints", "a.png", "b.png"], "--hints is for one picture"),
        (["--jobs", "1", "--reference", "missing.png"], "missing.png cannot be read"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_wishes_are_a_sentence(tmp_path, models, choice, words, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "a.png", grey("4", 16))
    save(tmp_path / "b.png", grey("4", 16))
    assert main(["colorize", "--models", str(models), *choice, "a.png"]) in (1, 2)
    assert words in capsys.readouterr().err
    assert sorted(os.listdir(tmp_path)) == ["a.png", "b.png"]


def names(jobs, folder):
    return [(j.source.relative_to(folder).as_posix(), j.target.relative_to(folder).as_posix())
            for j in jobs]  # fmt: skip


def test_what_becomes_of_which_file(tmp_path):
    a, b = save(tmp_path / "a.png", grey("4")), save(tmp_path / "in" / "b.jpg", grey("4"))
    save(tmp_path / "in" / ".hidden" / "d.jpg", grey("4"))
    out = tmp_path / "out"
    assert names(find_jobs([a], None, ".new"), tmp_path) == [("a.png", "a.new.png")]
    assert names(find_jobs([a], str(out) + "/", ".new"), tmp_path) == [("a.png", "out/a.png")]
    assert names(find_jobs([a], str(tmp_path / "x.tif"), ".new"), tmp_path) == [("a.png", "x.tif")]
    both = [("a.png", "out/a.png"), ("in/b.jpg", "out/b.jpg")]
    assert names(find_jobs([a, b.parent], str(out), ".new"), tmp_path) == both


def test_results_inside_the_sources_are_not_taken_for_sources(tmp_path):
    save(tmp_path / "a.png", grey("4"))
    save(tmp_path / "out" / "a.png", grey("4"))
    jobs = find_jobs([tmp_path], str(tmp_path / "out"), ".new")
    assert names(jobs, tmp_path) == [("a.png", "out/a.png")]


def test_nothing_is_written_over(tmp_path):
    a, b = save(tmp_path / "a.png", grey("4")), save(tmp_path / "b" / "a.png", grey("4"))
    with pytest.raises(BadRequest, match="written over"):
        find_jobs([a], str(a), ".new")
    with pytest.raises(BadRequest, match="written over"):
        find_jobs([a, b], str(tmp_path / "out"), ".new")
    with pytest.raises(BadRequest, match="written over"):
        find_jobs([tmp_path], str(tmp_path), ".new")


def test_an_empty_folder_is_a_sentence(tmp_path):
    with pytest.raises(BadRequest, match="no PNG, JPEG, TIFF or WebP"):
        find_jobs([tmp_path], None, ".new")


class Terminal:
    """A stream that says that it is a terminal."""

    def __init__(self):
        self.text = ""

    def isatty(self):
        return True

    def write(self, text):
        self.text += text

    def flush(self):
        pass


def test_a_bar_on_a_terminal_and_lines_elsewhere(capsys):
    from core.progress_bar import Bar

    terminal = Terminal()
    bar = Bar(terminal, "a.png")
    bar(0.5, "Painting")
    bar.close("done")
    assert "a.png |############------------| Painting" in terminal.text
    assert terminal.text.rpartition("\r")[2].rstrip() == "a.png done"
    bar = Bar(sys.stdout, "a.png")
    bar(0.5, "Painting")
    bar.close("done")
    assert capsys.readouterr().out == "a.png\na.png done\n"


def test_a_drawing_and_its_layers(tmp_path, models):
    both = tmp_path / "models"
    fakes.sketcher(both / "painter")
    fakes.constant_ab(both / "rose", default=True)
    source = save(tmp_path / "sketch.png", lines("aab\nccb", 40)[0])
    layers = tmp_path / "layers"
    ran = limner("colorize", source, "--layers", layers, "--flats", "--strictness", "1",
                 models=both)  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    names = [f"sketch.{role}.png" for role in ("areas", "colors", "flats", "lines")]
    assert sorted(os.listdir(layers)) == names
    _, colors, flats, ink = (load(layers / name).astype(float) for name in names)
    assert np.array_equal(colors, flats)
    alpha = ink[..., 3:] / 255
    over = colors * (1 - alpha) + ink[..., :3] * alpha
    assert np.abs(over - load(tmp_path / "sketch.colorized.png")).max() < 2
