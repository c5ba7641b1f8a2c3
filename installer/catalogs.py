"""Catalogs of translated texts: po/LANGUAGE.po of the checkout -> the .mo files that gettext reads.

What GNU msgfmt does, for machines that have no gettext: entries with msgid and msgstr, strings
over several lines, comments. Entries that are empty or marked fuzzy are left out. Format of a .mo
file: GNU gettext manual, "The Format of GNU MO Files".
"""

import ast
import struct
from pathlib import Path

from installer.errors import InstallError

DOMAIN = "limner"
FOLDER = "po"

_MAGIC = 0x950412DE
_HEAD = struct.Struct("<7I")
_PAIR = struct.Struct("<2I")


def put(locale: Path, checkout: Path) -> None:
    """Write LANGUAGE/LC_MESSAGES/limner.mo below locale for every catalog of the checkout."""
    for source in sorted((checkout / FOLDER).glob("*.po")):
        target = locale / source.stem / "LC_MESSAGES" / f"{DOMAIN}.mo"
        target.parent.mkdir(parents=True)
        target.write_bytes(to_mo(read_po(source)))


def read_po(path: Path) -> dict[str, str]:
    """The texts of a .po file and their translations; the header stands under "".

    Raises:
        InstallError: a line is none of a .po file.
    """
    found: dict[str, str] = {}
    entry: dict[str, str] = {}
    field, fuzzy = "", False
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate([*lines, ""], 1):
        line = line.strip()
        word, _, rest = line.partition(" ")
        if line.startswith("#"):
            fuzzy = fuzzy or (line.startswith("#,") and "fuzzy" in line)
        elif word in ("msgid", "msgstr"):
            field, entry[word] = word, _unquoted(rest, path, number)
        elif line.startswith('"') and field:
            entry[field] += _unquoted(line, path, number)
        elif not line:
            if entry.get("msgstr") and not fuzzy:
                found[entry.get("msgid", "")] = entry["msgstr"]
            entry, field, fuzzy = {}, "", False
        else:
            raise _broken(path, number, line)
    return found


def _unquoted(text: str, path: Path, number: int) -> str:
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        value = None
    if not isinstance(value, str):
        raise _broken(path, number, text)
    return value


def _broken(path: Path, number: int, text: str) -> InstallError:
    return InstallError(
        f"{path}, line {number} is not understood: {text[:60]}",
        "Take that file from a fresh copy of Limner.",
    )


def to_mo(texts: dict[str, str]) -> bytes:
    """The bytes of a .mo file, without a hash table."""
    pairs = sorted((text.encode(), translated.encode()) for text, translated in texts.items())
    start = _HEAD.size + 2 * _PAIR.size * len(pairs)
    tables, data = [], bytearray()
    for column in (0, 1):
        for pair in pairs:
            tables.append(_PAIR.pack(len(pair[column]), start + len(data)))
            data += pair[column] + b"\0"
    second = _HEAD.size + _PAIR.size * len(pairs)
    head = _HEAD.pack(_MAGIC, 0, len(pairs), _HEAD.size, second, 0, 0)
    return head + b"".join(tables) + bytes(data)
