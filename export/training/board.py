"""What TensorBoard shows of a run: scalars and sample sheets."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from export.errors import BadPreset


class Board:
    """Writes scalars and sheets into a folder, or nothing without one."""

    def __init__(self, writer: Any = None) -> None:
        self._writer = writer

    @classmethod
    def open(cls, folder: Path | None) -> Board:
        """Raises BadPreset where the package tensorboard is not installed."""
        if folder is None:
            return cls()
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise BadPreset(
                "The package tensorboard is not installed: pip install tensorboard, or leave "
                "--tensorboard away."
            ) from error
        return cls(SummaryWriter(str(folder)))

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """One point of each curve."""
        if self._writer:
            for name, value in values.items():
                self._writer.add_scalar(name, value, step)

    def add_sheet(self, step: int, path: Path) -> None:
        """A sample sheet, a PNG, if it was written."""
        if self._writer and path.exists():
            pixels = np.asarray(Image.open(path).convert("RGB"))
            self._writer.add_image("sheet", pixels, step, dataformats="HWC")

    def close(self) -> None:
        if self._writer:
            self._writer.close()
