"""Every case that is run in a headless GIMP, by name: "<kind>/<filter or detail>/...".

A case is a function of a Record. What must be true of its facts stands in
tests/gimp/test_results.py, in the test of the same kind.
"""

import again
import frames
import hints
import outputs
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
    # letters are line art to the detector; as a photograph they give one layer
    record.run(COLORIZE, scene.image, [text], model="photo-v2")


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
    """The same files are given to the command line; see test_same_as_command_line.py"""
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
TABLE.update({f"frames/{name}": function for name, function in frames.CASES.items()})
TABLE.update({f"output/{name}": function for name, function in outputs.CASES.items()})
TABLE.update({f"hints/{name}": function for name, function in hints.CASES.items()})


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
