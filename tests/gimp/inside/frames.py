"""Cases of "All layers as frames": an animation whose layers are replaced, colours steady."""

from array import array

import faults
from scene import FORMAT, GRAY, RGB, SIZE, Gimp, Scene, photo

COLORIZE, STYLE = "limner-auto-colorize", "limner-apply-style"
LIGHT = (1.0, 0.95, 1.04, 0.96, 1.03)
"""How bright each frame is: what an old film's light does."""


def animation(base=GRAY, alpha=False, size=SIZE, frames=5):
    """The photo in unsteady light; the lowest layer is the first frame, and opaque."""
    scene = Scene(base, size=size)
    layers = [scene.layer]
    for number in range(1, frames):
        layers.append(scene.add_layer(f"frame {number} (80ms)", size, alpha))
    for layer, light in zip(layers, LIGHT, strict=False):
        scene.layer = layer
        scene.paint(lit(photo(*size), light))
    return scene, layers


def lit(pixels, light):
    """Pixels in FORMAT, brighter; alpha stays."""
    values = array("f", pixels)
    for number in range(len(values)):
        if number % 4 != 3:
            values[number] *= light
    return values.tobytes()


def _replaced(procedure, base, alpha=False):
    def run(record):
        scene, layers = animation(base, alpha)
        dump(record, "before", layers)
        record.run(procedure, scene.image, [layers[2]], frames=True)
        dump(record, "after", layers)

    return run


def dump(record, label, layers):
    for number, layer in enumerate(layers):
        record.dump(f"{label}-{number}", layer, FORMAT)


def alone(record):
    """The same frames one by one, for comparison."""
    scene, layers = animation()
    for layer in layers:
        record.run(COLORIZE, scene.image, [layer], output="replace")
    dump(record, "after", layers)


def selected(record):
    scene, layers = animation(RGB, frames=2)
    scene.select(20, 10, 40, 30)
    record.dump("selection", scene.image.get_selection(), "Y float")
    dump(record, "before", layers)
    record.run(COLORIZE, scene.image, [layers[0]], frames=True)
    dump(record, "after", layers)


def locked(record):
    scene, layers = animation(frames=2)
    layers[1].set_lock_content(True)
    record.run(COLORIZE, scene.image, [layers[0]], frames=True)


def group(record):
    scene, layers = animation(frames=2)
    parent = Gimp.GroupLayer.new(scene.image, "group")
    scene.image.insert_layer(parent, None, 0)
    scene.image.reorder_item(layers[1], parent, 0)
    record.run(COLORIZE, scene.image, [layers[0]], frames=True)


def sizes(record):
    scene, layers = animation(frames=1)
    scene.add_layer("smaller", (40, 30))
    record.run(COLORIZE, scene.image, [layers[0]], frames=True)


def killed(record):
    """The worker is killed once it has all frames."""
    size = (2000, 1500)
    for _ in range(3):
        scene = Scene(GRAY, size=size)
        scene.add_layer("next", size)
        with faults.worker_killed(2 * size[0] * size[1]) as killer:
            record.run(COLORIZE, scene.image, [scene.layer], frames=True)
        record.facts["killed"] = killer.done
        if killer.done:
            return


CASES = {
    "gray": _replaced(COLORIZE, GRAY),
    "alpha": _replaced(COLORIZE, GRAY, alpha=True),
    "rgb": _replaced(COLORIZE, RGB),
    "style": _replaced(STYLE, RGB, alpha=True),
    "alone": alone,
    "selected": selected,
    "locked": locked,
    "group": group,
    "sizes": sizes,
    "killed": killed,
}
