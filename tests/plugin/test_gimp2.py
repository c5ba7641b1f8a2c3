"""GIMP 2.10's side under a real Python 2.7, with stand-ins for GIMP's own modules."""

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.python27 import PYTHON27, needs_python27

ROOT = Path(__file__).parents[2]
CASES_FILE = Path(__file__).with_name("gimp2_cases.py")
CASES = [
    node.name
    for node in ast.parse(CASES_FILE.read_text(encoding="utf-8")).body
    if isinstance(node, ast.FunctionDef) and node.name.startswith("case_")
]

MODELS = [
    {"id": "photo", "task": "colorize", "title": "Photographs", "default": True},
    {"id": "old", "task": "colorize", "title": "Old"},
    {"id": "waves", "task": "stylize", "title": "Märchen", "default": True},
    {
        "id": "own",
        "task": "stylize",
        "title": "From a picture",
        "parts": [{"inputs": [{"role": "style"}]}],
    },
]


@pytest.fixture
def installed(tmp_path):
    """A plug-in folder as install.py makes it, with a fake worker; its path is not ASCII."""
    folder = tmp_path / "Zusätze" / "limner"
    (folder / "core").mkdir(parents=True)
    shutil.copytree(ROOT / "plugin", folder / "plugin", ignore=shutil.ignore_patterns("*.pyc"))
    shutil.copy(ROOT / "plugin/entry/limner.py", folder)
    for name in ("__init__.py", "protocol.py"):
        shutil.copy(ROOT / "core" / name, folder / "core")
    for model in MODELS:
        place = folder / "models" / model["id"]
        place.mkdir(parents=True)
        (place / "manifest.json").write_text(json.dumps(model), encoding="utf-8")
    python = folder / "python"
    fake = ROOT / "tests/fakes/worker_process.py"
    python.write_text(
        f'#!/bin/sh\nread behaviour < "{folder}/behaviour"\n'
        f'exec "{sys.executable}" -I -u "{fake}" "$behaviour" "{folder}"\n',
        encoding="utf-8",
    )
    python.chmod(0o755)
    (folder / "behaviour").write_text("invert\n", encoding="utf-8")
    record = {
        "schema": 1,
        "version": "0.1.0",
        "python": str(python),
        "models": [str(folder / "models")],
        "log": str(folder / "limner.log"),
    }
    (folder / "installation.json").write_text(json.dumps(record), encoding="utf-8")
    return folder


@needs_python27
@pytest.mark.parametrize("case", CASES)
def test_gimp_2(case, installed):
    environment = dict(
        os.environ, PYTHONPATH=str(ROOT / "tests/stubs/gimpfu"), LANG="C", LC_ALL="C"
    )
    answer = subprocess.run(
        [PYTHON27, "-B", str(CASES_FILE), case, str(installed)],
        env=environment,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=120,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
