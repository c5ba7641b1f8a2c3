"""Installing, updating, interrupting and removing, on a machine with one user's home."""

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest

from installer import cli, files, runtime, setup
from tests.install.machine import NO_NETWORK

GIMP_3 = ".config/GIMP/3.0"
GIMP_2 = ".config/GIMP/2.10"


def plug_in(machine, profile=GIMP_3):
    return machine.home / profile / "plug-ins/limner"


def venv(machine):
    return machine.data / "venv"


def test_everything_is_in_its_place(machine):
    machine.profile(GIMP_2)
    machine.profile(GIMP_3)
    said = machine.install()
    for profile in (GIMP_2, GIMP_3):
        folder = plug_in(machine, profile)
        assert os.access(folder / "limner.py", os.X_OK)
        assert (folder / "plugin/run.py").is_file()
        assert sorted(p.name for p in (folder / "core").iterdir() if p.is_file()) == [
            "__init__.py",
            "protocol.py",
        ]
        record = json.loads((folder / "installation.json").read_text(encoding="utf-8"))
        assert record == {
            "schema": 1,
            "version": setup.checkout_version(cli.CHECKOUT),
            "python": str(venv(machine) / "bin/python"),
            "models": [
                str(runtime.Runtime(venv(machine), "").core / "data" / "models"),
                str(machine.data / "models"),
            ],
            "log": str(machine.data / "limner.log"),
            "styles": [
                str(runtime.Runtime(venv(machine), "").core / "data" / "styles"),
                str(machine.data / "styles"),
            ],
        }
        assert Path(record["styles"][0], "index.json").is_file()
    assert "CPUExecutionProvider" in said
    assert "Filters > Limner > Auto Colorize" in said


@pytest.mark.parametrize("how", [(), ("--link",)], ids=["copy", "link"])
def test_each_gimp_starts_the_script_by_the_python_that_has_its_modules(machine, how):
    """GIMP runs what the first line names; gimpfu is in Python 2 alone, gi in Python 3."""
    machine.profile(GIMP_2)
    machine.profile(GIMP_3)
    machine.install(*how)
    first = {
        profile: (plug_in(machine, profile) / "limner.py").read_text().partition("\n")[0]
        for profile in (GIMP_2, GIMP_3)
    }
    assert first == {GIMP_2: "#!/usr/bin/env python2", GIMP_3: "#!/usr/bin/env python3"}
    assert "All is well" in machine.install("--check")


def test_no_test_and_no_cache_is_copied(machine):
    machine.profile(GIMP_3)
    machine.install()
    names = {p.name for p in plug_in(machine).rglob("*")}
    assert not names & {"tests", "entry"}


def test_without_gimp_the_command_line_is_installed(machine):
    said = machine.install()
    assert "No GIMP was found" in said
    command = machine.data / "venv/bin/limner"
    answer = subprocess.run([command, "models"], capture_output=True, text=True, check=True)
    assert "photo" in answer.stdout
    assert not (machine.home / ".config").exists()


def test_a_gimp_that_was_never_started_gets_the_plug_in(machine):
    machine.program("gimp-3.2", "exit 1")
    machine.install()
    assert plug_in(machine, ".config/GIMP/3.2").is_dir()


def test_a_dry_run_changes_nothing(machine):
    machine.profile(GIMP_3)
    before = machine.tree()
    said = machine.install("--dry-run")
    assert machine.tree() == before
    assert machine.pip_calls == []
    assert str(plug_in(machine)) in said
    machine.install()
    before = machine.tree()
    said = machine.install("--uninstall", "--dry-run")
    assert machine.tree() == before
    assert str(plug_in(machine)) in said


def test_uninstall_removes_all_that_was_put_and_nothing_else(machine):
    machine.profile(GIMP_2)
    before_gimp_3 = machine.profile(GIMP_3) / "plug-ins/other"
    before_gimp_3.mkdir(parents=True)
    (before_gimp_3 / "other.py").write_text("# someone else's")
    before = machine.tree()
    machine.install()
    assert "Kept" not in machine.install("--uninstall")
    assert machine.tree() == before


def test_uninstall_keeps_what_is_the_users(machine):
    machine.profile(GIMP_3)
    machine.install()
    mine = [
        machine.data / "models/my-style/model.onnx",
        machine.data / "notes.txt",
        plug_in(machine) / "plugin/notes.txt",
    ]
    for path in mine:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    said = machine.install("--uninstall")
    left = [p for p in machine.home.rglob("*") if p.is_file() and p.name != "gimprc"]
    assert sorted(left) == sorted(mine)
    for path in (machine.data / "models", machine.data / "notes.txt", mine[2]):
        assert str(path) in said


