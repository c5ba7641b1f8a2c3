"""Folders of decoded pictures that are there whole or not at all."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from export.errors import DataUnusable


@contextmanager
def made_whole(folder: Path) -> Iterator[Path]:
    """A new folder to write into; at the end it becomes `folder`, or is deleted after an error.

    Where another run that began at the same time was quicker, its folder stays: both hold the
    same. Raises DataUnusable where something else stands in the way.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        prefix=f"{folder.name}.", dir=folder.parent, ignore_cleanup_errors=True
    ) as own:
        made = Path(own) / "made"
        made.mkdir()
        yield made
        try:
            made.rename(folder)
        except OSError as error:
            if not (folder / "index.json").exists():
                raise DataUnusable(
                    f"{folder} cannot be made: {error.strerror}. Delete it and start again."
                ) from error
