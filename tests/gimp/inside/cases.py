"""Every case that is run in a headless GIMP, by name: "<kind>/<filter or detail>/...".

A case is a function of a Record. What must be true of its facts stands in
tests/gimp/test_headless.py, in the test of the same kind.
"""

import struct
import time

import again
import faults
import outputs
import processes
from scene import (
    FORMAT,
    GRAY,
    RGB,
    SIZE,
    U8,
    Gimp,
    Scene,
    all_layers,
    call,
    image_facts,
    load,
    outcome,
    photo,
)

FILTERS = {"colorize": "limner-auto-colorize", "stylize": "limner-apply-style"}
COLORIZE = FILTERS["colorize"]
TABLE = {}

_P = Gimp.Precision
MODES = {"RGB": (RGB, False), "RGBA": (RGB, True), "GRAY": (GRAY, False), "GRAYA": (GRAY, True)}
PRECISIONS = {
    "u8-linear": _P.U8_LINEAR,
    "u16": _P.U16_NON_LINEAR,
    "u16-linear": _P.U16_LINEAR,
    "u32": _P.U32_NON_LINEAR,
    "half-linear": _P.HALF_LINEAR,
    "half": _P.HALF_NON_LINEAR,
    "float-linear": _P.FLOAT_LINEAR,
    "float": _P.FLOAT_NON_LINEAR,
    "float-perceptual": _P.FLOAT_PERCEPTUAL,
    "double-linear": _P.DOUBLE_LINEAR,
}


def case(name):
    """Put a function into the table."""

    def add(function):
        TABLE[name] = function
        return function

    return add


def _modes():
    for task, procedure in FILTERS.items():
        for mode, (base, alpha) in MODES.items():
            TABLE[f"mode/{task}/{mode}"] = _on_photo(procedure, base, U8, alpha)
        for name, precision in PRECISIONS.items():
            if task == "colorize" or name in ("u16", "float-linear"):
                TABLE[f"precision/{task}/{name}"] = _on_photo(procedure, RGB, precision, True)
    for name in ("u16", "float-linear"):
        TABLE["precision/colorize-gray/" + name] = _on_photo(
            COLORIZE, GRAY, PRECISIONS[name], False
        )


def _on_photo(procedure, base, precision, alpha):
    def run(record):
        scene = Scene(base, precision, alpha)
        record.dump("source", scene.layer, FORMAT)
        for new in record.run(procedure, scene.image, [scene.layer]):
            record.dump("result", new, FORMAT)
            record.dump("stored", new)

    return run


_modes()


def _selections():
    for task, procedure in FILTERS.items():
        for name, feather in (("rectangle", 0), ("feather", 6)):
            TABLE[f"selection/{task}/{name}"] = _with_selection(
                procedure, Scene, (20, 10, 40, 30), feather
            )
    for name in ("smaller", "larger"):
        TABLE["offset-selection/" + name] = _with_selection(
            COLORIZE, _OFFSETS[name], (15, 8, 60, 40), 0
        )


def _with_selection(procedure, make_scene, rectangle, feather):
    def run(record):
        scene = make_scene()
        scene.select(*rectangle, feather=feather)
        record.dump("selection", scene.image.get_selection(), "Y float")
        record.flattened("seen-before", scene.image)
        for new in record.run(procedure, scene.image, [scene.layer]):
            record.dump("result", new, FORMAT)
            if new.get_mask():
                record.dump("mask", new.get_mask(), "Y float")
        record.flattened("seen-after", scene.image)

    return run


_OFFSETS = {
    "smaller": lambda: Scene(size=(60, 40), canvas=SIZE, offsets=(10, 5)),
    "larger": lambda: Scene(size=(150, 100), canvas=SIZE, offsets=(-20, -15)),
    "outside": lambda: Scene(size=(60, 40), canvas=SIZE, offsets=(200, 100)),
}

_selections()


def _offsets():
    for task, procedure in FILTERS.items():
        for name, make_scene in _OFFSETS.items():
            TABLE[f"offset/{task}/{name}"] = _at_offset(procedure, make_scene)


def _at_offset(procedure, make_scene):
    def run(record):
        scene = make_scene()
        record.run(procedure, scene.image, [scene.layer])

    return run


_offsets()


@case("selection-elsewhere")
def selection_elsewhere(record):
    scene = Scene(GRAY, size=(30, 30), canvas=SIZE)
    scene.select(60, 40, 20, 20)
    record.run(COLORIZE, scene.image, [scene.layer])


@case("stack/between")
def between_layers(record):
    scene = Scene()
    scene.add_layer("below", SIZE, position=1)
    scene.add_layer("above", SIZE, alpha=True, position=0)
    record.run(COLORIZE, scene.image, [scene.layer])


@case("stack/inside-group")
def inside_group(record):
    scene = Scene()
    group = Gimp.GroupLayer.new(scene.image, "group")
    scene.image.insert_layer(group, None, 0)
    scene.image.reorder_item(scene.layer, group, 0)
    record.run(COLORIZE, scene.image, [scene.layer])


