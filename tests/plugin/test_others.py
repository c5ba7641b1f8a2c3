"""Pictures beside the layer: hints at their place, references made small, dabs painted in."""

import pytest

from plugin import hints
from plugin.errors import Unsupported
from plugin.others import LARGEST, others_of
from tests.fakes.host import FakeHost, FakeLayer, drawn, letters_of


def rows_of(other):
    data = b"".join(other.pieces)
    return letters_of(data, other.header["width"], 4)


def place_of(other):
    return tuple(other.header[name] for name in ("x", "y", "width", "height"))


@pytest.mark.parametrize(
    "offsets, place, rows",
    [
        ((0, 0), (0, 0, 3, 3), ["rgb", "bkw", "wyx"]),
        ((1, 1), (1, 1, 2, 2), ["rg", "bk"]),
        ((-1, -2), (0, 0, 2, 1), ["yx"]),
    ],
    ids=str,
)
def test_a_hint_layer_is_cut_to_the_source(offsets, place, rows):
    host = FakeHost("kkk/kkk/kkk")
    hint = FakeLayer("hints", drawn("rgb/bkw/wyx"), offsets)
    (other,) = others_of(host, {"hint": hint}, host.picture())
    assert place_of(other) == place and other.header["role"] == "hint"
    assert rows_of(other) == rows


def test_a_hint_layer_follows_the_preview():
    host = FakeHost("kkkk/kkkk/kkkk/kkkk")
    host.can_reduce = True
    hint = FakeLayer("hints", drawn("rr/rr"), (2, 2))
    small = dict(host.picture(), width=2, height=2)
    (other,) = others_of(host, {"hint": hint}, small, 0.5)
    assert place_of(other) == (1, 1, 1, 1) and rows_of(other) == ["r"]


def test_dabs_without_a_hint_layer_bring_a_small_picture():
    host = FakeHost("/".join(["k" * 40] * 30))
    (other,) = others_of(host, {"dabs": "20,10,#00ff00"}, host.picture())
    assert place_of(other) == (18, 8, 5, 5)
    assert rows_of(other) == ["..g..", ".ggg.", "ggggg", ".ggg.", "..g.."]


def test_dabs_lie_over_the_hint_layer_and_are_cut_at_its_borders():
    host = FakeHost("kkk/kkk")
    hint = FakeLayer("hints", drawn("..b/..."), (0, 0))
    (other,) = others_of(host, {"hint": hint, "dabs": "0,0,#ff0000"}, host.picture())
    assert rows_of(other) == ["rrr", "rr."]


def test_nothing_beside_the_layer():
    host = FakeHost("k")
    values = {"hint": None, "dabs": "", "reference": None, "style-layer": None}
    assert others_of(host, values, host.picture()) == []


@pytest.mark.parametrize("name, role", [("reference", "reference"), ("style-layer", "style")])
def test_a_reference_is_sent_whole(name, role):
    host = FakeHost("k", offsets=(3, 3))
    (other,) = others_of(host, {name: FakeLayer("other", drawn("rg/by"))}, host.picture())
    assert other.header["role"] == role and place_of(other) == (0, 0, 2, 2)
    assert rows_of(other) == ["rg", "by"]


def test_a_large_reference_is_made_small_where_the_host_can():
    host = FakeHost("k")
    large = FakeLayer("other", ["r" * (2 * LARGEST)] * 4)
    (other,) = others_of(host, {"reference": large}, host.picture())
    assert place_of(other)[2:] == (2 * LARGEST, 4)
    host.can_reduce = True
    (other,) = others_of(host, {"reference": large}, host.picture())
    assert place_of(other)[2:] == (LARGEST, 2)


@pytest.mark.parametrize(
    "values, sentence",
    [
        ({"dabs": "red"}, "not understood"),
        ({"dabs": "1,2,#12345"}, "not understood"),
        ({"dabs": "1,2,#123456;" * 201}, "not understood"),
        ({"dabs": "900,900,#123456"}, "do not lie on this layer"),
    ],
    ids=str,
)
def test_hints_that_cannot_be_used(values, sentence):
    host = FakeHost("kk/kk")
    with pytest.raises(Unsupported, match=sentence):
        others_of(host, values, host.picture())


def test_the_source_is_no_hint():
    host = FakeHost("kk")
    with pytest.raises(Unsupported, match="is the layer that is to be colored"):
        others_of(host, {"hint": host.layers[0]}, host.picture())


def test_frames_take_no_hints():
    host = FakeHost("kk")
    host.is_single = False
    with pytest.raises(Unsupported, match="Frames"):
        others_of(host, {"dabs": "0,0,#ffffff"}, host.picture())


def test_dabs_are_read_as_they_were_written():
    dabs = [hints.Dab(0, 7, (1, 2, 255)), hints.Dab(9999999, 3, (0, 0, 0))]
    text = hints.write_dabs(dabs)
    assert text == "0,7,#0102ff; 9999999,3,#000000"
    assert hints.read_dabs(text) == dabs
    assert hints.read_dabs(" ;; ") == []
