"""Flat illustrations with their lines: pairs for training sketches, split by subject.

    illustrations = Illustrations.open(Path("illustrations.tar"), cache=Path("cache"))
    training, validation, test = illustrations.split(validation=40, test=100)

The tar holds `pairs_color/NAME` with `pairs_line/NAME` (drawn) or `pairs_line_derived/NAME` (from
the borders of the colours). Every picture is kept as areas and their colours beneath the lines.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from export.data.areas import flatten
from export.data.caching import made_whole
from export.data.pictures import name_hash
from export.errors import DataUnusable

CACHE_VERSION = 1
# How much ink makes a pixel part of a line. Drawn lines are in the colour picture too, so that
# even their smoothed edge has wrong colours; derived ones are not.
LINE = {"pairs_line": 0.1, "pairs_line_derived": 0.6}
SKIN_TONES = {f"1F3F{digit}" for digit in "BCDEF"}
JOINERS = {"200D", "FE0F", "2640", "2642"}  # joiner, variation selector, female and male sign
# Child, boy, girl, man, woman, person, old man, old woman, older person, family, couples, kiss.
PEOPLE = {
    *("1F9D2", "1F466", "1F467", "1F468", "1F469", "1F9D1", "1F474", "1F475", "1F9D3"),
    *("1F46A", "1F46B", "1F46C", "1F46D", "1F491", "1F48F"),
}
PEOPLE_WORDS = {
    *("man", "woman", "person", "men", "women", "people", "boy", "girl", "child", "old"),
    *("older", "family", "couple", "kiss", "s"),
}
TONE_WORDS = {"light", "medium", "dark", "skin", "tone", "default"}


@dataclass(frozen=True)
class Illustration:
    """One flat picture. Axis order (H, W).

    Attributes:
        areas: uint16, the number of each pixel's area, from 1.
        colors: (areas + 1, 3) uint8, encoded sRGB.
        ink: uint8, 0 paper to 255 ink.
    """

    areas: np.ndarray
    colors: np.ndarray
    ink: np.ndarray


class Illustrations:
    """Pairs of one size in memory-mapped files; `names` are file names without suffix."""

    def __init__(self, folder: Path, names: list[str], offsets: list[int], side: int) -> None:
        shape = (len(names), side, side)
        self.names, self.side, self._offsets = names, side, offsets
        self._areas = np.memmap(folder / "areas.u16", dtype=np.uint16, mode="r", shape=shape)
        self._ink = np.memmap(folder / "ink.u8", dtype=np.uint8, mode="r", shape=shape)
        self._colors = np.memmap(folder / "colors.u8", dtype=np.uint8, mode="r").reshape(-1, 3)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Illustration:
        colors = self._colors[self._offsets[index] : self._offsets[index + 1]]
        return Illustration(self._areas[index], colors, self._ink[index])

    @classmethod
    def open(cls, source: Path, cache: Path, side: int = 256) -> Illustrations:
        """Reads the cache for this tar, or makes it. Raises DataUnusable."""
        if not source.exists():
            raise DataUnusable(f"{source} does not exist.")
        stat = source.stat()
        facts = [CACHE_VERSION, side, source.name, stat.st_size, int(stat.st_mtime)]
        folder = cache / hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]
        if not (folder / "index.json").exists():
            _build_cache(source, folder, side)
        index = json.loads((folder / "index.json").read_text())
        return cls(folder, index["names"], index["offsets"], side)

    def split(self, validation: int, test: int) -> tuple[list[int], list[int], list[int]]:
        """Indices for training, and one picture of each validation and each test subject.

        No other picture of those subjects is among the training ones. Depends on names alone.
        """
        held_test, held_validation = split_subjects(self.names, validation, test)
        apart = {subject(name) for name in held_test + held_validation}
        training = [i for i, name in enumerate(self.names) if subject(name) not in apart]
        at = {name: index for index, name in enumerate(self.names)}
        return training, [at[name] for name in held_validation], [at[name] for name in held_test]


def split_subjects(names: list[str], validation: int, test: int) -> tuple[list[str], list[str]]:
    """The test names and the validation names: of the subjects that hash lowest, one each."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(subject(name), []).append(name)
    if len(groups) <= validation + test:
        raise DataUnusable(
            f"{validation + test} subjects are to be held out, but there are only {len(groups)}."
        )
    order = sorted(groups, key=name_hash)[: validation + test]
    chosen = [min(groups[key], key=name_hash) for key in order]
    return chosen[:test], chosen[test:]


