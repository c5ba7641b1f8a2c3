r"""Which photographs are held out: decided once, by group, and written down.

    python -m export.data.split --sources photos.tar photos160.tar \
        --index photos_index.json photos160_index.json --out export/splits/photo.json

Pictures of one group never straddle the split: rooms of one house, views of one object, the same
photograph in two collections, and near-copies found by their pixels. Training and evaluation read
the written file, so that every run and every machine holds the very same photographs out.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from core.errors import LimnerError
from export.data.pictures import Pictures, name_hash
from export.errors import DataUnusable
from export.training.arguments import option, parse_arguments

NEAR_COPY_BITS = 10  # of 128: hashes that differ in no more belong to near-copies

# Collection (the file name up to "_") -> what in the path names the house, subject or day.
GROUP_RULES = {
    "houses": r"(\d+)_\w+\.\w+$",  # 156_kitchen.jpg: house 156
    "dreambooth": r"([^/]+)/[^/]+$",  # dataset/clock/05.jpg: the clock
    "flower": r"(\d{4}-\d\d-\d\d)[ _]",  # one walk with a telephone's camera
    "nette": r"(n\d+_\d+)\.\w+$",  # ImageNet's own number of the photograph
    "imagen": r"(n\d+_\d+)_\w+\.\w+$",
}


@dataclass(frozen=True)
class Args:
    """Chooses the photographs to hold out."""

    sources: tuple[Path, ...] = option((), "tars or folders of colour photographs")
    index: tuple[Path, ...] = option((), "JSON lists of {file, path, lic}: where files came from")
    cache: Path = option(Path("runs/cache"), "folder of decoded pictures")
    short_side: int = option(160, "short side of the cached pictures")
    held_out: int = option(500, "photographs to measure with, never trained on")
    open_held_out: int = option(100, "of them, at least so many under an open licence each")
    validation: int = option(200, "photographs to choose checkpoints with, never trained on")
    out: Path = option(Path("split.json"), "the file to write")


@dataclass(frozen=True)
class Split:
    """File names held out for measuring, and for choosing checkpoints. The rest is trained on."""

    held_out: frozenset[str]
    validation: frozenset[str]

    @classmethod
    def load(cls, path: Path) -> Split:
        """Raises DataUnusable for a file that is missing or not a split."""
        try:
            content = json.loads(path.read_text())
            parts = [content[key] for key in ("held_out", "validation")]
        except OSError as error:
            raise DataUnusable(f"The split {path} cannot be read: {error.strerror}.") from error
        except (ValueError, KeyError, TypeError) as error:
            raise DataUnusable(f"{path} is not a split of export.data.split.") from error
        if not all(isinstance(name, str) for part in parts for name in part):
            raise DataUnusable(f"{path} is not a split of export.data.split.")
        return cls(*(frozenset(part) for part in parts))

    def save(self, path: Path) -> None:
        content = {"held_out": sorted(self.held_out), "validation": sorted(self.validation)}
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(path.name + ".tmp")
        temporary.write_text(json.dumps(content, indent=0) + "\n")
        os.replace(temporary, path)

    def indices(
        self, pictures: Pictures, to_train: bool = True
    ) -> tuple[list[int], list[int], list[int]]:
        """Of `pictures`: indices to train on, to choose checkpoints with, and held out."""
        parts: tuple[list[int], list[int], list[int]] = ([], [], [])
        for index, entry in enumerate(pictures.entries):
            part = 2 if entry.name in self.held_out else int(entry.name in self.validation)
            parts[part].append(index)
        if to_train and not parts[0]:
            raise DataUnusable("The split leaves no picture to train on.")
        return parts


def main() -> None:
    args = parse_arguments(Args)
    try:
        pictures = Pictures.open(list(args.sources), args.cache, args.short_side)
        index = read_index(args.index)
        split = make_split(pictures, index, args)
    except LimnerError as error:
        sys.exit(str(error))
    split.save(args.out)
    print(f"{len(split.held_out)} held out, {len(split.validation)} to choose with: {args.out}")


def read_index(paths: Iterable[Path]) -> dict[str, dict[str, str]]:
    """File name -> what the index says of it ("path", "lic", ...). Raises DataUnusable."""
    found = {}
    for path in paths:
        try:
            found.update({entry["file"]: entry for entry in json.loads(path.read_text())})
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataUnusable(f"{path} is no list of files with their paths.") from error
    return found


def make_split(pictures: Pictures, index: dict[str, dict[str, str]], args: Args) -> Split:
    """Takes whole groups, in the order of the hashes of their first names.

    First groups of openly licensed pictures (class A) until there are `open_held_out`, which can
    be given to others to measure with; then any.
    """
    names = [entry.name for entry in pictures.entries]
    keys = [group_of(name, index.get(name, {}).get("path", "")) for name in names]
    thumbnails = [picture_hash(pictures[number]) for number in range(len(names))]
    groups = merge_groups(keys, near_copies(np.stack(thumbnails)))
    members = [[names[number] for number in group] for group in groups]
    # By one member alone, so that large groups are not drawn more often than small ones.
    members.sort(key=lambda group: name_hash(min(group)))
    opened = [g for g in members if all(index.get(n, {}).get("lic") == "A" for n in g)]
    held_out = _take(opened, args.open_held_out, set())
    held_out |= _take(members, args.held_out - len(held_out), held_out)
    validation = _take(members, args.validation, held_out)
    return Split(frozenset(held_out), frozenset(validation))


def group_of(name: str, path: str = "") -> str:
    """The house, subject, day or source that a picture belongs to; its own name if none is known.

    `name` is the picture's file name, "<collection>_<hash>.jpg" or anything else; `path` where it
    lay in its collection.
    """
    collection = name.split("_")[0]
    match = re.search(GROUP_RULES.get(collection, r"(?!)"), path)
    if not match:
        return name
    # Both are ImageNet: a photograph found in both must be one group.
    family = "imagenet" if collection in ("nette", "imagen") else collection
    return f"{family} {match.group(1)}"


def picture_hash(pixels: np.ndarray) -> np.ndarray:
    """128 bits of an (H, W, 3) uint8 picture: is each of 8x8 cells lighter than its neighbour to
    the right, and than the one below (dHash)? Hardly changes with size, gamma and compression."""
    small = Image.fromarray(pixels).convert("L").resize((9, 9), Image.Resampling.BOX)
    cells = np.asarray(small, np.int16)
    right = cells[:8, 1:] > cells[:8, :-1]
    below = cells[1:, :8] > cells[:-1, :8]
    return np.concatenate((right.ravel(), below.ravel()))


def near_copies(hashes: np.ndarray, limit: int = NEAR_COPY_BITS) -> list[tuple[int, int]]:
    """Pairs (i, j), i < j, whose hashes (N, bits) bool differ in at most `limit` bits."""
    signs = hashes.astype(np.float32) * 2 - 1
    pairs = []
    for first in range(0, len(signs), 512):
        alike = signs[first : first + 512] @ signs.T  # bits - 2 * differing bits
        rows, columns = np.nonzero(alike >= hashes.shape[1] - 2 * limit)
        found = zip((first + rows).tolist(), columns.tolist(), strict=True)
        pairs += [(one, other) for one, other in found if one < other]
    return pairs


def merge_groups(keys: list[str], pairs: list[tuple[int, int]]) -> list[list[int]]:
    """Groups of numbers that share a key, or are linked by pairs, directly or through others."""
    leader = list(range(len(keys)))

    def find(number: int) -> int:
        while leader[number] != number:
            leader[number] = leader[leader[number]]
            number = leader[number]
        return number

    first_of: dict[str, int] = {}
    links = [(first_of.setdefault(key, number), number) for number, key in enumerate(keys)]
    for one, other in [*links, *pairs]:
        leader[find(one)] = find(other)
    groups = defaultdict(list)
    for number in range(len(keys)):
        groups[find(number)].append(number)
    return list(groups.values())


def _take(groups: list[list[str]], count: int, taken: set[str]) -> set[str]:
    """Whole groups of names not yet taken, in order, as long as they fit into `count`."""
    chosen: set[str] = set()
    for group in groups:
        if len(chosen) + len(group) <= count and not taken & set(group):
            chosen |= set(group)
    return chosen


if __name__ == "__main__":
    main()
