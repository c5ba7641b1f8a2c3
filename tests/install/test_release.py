"""The release archive: the same bytes each time, whole without git, nothing of the workshop."""

import subprocess
import sys
import zipfile

import pytest

from scripts import release


def working_tree():
    """A commit of what git tracks as it stands now; HEAD where nothing was changed."""
    made = subprocess.run(
        ["git", "stash", "create"], cwd=release.ROOT, check=True, capture_output=True, text=True
    )
    return made.stdout.strip() or "HEAD"


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    return release.pack(tmp_path_factory.mktemp("dist"), working_tree())


def test_the_same_commit_gives_the_same_bytes(archive, tmp_path):
    path, digest = archive
    assert release.pack(tmp_path, working_tree())[1] == digest
    assert path.with_name(path.name + ".sha256").read_text() == f"{digest}  {path.name}\n"
    assert sorted(p.name for p in path.parent.iterdir()) == [path.name, path.name + ".sha256"]


def test_it_holds_what_a_user_needs_and_nothing_else(archive):
    names = zipfile.ZipFile(archive[0]).namelist()
    (folder,) = {name.split("/")[0] for name in names}
    inside = {name.split("/")[1] for name in names}
    assert folder.startswith("limner-")
    assert inside == set(release.SHIPPED)
    for model in (release.ROOT / "core/data/models").iterdir():
        files = {
            name.rsplit("/", 1)[1] for name in names if f"/core/data/models/{model.name}/" in name
        }
        assert {"manifest.json", "CARD.md"} < files
        assert any(name.endswith(".onnx") for name in files)


def test_unpacked_it_runs_without_git(archive, tmp_path):
    with zipfile.ZipFile(archive[0]) as packed:
        packed.extractall(tmp_path)
    (folder,) = tmp_path.iterdir()
    for command in (["install.py", "--help"], ["-m", "core", "models"]):
        done = subprocess.run(
            [sys.executable, "-B", *command],
            cwd=folder,
            env={"PATH": "/nonexistent", "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr


def test_a_commit_that_is_none_is_a_sentence(tmp_path):
    script = release.ROOT / "scripts/release.py"
    command = [sys.executable, script, "--out", tmp_path / "dist", "--commit", "nothing"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert "could not be made" in done.stderr
    assert not list(tmp_path.rglob("*.zip"))
