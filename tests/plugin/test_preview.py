"""How large a preview is, and what is said of it."""

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
