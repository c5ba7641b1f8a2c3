"""What a user does in GIMP's windows again and again; the stories are made of it."""

import processes
from desktop import LIMIT_S, wait_for

ACTIONS = {"Auto Colorize": "limner-auto-colorize", "Apply Style": "limner-apply-style"}
MNEMONIC = {"Auto Colorize": "a", "Apply Style": "y", "Run Again": "r"}


def set_saturation(desktop, value):
    desktop.press("alt+u", "ctrl+a", *value, "Tab")


def wait_for_preview(worker, written=0, size=0, limit_s=LIMIT_S):
    """Wait until the worker has written a preview of more than size bytes; returns how much it
    has written in all.
    """
    size = size or PREVIEW_BYTES

    def more():
        count = processes.io_counts(worker)["wchar"]
        return count if count > written + size else 0

    return wait_for("a preview", more, limit_s)


PREVIEW_BYTES = 300 * 200 * 3
"""Of the smallest picture here; the larger ones' previews are larger."""


def sensitive(desktop):
    """Filter -> whether its menu entry can be chosen."""
    return {name: desktop.is_sensitive(action) for name, action in ACTIONS.items()}


def opened(desktop, points=()):
    return desktop.wait_for_image("the opened image", lambda image: True, points=points)


def wait_for_layers(desktop, what, count, points=()):
    """The image's facts once it has that many layers and no filter is at work."""
    desktop.wait_for_image(what, lambda image: len(image["layers"]) == count)
    wait_for("the plug-in's end", lambda: not processes.find_plug_in())
    return opened(desktop, points)


def point_at_menu(desktop):
    """Filters > Limner, which stands last in the menu."""
    desktop.keys_to(desktop.main)
    desktop.press("alt+r")
    desktop.shot("2-menu")
    desktop.press("Up")


def open_dialog(desktop, name, title=""):
    """Pick a filter from the menu; the id of its dialog, whose title is the name if not given."""
    point_at_menu(desktop)
    desktop.press("Right")
    desktop.shot("3-entries")
    desktop.press(MNEMONIC[name])
    return wait_for("the dialog", lambda: desktop.window(f"^{title or name}$"))


def agree(desktop, dialog):
    desktop.keys_to(dialog)
    desktop.press("alt+o")
