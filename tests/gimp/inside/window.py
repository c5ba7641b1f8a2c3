"""Walk both filters through GIMP's windows as a user does: menu, dialog, OK, undo, cancel.

Run by the chroot's Python inside dbus-run-session:  window.py PROFILE SHOTS
Writes what it saw to /limner/out/window.json: the image's facts at every stage. Whether they
are right is judged outside, in tests/gimp/test_window.py.
"""

import json
import os
import signal
import sys
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import processes  # noqa: E402
import walks  # noqa: E402
from desktop import Desktop, Waited, wait_for  # noqa: E402
from steps import (  # noqa: E402
    agree,
    open_dialog,
    opened,
    point_at_menu,
    sensitive,
    set_saturation,
    wait_for_layers,
    wait_for_preview,
)

COLOR = "/limner/in/photo8.png"
GREY, LARGE, INDEXED = "/limner/in/grey8.png", "/limner/in/large.png", "/limner/in/indexed.png"


def main(profile, shots):
    os.environ["GIMP3_DIRECTORY"] = profile
    facts = {}
    wanted = os.environ.get("LIMNER_GIMP_STORIES", "").split()
    for story, file in STORIES:
        if wanted and story.__name__ not in wanted:
            continue
        desktop = Desktop(profile, file, os.path.join(shots, story.__name__))
        try:
            facts[story.__name__] = story(desktop)
        except (Waited, OSError):
            facts["problem"] = traceback.format_exc()
            desktop.shot("problem")
            break
        finally:
            desktop.close()
    with open("/limner/out/window.json", "w") as stream:
        json.dump(facts, stream)


def colorize(desktop):
    return run_and_undo(desktop, "Auto Colorize")


def style(desktop):
    return run_and_undo(desktop, "Apply Style")


def run_and_undo(desktop, name):
    """Menu, dialog, OK, and Ctrl+Z: one step back to the grey image."""
    stages = {"opened": opened(desktop), "sensitive": sensitive(desktop)}
    desktop.shot("1-opened")
    dialog = open_dialog(desktop, name)
    wait_for_preview(wait_for("a worker", processes.find_worker))
    desktop.shot("4-dialog")
    agree(desktop, dialog)
    stages["filtered"] = wait_for_layers(desktop, "the result", 2)
    desktop.shot("5-result")
    desktop.keys_to(desktop.main)
    desktop.press("ctrl+z")
    stages["undone"] = wait_for_layers(desktop, "undo", 1)
    desktop.shot("6-undone")
    desktop.press("ctrl+y")
    stages["redone"] = wait_for_layers(desktop, "redo", 2)
    desktop.press("ctrl+f")  # Filters > Repeat Last: the last values, no dialog
    stages["repeated"] = wait_for_layers(desktop, "a repeat", 3)
    desktop.shot("7-repeated")
    return stages


def hints(desktop):
    """A hint layer by the dialog's button, one dab on it, and the filter on that layer again."""
    stages = {"opened": opened(desktop)}
    dialog = open_dialog(desktop, "Auto Colorize")
    wait_for_preview(wait_for("a worker", processes.find_worker))
    desktop.keys_to(dialog)
    desktop.press("alt+w")
    wait_for("the worker's end", lambda: not processes.find_worker())
    desktop.wait_for_image("the hint layer", lambda image: len(image["layers"]) == 2)
    desktop.shot("4-what-to-do-now")
    desktop.keys_to(wait_for("the sentence", lambda: desktop.window("^Auto Colorize$")))
    desktop.press("Return")
    stages["made"] = wait_for_layers(desktop, "the hint layer", 2)
    desktop.keys_to(desktop.main)
    desktop.press("ctrl+z")
    stages["undone"] = wait_for_layers(desktop, "undo", 1)
    desktop.press("ctrl+y")
    wait_for_layers(desktop, "redo", 2)
    desktop.run_inside("probe.paint(40, 30, 14, 14, (230, 60, 30, 255))")
    painted = stages["made"]["layers"][0]["pixels"]
    desktop.wait_for_image("a dab", lambda image: image["layers"][0]["pixels"] != painted)
    dialog = open_dialog(desktop, "Auto Colorize")
    wait_for_preview(wait_for("a worker", processes.find_worker))
    desktop.shot("5-dialog-with-hints")
    agree(desktop, dialog)
    stages["filtered"] = wait_for_layers(desktop, "the result", 3)
    desktop.shot("6-result")
    return stages