def test_uninstall_without_the_record_finds_it_all_again(machine):
    machine.profile(GIMP_3)
    machine.install()
    (machine.data / "install.json").unlink()
    machine.install("--uninstall")
    assert not plug_in(machine).exists()
    assert not venv(machine).exists()


def test_uninstall_of_nothing_says_so(machine):
    machine.profile(GIMP_3)
    before = machine.tree()
    assert "Nothing of Limner was found" in machine.install("--uninstall")
    assert machine.tree() == before


def test_uninstall_leaves_a_foreign_environment_alone(machine):
    python = machine.data / "venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text("mine")
    machine.install("--uninstall")
    assert python.read_text() == "mine"


def test_a_second_run_downloads_nothing_and_changes_nothing(machine):
    machine.profile(GIMP_3)
    machine.install()
    before, calls = machine.tree(), len(machine.pip_calls)
    log = ".local/share/limner/limner.log"
    machine.install()
    assert len(machine.pip_calls) == calls
    assert machine.tree() | {log: 0} == before | {log: 0}


def test_a_second_run_takes_a_new_gimp_along(machine):
    machine.profile(GIMP_3)
    machine.install()
    machine.profile(".config/GIMP/3.2")
    machine.install()
    assert plug_in(machine, ".config/GIMP/3.2").is_dir()


def test_another_accelerator_is_another_environment(machine):
    machine.install("--accelerator", "cpu")
    machine.install("--accelerator", "webgpu")
    assert any("onnxruntime-ep-webgpu" in r for call in machine.pip_calls[1:] for r in call)


def test_the_accelerator_that_was_chosen_stays_chosen(machine):
    machine.install("--accelerator", "webgpu")
    calls = len(machine.pip_calls)
    machine.install()
    assert len(machine.pip_calls) == calls


def test_an_interrupted_run_is_finished_by_the_next(machine):
    machine.profile(GIMP_3)
    machine.pip_error = KeyboardInterrupt()
    status, said = machine.run()
    assert status == 130
    assert "Run install.py again" in said
    assert not venv(machine).exists()
    status, said = machine.run("--check")
    assert status == 1
    assert "The last installation was interrupted" in said
    machine.pip_error = None
    machine.install()
    assert "All is well" in machine.install("--check")
    assert not list(machine.home.rglob(".*.new")) + list(machine.home.rglob(".*.old"))


def test_an_interrupted_first_run_is_removed_whole(machine):
    machine.profile(GIMP_3)
    before = machine.tree()
    machine.pip_error = KeyboardInterrupt()
    machine.run()
    machine.install("--uninstall")
    assert machine.tree() == before


def test_a_run_that_was_killed_between_two_renames_is_mended(machine):
    machine.profile(GIMP_3)
    machine.install()
    before = machine.tree()
    for folder in (plug_in(machine), venv(machine)):
        new, old = files.beside(folder)
        new.mkdir()
        (new / "half").touch()
        os.rename(folder, old)
    machine.install()
    assert machine.tree().keys() == before.keys()


def test_a_failed_update_leaves_what_worked(machine):
    machine.profile(GIMP_3)
    machine.install("--accelerator", "cpu")
    machine.pip_error = NO_NETWORK
    status, said = machine.run("--accelerator", "webgpu")
    assert status == 1
    assert said.rstrip().endswith("Check the network.")
    answer = subprocess.run([machine.data / "venv/bin/limner", "models"], capture_output=True)
    assert answer.returncode == 0


def test_a_missing_optional_package_is_said_and_no_failure(machine, monkeypatch):
    monkeypatch.setattr("installer.wheels.gpu_is_likely", lambda system: True)

    def without_webgpu(place, requirements, wheels, say):
        if "onnxruntime-ep-webgpu" in requirements[0]:
            raise NO_NETWORK
        machine._pip(place, requirements, wheels, say)

    monkeypatch.setattr("installer.environment._pip", without_webgpu)
    assert "onnxruntime-ep-webgpu==0.4.0 was left out" in machine.install()
    said = machine.install("--check")
    assert "was left out" in said
    assert "All is well" in said


def test_a_damaged_environment_is_made_again(machine):
    machine.install()
    (venv(machine) / "bin/python").unlink()
    machine.install()
    (runtime.Runtime(venv(machine), "").packages / "lent.pth").unlink()
    machine.install()
    assert len(machine.pip_calls) == 3


