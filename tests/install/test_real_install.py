"""One installation for real: the release archive, unpacked in a path that is not plain ASCII,
with packages from the package index.
"""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from installer import files
from scripts import release
from tests.install.test_release import working_tree

pytestmark = pytest.mark.slow_install

LIMIT_BYTES = 300e6
PROFILES = (".config/GIMP/2.10", ".config/GIMP/3.0")


class Real:
    def __init__(self, folder, archive):
        self.home = folder / "Zoë's home"
        self.data = self.home / ".local/share/limner"
        for profile in PROFILES:
            (self.home / profile).mkdir(parents=True)
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(self.home)
        (self.unpacked,) = self.home.glob("limner-*")
        self.before = self.tree()
        self.first = self.install_py("--accelerator", "cpu")

    def install_py(self, *arguments):
        """install.py in a process of its own, as a user starts it."""
        drop = ("XDG_", "GIMP", "LIMNER_", "SUDO_")
        env = {k: v for k, v in os.environ.items() if not k.startswith(drop)}
        return subprocess.run(
            [sys.executable, "-B", str(self.unpacked / "install.py"), *arguments],
            env=env | {"HOME": str(self.home), "PATH": "/nonexistent", **pip_settings()},
            cwd=self.home,
            capture_output=True,
            text=True,
        )

    def tree(self):
        # pip's cache is pip's; it may ask a compiler for its version, which leaves its settings
        return {
            path.relative_to(self.home).as_posix()
            for path in self.home.rglob("*")
            if path.relative_to(self.home).parts[0] not in (".cache", ".rustup")
        }


def pip_settings():
    """The settings of whoever runs the tests, whose home is not the one that is made here."""
    config = Path.home() / ".config/pip/pip.conf"
    return {"PIP_CONFIG_FILE": str(config)} if config.is_file() else {}


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    folder = tmp_path_factory.mktemp("real")
    archive, _ = release.pack(folder / "dist", working_tree())
    return Real(folder, archive)


def test_it_installs(real):
    assert real.first.returncode == 0, real.first.stdout + real.first.stderr
    assert "CPUExecutionProvider" in real.first.stdout


def test_it_takes_less_than_300_megabytes(real):
    folders = [real.data, *(real.home / profile / "plug-ins" for profile in PROFILES)]
    assert sum(files.size_on_disk(folder) for folder in folders) <= LIMIT_BYTES


def test_check_finds_all_well(real):
    done = real.install_py("--check")
    assert done.returncode == 0, done.stdout
    assert done.stdout.rstrip().endswith("All is well.")


def test_the_plug_ins_own_copy_reads_its_record(real):
    folder = real.home / PROFILES[1] / "plug-ins/limner"
    record = json.loads((folder / "installation.json").read_text(encoding="utf-8"))
    script = "import sys; sys.path.insert(0, sys.argv[1]); import plugin.installation as i; "
    script += (
        "print(i.load(sys.argv[1]).python); print(i.installed_models(sys.argv[1], 'colorize'))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-B", "-c", script, folder], capture_output=True, text=True
    )
    python, models = done.stdout.splitlines()
    assert python == record["python"]
    assert "Model(id=" in models


def test_the_command_line_works_from_any_folder(real, tmp_path):
    command = real.data / "venv/bin/limner"
    done = subprocess.run([command, "models"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "photo" in done.stdout


def test_nothing_that_is_stripped_is_missed(real):
    """Everything that the engine may import, imported from the stripped environment."""
    python = real.data / "venv/bin/python"
    script = (
        "import numpy.linalg, numpy.fft, numpy.random, onnxruntime, pyvips, core.worker.service; "
    )
    script += "print(pyvips.Image.black(2, 2).width, onnxruntime.get_available_providers())"
    done = subprocess.run([python, "-I", "-c", script], capture_output=True, text=True)
    assert done.stdout.startswith("2 ['"), done.stderr


def test_a_lost_package_is_found_and_put_back(real):
    (numpy,) = real.data.glob("venv/lib/python3*/site-packages/numpy")
    shutil.rmtree(numpy)
    done = real.install_py("--check")
    assert done.returncode == 1
    assert "are damaged or incomplete" in done.stdout
    assert real.install_py("--accelerator", "cpu").returncode == 0
    assert real.install_py("--check").returncode == 0


def test_uninstall_leaves_what_was_there(real):
    done = real.install_py("--uninstall")
    assert done.returncode == 0, done.stderr
    assert real.tree() == real.before
