"""Pictures for training: read once from a tar or a folder, kept as one array file.

A source is a folder (flat, or one subfolder per class as ImageNet's, to any depth), a .tar, or a
folder of .tar shards as WebDataset writes them; all are read as streams, one picture at a time.

    pictures = Pictures.open([Path("photos.tar")], cache=Path("cache"), short_side=160)
    crops = pictures.crops(rng, indices, 128)      # (N, 3, 128, 128) uint8

The cache is one flat uint8 file and an index; it is rebuilt when the sources or the size change.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageFile, UnidentifiedImageError
from torch import Tensor

from export.data.caching import made_whole
from export.errors import DataUnusable

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}
GREY_LIMIT = 4.0  # mean of max(R, G, B) - min(R, G, B) in 8-bit steps below which it is grey
LARGEST_PICTURE = 80_000_000  # pixels; refuses decompression bombs
CACHE_VERSION = 1


@dataclass(frozen=True)
class Entry:
    """Where one picture lies in the flat file. `name` is its file name without folders."""

    name: str
    offset: int
    height: int
    width: int


class Pictures:
    """Decoded colour pictures of one short side, in a memory-mapped uint8 file.

    `skipped` counts what was left out: "broken", "grey" and "small" (under a quarter of the
    short side).
    """

    def __init__(self, pixels: np.ndarray, entries: list[Entry], skipped: dict[str, int]) -> None:
        self._pixels = pixels
        self.entries = entries
        self.skipped = skipped

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index: int) -> np.ndarray:
        """The picture (H, W, 3) uint8, encoded sRGB."""
        entry = self.entries[index]
        size = entry.height * entry.width * 3
        flat = self._pixels[entry.offset : entry.offset + size]
        return flat.reshape(entry.height, entry.width, 3)

    @classmethod
    def open(cls, sources: list[Path], cache: Path, short_side: int) -> Pictures:
        """Reads the cache for these sources, or makes it. DataUnusable without any picture."""
        folder = cache / _fingerprint(sources, short_side)
        if not (folder / "index.json").exists():
            _build_cache(sources, folder, short_side)
        index = json.loads((folder / "index.json").read_text())
        entries = [Entry(*fields) for fields in index["entries"]]
        if not entries:
            named = ", ".join(str(source) for source in sources)
            raise DataUnusable(f"There is no usable colour picture in {named}.")
        pixels = np.memmap(folder / "pixels.u8", dtype=np.uint8, mode="r")
        return cls(pixels, entries, index["skipped"])

    def split(self, held_out: int) -> tuple[list[int], list[int]]:
        """Indices to train on and indices held out: the pictures whose names hash lowest.

        The choice depends on the names alone, not on the order of reading, so that the very
        same photographs are held out in every run and on every machine.
        """
        if held_out >= len(self):
            raise DataUnusable(
                f"{held_out} pictures are to be held out, but there are only {len(self)}."
            )
        order = sorted(range(len(self)), key=lambda index: name_hash(self.entries[index].name))
        return sorted(order[held_out:]), sorted(order[:held_out])

    def crops(self, rng: np.random.Generator, indices: np.ndarray, size: int) -> Tensor:
        """A random square of each picture, half of them mirrored: (N, 3, size, size) uint8."""
        squares = np.empty((len(indices), size, size, 3), dtype=np.uint8)
        for slot, index in enumerate(indices):
            picture = self[int(index)]
            top = rng.integers(0, picture.shape[0] - size + 1)
            left = rng.integers(0, picture.shape[1] - size + 1)
            square = picture[top : top + size, left : left + size]
            squares[slot] = square[:, ::-1] if rng.random() < 0.5 else square
        return torch.from_numpy(squares).permute(0, 3, 1, 2)


def name_hash(name: str) -> str:
    """SHA-256 of a picture's file name, hexadecimal."""
    return hashlib.sha256(name.encode()).hexdigest()


def read_files(source: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of every picture in a tar, or a folder with its subfolders and tars.

    The name is the file's without folders, or with them where an earlier one has the same name.
    """
    seen: set[str] = set()
    for path, content in _read_paths(source):
        name = Path(path).name
        name = path if name in seen else name
        seen.add(name)
        yield name, content


def _read_paths(source: Path) -> Iterator[tuple[str, bytes]]:
    """Path within the source and content of every picture."""
    if source.is_dir():
        for path in sorted(source.rglob("*")):
            if path.suffix.lower() == ".tar":
                yield from _read_paths(path)
            elif path.suffix.lower() in SUFFIXES and path.is_file():
                yield path.relative_to(source).as_posix(), path.read_bytes()
        return
    try:
        with tarfile.open(source) as archive:
            for member in archive:
                file = archive.extractfile(member) if member.isfile() else None
                if file and Path(member.name).suffix.lower() in SUFFIXES:
                    yield member.name, file.read()
    except (OSError, tarfile.TarError) as error:
        raise DataUnusable(f"{source} cannot be read as a tar or a folder: {error}.") from error


def decode(content: bytes) -> Image.Image | None:
    """The picture as RGB, or None when the bytes are no whole picture or absurdly large."""
    try:
        picture = Image.open(io.BytesIO(content))
        if picture.width * picture.height > LARGEST_PICTURE:
            return None
        return picture.convert("RGB")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None


def is_grey(pixels: np.ndarray) -> bool:
    """Whether an (H, W, 3) uint8 picture holds (almost) no colour to learn from."""
    spread = pixels.max(axis=2).astype(np.int16) - pixels.min(axis=2)
    return float(spread.mean()) < GREY_LIMIT


def _fit(picture: Image.Image, short_side: int) -> np.ndarray:
    """Scales to the short side and trims panoramas to 2:1: (H, W, 3) uint8."""
    scale = short_side / min(picture.size)
    size = (
        max(short_side, round(picture.width * scale)),
        max(short_side, round(picture.height * scale)),
    )
    pixels = np.asarray(picture.resize(size, Image.Resampling.LANCZOS))
    limit = 2 * short_side
    top, left = max(0, pixels.shape[0] - limit) // 2, max(0, pixels.shape[1] - limit) // 2
    return pixels[top : top + limit, left : left + limit]


def _fingerprint(sources: list[Path], short_side: int) -> str:
    facts: list[object] = [CACHE_VERSION, short_side]
    for source in sources:
        if not source.exists():
            raise DataUnusable(f"{source} does not exist.")
        stat = source.stat()
        facts.append((source.name, stat.st_size, int(stat.st_mtime)))
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


def _build_cache(sources: list[Path], folder: Path, short_side: int) -> None:
    """Decodes every picture once."""
    entries: list[tuple[str, int, int, int]] = []
    skipped = {"broken": 0, "grey": 0, "small": 0}
    offset = 0
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    with made_whole(folder) as made:
        with (made / "pixels.u8").open("wb") as out:
            for name, content in itertools.chain.from_iterable(map(read_files, sources)):
                pixels, why_not = _usable(content, short_side)
                if pixels is None:
                    skipped[why_not] += 1
                    continue
                out.write(pixels.tobytes())
                entries.append((name, offset, pixels.shape[0], pixels.shape[1]))
                offset += pixels.size
        (made / "index.json").write_text(json.dumps({"entries": entries, "skipped": skipped}))


def _usable(content: bytes, short_side: int) -> tuple[np.ndarray | None, str]:
    """The picture to keep, (H, W, 3) uint8, or None and why it is left out."""
    picture = decode(content)
    if picture is None:
        return None, "broken"
    if min(picture.size) * 4 < short_side:
        return None, "small"
    pixels = _fit(picture, short_side)
    return (None, "grey") if is_grey(pixels) else (pixels, "")
