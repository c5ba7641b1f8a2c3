"""A Debian chroot with a real GIMP in it: what it needs, how it is built, how commands run in it.

Two suites: trixie has GIMP 3.0, sid has GIMP 3.2 (or what follows it). They are built by
rig/build.sh below the folder $LIMNER_RIG and kept; rig/enter.sh runs a command in one.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import urllib.parse
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

HERE = Path(__file__).parent
REPOSITORY = HERE.parent.parent
SCRIPTS = HERE / "rig"

PACKAGES = {"trixie": "libvulkan1 mesa-vulkan-drivers", "sid": ""}
"""Suite -> packages beyond build.sh's own. Trixie also proves the WebGPU execution provider."""

BUILD_LIMIT_S = 1800
HOST_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


class Missing(Exception):
    """A real GIMP cannot be had here; the text is the sentence that says why."""


class CommandFailed(Exception):
    """A command in the chroot ended with an exit status other than 0, or ran too long."""


def rig_folder() -> Path:
    """Where chroots, pip's cache and the tests' working folders are kept between runs."""
    return Path(os.environ.get("LIMNER_RIG") or "/var/tmp/limner-rig")


def suites() -> tuple[str, ...]:
    """The suites to test in: $LIMNER_GIMP_SUITES, else all."""
    chosen = os.environ.get("LIMNER_GIMP_SUITES", "").split()
    return tuple(chosen or PACKAGES)


def obstacle() -> str:
    """The sentence that says what this machine lacks for a chroot; empty where nothing is."""
    if not sys.platform.startswith("linux"):
        return "The real-GIMP tests need Linux: they build a Debian chroot."
    if os.geteuid() != 0:
        return "The real-GIMP tests need root: they build and enter a Debian chroot."
    if not shutil.which("debootstrap") and not shutil.which("apt-get"):
        return "The real-GIMP tests need debootstrap (Debian, Ubuntu: apt-get install debootstrap)."
    if not shutil.which("unshare"):
        return "The real-GIMP tests need the command unshare (package util-linux)."
    spaces = ["unshare", "--mount", "--pid", "--ipc", "--fork", "true"]
    if subprocess.run(spaces, capture_output=True, check=False).returncode:
        return "The real-GIMP tests need the right to make namespaces (CAP_SYS_ADMIN)."
    return ""


