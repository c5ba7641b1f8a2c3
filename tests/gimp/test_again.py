"""The entry "Run Again" in a headless GIMP: a layer is made anew in its place."""

import json

import numpy as np
import pytest

from plugin import filters
from tests.gimp.session import Facts, Session

pytestmark = pytest.mark.gimp

REFUSED = {
    "again/source-gone": "made from is gone",
    "again/not-ours": "not made by Limner",
    "again/strange-note": "not made by Limner",
}


def replaced(facts: Facts) -> tuple[Facts, Facts]:
    """(old layer, new layer) of a case that must have put one in the other's place."""
    assert facts["status"] == "success", facts["message"]
    (new,) = facts["new"]
    before, after = facts["before"]["layers"], facts["after"]["layers"]
    assert [layer["id"] for layer in after] == [new["id"], before[1]["id"]]
    assert before[0]["id"] != new["id"]
    return before[0], new


def test_a_layer_knows_filter_settings_and_weights(session: Session):
    note = json.loads(session.case("again/in-place")["note"])
    assert note["filter"] == "limner-auto-colorize"
    chosen = {"strength": 0.5, "saturation": 1.5, "model": "default", "device": "auto"}
    chosen["output"] = "layer"
    assert chosen.items() <= note["parameters"].items()
    assert set(note["parameters"]) <= {p.name for p in filters.find(note["filter"]).parameters}
    assert len(note["sha256"]) == 64 and note["model"]
    assert note["version"] == session.installation()["version"]


def test_the_new_layer_is_as_the_old_one_was(session: Session):
    facts = session.case("again/in-place")
    old, new = replaced(facts)
    assert new["mode"] == facts["old"]["mode"] == "hsl-color"
    for field in ("name", "size", "offsets", "format", "mask", "visible", "opacity", "pixels"):
        assert new[field] == old[field], field
    assert facts["second-note"] == facts["note"]
    masks = [session.pixels("again/in-place", label) for label in ("old-mask", "new-mask")]
    np.testing.assert_array_equal(*masks)
    assert 0 < masks[0].mean() < 1


def test_it_works_on_a_saved_and_opened_file(session: Session):
    replaced(session.case("again/reopened"))
    first, second = (session.pixels("again/reopened", label) for label in ("first", "second"))
    np.testing.assert_array_equal(first, second)


def test_a_mask_stands_for_its_layer(session: Session):
    """The mask comes with the selection; the layer itself stays the one that is worked on."""
    facts = session.case("again/by-its-mask")
    assert facts["layer-is-worked-on"]
    _, new = replaced(facts)
    assert new["mask"]


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_made_again_is_refused_in_words(session: Session, name: str):
    facts = session.case(name)
    assert facts["status"] == "execution-error"
    assert REFUSED[name] in facts["message"]
    assert facts["after"] == facts["before"]
