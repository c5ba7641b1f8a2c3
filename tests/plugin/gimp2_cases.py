"""What GIMP 2.10's side does, case by case; run by test_gimp2.py under a real Python 2.7.

    python2.7 gimp2_cases.py CASE FOLDER

FOLDER is laid out as installed: limner.py, plugin/, core/, installation.json. Each case runs in
a process of its own, since a GIMP plug-in does too.
"""

import json
import os
import runpy
import struct
import sys

import gimp
import gimpfu

COLORIZE, STYLE = "python-fu-limner-auto-colorize", "python-fu-limner-apply-style"
NONINTERACTIVE = gimpfu.RUN_NONINTERACTIVE
NO_HINTS = (0, None, "", 0, None)  # use-hint, hint, dabs, use-reference, reference
SKETCH = (0.5, 0, "leave", 0, 1)  # strictness, flats, unhinted, seed, variants
VALUES = ("default",) + NO_HINTS + (1.0, 1.0) + SKETCH + ("auto", False)
STYLE_VALUES = ("waves", 0, None, "", 1.0, 0.0, 0.0, 0, "auto", False)
PARAMS = {"strictness": 0.5, "flats": False, "unhinted": "leave", "seed": 0, "variants": 1}
U8, U16, FLOAT, FLOAT_LINEAR, U8_LINEAR, U32 = 150, 250, 650, 600, 100, 350

FOLDER = sys.argv[2]


def start():
    """What GIMP does with the script."""
    script = os.path.join(FOLDER, "limner.py")
    runpy.run_path(script, run_name="__main__")
    gimp.query()


def behave(behaviour):
    with open(os.path.join(FOLDER, "behaviour"), "w") as stream:
        stream.write(behaviour)


def new_image(pixels, kind=0, width=2, precision=U8, offsets=(0, 0), size=None):
    """An image with one layer; kind: GimpImageType; pixels: packed, as the precision has them."""
    channels = {0: 3, 1: 4, 2: 1, 3: 2, 4: 1}[kind]
    depth = {U8: 1, U8_LINEAR: 1, U16: 2}.get(precision, 4)
    height = len(pixels) // (width * channels * depth)
    base = {0: 0, 1: 0, 2: 1, 3: 1, 4: 2}[kind]
    image = gimp.Image(*(size or (width, height)), base_type=base, precision=precision)
    layer = gimp.Layer(image, "source", width, height, kind)
    layer.pixels = bytearray(pixels)
    layer.offsets = offsets
    image.layers.append(layer)
    return image, layer


RED_BLUE = b"\xff\x00\x00\x00\x00\xff"
CYAN_YELLOW = b"\x00\xff\xff\xff\xff\x00"


def run(image, layer, *values, **how):
    return gimp.call(how.get("name", COLORIZE), NONINTERACTIVE, image, layer, *(values or VALUES))


def assert_untouched(image, layers=1, base=0):
    assert len(image.layers) == layers and image.base_type == base, image.layers
    assert image.undo_steps == 0 and image.changes == []
    assert_no_image_left(image)


def assert_no_image_left(image):
    assert [other for other in gimp.images if not other.deleted] == [image]


def last_error():
    return gimp.errors[-1].strip().split("\n")[-1]


def case_it_registers_both_filters():
    start()
    assert sorted(gimp.installed) == [STYLE, COLORIZE]
    entry = gimp.installed[COLORIZE]
    assert entry["menu"] == "<Image>/Filters/Limner" and entry["types"] == "RGB*, GRAY*"
    assert entry["label"] == "_Auto Colorize\xe2\x80\xa6"
    names = [parameter[1] for parameter in entry["params"]]
    assert " ".join(names) == (
        "image drawable model use-hint hint dabs use-reference reference strength saturation"
        " strictness flats unhinted seed variants device frames"
    )
    models = entry["params"][2]
    assert models[3] == "default"
    offered = (("Default (Photographs)", "default"), ("Photographs", "photo"), ("Old", "old"))
    assert models[4] == offered
    assert gimp.installed[STYLE]["params"][2][4][1] == ("M\xc3\xa4rchen", "waves")


def case_a_color_layer():
    start()
    image, layer = new_image(RED_BLUE)
    assert run(image, layer) == "success"
    result = image.layers[0]
    assert [each.name for each in image.layers] == ["Auto Colorize", "source"]
    assert bytes(result.pixels) == CYAN_YELLOW and bytes(layer.pixels) == RED_BLUE
    assert image.undo_steps == 1 and result.mask is None
    assert_no_image_left(image)
    assert gimp.tile_cache, "row by row reads are slow without a tile cache"


