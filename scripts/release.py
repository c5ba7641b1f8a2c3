"""Make the archive that users unpack and install: `python3 scripts/release.py`.

Writes dist/limner-VERSION.zip and its .sha256. Inside is one folder with everything that
install.py needs and what a user reads: no tests, no training. Files come from git's index at HEAD
with fixed dates, so that the same commit gives the same bytes. Needs git and Python 3.11.
"""

import argparse
import hashlib
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

SHIPPED = ("install.py", "installer", "core", "plugin", "po", "docs", "examples", "pyproject.toml",
           "README.md", "CHANGELOG.md", "LICENSE")  # fmt: skip
"""Files and folders of the repository that go into the archive."""

EXECUTABLE = ("install.py", "plugin/entry/limner.py")


def main() -> int:
    """Parse the command line and write the archive; 0 if that worked."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="default: dist")
    parser.add_argument("--commit", default="HEAD", help="what to pack (default: HEAD)")
    args = parser.parse_args()
    try:
        path, digest = pack(args.out, args.commit)
    except (OSError, subprocess.CalledProcessError, ValueError) as error:
        print(f"The archive could not be made: {error}.", file=sys.stderr)
        return 1
    print(f"{path}  {path.stat().st_size / 1e6:.1f} MB  sha256 {digest}")
    return 0


def pack(out: Path, commit: str) -> tuple[Path, str]:
    """Write the archive of a commit into the folder out; its path and sha256.

    Raises OSError, CalledProcessError, ValueError.
    """
    names = _git("ls-tree", "-r", "-z", "--name-only", commit, *SHIPPED).decode().split("\0")
    version = _version(_git("show", f"{commit}:core/__init__.py").decode())
    folder = f"limner-{version}"
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{folder}.zip"
    draft = path.with_suffix(".tmp")
    try:
        with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in sorted(filter(None, names)):
                archive.writestr(_entry(f"{folder}/{name}", name), _git("show", f"{commit}:{name}"))
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    path.with_name(path.name + ".sha256").write_text(f"{digest}  {path.name}\n", encoding="ascii")
    return path, digest


def _entry(path: str, name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    mode = 0o755 if name in EXECUTABLE else 0o644
    entry.external_attr = (0o100000 | mode) << 16
    return entry


def _version(source: str) -> str:
    found = re.search(r'^__version__ = "([0-9][0-9A-Za-z.]*)"$', source, re.MULTILINE)
    if not found:
        raise ValueError("core/__init__.py has no version")
    return found[1]


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout


if __name__ == "__main__":
    sys.exit(main())
