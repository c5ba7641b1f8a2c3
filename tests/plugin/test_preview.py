"""How large a preview is, and what is said of it."""

import math

import pytest

from plugin import preview

CPU = {"provider": "CPUExecutionProvider", "seconds": 0.214, "reason": ""}


@pytest.mark.parametrize(
    "layer, small",
    [
        ((300, 200), (300, 200)),
        ((6000, 4000), (512, 341)),
        ((20, 20000), (8, 8000)),
        ((5, 9), (5, 9)),  # too small for the engine, which says so
        ((1, 1), (1, 1)),
    ],
)
def test_size(layer, small):
    assert preview.preview_size(*layer) == small
    assert 0 < preview.preview_scale(*layer) <= 1


def test_gray_pixels_become_color():
    assert preview.as_rgb(bytes([7, 9]), False) == bytes([7, 7, 7, 9, 9, 9])
    assert preview.as_rgb(bytes([7, 1, 9, 2]), True) == bytes([7, 7, 7, 1, 9, 9, 9, 2])


def test_a_preview_of_all_pixels_is_not_called_approximate():
    assert preview.size_sentence("colorize", (300, 200), (300, 200)) == ""


def test_a_smaller_one_says_how_it_differs():
    said = preview.size_sentence("colorize", (6000, 4000), (512, 341))
    assert "512 × 341 of 6000 × 4000" in said and "colors" in said
    assert "strokes are finer" in preview.size_sentence("stylize", (6000, 4000), (512, 341))


def test_the_device_is_told_with_its_time_and_reason():
    assert preview.device_sentence(CPU, "cpu") == "Ran on the processor (CPU) in 0.21 s."
    assert "install.py --accelerator" in preview.device_sentence(CPU, "auto")
    fallback = dict(CPU, reason="WebGpuExecutionProvider finds no graphics device.")
    assert preview.device_sentence(fallback, "auto").endswith(fallback["reason"])
    gpu = dict(CPU, provider="WebGpuExecutionProvider")
    assert "graphics device (WebGPU) in" in preview.device_sentence(gpu, "auto")
    assert "Ran on NewExecutionProvider" in preview.device_sentence(
        dict(CPU, provider="NewExecutionProvider"), "auto"
    )


def test_what_counts_as_colored():
    assert not preview.is_colored({})
    assert not preview.is_colored({"colored": 0.0})
    assert preview.is_colored({"colored": 0.41})


def test_a_result_tells_device_and_time_in_one_line():
    said = preview.result_sentence("Auto Colorize", CPU)
    assert said == "Auto Colorize took 0.2 s on the processor (CPU)."
    said = preview.result_sentence("Auto Colorize", dict(CPU, colored=0.5))
    assert said.endswith("(CPU). The layer was in color already.")


LAYER = (6000, 4000)  # its preview is 512 pixels wide


@pytest.mark.parametrize("zoom", [0.9, 1.0])
def test_the_preview_itself_is_good_enough_for_all_of_it(zoom):
    assert preview.part_of(LAYER, (0, 0, 512, 341), zoom) is None


def test_of_a_small_layer_there_is_nothing_better():
    assert preview.part_of((400, 300), (100, 100, 130, 120), 16.0) is None


def test_a_part_has_the_screens_resolution_and_a_margin():
    part = preview.part_of(LAYER, (100, 100, 340, 260), 2.0)
    assert part.size == (1024, 683)
    assert (part.x, part.y) == (200 - preview.MARGIN, 200 - preview.MARGIN)
    assert (part.width, part.height) == (480 + 2 * preview.MARGIN, 320 + 2 * preview.MARGIN)


def test_a_part_has_at_most_the_layers_resolution_and_stays_in_it():
    part = preview.part_of(LAYER, (0, 320, 10, 341), 48.0)
    assert part.size == LAYER
    assert (part.x, part.y + part.height) == (0, 4000)
    assert part.width == math.ceil(10 * 6000 / 512) + preview.MARGIN


def test_a_part_holds_what_is_seen_while_that_stays_in_its_margin():
    part = preview.part_of(LAYER, (100, 100, 340, 260), 2.0)
    near = preview.part_of(LAYER, (120, 90, 360, 250), 2.0)
    far = preview.part_of(LAYER, (140, 100, 380, 260), 2.0)
    closer = preview.part_of(LAYER, (100, 100, 292, 228), 2.5)
    edge = preview.part_of(LAYER, (0, 0, 240, 160), 2.0)
    assert preview.holds(part, part) and preview.holds(part, near)
    assert not preview.holds(part, far) and not preview.holds(part, closer)
    assert preview.holds(edge, edge)
    assert preview.holds(None, None)
    assert not preview.holds(part, None) and not preview.holds(None, part)


def test_of_a_part_is_said_how_near_it_is_to_the_result():
    whole = preview.part_of(LAYER, (0, 0, 5, 5), 48.0)
    half = preview.Part(0, 0, 10, 10, (3000, 2000))
    said = preview.part_sentence("colorize", LAYER, whole, {})
    assert "own resolution" in said and "colors" in said
    said = preview.part_sentence("stylize", LAYER, half, {"finer": False})
    assert "50 %" in said and "as in the result" in said
    assert "finer" in preview.part_sentence("stylize", LAYER, half, {"finer": True})
