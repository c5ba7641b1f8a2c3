"""Both filters in a real window, picked from the menu of a GIMP with a fresh profile.

The screenshots are for people: see LIMNER_SHOTS in the README beside this file.
"""

from typing import Any

import pytest

pytestmark = pytest.mark.gimp

STORIES = ("colorize", "style")
NAMES = {"colorize": "Auto Colorize", "style": "Apply Style"}
Stages = dict[str, Any]


@pytest.mark.parametrize("story", STORIES)
def test_ok_adds_a_coloured_layer(seen: Stages, story: str):
    before, after = seen[story]["opened"], seen[story]["filtered"]
    assert (before["base"], after["base"]) == ("gray", "rgb")
    assert before["images"] == after["images"] == 1
    result, source = after["layers"]
    assert result["name"].startswith(NAMES[story])
    assert source["name"] == before["layers"][0]["name"]
    assert result["size"] == source["size"]
    assert result["pixels"] != source["pixels"]


@pytest.mark.parametrize("story", STORIES)
def test_one_undo_step_gives_the_grey_image_back(seen: Stages, story: str):
    assert seen[story]["undone"] == seen[story]["opened"]


@pytest.mark.parametrize("story", STORIES)
def test_redo_gives_the_same_result(seen: Stages, story: str):
    def shown(stage: str) -> list[tuple[str, str]]:
        return [(layer["name"], layer["pixels"]) for layer in seen[story][stage]["layers"]]

    assert shown("redone") == shown("filtered")


@pytest.mark.parametrize("story", STORIES)
def test_repeat_last_runs_on_the_new_layer(seen: Stages, story: str):
    layers = seen[story]["repeated"]["layers"]
    assert [layer["id"] for layer in layers[1:]] == [
        layer["id"] for layer in seen[story]["redone"]["layers"]
    ]


def test_the_button_makes_a_hint_layer_in_one_undo_step(seen: Stages):
    stages = seen["hints"]
    layer, source = stages["made"]["layers"]
    assert layer["name"] == "Color hints" and layer["size"] == source["size"]
    assert stages["made"]["base"] == "rgb"
    assert stages["undone"] == stages["opened"]


def test_a_dab_on_the_hint_layer_colors_the_layer_below(seen: Stages):
    """The hint layer is the selected one; it is hidden, since it would cover the result."""
    hint, result, source = seen["hints"]["filtered"]["layers"]
    assert (hint["visible"], result["visible"]) == (False, True)
    assert result["name"] == "Auto Colorize" and not source["mask"]


def test_run_again_puts_a_new_layer_in_the_place_of_the_old_one(seen: Stages):
    before, after = seen["again"]["filtered"]["layers"], seen["again"]["again"]["layers"]
    assert [layer["name"] for layer in after] == [layer["name"] for layer in before]
    assert after[1] == before[1]
    assert after[0]["pixels"] != before[0]["pixels"]
    assert seen["again"]["undone"] == seen["again"]["filtered"]


def test_all_layers_as_frames_is_one_undo_step(seen: Stages):
    before, after = seen["frames"]["opened"], seen["frames"]["filtered"]
    assert (before["base"], after["base"]) == ("gray", "rgb")
    for old, new in zip(before["layers"], after["layers"], strict=True):
        assert new["id"] == old["id"] and new["name"] == old["name"]
        assert new["pixels"] != old["pixels"]
    assert seen["frames"]["undone"] == before


def test_a_dialog_whose_worker_died_twice_still_runs_the_filter(seen: Stages):
    """That it was started again once is waited for inside."""
    stages = seen["preview"]
    assert stages["dialog-lives"]
    result, source = stages["filtered"]["layers"]
    assert source["pixels"] == stages["opened"]["layers"][0]["pixels"]
    assert result["pixels"] != source["pixels"]


def test_cancel_in_the_dialog_leaves_nothing(seen: Stages):
    assert seen["cancel"]["dialog-cancelled"] == seen["cancel"]["opened"]


def test_cancel_in_mid_run_leaves_nothing(seen: Stages):
    assert seen["cancel"]["run-cancelled"] == seen["cancel"]["opened"]


def test_the_entries_are_insensitive_in_an_indexed_image(seen: Stages):
    assert seen["indexed"]["opened"]["base"] == "indexed"
    assert seen["indexed"]["sensitive"] == dict.fromkeys(NAMES.values(), False)
    assert seen["colorize"]["sensitive"] == dict.fromkeys(NAMES.values(), True)
