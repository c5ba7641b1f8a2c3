"""Catalogs: every text of the plug-in is in every language, and gettext reads what is written."""

import ast
import gettext
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from installer import catalogs
from installer.errors import InstallError
from plugin import filters

ROOT = Path(__file__).parents[2]
LANGUAGES = ("de", "es", "fr", "ja", "zh_CN")
FIELDS = re.compile(r"%[-.0-9]*[a-z%]|\{[a-z]*\}|_(?=\w)")
"""What a translation must have as its text has it, in order: values to be put in, and one
underscore before the letter that Alt picks it with."""


def texts():
    """Every text that plugin/ gives to tr()."""
    found = set()
    for path in sorted((ROOT / "plugin").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "tr":
                (text,) = node.args
                assert isinstance(text, ast.Constant), f"{path}:{node.lineno}: not a plain text"
                found.add(text.value)
    return found


def translated(language):
    known = catalogs.read_po(ROOT / "po" / f"{language}.po")
    del known[""]
    return known


def test_there_are_texts_and_languages():
    assert len(texts()) > 50
    assert sorted(path.stem for path in (ROOT / "po").glob("*.po")) == sorted(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_missing_and_none_is_left_over(language):
    assert texts() - set(translated(language)) == set(), "missing"
    assert set(translated(language)) - texts() == set(), "no longer used"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_value_has_its_place(language):
    for text, other in translated(language).items():
        fields = FIELDS.findall(text)
        assert FIELDS.findall(other) == fields or sorted(fields) == ["_"] == FIELDS.findall(
            other
        ), (text, other)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_labels_of_a_dialog_have_the_same_letter(language):
    known = translated(language)
    for chosen in filters.FILTERS:
        labels = [known[p.label] for p in chosen.parameters if p.kind != "dabs"]
        letters = [label[label.index("_") + 1].lower() for label in labels]
        assert len(set(letters)) == len(letters), labels
        assert "s" not in letters, "that is the button which saves settings"


def test_no_sentence_of_the_plug_in_is_kept_from_translation():
    """What is raised at the user goes through tr()."""
    bare = []
    for path in sorted((ROOT / "plugin").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in (
                "Unsupported",
                "WorkerNotInstalled",
                "WorkerDied",
                "ProtocolMismatch",
            ):
                first = node.args[0] if node.args else None
                if isinstance(first, ast.Constant) and first.value:
                    bare.append(f"{path.name}:{node.lineno}: {first.value}")
    assert bare == []


def test_gettext_reads_what_is_written():
    texts = {"": "Content-Type: text/plain; charset=UTF-8\n", "b": "é", "a": "中文 %s"}
    read = gettext.GNUTranslations(io.BytesIO(catalogs.to_mo(texts)))
    assert (read.gettext("a"), read.gettext("b"), read.gettext("c")) == ("中文 %s", "é", "c")


def test_po_files_as_people_write_them(tmp_path):
    path = tmp_path / "xx.po"
    path.write_text(
        '# comment\nmsgid ""\nmsgstr ""\n"Language: xx\\n"\n\n'
        'msgid "a "\n"\\"b\\""\nmsgstr "A "\n"B"\n\n'
        '#, fuzzy\nmsgid "c"\nmsgstr "guess"\n\nmsgid "d"\nmsgstr ""\n\nmsgid "e"\nmsgstr "E"'
    )
    assert catalogs.read_po(path) == {"": "Language: xx\n", 'a "b"': "A B", "e": "E"}


@pytest.mark.parametrize("line", ["nonsense", "msgid 3", 'msgid "open'])
def test_a_broken_po_file_is_told_with_its_line(tmp_path, line):
    (tmp_path / "xx.po").write_text(f'msgid "a"\nmsgstr "b"\n\n{line}\n')
    with pytest.raises(InstallError, match="xx.po, line 4"):
        catalogs.read_po(tmp_path / "xx.po")


def test_the_plug_in_speaks_the_language_of_its_environment(tmp_path):
    catalogs.put(tmp_path / "locale", ROOT)
    (tmp_path / "plugin").symlink_to(ROOT / "plugin")
    (tmp_path / "core").symlink_to(ROOT / "core")
    script = "from plugin import filters; print(filters.FILTERS[0].undo.encode('utf-8').hex())"
    told = {}
    for language in ("de", "ja", "xx"):
        environment = dict(os.environ, LANGUAGE=language, LC_ALL="C.UTF-8")
        answer = subprocess.run(
            [sys.executable, "-B", "-c", script],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        told[language] = bytes.fromhex(answer.stdout.strip()).decode()
    assert told == {"de": "Automatisch kolorieren", "ja": "自動彩色", "xx": "Auto Colorize"}
