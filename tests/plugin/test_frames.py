"""All layers as frames of an animation: one Host over several, against a GIMP that is not there."""

import struct

import pytest

from plugin import filters
from plugin.errors import Unsupported
from plugin.frames import FramesHost, add_alpha, drop_alpha
from plugin.run import run
from tests.fakes.host import FakeHost, drawn, pixels_of
from tests.fakes.worker import DIED, FakeWorker

COLORIZE = filters.find("limner-auto-colorize")


def made(hosts, worker):
    return run(FramesHost(hosts), worker, COLORIZE, {"frames": True})


def assert_untouched(hosts):
    for host in hosts:
        assert [layer.name for layer in host.layers] == ["source"]
        assert host.undo_steps == [] and host.open_groups == 0


def test_every_frame_gets_its_own_part_in_one_undo_step():
    hosts = [FakeHost("kx/xk", base="gray"), FakeHost("ww/ww", base="gray")]
    worker = FakeWorker("rg/gr/bb/yy")
    made(hosts, worker)
    assert worker.request["frames"] == 2
    assert worker.request["picture"] == {"width": 2, "height": 4, "format": "Y' u8"}
    assert worker.received == bytes([0, 128, 128, 0, 255, 255, 255, 255])
    assert [host.layers[0].rows for host in hosts] == [drawn("rg/gr"), drawn("bb/yy")]
    assert hosts[0].undo_steps == ["Auto Colorize"] and hosts[1].undo_steps == []
    for host in hosts:
        assert "insert as replace" in host.events and host.open_groups == 0


def test_a_strip_may_end_inside_a_frame():
    """Strips are of 256 rows, frames of 100."""
    frames = ["/".join("r" * 100), "/".join("g" * 100), "/".join("b" * 100)]
    hosts = [FakeHost(frame) for frame in frames]
    worker = FakeWorker("/".join("k" * 99 + "w" + "x" * 100 + "y" * 100))
    made(hosts, worker)
    assert worker.received == pixels_of("r" * 100 + "g" * 100 + "b" * 100, 3)
    assert hosts[0].layers[0].rows == ["k"] * 99 + ["w"]
    assert hosts[1].layers[0].rows == ["x"] * 100 and hosts[2].layers[0].rows == ["y"] * 100


def test_an_opaque_background_below_frames_with_alpha():
    hosts = [FakeHost("rr"), FakeHost("g.", alpha=True)]
    worker = FakeWorker("bk/y.")
    made(hosts, worker)
    assert worker.request["picture"]["format"] == "R'G'B'A u8"
    assert worker.received == pixels_of(["rr", "g."], 4)
    assert [host.layers[0].rows for host in hosts] == [["bk"], ["y."]]


@pytest.mark.parametrize("kind, code", [("u8", "=3B"), ("u16", "=3H"), ("float", "=3f")])
def test_alpha_comes_and_goes_in_every_type(kind, code):
    opaque = {"u8": 255, "u16": 65535, "float": 1.0}[kind]
    values = (0.0, 0.25, 1.0) if kind == "float" else (0, 7, 200)
    data = struct.pack(code, *values) + struct.pack(code, *values[::-1])
    wide = add_alpha(data, "R'G'B' " + kind)
    pixel = "=4" + code[-1]
    size = struct.calcsize(pixel)
    assert struct.unpack(pixel, wide[:size]) == (*values, opaque)
    assert struct.unpack(pixel, wide[size:]) == (*values[::-1], opaque)
    assert drop_alpha(wide, "R'G'B'A " + kind) == data


def test_layers_of_other_sizes_are_refused_with_what_to_do():
    hosts = [FakeHost("kk/kk"), FakeHost("kk")]
    with pytest.raises(Unsupported, match="differ in size.*Unoptimize"):
        made(hosts, FakeWorker("rr/rr/rr"))
    assert_untouched(hosts)


def test_what_cannot_be_replaced_is_refused_before_the_work():
    hosts = [FakeHost("kk"), FakeHost("kk")]
    hosts[1].refused_outputs = ("frames",)
    with pytest.raises(Unsupported, match="Not there."):
        made(hosts, FakeWorker("rr/rr"))
    assert_untouched(hosts)


@pytest.mark.parametrize("rows", [0, 1, 2, 3])
def test_a_worker_that_dies_changes_nothing(rows):
    hosts = [FakeHost("kk/kk"), FakeHost("kk/kk")]
    with pytest.raises(type(DIED)):
        made(hosts, FakeWorker("rr/rr/rr/rr", dies_after=rows))
    assert_untouched(hosts)
    assert all("discard" in host.events for host in hosts)


def test_a_frame_that_is_removed_meanwhile():
    hosts = [FakeHost("kk"), FakeHost("kk")]

    def remove():
        hosts[1].removed = True

    with pytest.raises(Unsupported, match="removed or resized"):
        made(hosts, FakeWorker("rr/rr", meanwhile=remove))
    assert_untouched(hosts)


def test_a_single_layer_asks_for_no_frames():
    worker = FakeWorker("rr")
    run(FakeHost("kk"), worker, COLORIZE, {"frames": False})
    assert "frames" not in worker.request