def test_a_foreign_folder_is_not_touched(machine):
    machine.profile(GIMP_2)
    foreign = plug_in(machine)
    foreign.mkdir(parents=True)
    (foreign / "limner.py").write_text("# someone else's")
    before = machine.tree()
    status, said = machine.run()
    assert status == 1
    assert f"{foreign} is there already and was not made by install.py." in said
    assert machine.tree() == before
    machine.run("--uninstall")
    assert machine.tree() == before


def test_a_foreign_link_is_not_followed(machine, tmp_path):
    machine.install("--gimp-dir", str(machine.profile("elsewhere")))
    folder = machine.profile(GIMP_3) / "plug-ins"
    folder.mkdir()
    (folder / "limner").symlink_to(machine.home / "elsewhere/plug-ins/limner")
    status, said = machine.run()
    assert status == 1
    assert "was not made by install.py" in said


def test_a_file_of_the_users_in_our_folder_outlives_an_update(machine):
    machine.profile(GIMP_3)
    machine.install()
    notes = plug_in(machine) / "notes.txt"
    notes.write_text("mine")
    machine.install()
    assert notes.read_text() == "mine"


def test_link_is_a_checkout_in_place(machine):
    machine.profile(GIMP_3)
    before = machine.tree()
    machine.install("--link")
    folder = plug_in(machine)
    assert (folder / "limner.py").resolve() == cli.CHECKOUT / "plugin/entry/limner.py"
    assert os.access(folder / "limner.py", os.X_OK)
    assert (folder / "plugin").resolve() == cli.CHECKOUT / "plugin"
    assert runtime.Runtime(venv(machine), "").core.resolve() == cli.CHECKOUT / "core"
    assert "All is well" in machine.install("--check")
    machine.install("--uninstall")
    assert machine.tree() == before
    assert (cli.CHECKOUT / "plugin/entry/limner.py").is_file()


def test_link_and_copy_replace_each_other(machine):
    machine.profile(GIMP_3)
    machine.install("--link")
    machine.install()
    assert not (plug_in(machine) / "plugin").is_symlink()
    machine.install("--link")
    assert (plug_in(machine) / "plugin").is_symlink()
    fingerprints = json.loads((machine.data / "install.json").read_text())["fingerprints"]
    assert not any(fingerprints.values()), "a checkout may be edited"
    assert (cli.CHECKOUT / "plugin/run.py").is_file()


def test_a_given_profile_is_the_only_one(machine):
    machine.profile(GIMP_3)
    given = machine.profile("elsewhere/my gimp")
    machine.install("--gimp-dir", str(given))
    assert (given / "plug-ins/limner/limner.py").is_file()
    assert not plug_in(machine).exists()
    machine.install("--uninstall")
    assert not (given / "plug-ins").exists()


def test_another_data_folder(machine, tmp_path):
    machine.profile(GIMP_3)
    machine.install("--data-dir", str(tmp_path / "big disk"))
    assert (tmp_path / "big disk/venv/bin/limner").is_file()
    assert not machine.data.exists()
    assert "All is well" in machine.install("--data-dir", str(tmp_path / "big disk"), "--check")


def test_a_read_only_copy_of_limner_makes_an_install_that_can_be_changed(tmp_path):
    source = tmp_path / "source"
    (source / "models").mkdir(parents=True)
    (source / "models/a.py").write_text("a")
    (source / "models/a.py").chmod(0o444)
    (source / "models").chmod(0o555)
    files.copy_tree(source, tmp_path / "target")
    for path in (tmp_path / "target").rglob("*"):
        assert path.stat().st_mode & stat.S_IWUSR, path


def test_colorize_colours_the_picture_that_is_given(machine, tmp_path):
    picture = tmp_path / "old photo.png"
    picture.write_bytes(grey_png())
    machine.install("--colorize", str(picture))
    results = [path for path in tmp_path.glob("*.png") if path != picture]
    assert len(results) == 1


def grey_png():
    import pyvips

    return pyvips.Image.identity().resize(1, vscale=64).cast("uchar").write_to_buffer(".png")


def test_another_data_folder_is_found_again_by_the_plug_in(machine, tmp_path):
    machine.profile(GIMP_3)
    before = machine.tree()
    machine.install("--data-dir", str(tmp_path / "big disk"))
    assert "All is well" in machine.install("--check")
    machine.install()
    assert not machine.data.exists()
    machine.install("--uninstall")
    assert machine.tree() == before
    assert not (tmp_path / "big disk").exists()


@pytest.mark.parametrize("arguments", [("--check", "--uninstall"), ("--accelerator", "tpu")])
def test_wrong_arguments_are_refused(machine, arguments):
    with pytest.raises(SystemExit) as ended:
        machine.run(*arguments)
    assert ended.value.code == 2
