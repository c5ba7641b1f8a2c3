"""--check: each damage has its line, which says what to do, and an exit status."""

import json
import os
import shutil

import pytest

from installer import cli, runtime

GIMP_3 = ".config/GIMP/3.0"


@pytest.fixture
def installed(machine):
    machine.profile(GIMP_3)
    machine.install()
    return machine


def plug_in(machine):
    return machine.home / GIMP_3 / "plug-ins/limner"


def core(machine):
    return runtime.Runtime(machine.data / "venv", "").core


def a_model(machine):
    return min(core(machine).glob("data/models/*"))


def remove_venv(machine):
    shutil.rmtree(machine.data / "venv")


def remove_python(machine):
    (machine.data / "venv/bin/python").unlink()


def remove_a_package_file(machine):
    (core(machine).parent / "lent.pth").unlink()


def downgrade_a_package(machine):
    (folder,) = core(machine).parent.glob("numpy-*.dist-info")
    folder.rename(folder.with_name("numpy-1.0.0.dist-info"))


def remove_data(machine):
    shutil.rmtree(machine.data)


def damage_record(machine):
    (machine.data / "install.json").write_text("{")


def misuse_record(machine):
    path = machine.data / "install.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"profiles": ["a list"]}))


def choose_an_unknown_accelerator(machine):
    path = machine.data / "install.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"accelerator": "tpu"}))


def mark_incomplete(machine):
    path = machine.data / "install.json"
    path.write_text(path.read_text().replace('"done"', '"incomplete"'))


def another_version(machine):
    path = machine.data / "install.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"version": "0.0.9"}))


def edit_core(machine):
    (core(machine) / "color" / "spaces.py").write_text("")


def remove_models(machine):
    shutil.rmtree(core(machine) / "data" / "models")


def flip_a_weight(machine):
    path = next(a_model(machine).glob("*.onnx"))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def truncate_a_model(machine):
    path = next(a_model(machine).glob("*.onnx"))
    path.write_bytes(path.read_bytes()[:1000])


def damage_a_manifest(machine):
    (a_model(machine) / "manifest.json").write_text("{}")


def add_a_broken_model(machine):
    folder = machine.data / "models/mine"
    folder.mkdir()
    (folder / "manifest.json").write_text("no json")


def remove_plug_in(machine):
    shutil.rmtree(plug_in(machine))


def remove_script(machine):
    (plug_in(machine) / "limner.py").unlink()


def take_exec_bit(machine):
    (plug_in(machine) / "limner.py").chmod(0o644)


def edit_plug_in(machine):
    (plug_in(machine) / "plugin/run.py").write_text("import torch")


def remove_plug_in_record(machine):
    (plug_in(machine) / "installation.json").unlink()


def put_a_foreign_plug_in(machine):
    remove_plug_in(machine)
    plug_in(machine).mkdir()
    (plug_in(machine) / "limner.py").write_text("# someone else's")


def add_another_gimp(machine):
    machine.profile(".config/GIMP/3.2")


def let_gimp_refuse_it(machine):
    path = machine.home / GIMP_3 / "pluginrc"
    path.write_text("(protocol-version 279)")
    later = path.stat().st_mtime + 60
    os.utime(path, (later, later))


AGAIN = "Run install.py again."
DAMAGES = [
    (remove_venv, "private Python", AGAIN),
    (remove_python, "does not start", AGAIN),
    (remove_a_package_file, "are damaged or incomplete", AGAIN),
    (downgrade_a_package, "is needed, 1.0.0 is installed", AGAIN),
    (remove_data, "is not there", AGAIN),
    (damage_record, "install record", AGAIN),
    (misuse_record, "install record", AGAIN),
    (choose_an_unknown_accelerator, "install record", AGAIN),
    (mark_incomplete, "was interrupted", AGAIN),
    (another_version, "Limner 0.0.9 is installed", "Run install.py to update it."),
    (edit_core, "spaces.py was changed", AGAIN),
    (remove_models, "No model to colorize with", AGAIN),
    (flip_a_weight, "is damaged", AGAIN),
    (truncate_a_model, "is damaged", AGAIN),
    (damage_a_manifest, "manifest.json", AGAIN),
    (add_a_broken_model, "mine", "remove the folder"),
    (remove_plug_in, "has no Limner", AGAIN),
    (remove_script, "limner.py is missing", AGAIN),
    (take_exec_bit, "may not be executed", AGAIN),
    (edit_plug_in, "run.py was changed", AGAIN),
    (remove_plug_in_record, "installation.json is missing", AGAIN),
    (put_a_foreign_plug_in, "was not made by install.py", "Move it away"),
    (add_another_gimp, "GIMP 3.2 has no Limner", AGAIN),
    (let_gimp_refuse_it, "did not take the plug-in in", "Start GIMP from a terminal"),
]


