"""One run of a filter, against a GIMP and a worker that are not there."""

import json

import pytest

from plugin import filters
from plugin.errors import FilterFailed, PluginError, ProtocolMismatch, Unsupported, WorkerDied
from plugin.installation import Model
from plugin.run import STRIP_ROWS, run, with_time_left
from tests.fakes.host import FakeHost, FakeLayer, drawn
from tests.fakes.worker import DIED, FakeWorker

COLORIZE = filters.find("limner-auto-colorize")
STYLE = filters.find("limner-apply-style")


def assert_untouched(host, base="rgb"):
    assert [layer.name for layer in host.layers] == ["source"]
    assert host.base == base
    assert host.undo_steps == [] and host.open_groups == 0


def test_the_result_is_a_new_layer_above_in_one_undo_step():
    host = FakeHost("rrr/rrr")
    run(host, FakeWorker("bbg/gbb"), STYLE, {}, Model("waves-v1", "stylize", "Waves", False))
    assert [layer.name for layer in host.layers] == ["Apply Style (Waves)", "source"]
    assert host.composite() == drawn("bbg/gbb")
    assert host.layers[1].rows == drawn("rrr/rrr")
    assert host.undo_steps == ["Apply Style"] and host.open_groups == 0


def test_the_selection_limits_the_result():
    host = FakeHost(
        """
        rrrr
        rrrr""",
        selection="""
        .##.
        .##.""",
    )
    run(host, FakeWorker("bbbb/bbbb"), STYLE, {})
    assert host.composite() == drawn("""
        rbbr
        rbbr""")


def test_the_worker_sees_the_whole_layer_whatever_is_selected():
    host = FakeHost("rg/bw", selection="#./..")
    worker = FakeWorker("kk/kk")
    run(host, worker, STYLE, {})
    assert worker.received == bytes([255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255])


@pytest.mark.parametrize("offsets", [(1, 1), (-1, -1), (0, 2)], ids=str)
def test_the_result_lies_exactly_on_its_source(offsets):
    host = FakeHost("rrr/rrr/rrr", canvas=(4, 4), offsets=offsets)
    before = host.composite()
    run(host, FakeWorker("bbb/bbb/bbb"), STYLE, {})
    assert host.layers[0].offsets == offsets
    assert host.composite() == [row.replace("r", "b") for row in before]


def test_a_gray_image_becomes_rgb_last_and_in_the_same_step():
    host = FakeHost("kxw/kxw", base="gray")
    worker = FakeWorker("rgb/rgb")
    run(host, worker, COLORIZE, {})
    assert worker.request["picture"]["format"] == "Y' u8"
    assert worker.received == bytes([0, 128, 255, 0, 128, 255])
    tail = ["write 0+2", "undo start", "to rgb", "insert", "undo end", "discard"]
    assert host.events[-6:] == tail
    assert host.composite() == drawn("rgb/rgb")


def test_alpha_is_asked_for_and_kept():
    host = FakeHost("k.w", base="gray", alpha=True)
    worker = FakeWorker("r.b")
    run(host, worker, COLORIZE, {})
    assert worker.request["picture"]["format"] == "Y'A u8"
    assert host.layers[0].rows == ["r.b"]


def test_pixels_pass_in_strips():
    height = 2 * STRIP_ROWS + 3
    host = FakeHost("r/" * height)
    run(host, FakeWorker("b/" * height), STYLE, {})
    strips = [f"0+{STRIP_ROWS}", f"{STRIP_ROWS}+{STRIP_ROWS}", f"{2 * STRIP_ROWS}+3"]
    assert [e for e in host.events if e.startswith("read")] == [f"read {s}" for s in strips]
    assert [e for e in host.events if e.startswith("write")] == [f"write {s}" for s in strips]
    assert host.composite() == ["b"] * height


def test_progress_only_grows_and_ends_at_one():
    host = FakeHost("r/" * 600)
    run(host, FakeWorker("b/" * 600), STYLE, {})
    assert host.fractions == sorted(host.fractions)
    assert host.fractions[0] == 0.0 and host.fractions[-1] == 1.0


