"""One suite from nothing to facts: chroot, install.py, one headless GIMP that runs every case.

The tests beside this file judge what comes out. All of it runs as a user would have it: a plain
user's empty home, the repository as a checkout, `python3 install.py`, GIMP's own profile folder.
"""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tests.fakes.onnx import hinted_ab, with_part
from tests.gimp import pictures
from tests.gimp.chroot import Chroot, CommandFailed

INSTALL_LIMIT_S = 600
HEADLESS_LIMIT_S = 3600
COMMAND_LIMIT_S = 120

ROUNDING = 1e-6
"""babl reads a gray layer's alpha as float in another order of operations than a color layer's."""

REPOSITORY = "/limner/repository"
INSIDE = REPOSITORY + "/tests/gimp/inside"

Facts = dict[str, Any]


@dataclass
class Session:
    """A suite's GIMP with Limner installed in it, and the facts of all headless cases.

    Attributes:
        chroot: where all of it runs; `out` in its work folder holds logs and pixels.
        facts: case name -> what inside/scene.py recorded of it.
        log: what GIMP and the plug-in printed, a line "case NAME" before each case.
        problem: why the headless session ended early; empty where it did not.
    """

    chroot: Chroot
    facts: dict[str, Facts] = field(default_factory=dict)
    log: str = ""
    problem: str = ""
    version: str = ""

    @classmethod
    def prepare(cls, suite: str) -> "Session":
        """Build the chroot where needed and install Limner in it, in an empty home.

        Raises:
            Missing: no chroot can be had here.
            CommandFailed: install.py failed.
        """
        chroot = Chroot(suite)
        chroot.build()
        chroot.lock()
        chroot.use_pip_settings()
        chroot.fresh_work()
        session = cls(chroot)
        shown = chroot.run(["gimp-console", "--version"], "version.log", COMMAND_LIMIT_S)
        session.version = ".".join(shown.split()[-1].split(".")[:2])
        session.install(session.profile)
        session.add_models()
        return session

    def add_models(self) -> None:
        """Put two models beside the installed ones, as a user's own: one takes a style picture,
        the other one obeys hints exactly and has variants.
        """
        folder = self.chroot.outside("/limner/home/.local/share/limner/models")
        with_part(folder / "from-picture", id="from-picture", title="Test: from a picture")
        hinted_ab(folder / "obedient", a=25.0, b=10.0, id="obedient", title="Obedient")
        self.chroot.give(folder)

    @property
    def profile(self) -> str:
        """GIMP's folder in the user's home, as GIMP itself would choose it."""
        return f"/limner/home/.config/GIMP/{self.version}"

    def install(self, profile: str) -> None:
        """Walk a user's path: make the profile known to install.py, and run it."""
        folder = self.chroot.outside(profile)
        folder.mkdir(parents=True, exist_ok=True)
        self.chroot.give(self.chroot.work / "home")
        command = ["python3", "install.py", "--accelerator", "cpu", "--gimp-dir", profile]
        text = "cd repository && exec " + " ".join(command)
        self.chroot.run(["sh", "-c", text], "install.log", INSTALL_LIMIT_S)

    def run_cases(self) -> None:
        """Start GIMP once and run the case table in it."""
        pictures.write_inputs(self.chroot.work / "in")
        self.chroot.give(self.chroot.work / "in")
        script = f"import sys; sys.path.insert(0, '{INSIDE}'); import headless; headless.main()"
        settings = {"LIMNER_GIMP_CASES": os.environ.get("LIMNER_GIMP_CASES", "*")}
        command = ["gimp-console", "-id", "--batch-interpreter=python-fu-eval", "-b", script]
        try:
            self.chroot.run(
                [*command, "--quit"], "headless.log", HEADLESS_LIMIT_S, settings=settings
            )
        except CommandFailed as error:
            self.problem = str(error)
        self.log = (self.out / "headless.log").read_text(errors="replace")
        path = self.out / "facts.jsonl"
        for line in path.read_text().splitlines() if path.exists() else ():
            facts = json.loads(line)
            self.facts[facts["case"]] = facts

    @property
    def out(self) -> Path:
        return self.chroot.work / "out"

    def case(self, name: str) -> Facts:
        """Facts of a case; fails the test where GIMP did not get so far, or the case raised."""
        assert name in self.facts, self.problem or f"the case {name} was not run"
        facts = self.facts[name]
        assert "problem" not in facts, facts["problem"]
        return facts

    def pixels(self, name: str, label: str) -> np.ndarray:
        """What a case kept under a label: (H, W, C) in the format that was recorded."""
        kept = self.case(name)["pixels"][label]
        return pictures.read_raw(
            self.out / kept["file"], kept["width"], kept["height"], kept["format"]
        )

    def log_of(self, name: str) -> str:
        """What was printed while a case ran."""
        return (self.log + "\n").partition(f"case {name}\n")[2].partition("\ncase ")[0]

    def installation(self) -> Facts:
        """The install record in the profile."""
        folder = self.chroot.outside(self.profile) / "plug-ins" / "limner"
        return json.loads((folder / "installation.json").read_text())

    def command_line(self, *arguments: str, log: str = "command-line.log") -> str:
        """Run the installed command line: `python -m core ARGUMENTS`."""
        command = [self.installation()["python"], "-I", "-m", "core", *arguments]
        return self.chroot.run(command, log, COMMAND_LIMIT_S)


def succeeded(facts: Facts) -> tuple[Facts, Facts]:
    """(source, new layer) of a case that must have made exactly one layer."""
    assert facts["status"] == "success", facts["message"]
    (new,) = facts["new"]
    everything = flat(facts["after"]["layers"])
    below = everything[[layer["id"] for layer in everything].index(new["id"]) + 1]
    (source,) = (layer for layer in flat(facts["before"]["layers"]) if layer["id"] == below["id"])
    return source, new


def flat(layers: list[Facts]) -> list[Facts]:
    """Layers from the top, each group followed by its children."""
    found = []
    for layer in layers:
        found += [layer, *flat(layer.get("children", []))]
    return found
