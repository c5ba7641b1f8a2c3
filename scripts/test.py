"""Set up everything the checks need and run them: `python3 scripts/test.py`.

Makes a virtual environment (.venv in the checkout, or --venv DIR), installs the pinned run time
and the development tools into it from the package index, then runs ruff, pyright and pytest.
Needs Python 3.11 or newer and nothing else. Tests of a real GIMP need root and debootstrap on
Linux; they run with --gimp or --only-gimp, and say why where they cannot.
"""

import argparse
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Parse the command line, prepare the environment, run the checks; 0 if all passed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--venv", type=Path, default=ROOT / ".venv", help="default: .venv")
    parser.add_argument("--gimp", action="store_true", help="run the real-GIMP tests too")
    parser.add_argument("--only-gimp", action="store_true", help="run nothing but those")
    parser.add_argument("--export", action="store_true", help="with PyTorch, for export/'s tests")
    parser.add_argument("--film", action="store_true", help="with the extras film and cluster")
    parser.add_argument("pytest", nargs="*", help="passed on to pytest (after --)")
    args = parser.parse_args()
    optional = ["export"] * args.export + ["film", "cluster"] * args.film
    python = prepare(args.venv, optional)
    if args.only_gimp:
        return run(python, "pytest", "-m", "gimp", *args.pytest)
    marks = [] if args.gimp else ["-m", "not gimp"]
    checks = [
        ("ruff", "check", "."),
        ("ruff", "format", "--check", "."),
        ("pyright", "--pythonpath", str(python)),
        ("pytest", *marks, *args.pytest),
    ]
    results = [run(python, *check) for check in checks]
    return max(results)


def prepare(folder: Path, optional: list[str]) -> Path:
    """The environment's Python, with what pyproject.toml lists installed, and optional extras."""
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not python.exists():
        print(f"Making {folder} …", flush=True)
        venv.create(folder, with_pip=True)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = project["dependencies"] + extras["dev"]
    wanted += [package for extra in optional for package in extras[extra]]
    run(python, "pip", "install", "--quiet", "--disable-pip-version-check", *wanted, check=True)
    return python


def run(python: Path, module: str, *arguments: str, check: bool = False) -> int:
    """Run a module of the environment in the checkout; its exit code."""
    print(f"— {module} {' '.join(arguments)}", flush=True)
    command = [str(python), "-m", module, *arguments]
    return subprocess.run(command, cwd=ROOT, check=check).returncode


if __name__ == "__main__":
    sys.exit(main())
