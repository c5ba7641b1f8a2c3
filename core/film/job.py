"""What is made of which film, and how."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from core import __version__
from core.film.encoder import Output, choose_output
from core.generator.catalog import Catalog, Model

SEGMENT_FRAMES = 240


@dataclass(frozen=True)
class FilmJob:
    """Everything that a film's frames depend on; can be sent to other machines.

    Attributes:
        task: "colorize" or "stylize".
        settings: ColorizeSettings or StylizeSettings.
        steady: 0 every frame for itself .. 1.
        references: (picture, second of the film or None for the frame that resembles it).
        color_references: the same, of coloured frames, where `references` are painted ones: of
            a film that is coloured and painted.
        folders: of models; None for the installed ones.
        threads: of the pool that sees and lays frames.
    """

    source: Path
    target: Path
    task: str
    settings: Any
    model: str = ""
    device: str = "auto"
    folders: tuple[Path, ...] | None = None
    codec: str = ""
    quality: int | None = None
    steady: float = 1.0
    references: tuple[tuple[Path, float | None], ...] = ()
    color_references: tuple[tuple[Path, float | None], ...] = ()
    segment: int = SEGMENT_FRAMES
    threads: int = 2
    overwrite: bool = False

    @property
    def work(self) -> Path:
        """Folder of the plan and the finished segments, until the film is whole."""
        return self.target.with_name(self.target.name + ".limner")

    @property
    def output(self) -> Output:
        return choose_output(self.target, self.codec, self.quality)

    @property
    def colors_first(self) -> bool:
        """Whether the film is coloured and then painted."""
        return self.task == "stylize" and self.settings.colorize

    def find_colorizer(self) -> Model:
        """The one that colours what is painted then. Raises ModelError."""
        return Catalog.read(self.folders).find("colorize")

    def find_model(self) -> Model:
        role = "style" if self._style_files else ""
        return Catalog.read(self.folders).find(self.task, self.model, role)

    @property
    def _style_files(self) -> list[Path]:
        return [Path(style["path"]) for style in getattr(self.settings, "styles", ())]

    def segment_path(self, number: int) -> Path:
        return self.work / f"segment-{number:05d}.{self.output.segment_format}"

    @property
    def tail_path(self) -> Path:
        """Frames of a segment that was not finished."""
        return self.work / f"tail.{self.output.segment_format}"

    def fingerprint(self) -> dict[str, Any]:
        """What must be the same for a run to go on, or for a film to be done already."""
        first = {}
        if self.colors_first:
            first["colorizer"] = self.find_colorizer().manifest.sha256
            stamps = [[*_file_stamp(path), at] for path, at in self.color_references]
            first["color_references"] = stamps
        return first | {
            "source": _file_stamp(self.source),
            "references": [[*_file_stamp(path), at] for path, at in self.references],
            "styles": [_file_stamp(path) for path in self._style_files],
            "task": self.task,
            "settings": asdict(self.settings),
            "steady": self.steady,
            "model": self.find_model().manifest.sha256,
            "codec": self.output.codec,
            "options": self.output.options,
            "segment": self.segment,
            "versions": [__version__, np.__version__, av.__version__, cv2.__version__],
        }


def _file_stamp(path: Path) -> list[Any]:
    """What tells a file from a later one of its name."""
    try:
        facts = path.stat()
        return [str(path.resolve()), facts.st_size, facts.st_mtime_ns]
    except OSError:
        return [str(path), 0, 0]