def cancel(desktop):
    """Cancel in the dialog, then in mid-run: neither leaves anything."""
    stages = {"opened": opened(desktop)}
    dialog = open_dialog(desktop, "Apply Style")
    desktop.keys_to(dialog)
    desktop.press("Escape")
    wait_for("the dialog's end", lambda: not desktop.window("^Apply Style$"))
    wait_for("the plug-in's end", lambda: not processes.find_plug_in())
    wait_for("the worker's end", lambda: not processes.find_worker())
    stages["dialog-cancelled"] = desktop.wait_for_image("the image", lambda image: True)
    dialog = open_dialog(desktop, "Apply Style")
    worker = wait_for("a worker", processes.find_worker)
    wait_for_preview(worker)  # what it reads from here on is the run's
    watch = processes.Watch(worker, LARGE_BYTES)
    watch.at_work()
    agree(desktop, dialog)
    wait_for("a worker at work", watch.at_work)
    os.kill(worker, signal.SIGSTOP)  # it stays in mid-run for as long as this takes
    desktop.keys_to(desktop.main)
    desktop.shot("5-running")
    desktop.click_cancel()
    wait_for("the plug-in's end", lambda: not processes.find_plug_in())
    os.kill(worker, signal.SIGCONT)
    wait_for("the worker's end", lambda: not processes.find_worker())
    stages["run-cancelled"] = desktop.wait_for_image("the image", lambda image: True)
    desktop.shot("6-cancelled")
    return stages


LARGE_BYTES = 3000 * 2000
"""Payload of large.png in a request."""


def again(desktop):
    """A result is made anew in its place with another strength; one undo step."""
    stages = {"opened": opened(desktop)}
    agree(desktop, open_dialog(desktop, "Auto Colorize"))
    stages["filtered"] = wait_for_layers(desktop, "the result", 2)
    dialog = open_dialog(desktop, "Run Again", "Auto Colorize")
    wait_for_preview(wait_for("a worker", processes.find_worker))
    desktop.keys_to(dialog)
    desktop.press("alt+g", "ctrl+a", "0", "period", "5", "Tab")
    desktop.shot("4-dialog")
    agree(desktop, dialog)
    old = stages["filtered"]["layers"][0]["id"]
    desktop.wait_for_image("the new layer", lambda image: image["layers"][0]["id"] != old)
    stages["again"] = wait_for_layers(desktop, "the new layer", 2)
    desktop.shot("5-result")
    desktop.keys_to(desktop.main)
    desktop.press("ctrl+z")
    desktop.wait_for_image("undo", lambda image: image["layers"][0]["id"] == old)
    stages["undone"] = opened(desktop)
    return stages


def preview(desktop):
    """The dialog on a layer in color: sliders move the preview, a killed worker is started once."""
    stages = {"opened": opened(desktop)}
    dialog = open_dialog(desktop, "Auto Colorize")
    first = wait_for("a worker", processes.find_worker)
    written = wait_for_preview(first)
    desktop.shot("4-in-color-already")
    desktop.keys_to(dialog)
    set_saturation(desktop, "0")
    wait_for_preview(first, written)
    desktop.shot("5-gray")
    os.kill(first, signal.SIGKILL)
    set_saturation(desktop, "2")
    second = wait_for("a new worker", lambda: other_worker(first))
    wait_for_preview(second)
    desktop.shot("6-worker-started-again")
    os.kill(second, signal.SIGKILL)
    set_saturation(desktop, "1")
    wait_for("no worker", lambda: not processes.find_worker())
    desktop.shot("7-no-preview")
    stages["dialog-lives"] = bool(desktop.window("^Auto Colorize$"))
    agree(desktop, dialog)
    stages["filtered"] = wait_for_layers(desktop, "the result", 2)
    return stages


def frames(desktop):
    """All layers as frames: the option is ticked in the dialog; one undo step."""
    opened(desktop)
    desktop.keys_to(desktop.main)
    desktop.press("ctrl+shift+d")  # Layer > Duplicate
    stages = {"opened": wait_for_layers(desktop, "a second layer", 2)}
    dialog = open_dialog(desktop, "Auto Colorize")
    wait_for_preview(wait_for("a worker", processes.find_worker))
    desktop.keys_to(dialog)
    desktop.press("alt+f")
    desktop.shot("4-dialog")
    agree(desktop, dialog)
    desktop.wait_for_image("the result", lambda image: image["base"] == "rgb")
    stages["filtered"] = wait_for_layers(desktop, "the result", 2)
    desktop.shot("5-result")
    desktop.keys_to(desktop.main)
    desktop.press("ctrl+z")
    desktop.wait_for_image("undo", lambda image: image["base"] == "gray")
    stages["undone"] = opened(desktop)
    return stages


def other_worker(first):
    found = processes.find_worker()
    return found if found != first else 0


def indexed(desktop):
    """In an indexed image the menu entries are grey."""
    stages = {"opened": opened(desktop)}
    point_at_menu(desktop)
    desktop.shot("3-entries-are-grey")
    desktop.press("Escape", "Escape")
    stages["sensitive"] = sensitive(desktop)
    return stages


STORIES = (
    (colorize, GREY),
    (style, GREY),
    (hints, GREY),
    (again, GREY),
    (preview, COLOR),
    (cancel, LARGE),
    (indexed, INDEXED),
    *walks.STORIES,
    (frames, GREY),  # last: GIMP remembers the option
)

if __name__ == "__main__":
    main(*sys.argv[1:])
