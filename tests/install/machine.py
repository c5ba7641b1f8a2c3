"""A machine to install on: a home, a PATH, and GIMPs and sandboxes that are shell scripts.

The private Python is a real virtual environment and the worker a real worker; only pip is left
out: a stand-in writes the dist-info folders that pip would, and a .pth file that lends the
packages of the Python that runs the tests.
"""

import os
import sys

from installer import cli, environment
from installer.errors import InstallError
from installer.wheels import requirement_name, requirement_version

LENT = [path for path in sys.path if path.endswith("site-packages")]


class Machine:
    """A user's home in a temporary folder, whose name has a space and a letter beyond ASCII."""

    def __init__(self, folder, monkeypatch, capsys):
        self.home = folder / "hôme of ü"
        self.bin = folder / "bin"
        self.data = self.home / ".local/share/limner"
        self.pip_calls = []
        self.pip_error = None
        self._capsys = capsys
        self.home.mkdir()
        self.bin.mkdir()
        for name in list(os.environ):
            if name.startswith(("XDG_", "GIMP", "LIMNER_", "SUDO_", "PYTHON")):
                monkeypatch.delenv(name)
        monkeypatch.setenv("HOME", str(self.home))
        monkeypatch.setenv("PATH", str(self.bin))
        monkeypatch.setattr(environment, "VENV", ("-m", "venv", "--without-pip"))
        monkeypatch.setattr(environment, "_pip", self._pip)

    def profile(self, name):
        """Make a GIMP profile below home, with a file of the user's in it."""
        folder = self.home / name
        folder.mkdir(parents=True)
        (folder / "gimprc").write_text("(theme Dark)\n")
        return folder

    def program(self, name, script):
        path = self.bin / name
        path.write_text("#!/bin/sh\n" + script + "\n")
        path.chmod(0o755)
        return path

    def run(self, *arguments):
        """install.py with these arguments: (exit status, what it said, stdout and stderr)."""
        status = cli.main(list(arguments))
        said = self._capsys.readouterr()
        return status, said.out + said.err

    def install(self, *arguments):
        status, said = self.run(*arguments)
        assert status == 0, said
        return said

    def tree(self):
        """Every path below home with its content; compiled files come and go by themselves."""
        return {
            path.relative_to(self.home).as_posix(): self._content(path)
            for path in sorted(self.home.rglob("*"))
            if "__pycache__" not in path.parts
        }

    @staticmethod
    def _content(path):
        if path.is_symlink():
            return os.readlink(path)
        return path.read_bytes() if path.is_file() else "folder"

    def _pip(self, place, requirements, wheels, say):
        self.pip_calls.append(requirements)
        if self.pip_error is not None:
            raise self.pip_error
        for requirement in requirements:
            name = requirement_name(requirement).replace("-", "_")
            folder = place.packages / f"{name}-{requirement_version(requirement)}.dist-info"
            folder.mkdir()
            (folder / "METADATA").write_text(requirement)
        (place.packages / "lent.pth").write_text("\n".join(LENT) + "\n")


NO_NETWORK = InstallError("pip could not install the packages (no network).", "Check the network.")
