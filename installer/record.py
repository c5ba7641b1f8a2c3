"""install.json in the data folder: what was put where, for --check and --uninstall.

It says "incomplete" from the first change on and "done" after the last one, so that an
installation that was interrupted is known as such.
"""

import json
import os
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from installer import files
from installer.wheels import ACCELERATORS

NAME = "install.json"
SCHEMA = 1


@dataclass
class Record:
    """What one installation consists of; paths are text, as they stand in the file.

    Attributes:
        state: "incomplete" | "done".
        checkout: where install.py was started from.
        runtimes: {"sandbox": …, "folder": …} of each private Python.
        profiles: GIMP profile folder -> its version.
        made: folders that were not there before, outermost first; removed when empty.
        fingerprints: folder -> {relative path: sha256} of what was copied there.
    """

    version: str = ""
    state: str = "incomplete"
    accelerator: str = "auto"
    link: bool = False
    checkout: str = ""
    runtimes: list[dict[str, str]] = field(default_factory=list)
    profiles: dict[str, str] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)
    fingerprints: dict[str, dict[str, str]] = field(default_factory=dict)
    schema: int = SCHEMA

    def save(self, data: Path) -> None:
        """Write into the data folder by way of a temporary name."""
        temporary = data / (NAME + ".tmp")
        temporary.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")
        os.replace(temporary, data / NAME)

    def make_folder(self, folder: Path) -> None:
        """Make a folder and remember which of its parents were ours to make."""
        new = [str(path) for path in files.make_folders(folder)]
        self.made += [path for path in new if path not in self.made]

    def remember(self, folder: Path, link: bool) -> None:
        """Take the fingerprints of what lies in a folder; what is linked may change as it likes."""
        self.fingerprints[str(folder)] = {} if link else files.fingerprints(folder)


def load(data: Path) -> Record | None:
    """The record in a data folder; None where there is none, or none that can be read."""
    try:
        values = json.loads((data / NAME).read_text(encoding="utf-8"))
        found = Record(**values)
    except (OSError, ValueError, TypeError):
        return None
    plain = Record()
    alike = all(type(getattr(found, f.name)) is type(getattr(plain, f.name)) for f in fields(plain))
    if not alike or found.schema != SCHEMA or found.accelerator not in ACCELERATORS:
        return None
    return found
