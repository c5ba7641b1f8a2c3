"""What a result layer knows of itself, and what is believed of a layer from anywhere."""

import json

import pytest

from plugin import filters
from plugin.errors import Unsupported
from plugin.note import MAX_BYTES, make_note, read_note

COLORIZE = filters.find("limner-auto-colorize")
VALUES = {"model": "default", "strength": 0.25, "saturation": 2.0, "device": "cpu"}
REPORT = {"model": "photo-v1", "sha256": "ab" * 32, "provider": "CPUExecutionProvider"}
NOTE = make_note(COLORIZE, VALUES, REPORT, "0.1.0", 5)


def test_what_was_kept_is_read_again():
    for data in (NOTE, NOTE.encode("ascii"), NOTE.encode("ascii") + b"\0"):
        assert read_note(data) == (COLORIZE, VALUES, 5)


def test_it_names_the_model_that_ran_and_its_weights():
    note = json.loads(NOTE)
    assert (note["model"], note["sha256"], note["version"]) == ("photo-v1", "ab" * 32, "0.1.0")


def changed(**fields):
    return json.dumps(dict(json.loads(NOTE), **fields))


@pytest.mark.parametrize(
    "data",
    [
        None,
        "",
        b"\xff\xfe",
        "[]",
        "{}",
        "[" * 9999,
        changed(schema=2),
        changed(filter="file-delete"),
        changed(parameters=[]),
        changed(source=0),
        changed(source=True),
        changed(source="5"),
        changed(source=1 << 32),
        changed(version="x" * MAX_BYTES),
    ],
    ids=lambda data: repr(data)[:40],
)
def test_a_note_that_is_none_is_refused_in_words(data):
    with pytest.raises(Unsupported, match="was not made by Limner"):
        read_note(data)


@pytest.mark.parametrize(
    "parameters, believed",
    [
        ({"strength": 1, "more": 3}, {"strength": 1.0}),
        ({"strength": 1.5, "saturation": -1}, {}),
        ({"strength": True, "saturation": "2"}, {}),
        ({"strength": float("nan")}, {}),
        ({"model": 3, "device": ["cpu"]}, {}),
    ],
    ids=str,
)
def test_values_that_a_parameter_cannot_have_are_left_out(parameters, believed):
    assert read_note(changed(parameters=parameters))[1] == believed


def test_choices_of_every_kind():
    parameters = {"seed": 3, "variants": 2, "flats": True, "hint": 7, "palette": "Cool", "dabs": ""}
    assert read_note(changed(parameters=parameters))[1] == parameters
    wrong = {"seed": 1.5, "variants": 7, "flats": 1, "hint": 0, "palette": 3, "dabs": None}
    assert read_note(changed(parameters=wrong))[1] == {}
