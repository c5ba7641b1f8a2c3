"""The ways of a new user through both filters, with the models that Limner ships.

walk      a gray photo gets colors, one thing in it another color by one dab, its background
          a style; undo, redo; saved as .xcf
reopened  that file, opened by a new GIMP; the style made again with other settings
sketch    three dabs on a new layer color a drawing
gallery   a painter chosen by the thumbnail below the preview, a picture instead, and back
painted   a style layer, strength and brush size; a gray photo colored and painted in one run,
          in a feathered selection
zoomed    the preview of a large photo, looked at closely
"""

import processes
from desktop import Waited, wait_for
from steps import agree, open_dialog, opened, wait_for_layers, wait_for_preview

PHOTO, SKETCH = "/limner/in/walk.png", "/limner/in/sketch.png"
STYLE, LARGE, SAVED = "/limner/in/style.png", "/limner/in/large.png", "/limner/out/walk.xcf"

PREVIEW = (22, 43)
"""The preview's upper left corner in the dialog, as measured in screenshots."""

MONET, UKIYO_E, WAVE = (190, 466), (320, 466), (58, 530)
"""Thumbnails of the gallery in the dialog of walk.png: two painters and a style picture."""

WALK_PREVIEW = (43, 43, 320)
"""The same of the preview of walk.png, and its side."""


def walk(desktop):
    points = POINTS
    stages = {"opened": opened(desktop)}
    agree_once_seen(desktop, open_dialog(desktop, "Auto Colorize"), "1-colorize")
    stages["colored"] = wait_for_layers(desktop, "colors", 2, points)
    desktop.shot("2-colored")
    dialog = open_dialog(desktop, "Run Again", "Auto Colorize")
    worker = wait_for("a worker", processes.find_worker)
    written = wait_for_preview(worker)
    left, top, side = WALK_PREVIEW
    x, y = (round(place * side / 256) for place in points[0])
    desktop.click(dialog, left + x, top + y)
    written = wait_for_preview(worker, written)  # with the likeliest colors of that place
    desktop.shot("3-clicked")
    desktop.click(dialog, *SWATCH)
    wait_for_preview(worker, written)
    desktop.shot("4-dab")
    old = stages["colored"]["layers"][0]["id"]
    agree(desktop, dialog)
    desktop.wait_for_image("the new colors", lambda image: image["layers"][0]["id"] != old)
    stages["corrected"] = wait_for_layers(desktop, "the new colors", 2, points)
    desktop.shot("5-corrected")
    desktop.run_inside(f"probe.select_around(*{OBJECT!r}, 12)")
    agree_once_seen(desktop, open_dialog(desktop, "Apply Style"), "6-style")
    stages["styled"] = wait_for_layers(desktop, "a style", 3, points)
    desktop.shot("7-styled")
    desktop.keys_to(desktop.main)
    desktop.press("ctrl+z")
    stages["undone"] = wait_for_layers(desktop, "undo", 2, points)
    desktop.press("ctrl+y")
    stages["redone"] = wait_for_layers(desktop, "redo", 3, points)
    desktop.press("ctrl+s")
    saving = wait_for("the dialog for saving", lambda: desktop.window("^Save Image$"))
    desktop.keys_to(saving)
    desktop.press("ctrl+a")
    desktop.write(SAVED)
    desktop.shot("8-saving")
    desktop.press("Return")
    desktop.wait_for_image("the saved file", lambda image: not image["dirty"])
    return stages


POINTS = ((50, 105), (20, 20), (235, 20))
"""Of walk.png: on the car, which is to get another color, and on what lies behind it."""

OBJECT = (0, 50, 256, 180)
"""Left, top, width and height of an ellipse around the car."""

SWATCH = (142, 426)
"""Where the second of the offered colors stands, below the preview; the first is much like what
is there."""


def reopened(desktop):
    stages = {"opened": wait_for_layers(desktop, "the layers", 3, POINTS)}
    dialog = open_dialog(desktop, "Run Again", "Apply Style")
    wait_for_preview(wait_for("a worker", processes.find_worker))
    desktop.keys_to(dialog)
    desktop.press("alt+g", "ctrl+a", "0", "period", "4", "Tab")
    desktop.shot("4-dialog")
    old = stages["opened"]["layers"][0]["id"]
    agree(desktop, dialog)
    desktop.wait_for_image("the new layer", lambda image: image["layers"][0]["id"] != old)
    stages["again"] = wait_for_layers(desktop, "the new layer", 3, POINTS)
    desktop.shot("5-again")
    return stages


DABS = {(430, 400): (220, 40, 40), (430, 250): (40, 90, 200), (150, 140): (250, 200, 20)}
"""Of sketch.png: the wall, the roof and the sun, and the colors that they get."""

UNHINTED = ((700, 380), (60, 590), (430, 330))
"""The crown of the tree, the ground, and a line: the edge between roof and wall."""


