"""The benchmark runs to its end and prints every row; its numbers are nobody's test."""

import subprocess
import sys
from pathlib import Path

from core.generator.manifest import SizeSpec
from tests.fakes import onnx as fakes

ROOT = Path(__file__).parents[1]


def benchmarks(data, *arguments, module="benchmarks"):
    environment = {"PATH": "", "LIMNER_DATA_DIR": str(data), "SYSTEMROOT": ""}
    command = [sys.executable, "-m", module, *arguments]
    if module == "benchmarks":
        command += ["--repeat", "1"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


def test_it_prints_every_row(tmp_path):
    spec = SizeSpec(minimum=4, multiple_of=4, work=64)
    fakes.lightness_ab(tmp_path / "models" / "light", size=spec)
    fakes.scale(tmp_path / "models" / "dark", 0.5)
    choice = ["--model", "light", "--style", "dark", "--device", "cpu", "--large", "300", "200"]
    ran = benchmarks(tmp_path, *choice)
    assert ran.returncode == 0, ran.stderr
    for row in (
        "cpu: CPUExecutionProvider",
        "start to hello",
        "first result of 1 MP",
        "generator alone",
        "beyond the generator's own",
        "RGB u8, start to result",
        "grey u8, start to result",
        "peak memory",
        "style 1 MP, dark on CPUExecutionProvider",
    ):
        assert row in ran.stdout


def test_the_styles_rows_and_seams(tmp_path):
    fakes.box_blur(tmp_path / "models" / "blur", 3)
    choice = ["--model", "blur", "--rows", "512", "--seams", "--seams-size", "1200", "1000"]
    ran = benchmarks(tmp_path, *choice, module="benchmarks.style")
    assert ran.returncode == 0, ran.stderr
    assert "512×512  brush 1, 1 tiles" in ran.stdout and "peak" in ran.stdout
    assert "4 tiles against 1, 1200×1000: " in ran.stdout and " dB PSNR" in ran.stdout


def test_a_device_that_is_not_there_is_a_sentence(tmp_path):
    fakes.constant_ab(tmp_path / "models" / "plain")
    ran = benchmarks(tmp_path, "--model", "plain", "--device", "abacus")
    assert ran.returncode == 1
    assert "There is no device 'abacus'" in ran.stdout
    assert "Traceback" not in ran.stderr


def test_what_lies_between_colouring_and_painting(tmp_path):
    spec = SizeSpec(minimum=4, multiple_of=4, work=64)
    fakes.lightness_ab(tmp_path / "models" / "light", size=spec)
    fakes.scale(tmp_path / "models" / "dark", 0.5)
    ran = benchmarks(tmp_path, "--repeat", "1", module="benchmarks.join")
    assert ran.returncode == 0, ran.stderr
    for row in ("320×180", "854×480", "896×896", "NumPy", "graph, fetched"):
        assert row in ran.stdout