@dataclass
class Chroot:
    """One suite's chroot and the folder /limner in it, which is this run's alone.

    Attributes:
        suite: Debian's name for it.
        work: the folder on this machine that is bound at /limner.
        settings: environment variables for every command.
        binds: folders on this machine that are bound at the same path.
    """

    suite: str
    settings: dict[str, str] = field(default_factory=dict)
    binds: list[Path] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return rig_folder() / self.suite

    @property
    def work(self) -> Path:
        return rig_folder() / "work" / self.suite

    def build(self) -> None:
        """Make the chroot, or find it made. Raises Missing with the last line of the log."""
        if sentence := obstacle():
            raise Missing(sentence)
        rig_folder().mkdir(parents=True, exist_ok=True)
        log = rig_folder() / f"{self.suite}.log"
        environment = os.environ | {"GIMP3_EXTRA": PACKAGES.get(self.suite, "")}
        command = ["bash", str(SCRIPTS / "build.sh"), self.suite, str(self.folder)]
        with log.open("w") as stream:
            status = _status(command, stream, BUILD_LIMIT_S, environment)
        if status:
            last = log.read_text(errors="replace").strip().rpartition("\n")[2]
            raise Missing(f"The chroot of {self.suite} could not be built ({last}; see {log}).")

    def lock(self) -> int:
        """Wait until no other test run uses this suite's work folder; returns the lock."""
        lock = os.open(rig_folder() / f"{self.suite}.lock", os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        return lock

    def fresh_work(self) -> None:
        """Empty /limner and put into it a copy of the repository, an empty home and `out`."""
        shutil.rmtree(self.work, ignore_errors=True)
        for name in ("home", "out", "run"):
            (self.work / name).mkdir(parents=True)
        (self.work / "run").chmod(0o700)
        copy_repository(self.work / "repository")
        self.give(self.work)

    def outside(self, path: str) -> Path:
        """Where on this machine a path below /limner is."""
        return self.work / Path(path).relative_to("/limner")

    def give(self, path: Path) -> None:
        """Make the chroot's plain user the owner of everything below path."""
        line = next(
            line
            for line in (self.folder / "etc/passwd").read_text().splitlines()
            if line.startswith("gimp:")
        )
        user, group = map(int, line.split(":")[2:4])
        for folder, _, names in os.walk(path):
            for name in ("", *names):
                os.chown(os.path.join(folder, name), user, group, follow_symlinks=False)

    def use_pip_settings(self) -> None:
        """Pass this machine's pip settings on, local indexes and certificates included."""
        cache = rig_folder() / "pip-cache"
        cache.mkdir(exist_ok=True)
        self.give(cache)
        settings, paths = pip_settings()
        if HOST_CERTIFICATES.is_file():
            settings["PIP_CERT"] = str(HOST_CERTIFICATES)
            paths.append(HOST_CERTIFICATES)
        for file in filter(Path.is_file, paths):  # a bind of its folder might hide the chroot's
            inside = self.folder / file.relative_to("/")
            inside.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, inside)
        self.settings |= settings | {"PIP_CACHE_DIR": str(cache)}
        self.binds += [cache, *filter(Path.is_dir, paths)]

    def run(
        self,
        command: Sequence[str],
        log: str,
        limit_s: float,
        user: str = "gimp",
        settings: dict[str, str] | None = None,
    ) -> str:
        """Run a command in the chroot, in /limner, with a home of its own.

        Args:
            command: program and arguments, paths as seen inside.
            log: name of the file in `out` that takes its output, both streams.
            limit_s: it is killed with all its children after that many seconds.
            user: of the chroot.
            settings: environment variables beyond the usual ones.

        Returns:
            The output.

        Raises:
            CommandFailed: with the end of the output.
        """
        environment = {
            "HOME": "/limner/home",
            "XDG_RUNTIME_DIR": "/limner/run",
            "PYTHONDONTWRITEBYTECODE": "1",
            **self.settings,
            **(settings or {}),
        }
        arguments = ["bash", str(SCRIPTS / "enter.sh"), "-u", user, "-w", "/limner"]
        arguments += ["-b", f"{self.work}:/limner"]
        for path in self.binds:
            arguments += ["-b", str(path)]
        for name, value in environment.items():
            arguments += ["-e", f"{name}={value}"]
        path = self.work / "out" / log
        with path.open("w") as stream:
            status = _status([*arguments, str(self.folder), *command], stream, limit_s)
        output = path.read_text(errors="replace")
        if status:
            what = "was stopped at its limit" if status < 0 else f"ended with status {status}"
            raise CommandFailed(
                f"{' '.join(command)[:200]} {what} in {self.suite}:\n{output[-4000:]}"
            )
        return output


def _status(
    command: Sequence[str],
    output: IO[str],
    limit_s: float,
    environment: dict[str, str] | None = None,
) -> int:
    """A command's exit status; -1 where it was killed at its limit.

    Its whole process group is killed: the kernel forgets unshare's --kill-child as soon as the
    child becomes another user, and a GIMP that goes on would break what runs next.
    """
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=environment,
        start_new_session=True,
    )
    try:
        return child.wait(limit_s)
    except subprocess.TimeoutExpired:
        return -1
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()


def copy_repository(target: Path) -> None:
    """Copy what git tracks or would track; the copy is used as a user's checkout is."""
    command = ["git", "-C", str(REPOSITORY), "ls-files", "-z", "-co", "--exclude-standard"]
    try:
        names = subprocess.run(command, capture_output=True, check=True).stdout.split(b"\0")
    except (OSError, subprocess.CalledProcessError):
        ignored = shutil.ignore_patterns(".git", "__pycache__", ".venv", "*.pyc")
        shutil.copytree(REPOSITORY, target, ignore=ignored, symlinks=True)
        return
    for name in filter(None, map(os.fsdecode, names)):
        source, copy = REPOSITORY / name, target / name
        if source.is_file():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, copy)


def pip_settings() -> tuple[dict[str, str], list[Path]]:
    """(environment variables, local files and folders that they name) of this machine's pip.

    Environment variables stand above pip's own files here as they do in pip.
    """
    command = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    settings: dict[str, str] = {}
    for line in sorted(listed.splitlines(), key=lambda line: line.startswith(":env:")):
        name, _, value = line.partition("=")
        section, _, option = name.partition(".")
        if section in ("global", "install", ":env:") and not option.endswith("version-check"):
            settings["PIP_" + option.upper().replace("-", "_")] = value.strip("'\"")
    settings["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    for name in ("http_proxy", "https_proxy", "no_proxy"):
        if value := os.environ.get(name):
            settings[name] = value
    words = " ".join(settings.values()).split()
    named = (Path(urllib.parse.unquote(word.removeprefix("file://"))) for word in words)
    paths = (path for path in named if path.is_absolute() and path.exists())
    # the pages of an index link to files beside the folder `simple`
    return settings, [path.parent if path.name == "simple" else path for path in paths]