def case_the_style_stands_in_the_name():
    start()
    image, layer = new_image(RED_BLUE)
    assert run(image, layer, *STYLE_VALUES, name=STYLE) == "success"
    assert image.layers[0].name == "Apply Style (M\xc3\xa4rchen)"


def case_a_gray_layer_becomes_color_last():
    start()
    image, layer = new_image(b"\x10\x80\x20\xff", kind=3)
    assert run(image, layer) == "success"
    assert image.changes == ["to rgb", "insert"] and image.base_type == 0
    assert bytes(image.layers[0].pixels) == b"\x10\xef\x10\x80\x20\xdf\x20\xff"
    assert image.undo_steps == 1
    assert_no_image_left(image)


def case_a_16_bit_layer_keeps_its_levels():
    behave("echo")
    start()
    pixels = struct.pack("=6H", 1, 2, 300, 65535, 40000, 7)
    image, layer = new_image(pixels, precision=U16)
    assert run(image, layer) == "success"
    assert bytes(image.layers[0].pixels) == pixels


def case_a_float_layer_keeps_its_values():
    behave("echo")
    start()
    pixels = struct.pack("=6f", 0.1, -0.5, 1.5, 1e-6, 0.25, 0.0)
    image, layer = new_image(pixels, precision=FLOAT)
    assert run(image, layer) == "success"
    assert bytes(image.layers[0].pixels) == pixels


def case_a_linear_float_layer_travels_encoded_and_comes_back_linear():
    behave("echo")
    start()
    values = (0.0, 0.001, 0.02, 0.2, 0.5, 1.0)
    image, layer = new_image(struct.pack("=6f", *values), precision=FLOAT_LINEAR)
    assert run(image, layer) == "success"
    assert image.precision == FLOAT_LINEAR
    with open(os.path.join(FOLDER, "received"), "rb") as stream:
        encoded = struct.unpack("=6f", stream.read())
    assert abs(encoded[4] - 0.7353570) < 1e-5  # sRGB of 0.5, IEC 61966-2-1
    result = struct.unpack("=6f", bytes(image.layers[0].pixels))
    assert max(abs(result[n] - values[n]) for n in range(6)) < 1e-6
    assert_no_image_left(image)


def case_other_precisions_come_back_in_their_own():
    behave("echo")
    for precision, pixels in ((U8_LINEAR, bytearray(range(6))), (U32, bytearray(range(24)))):
        start()
        image, layer = new_image(pixels, precision=precision)
        assert run(image, layer) == "success"
        result = image.layers[0]
        assert result.image is image and len(result.pixels) == len(pixels)
        assert precision == U32 or result.pixels == pixels
        image.deleted = True


def case_a_layer_taller_than_a_strip():
    start()
    pixels = bytes(bytearray(n % 251 for n in range(3 * 600)))
    image, layer = new_image(pixels, width=1)
    assert run(image, layer) == "success"
    assert image.layers[0].pixels == bytearray(255 - value for value in bytearray(pixels))


def case_the_selection_becomes_the_mask_at_the_layers_place():
    start()
    image, layer = new_image(RED_BLUE * 2, offsets=(-1, 1), size=(3, 2))
    image.selection = [[0, 0, 0], [128, 255, 0]]
    assert run(image, layer) == "success"
    result = image.layers[0]
    assert result.offsets == (-1, 1)
    assert result.mask.values == [0, 128, 0, 0]


def case_the_source_layers_own_mask_goes_on_hiding():
    start()
    image, layer = new_image(RED_BLUE)
    layer.mask = gimp.Channel(image, "mask", 2, 1, 2)
    layer.mask.values = [0, 200]
    assert run(image, layer) == "success"
    assert image.layers[0].mask.values == [0, 200]


def case_a_layer_in_a_group_gets_its_result_there():
    start()
    image, layer = new_image(RED_BLUE)
    group = gimp.Layer(image, "group", 2, 1, 0)
    group.children, group.is_group = [layer], True
    layer.parent, image.layers = group, [group]
    assert run(image, layer) == "success"
    assert [each.name for each in group.children] == ["Auto Colorize", "source"]


def case_locked_layers_and_groups_are_only_read():
    for locked in ("locked", "is_group"):
        start()
        image, layer = new_image(RED_BLUE)
        setattr(layer, locked, True)
        assert run(image, layer) == "success"
        assert bytes(image.layers[0].pixels) == CYAN_YELLOW
        image.deleted = True