def sketch(desktop):
    points = tuple(DABS) + UNHINTED
    stages = {"opened": opened(desktop)}
    dialog = open_dialog(desktop, "Auto Colorize")
    wait_for_preview(wait_for("a worker", processes.find_worker))
    desktop.keys_to(dialog)
    desktop.shot("4-no-hints")
    desktop.press("alt+w")
    wait_for("the worker's end", lambda: not processes.find_worker())
    desktop.wait_for_image("the hint layer", lambda image: len(image["layers"]) == 2)
    desktop.keys_to(wait_for("the sentence", lambda: desktop.window("^Auto Colorize$")))
    desktop.press("Return")
    wait_for_layers(desktop, "the hint layer", 2)
    for (x, y), color in DABS.items():
        desktop.run_inside(f"probe.paint({x - 9}, {y - 9}, 18, 18, {(*color, 255)!r})")
    stages["painted"] = desktop.wait_for_image(
        "three dabs",
        lambda image: all(color[3] for color in image["colors"]["Color hints"][: len(DABS)]),
        points=points,
    )
    agree_once_seen(desktop, open_dialog(desktop, "Auto Colorize"), "5-hints")
    stages["colored"] = wait_for_layers(desktop, "colors", 3, points)
    desktop.shot("6-result")
    return stages


def gallery(desktop):
    stages = {"opened": opened(desktop)}
    dialog = open_dialog(desktop, "Apply Style")
    worker = wait_for("a worker", processes.find_worker)
    written = wait_for_preview(worker)
    for number, place in enumerate((MONET, WAVE, UKIYO_E)):
        written = choose_thumbnail(desktop, dialog, place, worker, written)
        desktop.shot(f"{4 + number}-chosen")
    agree(desktop, dialog)
    stages["painted"] = wait_for_layers(desktop, "a painting", 2, POINTS)
    return stages


def choose_thumbnail(desktop, dialog, place, worker, written):
    """Click a thumbnail until there is a preview: they appear one after the other, perhaps later
    than the first preview. A second click on the same one changes nothing.
    """

    def heard():
        desktop.click(dialog, *place)
        try:
            return wait_for_preview(worker, written, limit_s=5)
        except Waited:
            return 0

    return wait_for("a preview of the thumbnail's style", heard)


def painted(desktop):
    stages = {"opened": opened(desktop)}
    desktop.run_inside(f"probe.open_beside({STYLE!r})")
    desktop.wait_for_image("another picture", lambda image: image["images"] == 2)
    desktop.run_inside(f"probe.select_around(*{OBJECT!r}, 30)")
    dialog = open_dialog(desktop, "Apply Style")
    worker = wait_for("a worker", processes.find_worker)
    written = wait_for_preview(worker)
    desktop.keys_to(dialog)
    desktop.press("alt+a", "Down")
    desktop.press("alt+g", "ctrl+a", "0", "period", "8", "Tab")
    desktop.press("alt+b", "ctrl+a", "2", "Tab")
    desktop.press("alt+i")
    wait_for_preview(worker, written + 1)
    desktop.shot("4-dialog")
    agree(desktop, dialog)
    stages["painted"] = wait_for_layers(desktop, "a painting", 2, POINTS)
    desktop.shot("5-result")
    return stages


def zoomed(desktop):
    stages = {"opened": opened(desktop)}
    dialog = open_dialog(desktop, "Auto Colorize")
    worker = wait_for("a worker", processes.find_worker)
    written = wait_for_preview(worker)
    desktop.keys_to(dialog)
    desktop.shot("4-all")
    middle = PREVIEW[0] + 200, PREVIEW[1] + 200
    desktop.click(dialog, *middle, button=4, count=8)
    written = wait_for_part(worker, written)
    desktop.shot("5-closer")
    desktop.drag(dialog, middle, (middle[0] - 140, middle[1] - 100))
    written = wait_for_part(worker, written)
    desktop.shot("6-beside")
    desktop.press("alt+u", "ctrl+a", "0", "Tab")
    wait_for_part(worker, written)
    desktop.shot("7-gray")
    stages["parts"] = 3
    agree(desktop, dialog)
    stages["filtered"] = wait_for_layers(desktop, "the result", 2)
    return stages


PART_BYTES = (480 + 2 * 64) * (320 + 2 * 64) * 3
"""What the worker writes of a part, with its margin; more than of the preview."""


def wait_for_part(worker, written):
    return wait_for_preview(worker, written, PART_BYTES)


def agree_once_seen(desktop, dialog, name):
    """OK, once there is a preview, and a screenshot of it."""
    wait_for_preview(wait_for("a worker", processes.find_worker))
    desktop.shot(name)
    agree(desktop, dialog)


STORIES = (
    (walk, PHOTO),
    (reopened, SAVED),
    (sketch, SKETCH),
    (gallery, PHOTO),
    (painted, PHOTO),
    (zoomed, LARGE),
)