@pytest.mark.parametrize(
    ("damage", "problem", "remedy"), DAMAGES, ids=[d[0].__name__ for d in DAMAGES]
)
def test_each_damage_has_its_line_and_what_the_line_says_helps(installed, damage, problem, remedy):
    damage(installed)
    status, said = installed.run("--check")
    assert status == 1
    fitting = [line for line in said.splitlines() if line.startswith("PROBLEM") and problem in line]
    assert fitting, said
    assert remedy in fitting[0]
    assert "Traceback" not in said
    if remedy.startswith("Run install.py"):
        installed.install()
        assert "All is well" in installed.install("--check")


def test_all_is_well_after_an_installation(installed):
    said = installed.install("--check")
    assert "PROBLEM" not in said
    assert "CPUExecutionProvider" in said


def test_check_changes_nothing(installed):
    log = ".local/share/limner/limner.log"
    before = installed.tree() | {log: 0}
    installed.install("--check")
    assert installed.tree() | {log: 0} == before


def test_check_where_nothing_was_ever_installed(machine):
    before = machine.tree()
    status, said = machine.run("--check")
    assert status == 1
    assert "is not there" in said
    assert machine.tree() == before


def test_the_filters_in_gimps_memory_are_seen(installed):
    (installed.home / GIMP_3 / "pluginrc").write_text('(proc-def "limner-auto-colorize" 1)')
    assert "GIMP 3.0 has the filters" in installed.install("--check")


def test_gimp_2_without_its_python_is_told_so(machine):
    machine.profile(".config/GIMP/2.10")
    machine.install()
    pluginrc = machine.home / ".config/GIMP/2.10/pluginrc"
    pluginrc.write_text("(protocol-version 21)")
    os.utime(pluginrc, (2e9, 2e9))
    status, said = machine.run("--check")
    assert status == 1
    assert "may lack Python-Fu" in said


def test_the_block_for_a_bug_report(installed):
    (installed.data / "limner.log").write_text("".join(f"line {n}\n" for n in range(99)))
    edit_plug_in(installed)
    _, said = installed.run("--check")
    block = said[said.index("for a bug report") : said.index("to here")]
    for text in ("Python 3.", "numpy", "GIMP 3.0", "sha256", "was changed", "log: line 98"):
        assert text in block
    assert "line 50" not in block
    assert str(installed.home) not in block


def test_an_installation_elsewhere_is_told_apart(installed, tmp_path):
    installed.install("--data-dir", str(tmp_path / "other"))
    status, said = installed.run("--check")
    assert status == 1
    assert "uses another installation" in said


def test_a_linked_checkout_that_is_gone_is_seen(machine, monkeypatch, tmp_path):
    machine.profile(GIMP_3)
    here, copy = cli.CHECKOUT, tmp_path / "checkout"
    for name in ("plugin", "core"):
        shutil.copytree(here / name, copy / name)
    shutil.copy(here / "pyproject.toml", copy)
    monkeypatch.setattr(cli, "CHECKOUT", copy)
    machine.install("--link")
    monkeypatch.setattr(cli, "CHECKOUT", here)
    shutil.rmtree(copy)
    status, said = machine.run("--check")
    assert status == 1
    assert f"{plug_in(machine) / 'limner.py'} is missing. -> {AGAIN}" in said
    assert "No model to colorize with is installed." in said
    machine.install()
    assert "All is well" in machine.install("--check")