def test_the_time_left_is_told_once_it_is_known():
    assert with_time_left("Painting", 0.5, 1.0) == "Painting"
    assert with_time_left("Painting", 0.01, 60.0) == "Painting"
    assert with_time_left("Painting", 0.25, 10.0) == "Painting (30 s left)"
    assert with_time_left("Painting", 1.0, 10.0) == "Painting (1 s left)"


def test_the_request_says_what_the_user_chose():
    worker = FakeWorker("b")
    values = {"model": "default", "strength": 0.5, "saturation": 2, "device": "cpu"}
    run(FakeHost("r"), worker, COLORIZE, values, Model("photo", "colorize", "Photos", True))
    assert worker.request == {
        "kind": "request",
        "id": 1,
        "filter": "colorize",
        "model": "photo",
        "device": "cpu",
        "params": {"strength": 0.5, "saturation": 2.0},
        "picture": {"width": 1, "height": 1, "format": "R'G'B' u8"},
    }


def test_every_choice_is_sent_by_its_name():
    worker = FakeWorker("b")
    values = {
        "preserve-colors": 0.5,
        "brush-size": 3,
        "colorize": True,
        "style-file": "/wave.jpg",
    }
    run(FakeHost("r"), worker, STYLE, values)
    assert worker.request["params"] == {
        "preserve_colors": 0.5,
        "brush_size": 3.0,
        "colorize": True,
        "styles": [{"path": "/wave.jpg", "weight": 1.0}],
    }


def test_a_palette_is_sent_by_its_colors():
    worker = FakeWorker("b")
    run(FakeHost("r"), worker, COLORIZE, {"palette": "Two", "seed": 3})
    assert worker.request["params"] == {"palette": ["#000000", "#ff0000"], "seed": 3}


def test_a_hint_layer_goes_along_and_its_number_is_kept():
    host = FakeHost("rr/rr", offsets=(5, 5))
    hint = FakeLayer("hints", drawn(".b/.."), (5, 5))
    worker = FakeWorker("gg/gg")
    run(host, worker, COLORIZE, {"hint": hint})
    place = {"role": "hint", "x": 0, "y": 0, "width": 2, "height": 2, "format": "R'G'B'A u8"}
    assert worker.request["others"] == [place]
    assert worker.received[12:] == bytes([0] * 4 + [0, 0, 255, 255] + [0] * 8)
    assert json.loads(host.layers[0].note)["parameters"] == {"hint": 9}


SKETCH = [("colors", "Colours", "gb"), ("lines", "Lines", "k."), ("flats", "Flats", "rr")]
SECOND = ("variant", "Variant 2 (seed 1)", "yy")


def test_a_sketch_becomes_a_group_in_one_undo_step():
    host = FakeHost("kw")
    run(host, FakeWorker("kb", others=SKETCH), COLORIZE, {})
    group, source = host.layers
    assert source.rows == ["kw"] and host.undo_steps == ["Auto Colorize"]
    assert [m.name for m in group.members] == ["Lines", "Colors", "Flats"]
    assert [m.rows for m in group.members] == [["k."], ["gb"], ["rr"]]
    assert [(m.mode, m.visible) for m in group.members] == [
        ("lines", True),
        ("normal", True),
        ("normal", False),
    ]
    assert json.loads(group.note)["filter"] == COLORIZE.id


def test_variants_become_a_group_the_first_one_shown():
    host = FakeHost("kw")
    run(host, FakeWorker("rb", others=[SECOND]), COLORIZE, {"variants": 2})
    members = host.layers[0].members
    assert [(m.name, m.rows, m.visible) for m in members] == [
        ("Variant 1", ["rb"], True),
        ("Variant 2", ["yy"], False),
    ]


