"""Which models are installed: folders of manifest.json + weights.

The models that come with Limner lie in core/data/models; the user's own in `models` of Limner's
data folder. A broken folder never hides the others: it is remembered with its error and named by
`find` and by `python -m core check`.
"""

import hashlib
import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import ModelCorrupt, ModelError, ModelMissing
from core.generator.manifest import FILE_NAME, GraphSpec, Manifest

SHIPPED = Path(__file__).parents[1] / "data" / "models"


@dataclass(frozen=True)
class Model:
    """A manifest and the folder that it was read from."""

    manifest: Manifest
    folder: Path

    @property
    def path(self) -> Path:
        """The file of weights."""
        return self.folder / self.manifest.file

    def verify(self) -> None:
        """Compare the weights of every graph with the manifest's sha256.

        Raises:
            ModelCorrupt: they are missing, unreadable or not the described ones.
        """
        for graph in self.manifest.graphs:
            self.read_graph(graph)

    def read_graph(self, graph: GraphSpec) -> bytes:
        """The bytes of one graph of manifest.graphs, compared with its sha256.

        Raises:
            ModelCorrupt: they are missing, unreadable or not the described ones.
        """
        path = self.folder / graph.file
        try:
            content = path.read_bytes()
        except OSError as error:
            reason = error.strerror or "cannot be read"
            raise ModelCorrupt(
                f"The weights of the model '{self.manifest.title}' cannot be read "
                f"({path}: {reason})."
            ) from error
        found = hashlib.sha256(content).hexdigest()
        if found != graph.sha256:
            raise ModelCorrupt(
                f"The model '{self.manifest.title}' is damaged: {path} is not the file that "
                f"its manifest describes (sha256 {found[:12]}…, not {graph.sha256[:12]}…)."
            )
        return content


@dataclass(frozen=True)
class Catalog:
    """The models of some folders, the first folder's winning where an id stands twice.

    Attributes:
        installed: the sound ones, the default of each task first, then by title.
        broken: folder -> why its manifest is of no use.
    """

    installed: tuple[Model, ...]
    broken: dict[Path, ModelError] = field(default_factory=dict)

    @classmethod
    def read(cls, folders: tuple[Path, ...] | None = None) -> "Catalog":
        """Read every manifest below the folders (default: the shipped and the user's own)."""
        found: dict[str, Model] = {}
        broken: dict[Path, ModelError] = {}
        for folder in _model_folders(default_folders() if folders is None else folders):
            try:
                manifest = Manifest.load(folder)
                if manifest.id != folder.name:
                    raise ModelCorrupt(f"The manifest in {folder} is for '{manifest.id}'.")
            except ModelError as error:
                broken[folder] = error
            else:
                found.setdefault(manifest.id, Model(manifest, folder))
        order = sorted(found.values(), key=lambda m: (not m.manifest.default, m.manifest.title))
        return cls(tuple(order), broken)

    def models(self, task: str | None = None) -> tuple[Model, ...]:
        """The sound models, of one task where it is given."""
        return tuple(m for m in self.installed if task in (None, m.manifest.task))

    def find(self, task: str, model_id: str = "", role: str = "") -> Model:
        """The model of that id and task; the task's default one for an empty id, or the first
        one that takes a certain role of core.generator.manifest.INPUT_ROLES.

        Raises:
            ModelMissing: there is none.
            ModelCorrupt, ModelUnsupported: there is one, but its manifest is of no use.
        """
        fitting = [m for m in self.models(task) if model_id in ("", m.manifest.id)]
        if role and not model_id:
            fitting = [m for m in fitting if m.manifest.takes(role)]
        if fitting:
            return fitting[0]
        for folder, error in self.broken.items():
            if model_id in ("", folder.name):
                raise error
        if model_id:
            known = ", ".join(m.manifest.id for m in self.models(task)) or "none"
            raise ModelMissing(f"No model '{model_id}' is installed for this (installed: {known}).")
        what = f" that takes a {role}" if role else ""
        raise ModelMissing(f"No model to {task} with{what} is installed.")

    def find_of(self, tasks: tuple[str, ...], model_id: str = "") -> Model:
        """The model of that id and one of the tasks; the first task's default for an empty id.

        Raises: as `find`, of the first task.
        """
        for task in tasks[1:] if model_id else ():
            for model in self.models(task):
                if model.manifest.id == model_id:
                    return model
        return self.find(tasks[0], model_id)


def default_folders() -> tuple[Path, ...]:
    """Where models are looked for when nobody says otherwise."""
    return (SHIPPED, user_data_folder() / "models")


def user_data_folder() -> Path:
    """Limner's data folder: $LIMNER_DATA_DIR, else where install.py put this Python for, else
    the platform's custom.
    """
    given = os.environ.get("LIMNER_DATA_DIR") or _installed_for()
    if given:
        return Path(given)
    home = Path.home()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "Limner"
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "Limner"
    return Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share") / "limner"


def _installed_for() -> str:
    """The data folder in the stamp of a Python that install.py made; "" in any other.

    GIMP may be started with another environment than the shell that installed, or in a sandbox
    with a home of its own.
    """
    try:
        stamp = json.loads(Path(sys.prefix, "limner.json").read_text(encoding="utf-8"))
        return str(stamp["data"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _model_folders(folders: tuple[Path, ...]) -> list[Path]:
    """Every folder that holds a manifest, one level below the given ones."""
    return [
        path.parent
        for folder in folders
        for path in sorted(folder.glob(f"*/{FILE_NAME}"))
        if path.is_file()
    ]
