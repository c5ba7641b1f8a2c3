"""The filters as data: what both front ends and the worker rely on."""

import re

import pytest

from plugin import filters

LISTED = ("unhinted", "model", "device", *filters.OUTPUT_KINDS)
FREE = ("flag", "frames", "layer", "palette", "file", "dabs")


def parameters():
    return [(known, parameter) for known in filters.FILTERS for parameter in known.parameters]


def test_the_names_that_scripts_use_stay():
    """Other people's scripts break where one of these changes."""
    assert {known.id: [p.name for p in known.parameters] for known in filters.FILTERS} == {
        "limner-auto-colorize": [
            "model",
            "hint",
            "dabs",
            "reference",
            "strength",
            "saturation",
            "strictness",
            "flats",
            "unhinted",
            "palette",
            "seed",
            "variants",
            "device",
            "output",
            "frames",
        ],
        "limner-apply-style": [
            "model",
            "style-layer",
            "style-file",
            "strength",
            "preserve-colors",
            "brush-size",
            "colorize",
            "device",
            "output",
            "frames",
        ],
    }


def test_tasks_and_devices_are_those_of_the_engine():
    from core.filters import FILTERS
    from core.generator.generator import DEVICES

    assert [known.task for known in filters.FILTERS] == list(FILTERS)
    assert sorted(name for name, _ in filters.DEVICES) == sorted(DEVICES)
    assert filters.DEVICES[0][0] == "auto"


def test_numbers_are_those_that_the_engine_takes():
    from core.filters import FILTERS

    for known in filters.FILTERS:
        settings = FILTERS[known.task].settings()
        for parameter in known.parameters:
            name = parameter.name.replace("-", "_")
            if parameter.kind in filters.SENT_KINDS:
                assert getattr(settings, name) == parameter.default
            if parameter.kind in ("number", "integer"):
                for end in (parameter.lower, parameter.upper):
                    type(settings)(**{name: end})


@pytest.mark.parametrize("known, parameter", parameters(), ids=lambda x: getattr(x, "name", ""))
def test_a_parameter_is_whole(known, parameter):
    assert parameter.kind in (*LISTED, *FREE, "number", "integer")
    assert re.fullmatch(r"[a-z][a-z-]*", parameter.name)
    assert parameter.label and parameter.blurb
    if parameter.kind in ("number", "integer"):
        assert parameter.lower <= parameter.default <= parameter.upper


@pytest.mark.parametrize("known", filters.FILTERS, ids=lambda known: known.id)
def test_mnemonics_are_free(known):
    """O, C, R and S are those of the dialog's own buttons, H is Help's."""
    labels = [p.label for p in known.parameters if p.kind != "dabs"]  # that has no field
    mnemonics = [label[label.index("_") + 1].lower() for label in labels]
    assert len(set(mnemonics)) == len(mnemonics)
    assert not set(mnemonics) & set("ocrsh")


def test_an_unknown_filter():
    with pytest.raises(KeyError, match="nonsense"):
        filters.find("nonsense")


def test_the_default_is_always_a_choice():
    """GIMP 3 refuses a call with a value that the plug-in does not offer any more."""
    for _, parameter in parameters():
        if parameter.kind in LISTED:
            values = [value for value, _ in filters.choices(parameter, [])]
            assert parameter.default in values and len(set(values)) == len(values)