def test_variants_of_a_sketch_lie_hidden_below_its_layers():
    host = FakeHost("kw")
    run(host, FakeWorker("kb", others=[*SKETCH[:2], SECOND]), COLORIZE, {})
    members = host.layers[0].members
    assert [(m.name, m.visible) for m in members] == [
        ("Lines", True),
        ("Colors", True),
        ("Variant 2", False),
    ]


def test_a_sketchs_colors_alone_multiply():
    host = FakeHost("kw")
    run(host, FakeWorker("kb", others=SKETCH), COLORIZE, {"output": "color"})
    assert "insert as multiply" in host.events and host.layers[0].rows == ["gb"]


def test_a_result_of_several_pictures_can_replace_the_source():
    host = FakeHost("kw")
    run(host, FakeWorker("kb", others=[*SKETCH, SECOND]), COLORIZE, {"output": "replace"})
    assert "insert as replace" in host.events and host.layers[0].rows == ["kb"]


def test_an_error_while_one_of_several_layers_comes_leaves_none():
    host = FakeHost("kw")
    worker = FakeWorker("kb", others=[SECOND, ("variant", "", "r" * 3)])
    host.insert_group = None  # never reached
    made = []

    def second_fails(name, picture):
        made.append(name)
        if len(made) == 2:
            raise Unsupported("GIMP has no memory.")
        return FakeHost.new_draft(host, name, picture)

    host.new_draft = second_fails
    with pytest.raises(Unsupported):
        run(host, worker, COLORIZE, {})
    assert_untouched(host)
    assert host.events[-1] == "discard"


def test_others_of_another_type_are_refused():
    class Wrong(FakeWorker):
        def ask(self, *arguments):
            result = super().ask(*arguments)
            result.others[0].picture["format"] = "R'G'B'A u16"
            return result

    host = FakeHost("kw")
    with pytest.raises(ProtocolMismatch, match="format"):
        run(host, Wrong("kb", others=[SECOND]), COLORIZE, {})
    assert_untouched(host)


def test_the_result_goes_where_the_user_wants_it():
    host = FakeHost("r")
    run(host, FakeWorker("b"), COLORIZE, {"output": "color"})
    assert "insert as color" in host.events


def test_an_output_that_cannot_be_is_refused_before_the_worker_is_asked():
    host, worker = FakeHost("r"), FakeWorker("b")
    host.refused_outputs = ("replace",)
    with pytest.raises(Unsupported, match="Not there"):
        run(host, worker, COLORIZE, {"output": "replace"})
    assert worker.request is None
    assert_untouched(host)


def test_an_output_that_became_impossible_meanwhile_changes_nothing():
    host = FakeHost("k", base="gray")
    worker = FakeWorker("b", meanwhile=lambda: setattr(host, "refused_outputs", ("replace",)))
    with pytest.raises(Unsupported, match="Not there"):
        run(host, worker, COLORIZE, {"output": "replace"})
    assert_untouched(host, base="gray")


def test_the_layer_knows_how_it_was_made():
    host = FakeHost("r")
    values = {"model": "default", "strength": 0.5, "device": "auto"}
    report = {"model": "waves-v1", "sha256": "abc", "provider": "CPU", "reason": ""}
    waves = Model("waves-v1", "stylize", "Waves", False)
    run(host, FakeWorker("b", report=report), STYLE, values, waves, "0.1.0")
    assert json.loads(host.layers[0].note) == {
        "schema": 1,
        "version": "0.1.0",
        "filter": STYLE.id,
        "parameters": values,
        "model": "waves-v1",
        "sha256": "abc",
        "source": 7,
    }


@pytest.mark.parametrize(
    "error",
    [DIED, ProtocolMismatch("Other version."), FilterFailed("model_corrupt", "Damaged.", "Do.")],
    ids=lambda error: type(error).__name__,
)
def test_a_failure_while_the_worker_works_changes_nothing(error):
    host = FakeHost("kw", base="gray")
    with pytest.raises(type(error)) as caught:
        run(host, FakeWorker(fails=error), COLORIZE, {})
    assert caught.value is error
    assert_untouched(host, base="gray")
    assert "draft" not in host.events