FRAMES = VALUES[:-1] + (True,)


def animation(*frames, **how):
    """An image of several layers, the first frame lowest, and that frame."""
    image, layer = new_image(frames[0], **how)
    layer.name = "first (100ms)"
    for pixels in frames[1:]:
        other, above = new_image(pixels, **how)
        other.deleted = True
        above.image, above.name = image, "next (80ms)"
        image.layers.insert(0, above)
    return image, layer


def case_all_layers_as_frames_are_replaced_in_one_step():
    start()
    image, layer = animation(b"\x10\x20", b"\x30\x40", kind=2)
    image.layers[0].mode, image.layers[0].opacity, image.layers[1].visible = 5, 40.0, False
    mask = image.layers[0].mask = gimp.Channel(image, "mask", 2, 1, 2)
    mask.values = [0, 200]
    assert run(image, layer, *FRAMES) == "success"
    above, below = image.layers
    assert bytes(below.pixels) == b"\x10\xef\x10\x20\xdf\x20"
    assert bytes(above.pixels) == b"\x30\xcf\x30\x40\xbf\x40"
    assert [each.name for each in image.layers] == ["next (80ms)", "first (100ms)"]
    assert (above.mode, above.opacity, above.visible, below.visible) == (5, 40.0, True, False)
    assert above.mask.values == [0, 200]
    assert image.base_type == 0 and image.undo_steps == 1
    assert_no_image_left(image)


def case_the_worker_sees_the_frames_one_below_the_other():
    behave("echo")
    start()
    image, layer = animation(RED_BLUE, CYAN_YELLOW)
    assert run(image, layer, *FRAMES) == "success"
    assert_request(frames=2, picture={"width": 2, "height": 2, "format": "R'G'B' u8"})
    with open(os.path.join(FOLDER, "received"), "rb") as stream:
        assert stream.read() == RED_BLUE + CYAN_YELLOW


def case_frames_that_cannot_be_replaced_are_refused_in_words():
    for locked, words in (("locked", "are locked"), ("is_group", "no pixels of its own")):
        start()
        image, layer = animation(RED_BLUE, CYAN_YELLOW)
        setattr(image.layers[0], locked, True)
        assert run(image, layer, *FRAMES) == "execution error" and words in last_error()
        assert_untouched(image, layers=2)
        image.deleted = True
    image, layer = animation(RED_BLUE, CYAN_YELLOW)
    image.selection = [[255, 255]]
    assert run(image, layer, *FRAMES) == "execution error" and "Select > None" in last_error()
    image.selection = None
    image.layers[0].height, image.layers[0].pixels = 2, bytearray(12)
    assert run(image, layer, *FRAMES) == "execution error" and "Unoptimize" in last_error()
    assert_untouched(image, layers=2)


def case_a_worker_that_dies_over_frames_changes_nothing():
    for behaviour in ("dies_in_mid_run", "dies_in_mid_result"):
        behave(behaviour)
        start()
        image, layer = animation(b"\x10\x20", b"\x30\x40", kind=2)
        assert run(image, layer, *FRAMES) == "execution error"
        assert_untouched(image, layers=2, base=1)
        image.deleted = True


def with_values(**given):
    """The filter's values with some of them changed, by name."""
    names = [parameter[1] for parameter in gimp.installed[COLORIZE]["params"][2:]]
    return [given.get(name.replace("-", "_"), VALUES[n]) for n, name in enumerate(names)]


def case_a_hint_layer_goes_along_at_its_place():
    behave("echo")
    start()
    image, layer = new_image(RED_BLUE * 2, offsets=(1, 1), size=(4, 4))
    hint = gimp.Layer(image, "hints", 4, 4, 1)
    hint.pixels[4 * 6 : 4 * 6 + 4] = b"\x01\x02\x03\xff"  # canvas (2, 1), on the layer (1, 0)
    image.layers.insert(0, hint)
    assert run(image, layer, *with_values(use_hint=1, hint=hint)) == "success"
    place = {"role": "hint", "x": 0, "y": 0, "width": 2, "height": 2, "format": "R'G'B'A u8"}
    assert_request(others=[place])
    with open(os.path.join(FOLDER, "received"), "rb") as stream:
        data = stream.read()
    assert data[12:] == b"\0" * 4 + b"\x01\x02\x03\xff" + b"\0" * 8
    assert_no_image_left(image)


