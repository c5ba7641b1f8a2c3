"""Cases of where a result can go other than into a new layer above."""

from scene import FORMAT, GRAY, RGB, SIZE, Gimp, Scene

COLORIZE = "limner-auto-colorize"
SELECTED = (20, 10, 40, 30)


def color(record):
    scene = Scene(GRAY)
    record.flattened("seen-before", scene.image)
    for new in record.run(COLORIZE, scene.image, [scene.layer], output="color"):
        record.facts["mode"] = new.get_mode().value_nick
    record.flattened("seen-after", scene.image)


def _replaced(base, feather):
    def run(record):
        scene = Scene(base, alpha=True)
        scene.select(*SELECTED, feather=feather)
        record.dump("selection", scene.image.get_selection(), "Y float")
        record.dump("before", scene.layer, FORMAT)
        record.run(COLORIZE, scene.image, [scene.layer], output="replace")
        record.dump("after", scene.layer, FORMAT)

    return run


def offset(record):
    """Without a selection, a layer that stands out of the canvas is replaced whole."""
    scene = Scene(size=(150, 100), canvas=SIZE, offsets=(-20, -15))
    record.dump("before", scene.layer, FORMAT)
    record.run(COLORIZE, scene.image, [scene.layer], output="replace")
    record.dump("after", scene.layer, FORMAT)


def locked(record):
    scene = Scene(GRAY)
    scene.layer.set_lock_content(True)
    record.run(COLORIZE, scene.image, [scene.layer], output="replace")


def group(record):
    scene = Scene()
    parent = Gimp.GroupLayer.new(scene.image, "group")
    scene.image.insert_layer(parent, None, 0)
    scene.image.reorder_item(scene.layer, parent, 0)
    record.run(COLORIZE, scene.image, [parent], output="replace")


CASES = {
    "color": color,
    "replace-gray": _replaced(GRAY, 0),
    "replace-rgb": _replaced(RGB, 0),
    "replace-feather": _replaced(RGB, 6),
    "replace-offset": offset,
    "replace-locked": locked,
    "replace-group": group,
}