def test_a_worker_that_dies_while_it_answers_leaves_no_layer_and_no_undo_group():
    height = 2 * STRIP_ROWS
    host = FakeHost("k/" * height, base="gray")
    with pytest.raises(WorkerDied):
        run(host, FakeWorker("r/" * height, dies_after=STRIP_ROWS), COLORIZE, {})
    assert_untouched(host, base="gray")
    assert host.events[-2:] == [f"write 0+{STRIP_ROWS}", "discard"]


def test_an_error_while_the_layer_goes_in_closes_the_undo_group():
    host = FakeHost("r")

    def refuse(draft, output):
        raise Unsupported("GIMP refused.")

    host.insert = refuse
    with pytest.raises(Unsupported):
        run(host, FakeWorker("b"), STYLE, {})
    assert host.open_groups == 0
    assert host.events[-2:] == ["undo end", "discard"]


@pytest.mark.parametrize(
    "wrong",
    [{"width": 3}, {"height": 1}, {"format": "R'G'B' u16"}, {"format": "Y' u8"}],
    ids=str,
)
def test_a_result_of_another_shape_is_refused(wrong):
    host = FakeHost("rr/rr")
    with pytest.raises(ProtocolMismatch, match=f"{next(iter(wrong))}.*instead of"):
        run(host, FakeWorker("bbb/bbb", picture=wrong), STYLE, {})
    assert_untouched(host)


REFUSED = [
    ({"drawables": 0}, "one layer at a time; 0 are selected"),
    ({"drawables": 3}, "one layer at a time; 3 are selected"),
    ({"kind": "mask"}, "layer mask. Click the layer's own thumbnail"),
    ({"kind": "channel"}, "channel. Click a layer"),
    ({"base": "indexed"}, "Image > Mode > RGB"),
    ({"floating": True}, "Anchor it first"),
    ({"selection": "outside"}, "does not touch this layer"),
]


@pytest.mark.parametrize("chosen, sentence", REFUSED, ids=[str(c) for c, _ in REFUSED])
def test_what_cannot_be_worked_on_is_refused_before_anything_starts(chosen, sentence):
    host, worker = FakeHost("r", chosen=chosen), FakeWorker("b")
    with pytest.raises(Unsupported) as caught:
        run(host, worker, STYLE, {})
    assert sentence in str(caught.value)
    assert worker.request is None
    assert_untouched(host)


def test_a_layer_that_was_removed_meanwhile_gets_no_result():
    host = FakeHost("r")
    worker = FakeWorker("b", meanwhile=lambda: setattr(host, "removed", True))
    with pytest.raises(Unsupported, match="removed or resized while Limner worked"):
        run(host, worker, STYLE, {})
    assert_untouched(host)


def test_an_image_that_became_indexed_meanwhile_gets_no_result():
    host = FakeHost("r")
    worker = FakeWorker("b", meanwhile=lambda: setattr(host, "base", "indexed"))
    with pytest.raises(Unsupported, match="Image > Mode > RGB"):
        run(host, worker, STYLE, {})
    assert_untouched(host, base="indexed")


def test_a_fallback_is_told():
    host = FakeHost("r")
    report = {"provider": "CPUExecutionProvider", "reason": "WebGPU found no device."}
    assert run(host, FakeWorker("b", report=report), STYLE, {}) == report
    assert host.told == ["Limner ran on CPUExecutionProvider: WebGPU found no device."]


def test_the_device_that_was_asked_for_is_not_told():
    host = FakeHost("r")
    run(host, FakeWorker("b", report={"provider": "CPU", "reason": ""}), STYLE, {})
    assert host.told == []


def test_every_error_is_a_plugin_error_with_its_hint():
    error = FilterFailed("out_of_memory", "Not enough memory.", "Close other programs.")
    assert isinstance(error, PluginError)
    assert str(error) == "Not enough memory. Close other programs."
