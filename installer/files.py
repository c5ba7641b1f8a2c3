"""Copying, swapping and removing folders without leaving half of one."""

import errno
import hashlib
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

_LITTER = {"__pycache__", "tests", ".pytest_cache", ".ruff_cache"}


def copy_tree(source: Path, target: Path, skip: frozenset[str] = frozenset()) -> None:
    """Copy a folder's contents, not its modes: a read-only checkout must not make an install
    that nobody can update. Caches, tests and the names in skip (top level) are left out.
    """
    target.mkdir(parents=True, exist_ok=True)
    for entry in sorted(source.iterdir()):
        if entry.name in _LITTER or entry.name in skip:
            continue
        if entry.is_dir():
            copy_tree(entry, target / entry.name)
        else:
            copy_file(entry, target / entry.name)


def copy_file(source: Path, target: Path) -> None:
    """Copy a file's content, not its mode."""
    shutil.copyfile(source, target)


def replace_folder(target: Path, build: Callable[[Path], None]) -> None:
    """Put a folder in place of another whole: built beside it, then renamed.

    Args:
        build: fills the new folder, given its path for the time being. Where it fails, the old
            folder stays as it was.
    """
    new, old = beside(target)
    remove(new)
    if not target.exists() and old.exists():
        _rename(old, target)  # the last run was ended between the two renames below
    try:
        new.mkdir(parents=True)
        build(new)
    except BaseException:
        remove(new)
        raise
    swap(new, target)


def swap(new: Path, target: Path) -> None:
    """Rename new to target; what was there before goes."""
    old = beside(target)[1]
    remove(old)
    if os.path.lexists(target):
        _rename(target, old)
    try:
        _rename(new, target)
    except OSError:
        if old.exists():
            _rename(old, target)
        raise
    remove(old)


def _rename(source: Path, target: Path) -> None:
    """os.rename; on Windows a virus scanner may hold new files open for some seconds."""
    for _ in range(20 if os.name == "nt" else 0):
        try:
            os.rename(source, target)
            return
        except PermissionError:
            time.sleep(0.5)
    os.rename(source, target)


def beside(target: Path) -> tuple[Path, Path]:
    """(new, old): the names that a folder has while it is replaced."""
    return target.with_name(f".{target.name}.new"), target.with_name(f".{target.name}.old")


def remove(path: Path) -> None:
    """Remove a file, a link (never what it points to) or a folder; fine where it is not there."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.is_dir():
        try:
            shutil.rmtree(path)
        except PermissionError:
            # a read-only file on Windows, a read-only folder elsewhere
            for root, _, names in os.walk(path):
                os.chmod(root, 0o700)
                for name in names if os.name == "nt" else ():
                    os.chmod(os.path.join(root, name), 0o700)
            shutil.rmtree(path)


def make_folders(folder: Path) -> list[Path]:
    """Make a folder with its parents; returns those that were not there, outermost first."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        path.mkdir()
    return missing[::-1]


def remove_if_empty(folder: Path) -> bool:
    """Remove a folder that has nothing in it; whether it is gone."""
    try:
        folder.rmdir()
    except OSError as error:
        return error.errno == errno.ENOENT
    return True


def sha256(path: Path) -> str:
    """Hexadecimal sha256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def fingerprints(folder: Path) -> dict[str, str]:
    """Relative path with '/' -> sha256, of every file but compiled ones."""
    return {
        path.relative_to(folder).as_posix(): sha256(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def size_on_disk(path: Path) -> int:
    """Bytes that a file or a folder takes; links count for themselves."""
    if path.is_dir() and not path.is_symlink():
        return sum(size_on_disk(entry) for entry in path.iterdir())
    stat = path.lstat()
    return getattr(stat, "st_blocks", 0) * 512 or stat.st_size  # Windows tells no blocks


def megabytes(size: int) -> str:
    return f"{size / 1e6:.0f} MB"