def case_a_gray_reference_of_another_image_goes_along_in_color():
    behave("echo")
    start()
    image, layer = new_image(RED_BLUE)
    other, reference = new_image(b"\x10\x20\x30", kind=2, width=3)
    assert run(image, layer, *with_values(use_reference=1, reference=reference)) == "success"
    with open(os.path.join(FOLDER, "received"), "rb") as stream:
        data = stream.read()
    assert data[6:] == b"\x10\x10\x10\xff\x20\x20\x20\xff\x30\x30\x30\xff"
    assert len(other.layers) == 1 and other.changes == []


def case_the_source_as_its_own_hint_is_refused():
    start()
    image, layer = new_image(RED_BLUE)
    assert run(image, layer, *with_values(use_hint=1, hint=layer)) == "execution error"
    assert "Choose another hint layer" in last_error()
    assert_untouched(image)


def case_dabs_are_painted_into_the_hint():
    behave("echo")
    start()
    image, layer = new_image(RED_BLUE)
    assert run(image, layer, *with_values(dabs="0,0,#0a0b0c")) == "success"
    with open(os.path.join(FOLDER, "received"), "rb") as stream:
        assert stream.read()[6:] == b"\x0a\x0b\x0c\xff" * 2
    assert run(image, layer, *with_values(dabs="red")) == "execution error"
    assert "x,y,#rrggbb" in last_error()


def case_a_style_picture_is_named_to_the_worker():
    behave("echo")
    start()
    image, layer = new_image(RED_BLUE)
    values = ("own",) + STYLE_VALUES[1:3] + ("/pictures/M\xc3\xa4rz.png",) + STYLE_VALUES[4:]
    assert run(image, layer, *values, name=STYLE) == "success"
    with open(os.path.join(FOLDER, "request.json")) as stream:
        params = json.load(stream)["params"]
    (style,) = params["styles"]
    assert style["path"].encode("utf-8") == values[3] and style["weight"] == 1.0
    assert params["brush_size"] == 0.0 and params["colorize"] is False


def case_a_sketch_becomes_a_group():
    behave("layers")
    start()
    image, layer = new_image(RED_BLUE, offsets=(1, 0), size=(3, 1))
    image.selection = [[0, 255, 0]]
    assert run(image, layer) == "success"
    group, source = image.layers
    assert source is layer and group.name == "Auto Colorize"
    assert [each.name for each in group.children] == ["Lines", "Colors", "Flats"]
    assert [each.visible for each in group.children] == [True, True, False]
    assert group.children[0].composite_space == gimpfu.LAYER_COLOR_SPACE_RGB_PERCEPTUAL
    assert all(bytes(each.pixels) == CYAN_YELLOW for each in group.children)
    assert all(each.offsets == (1, 0) for each in group.children)
    assert image.undo_steps == 1
    assert_no_image_left(image)


def case_what_cannot_be_worked_on_is_refused_in_words():
    start()
    image, layer = new_image(b"\x00\x01", kind=4)
    assert run(image, layer) == "execution error"
    assert "Image > Mode > RGB" in last_error()
    assert_untouched(image, base=2)
    image.deleted = True

    image, layer = new_image(RED_BLUE)
    image.floating = layer
    assert run(image, layer) == "execution error" and "Anchor it first." in last_error()
    image.floating, image.selection = None, [[0, 0]]
    assert run(image, layer) == "execution error" and "does not touch" in last_error()
    image.selection = None
    mask = gimp.Channel(image, "mask", 2, 1, 2)
    assert run(image, mask) == "execution error" and "layer mask" in last_error()
    mask.is_layer_mask = False
    assert run(image, mask) == "execution error" and "channel" in last_error()
    assert_untouched(image)


def case_a_worker_that_dies_changes_nothing():
    for behaviour in ("dies_in_mid_run", "dies_in_mid_result", "dies_at_start", "other_version"):
        behave(behaviour)
        start()
        image, layer = new_image(b"\x10\x20", kind=2)
        assert run(image, layer) == "execution error"
        assert "FilterError: Limner's" in last_error()
        assert_untouched(image, base=1)
        assert gimp.messages == [], "a script's caller reads the status, not a popup"
        image.deleted = True


def case_a_failure_in_the_menu_is_one_popup_and_no_traceback():
    behave("fails")
    start()
    gimpfu.dialog = lambda shown: shown
    image, layer = new_image(RED_BLUE)
    status = gimp.call(COLORIZE, gimpfu.RUN_INTERACTIVE, image, layer)
    assert status == "execution error"
    assert gimp.messages == ["The model is damaged. Do this."]
    assert gimpfu.traceback_dialogs == []
    assert_untouched(image)


