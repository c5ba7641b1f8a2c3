"""Style pictures that can be chosen by name: those that come with Limner, and the user's own.

Those of Limner lie in core/data/styles with an index; all are in the public domain. The user's own
lie in the folder `styles` of Limner's data folder, any PNG, JPEG, TIFF or WebP picture, named by
its file. Standard library only, and no picture is opened: the listing is for menus and dialogs,
which load what they show.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from core.errors import FileUnreadable
from core.generator.catalog import user_data_folder

SHIPPED = Path(__file__).parents[1] / "data" / "styles"
INDEX = "index.json"

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp")
MOST = 200
"""Of the user's own pictures at most so many are listed."""


@dataclass(frozen=True)
class GalleryStyle:
    """A style picture.

    Attributes:
        id: for the command line; of one's own pictures the file's name without its suffix.
        title: for people; of a shipped one the painting's.
        painter, year, license: of a shipped one; else empty.
        path: the file.
        shipped: whether it comes with Limner.
    """

    id: str
    title: str
    painter: str
    year: str
    license: str
    path: Path
    shipped: bool


def gallery(own: Path | None = None, shipped: Path = SHIPPED) -> list[GalleryStyle]:
    """All style pictures, the user's own first, then by title.

    Args:
        own: the user's folder; default: see own_folder. It need not exist.

    Raises:
        FileUnreadable: the index of the shipped ones is damaged.
    """
    return [*_own(own_folder() if own is None else own), *_shipped(shipped)]


def own_folder() -> Path:
    """Where the user's own style pictures lie."""
    return user_data_folder() / "styles"


def find_style(name: str, own: Path | None = None) -> Path:
    """The file of a style picture: a file's path, or an id of the gallery.

    Raises:
        FileUnreadable: there is neither.
    """
    if Path(name).is_file():
        return Path(name).absolute()
    styles = gallery(own)
    for style in styles:
        if style.id == name:
            return style.path.absolute()
    known = ", ".join(style.id for style in styles)
    raise FileUnreadable(f"There is no style picture {name}.", f"Give a file, or one of: {known}.")


def _own(folder: Path) -> list[GalleryStyle]:
    try:
        paths = sorted(
            path
            for path in folder.iterdir()
            if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
        )
    except OSError:
        return []
    return [GalleryStyle(path.stem, path.stem, "", "", "", path, False) for path in paths[:MOST]]


def _shipped(folder: Path) -> list[GalleryStyle]:
    try:
        entries = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        styles = []
        for entry in entries:
            texts = (entry[name] for name in ("id", "title", "painter", "year", "license"))
            file = folder / Path(entry["file"]).name
            styles.append(GalleryStyle(*map(str, texts), path=file, shipped=True))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise FileUnreadable(
            f"The index of style pictures in {folder} cannot be read.", "Run install.py again."
        ) from error
    return sorted(styles, key=lambda style: style.title)