def subject(name: str) -> str:
    """What a picture shows, whatever its collection, skin tone, gender and other variants.

    OpenMoji's names are code points (`om_1F9DF-200D-2640-FE0F`), Fluent's words
    (`fl_woman_zombie`, `flc_...` for its shaded twin). Where Unicode's name of the first code
    point is Fluent's word, both collections share the subject; people alone are one subject.
    """
    collection, _, rest = name.rpartition("/")[2].partition(".")[0].partition("_")
    if collection != "om":
        words = [word for word in re.split(r"[^a-z0-9]+", rest.lower()) if word]
        return _key([word for word in words if word not in TONE_WORDS])
    points = [point for point in rest.upper().split("-") if point not in SKIN_TONES | JOINERS]
    others = [point for point in points if point not in PEOPLE]
    if not others:
        return "people"
    try:
        # A flag is two letters; a profession is its tool.
        names = [unicodedata.name(chr(int(point, 16))) for point in others]
    except ValueError:  # OpenMoji's own signs, in the private use area, and odd names
        return "-".join(others)
    return _key(re.split(r"[^a-z0-9]+", " ".join(names).lower()))


def _key(words: list[str]) -> str:
    kept = [word for word in words if word and word not in PEOPLE_WORDS]
    return " ".join(kept) or "people"


def _build_cache(source: Path, folder: Path, side: int) -> None:
    """Flattens every pair once."""
    colors_of, lines_of = _read_pairs(source)
    names: list[str] = []
    offsets = [0]
    with made_whole(folder) as made:
        with (
            (made / "areas.u16").open("wb") as areas_file,
            (made / "ink.u8").open("wb") as ink_file,
            (made / "colors.u8").open("wb") as colors_file,
        ):
            for name in sorted(set(colors_of) & set(lines_of)):
                kind, line_picture = lines_of[name]
                try:
                    one = make_pair(
                        _pixels(colors_of[name]), _pixels(line_picture), LINE[kind], side
                    )
                except (ValueError, OSError, UnidentifiedImageError):
                    continue  # a picture of nothing but lines, or a broken file
                areas_file.write(one.areas.tobytes())
                ink_file.write(one.ink.tobytes())
                colors_file.write(one.colors.tobytes())
                names.append(name)
                offsets.append(offsets[-1] + len(one.colors))
        if not names:
            raise DataUnusable(f"There is no pair of a colour picture and its lines in {source}.")
        (made / "index.json").write_text(json.dumps({"names": names, "offsets": offsets}))


def make_pair(pixels: np.ndarray, drawn: np.ndarray, line: float, side: int) -> Illustration:
    """A colour picture (H, W, 3) uint8 and its lines, black on white, as a square of `side`.

    White margins are trimmed to a twelfth. ValueError where there are no flat areas.
    """
    if pixels.shape != drawn.shape:
        raise ValueError("The two pictures differ in size.")
    ink = 1 - drawn.astype(np.float32).mean(axis=2) / 255
    areas, colors = flatten(pixels, ink, line)
    top, left, length = content_square(np.minimum(pixels.min(axis=2), drawn.min(axis=2)))
    # Beyond the picture's edge the area of its corner goes on.
    margin = length
    areas = np.pad(areas, margin, mode="edge")[top + margin :, left + margin :]
    ink = np.pad(ink, margin)[top + margin :, left + margin :]
    at = ((np.arange(side) + 0.5) * length / side).astype(int)
    ink_square = Image.fromarray((ink[:length, :length] * 255).round().astype(np.uint8))
    return Illustration(
        areas=areas[:length, :length][at][:, at].astype(np.uint16),
        colors=colors,
        ink=np.asarray(ink_square.resize((side, side), Image.Resampling.BOX)),
    )


def content_square(grey: np.ndarray) -> tuple[int, int, int]:
    """Top, left (may be negative) and side of a square around what is not white, (H, W) uint8."""
    rows, columns = np.flatnonzero((grey < 250).any(axis=1)), np.flatnonzero((grey < 250).any(0))
    if not len(rows):
        return 0, 0, min(grey.shape)
    length = max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1
    length = round(length * 14 / 12)
    top, left = (int(at[0] + at[-1] + 1 - length) // 2 for at in (rows, columns))
    return top, left, length


def read_members(source: Path, folders: set[str]) -> dict[tuple[str, str], bytes]:
    """(folder, name without suffix) -> content of the files of a tar that lie in `folders`."""
    found = {}
    try:
        with tarfile.open(source) as archive:
            for member in archive:
                path = Path(member.name)
                file = archive.extractfile(member) if member.isfile() else None
                if file and path.parent.name in folders:
                    found[path.parent.name, path.stem] = file.read()
    except (OSError, tarfile.TarError) as error:
        raise DataUnusable(f"{source} cannot be read as a tar: {error}.") from error
    return found


def _read_pairs(source: Path) -> tuple[dict[str, bytes], dict[str, tuple[str, bytes]]]:
    members = read_members(source, {"pairs_color", *LINE})
    colors = {name: content for (kind, name), content in members.items() if kind == "pairs_color"}
    lines = {name: (kind, body) for (kind, name), body in members.items() if kind in LINE}
    return colors, lines


def _pixels(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