def case_the_dialog_runs_with_what_was_chosen():
    behave("echo")
    start()
    shown = []
    chosen = ("old",) + NO_HINTS + (0.5, 2.0) + SKETCH + ("cpu", False)
    gimpfu.dialog = lambda values: shown.append(values) or list(chosen)
    image, layer = new_image(RED_BLUE)
    assert gimp.call(COLORIZE, gimpfu.RUN_INTERACTIVE, image, layer) == "success"
    assert shown == [list(VALUES)]
    assert_request(model="old", device="cpu", params=dict(PARAMS, strength=0.5, saturation=2.0))
    assert gimp.call(COLORIZE, gimpfu.RUN_WITH_LAST_VALS, image, layer) == "success"
    assert_request(model="old", device="cpu", params=dict(PARAMS, strength=0.5, saturation=2.0))
    assert len(image.layers) == 3


def assert_request(**wanted):
    with open(os.path.join(FOLDER, "request.json")) as stream:
        request = json.load(stream)
    os.remove(stream.name)
    assert {name: request[name] for name in wanted} == wanted, request


def case_a_cancelled_dialog_does_nothing():
    start()
    gimpfu.dialog = lambda shown: None
    image, layer = new_image(RED_BLUE)
    gimp.call(COLORIZE, gimpfu.RUN_INTERACTIVE, image, layer)
    assert_untouched(image)
    assert gimp.messages == [] and gimp.errors == []


def case_repeating_before_anything_was_saved_takes_the_defaults():
    start()
    image, layer = new_image(RED_BLUE)
    assert gimp.call(COLORIZE, gimpfu.RUN_WITH_LAST_VALS, image, layer) == "success"
    assert bytes(image.layers[0].pixels) == CYAN_YELLOW


def case_a_saved_model_that_is_gone_gives_way_to_the_default():
    start()
    image, layer = new_image(RED_BLUE)
    gimpfu._set_defaults(COLORIZE, (image, layer, "gone") + VALUES[1:])
    gimpfu.dialog = lambda shown: shown
    assert gimp.call(COLORIZE, gimpfu.RUN_INTERACTIVE, image, layer) == "success"


def case_the_default_model_is_the_one_that_is_marked():
    behave("echo")
    start()
    image, layer = new_image(RED_BLUE)
    assert run(image, layer) == "success"
    assert_request(model="photo", params=dict(PARAMS, strength=1.0, saturation=1.0))


def case_a_script_that_names_a_missing_model_is_told():
    start()
    image, layer = new_image(RED_BLUE)
    assert run(image, layer, "nonsense", *VALUES[1:]) == "execution error"
    assert "The model 'nonsense' is not installed. Run install.py again." in last_error()


def case_without_a_record_the_filters_are_there_and_say_why():
    os.remove(os.path.join(FOLDER, "installation.json"))
    start()
    assert len(gimp.installed) == 2
    gimpfu.dialog = lambda shown: shown
    image, layer = new_image(RED_BLUE)
    assert gimp.call(COLORIZE, gimpfu.RUN_INTERACTIVE, image, layer) == "execution error"
    (message,) = gimp.messages
    assert "Limner is not completely installed" in message and "install.py" in message
    assert_untouched(image)


def case_without_a_file_the_filters_are_there_and_say_why():
    os.remove(os.path.join(FOLDER, "core", "protocol.py"))
    start()
    assert len(gimp.installed) == 2
    image, layer = new_image(RED_BLUE)
    assert run(image, layer) == "execution error"
    assert "A file of Limner is missing" in last_error() and "install.py" in last_error()


def case_a_fallback_is_told():
    behave("fallback")
    start()
    image, layer = new_image(RED_BLUE)
    assert run(image, layer) == "success"
    assert gimp.messages == ["Limner ran on CPU: No graphics device was found \xe2\x80\xa6"]


def case_every_module_imports():
    sys.path.insert(0, FOLDER)
    names = "errors filters frames host installation others process run stack words worker"
    for name in names.split():
        __import__("plugin." + name)
    __import__("plugin.gimp2.front_end")
    __import__("plugin.gimp2.host")
    assert "gi" not in sys.modules


if __name__ == "__main__":
    try:
        globals()[sys.argv[1]]()
    except AssertionError:
        sys.stderr.write("\n".join(gimp.errors + gimp.messages))
        raise
