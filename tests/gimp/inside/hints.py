"""Cases of what goes to the worker beside the layer, and of results of several layers."""

import os
import stat

import faults
from scene import FORMAT, GRAY, OUTPUT, SIZE, Gegl, Gimp, Scene, call, layer_facts, put

COLORIZE, STYLE = "limner-auto-colorize", "limner-apply-style"
AGAIN = "limner-run-again"
OBEDIENT = "obedient"
"""Model of tests/fakes that knows variants and gives hinted places exactly the hint's a* and b*."""
RED = (230, 40, 30, 255)
PLACE = (10, 4, 24, 16)
"""x, y, width and height of the strokes, in the sky of the photo."""

FAKE = "/limner/repository/tests/fakes/worker_process.py"


def strokes(scene, place=PLACE, color=RED, offsets=(0, 0)):
    """A transparent layer on top with a filled rectangle at that place of the canvas."""
    if scene.image.get_base_type() == GRAY:
        scene.image.convert_rgb()
    layer = scene.add_layer("strokes", SIZE, alpha=True)
    layer.set_offsets(*offsets)
    x, y, width, height = place
    buffer = layer.get_buffer()
    rectangle = Gegl.Rectangle.new(x - offsets[0], y - offsets[1], width, height)
    buffer.set(rectangle, "R'G'B'A u8", bytes(color) * (width * height))
    buffer.flush()
    layer.update(0, 0, *SIZE)
    return layer


def _colorized(record, scene, **parameters):
    for number, new in enumerate(record.run(COLORIZE, scene.image, [scene.layer], **parameters)):
        record.dump(f"result-{number}", new, FORMAT)


def without(record):
    scene = Scene()
    strokes(scene)
    _colorized(record, scene)


def layer(record):
    scene = Scene()
    _colorized(record, scene, hint=strokes(scene))


def obeyed(record):
    scene = Scene()
    _colorized(record, scene, hint=strokes(scene), model=OBEDIENT)


def moved(record):
    """A hint layer with offsets of its own: the strokes are at the same place of the canvas."""
    scene = Scene()
    _colorized(record, scene, hint=strokes(scene, offsets=(7, 3)))


def dabs(record):
    _colorized(record, Scene(), dabs="22,12,#e6281e")


def itself(record):
    scene = Scene()
    _colorized(record, scene, hint=scene.layer)


def beside(record):
    scene = Scene()
    hint = strokes(scene)
    hint.set_offsets(500, 500)
    _colorized(record, scene, hint=hint)


def nonsense(record):
    _colorized(record, Scene(), dabs="red in the middle")


def made_by_the_dialog(record):
    """The hint layer of the dialog's button is the selected one: its source is meant."""
    scene = Scene(GRAY)
    hint = strokes(scene)
    number = str(scene.layer.get_tattoo()).encode()
    hint.attach_parasite(Gimp.Parasite.new("limner-hints", 1, number))
    record.facts["source"] = scene.layer.get_id()
    for new in record.run(COLORIZE, scene.image, [hint]):
        record.dump("result-0", new, FORMAT)


def palette(record):
    chosen = Gimp.Palette.new("limner-test")
    for name in ("#203040", "#a07050"):
        chosen.add_entry(name, Gegl.Color.new(name))
    _colorized(record, Scene(), palette=chosen)
    chosen.delete()


def variants(record):
    scene = Scene()
    scene.select(10, 10, 30, 20)
    record.run(COLORIZE, scene.image, [scene.layer], model=OBEDIENT, variants=3)


def variants_of_colors(record):
    """Layers of a color mode in a group still take what lies below the group."""
    scene = Scene(GRAY)
    record.flattened("seen-before", scene.image)
    record.run(COLORIZE, scene.image, [scene.layer], model=OBEDIENT, variants=2, output="color")
    record.flattened("seen-after", scene.image)


def group_again(record):
    """ "Run Again" on a layer in a group makes the whole group anew."""
    scene = Scene()
    call(COLORIZE, scene.image, [scene.layer], model=OBEDIENT, variants=2)
    (group,) = [each for each in scene.image.get_layers() if each.is_group()]
    record.facts["old"] = layer_facts(group)
    record.run(AGAIN, scene.image, [group.get_children()[1]])


def second_result(record):
    """It lies above the first one, where it can be seen."""
    scene = Scene()
    call(COLORIZE, scene.image, [scene.layer], saturation=0.0)
    record.run(COLORIZE, scene.image, [scene.layer])


def _sketch(output):
    def run(record):
        program = os.path.join(OUTPUT, "fake-python")
        with open(program, "w") as stream:
            stream.write(f"#!/bin/sh\nexec /usr/bin/python3 -I -u {FAKE} layers\n")
        os.chmod(program, os.stat(program).st_mode | stat.S_IXUSR)
        scene = Scene()
        scene.select(10, 10, 30, 20)
        with faults.record_with(python=program):
            record.run(COLORIZE, scene.image, [scene.layer], output=output)

    return run


def _styled(color, **parameters):
    """The model of tests/fakes adds the style picture's mean color."""

    def run(record):
        scene = Scene(parameters.pop("base", Gimp.ImageBaseType.RGB))
        other = Gimp.Image.new(40, 30, Gimp.ImageBaseType.RGB)
        style = Gimp.Layer.new(
            other, "style", 40, 30, Gimp.ImageType.RGB_IMAGE, 100, Gimp.LayerMode.NORMAL
        )
        other.insert_layer(style, None, 0)
        put(style, "R'G'B' u8", bytes(color) * (40 * 30))
        record.dump("source", scene.layer, FORMAT)
        chosen = dict({"model": "from-picture"}, **parameters, **{"style-layer": style})
        for new in record.run(STYLE, scene.image, [scene.layer], **chosen):
            record.dump("result", new, FORMAT)

    return run


CASES = {
    "without": without,
    "layer": layer,
    "obeyed": obeyed,
    "moved": moved,
    "dabs": dabs,
    "itself": itself,
    "beside": beside,
    "nonsense": nonsense,
    "made-by-the-dialog": made_by_the_dialog,
    "palette": palette,
    "variants": variants,
    "variants-of-colors": variants_of_colors,
    "group-again": group_again,
    "second-result": second_result,
    "sketch": _sketch("layer"),
    "sketch-colors": _sketch("color"),
    "sketch-replace": _sketch("replace"),
    "style-layer": _styled((60, 0, 20)),
    "style-gray": _styled((0, 0, 0), base=GRAY),
    "style-colorized": _styled((0, 0, 0), base=GRAY, colorize=True),
}
