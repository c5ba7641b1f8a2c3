"""Photographs in stage 1's own colours, made when first asked for and kept in one array file.

So that painters meet what the colouriser hands them when both run in one go.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch

from core.generator.catalog import Model
from core.generator.generator import Generator
from core.generator.manifest import Manifest
from export.colorize.report import colorize
from export.data.pictures import Pictures


class Recolored(Pictures):
    """The same pictures with the same indices; every colour is the exported colouriser's."""

    def __init__(self, pictures: Pictures, model: Path, cache: Path, work: int = 256) -> None:
        manifest = Manifest.load(model)
        names = "\n".join(f"{e.name} {e.width}x{e.height}" for e in pictures.entries)
        facts = f"{manifest.sha256} {work}\n{names}"
        folder = cache / ("recolored-" + hashlib.sha256(facts.encode()).hexdigest()[:16])
        folder.mkdir(parents=True, exist_ok=True)
        size = max(entry.offset + entry.height * entry.width * 3 for entry in pictures.entries)
        pixels = _array(folder / "pixels.u8", size)
        super().__init__(pixels, pictures.entries, pictures.skipped)
        self._done = _array(folder / "done.u8", len(pictures))
        self._originals, self._work = pictures, work
        self._generator = Generator.open(Model(manifest, model), device="auto", threads=1)

    def __getitem__(self, index: int) -> np.ndarray:
        """The picture (H, W, 3) uint8 in its new colours."""
        kept = super().__getitem__(index)
        if not self._done[index]:
            pixels = torch.from_numpy(self._originals[index].copy()).permute(2, 0, 1)[None]
            rgb = colorize(self._generator, pixels.float() / 255, self._work)
            kept[:] = (rgb[0].permute(1, 2, 0) * 255).round().byte().numpy()
            self._done[index] = 1  # after the pixels: a torn write is made again
        return kept


def _array(path: Path, size: int) -> np.ndarray:
    """A file of `size` bytes, zeros where nothing was written yet, as a writable array."""
    fits = path.exists() and path.stat().st_size == size
    return np.memmap(path, dtype=np.uint8, mode="r+" if fits else "w+", shape=(size,))