@case("stack/group")
def group_itself(record):
    scene = Scene()
    group = Gimp.GroupLayer.new(scene.image, "group")
    scene.image.insert_layer(group, None, 0)
    scene.image.reorder_item(scene.layer, group, 0)
    record.run(COLORIZE, scene.image, [group])


@case("stack/text")
def text_layer(record):
    scene = Scene()
    font = Gimp.context_get_font()
    text = Gimp.TextLayer.new(scene.image, "Limner", font, 40, Gimp.Unit.pixel())
    scene.image.insert_layer(text, None, 0)
    record.run(COLORIZE, scene.image, [text])


@case("stack/locked")
def locked_layer(record):
    scene = Scene()
    scene.layer.set_lock_content(True)
    record.run(COLORIZE, scene.image, [scene.layer])


@case("mask/own")
def layer_with_a_mask(record):
    _masked(record, selection=None)


@case("mask/own-and-selection")
def layer_with_a_mask_and_a_selection(record):
    _masked(record, selection=(20, 10, 40, 30))


def _masked(record, selection):
    """The layer's own mask hides its right half."""
    scene = Scene(GRAY)
    scene.select(0, 0, SIZE[0] // 2, SIZE[1])
    mask = scene.layer.create_mask(Gimp.AddMaskType.SELECTION)
    scene.layer.add_mask(mask)
    Gimp.Selection.none(scene.image)
    if selection:
        scene.select(*selection)
    for new in record.run(COLORIZE, scene.image, [scene.layer]):
        record.dump("mask", new.get_mask(), "Y float")


@case("stack/grey-with-more-layers")
def grey_image_with_more_layers(record):
    scene = Scene(GRAY)
    scene.add_layer("other", (20, 20), alpha=True, position=0)
    record.run(COLORIZE, scene.image, [scene.layer])


@case("refused/indexed-colorize")
def indexed_colorize(record):
    _indexed(record, FILTERS["colorize"])


@case("refused/indexed-stylize")
def indexed_stylize(record):
    _indexed(record, FILTERS["stylize"])


def _indexed(record, procedure):
    scene = Scene()
    scene.image.convert_indexed(
        Gimp.ConvertDitherType.NONE, Gimp.ConvertPaletteType.GENERATE, 64, False, False, ""
    )
    record.run(procedure, scene.image, [scene.layer])


@case("refused/channel")
def channel(record):
    scene = Scene(GRAY)
    found = Gimp.Channel.new(scene.image, "channel", *SIZE, 50.0, Gimp.context_get_foreground())
    scene.image.insert_channel(found, None, 0)
    record.run(COLORIZE, scene.image, [found])


@case("refused/layer-mask")
def layer_mask(record):
    scene = Scene(GRAY)
    mask = scene.layer.create_mask(Gimp.AddMaskType.WHITE)
    scene.layer.add_mask(mask)
    record.run(COLORIZE, scene.image, [mask])


@case("refused/selection-mask")
def selection_mask(record):
    scene = Scene(GRAY)
    record.run(COLORIZE, scene.image, [scene.image.get_selection()])


@case("refused/floating")
def floating_selection(record):
    scene = Scene(GRAY)
    scene.select(10, 10, 30, 30)
    Gimp.Selection.float(scene.image, [scene.layer], 5, 5)
    record.run(COLORIZE, scene.image, [scene.layer])


@case("refused/two-layers")
def two_layers(record):
    scene = Scene(GRAY)
    other = scene.add_layer("other", SIZE)
    record.run(COLORIZE, scene.image, [scene.layer, other])


@case("refused/no-layer")
def no_layer(record):
    scene = Scene(GRAY)
    record.run(COLORIZE, scene.image, [])


def _odd_pictures():
    for task, procedure in FILTERS.items():
        for size in ((1, 1), (1, 20000), (20000, 1), (3, 2)):
            TABLE[f"size/{task}/{size[0]}x{size[1]}"] = _odd_size(procedure, size)
        TABLE["refused/transparent-" + task] = _transparent(procedure)
        for name in ("nan", "inf"):
            TABLE[f"refused/{name}-{task}"] = _not_finite(procedure, float(name))


def _odd_size(procedure, size):
    def run(record):
        scene = Scene(GRAY, size=size)
        record.run(procedure, scene.image, [scene.layer])

    return run


def _transparent(procedure):
    def run(record):
        scene = Scene(GRAY, alpha=True)
        scene.paint(bytes(SIZE[0] * SIZE[1] * 16))
        record.run(procedure, scene.image, [scene.layer])

    return run


def _not_finite(procedure, value):
    def run(record):
        scene = Scene(GRAY, Gimp.Precision.FLOAT_LINEAR)
        pixels = bytearray(photo(*SIZE))
        for pixel in (0, 777, SIZE[0] * SIZE[1] - 1):
            struct.pack_into("=fff", pixels, pixel * 16, value, value, value)
        scene.paint(bytes(pixels))
        record.run(procedure, scene.image, [scene.layer])

    return run


_odd_pictures()


def _faults():
    for name, fault in faults.FAULTS.items():
        TABLE["fault/" + name] = _with_fault(COLORIZE, fault)
    TABLE["fault/killed-colorize"] = _killed(FILTERS["colorize"])
    TABLE["fault/killed-stylize"] = _killed(FILTERS["stylize"])


def _with_fault(procedure, fault):
    def run(record):
        scene = Scene(GRAY)
        with fault():
            record.run(procedure, scene.image, [scene.layer])

    return run


def _killed(procedure):
    """The worker is killed once it has the whole picture. Tried again where it was faster."""

    def run(record):
        size = (2000, 1500)
        for _ in range(3):
            scene = Scene(GRAY, size=size)
            with faults.worker_killed(size[0] * size[1]) as killer:
                record.run(procedure, scene.image, [scene.layer])
            record.facts["killed"] = killer.done
            if killer.done:
                return

    return run


_faults()


@case("fault/after-all")
def after_all_faults(record):
    """Once everything is put back, the same layer is coloured: no fault left a trace."""
    scene = Scene(GRAY)
    record.run(COLORIZE, scene.image, [scene.layer])


@case("call/script-fu")
def by_script_fu(record):
    scene = Scene(GRAY)
    script = (
        f"({COLORIZE} #:run-mode RUN-NONINTERACTIVE #:image {scene.image.get_id()}"
        f" #:drawables (vector {scene.layer.get_id()}) #:strength 1.0)"
    )
    evaluate = Gimp.get_pdb().lookup_procedure("plug-in-script-fu-eval")
    config = evaluate.create_config()
    config.set_property("run-mode", Gimp.RunMode.NONINTERACTIVE)
    config.set_property("script", script)
    scene.image.clean_all()
    record.facts["before"] = image_facts(scene.image)
    record.facts.update(outcome(evaluate.run(config)))
    record.facts["after"] = image_facts(scene.image)
    record.dump("result", all_layers(scene.image)[0], FORMAT)


@case("call/python")
def by_python(record):
    scene = Scene(GRAY)
    for new in record.run(COLORIZE, scene.image, [scene.layer], strength=1.0):
        record.dump("result", new, FORMAT)


@case("call/last-values")
def with_last_values(record):
    scene = Scene(GRAY)
    mode = Gimp.RunMode.WITH_LAST_VALS
    for new in record.run(COLORIZE, scene.image, [scene.layer], run_mode=mode):
        record.dump("result", new, FORMAT)


def _strengths():
    for task, procedure in FILTERS.items():
        TABLE[f"strength/{task}/zero"] = _with_values(procedure, {"strength": 0.0})
    TABLE["strength/colorize/half"] = _with_values(COLORIZE, {"strength": 0.5})
    TABLE["strength/colorize/no-saturation"] = _with_values(COLORIZE, {"saturation": 0.0})
    TABLE["strength/colorize/full"] = _with_values(COLORIZE, {})


def _with_values(procedure, parameters):
    def run(record):
        scene = Scene(RGB, alpha=True)
        record.dump("source", scene.layer, FORMAT)
        for new in record.run(procedure, scene.image, [scene.layer], **parameters):
            record.dump("result", new, FORMAT)

    return run


_strengths()


@case("twice")
def on_its_own_result(record):
    """The new layer, with its mask, is itself a layer that the filter takes."""
    scene = Scene(GRAY)
    scene.select(20, 10, 40, 30)
    call(COLORIZE, scene.image, [scene.layer])
    record.run(FILTERS["stylize"], scene.image, [scene.image.get_layers()[0]])


def _files():
    """The same files are given to the command line; see test_headless.test_same_as_…"""
    for task, procedure in FILTERS.items():
        for name in ("photo8.png", "photo16.png", "grey8.png", "p3.png"):
            TABLE[f"file/{task}/{name}"] = _on_file(procedure, name)


def _on_file(procedure, name):
    def run(record):
        image, layer = load(name)
        record.dump("source", layer)
        for new in record.run(procedure, image, [layer]):
            record.dump("result", new)

    return run


_files()


TABLE.update({f"again/{name}": function for name, function in again.CASES.items()})
TABLE.update({f"output/{name}": function for name, function in outputs.CASES.items()})


@case("registered")
def registered(record):
    """What the PDB says of the filters, and that asking it starts no worker."""
    for task, procedure in FILTERS.items():
        found = Gimp.get_pdb().lookup_procedure(procedure)
        record.facts[task] = {
            "label": found.get_menu_label(),
            "paths": list(found.get_menu_paths()),
            "types": found.get_image_types(),
            "sensitivity": int(found.get_sensitivity_mask()),
            "blurb": found.get_blurb(),
            "arguments": {
                spec.name: [spec.value_type.name, spec.get_default_value()]
                for spec in found.get_arguments()
                if spec.value_type.name in ("gdouble", "gchararray", "GimpChoice", "gboolean")
            },
        }


@case("workers-left")
def workers_left(record):
    """How many workers are still there a while after the last run."""
    deadline = time.monotonic() + 10
    while processes.find_worker() and time.monotonic() < deadline:
        time.sleep(0.05)
    record.facts["workers"] = int(bool(processes.find_worker()))
