"""Cases of "Run Again": a layer made anew in its place, from what it knows of itself."""

import os

from scene import FORMAT, GRAY, OUTPUT, Gimp, Gio, Scene, layer_facts

COLORIZE, AGAIN = "limner-auto-colorize", "limner-run-again"


def note_of(layer):
    """The text of a layer's note; empty where it has none."""
    parasite = layer.get_parasite("limner")
    return bytes(parasite.get_data()).decode() if parasite else ""


def made(record, **parameters):
    """A scene with a coloured layer in it, and that layer; its pixels are kept as "first"."""
    scene = Scene(GRAY)
    (layer,) = record.run(COLORIZE, scene.image, [scene.layer], **parameters)
    record.facts["note"] = note_of(layer)
    record.dump("first", layer, FORMAT)
    return scene, layer


def in_place(record):
    """Mask, mode and opacity are the user's; the settings are the layer's own."""
    scene, layer = made(record, strength=0.5, saturation=1.5)
    scene.select(10, 10, 30, 20)
    layer.add_mask(layer.create_mask(Gimp.AddMaskType.SELECTION))
    layer.set_opacity(40)
    layer.set_mode(Gimp.LayerMode.HSL_COLOR)
    record.facts["old"] = dict(layer_facts(layer), mode=layer.get_mode().value_nick)
    record.dump("old-mask", layer.get_mask(), "Y float")
    for new in record.run(AGAIN, scene.image, [layer]):
        record.facts["new"] = [dict(layer_facts(new), mode=new.get_mode().value_nick)]
        record.facts["second-note"] = note_of(new)
        record.dump("second", new, FORMAT)
        record.dump("new-mask", new.get_mask(), "Y float")


def reopened(record):
    """The same from a file that was saved and opened."""
    scene, _ = made(record)
    file = Gio.File.new_for_path(os.path.join(OUTPUT, "again.xcf"))
    Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, scene.image, file, None)
    image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, file)
    for new in record.run(AGAIN, image, [image.get_layers()[0]]):
        record.dump("second", new, FORMAT)


def by_its_mask(record):
    """The layer's mask is what is worked on, as after a click on its thumbnail."""
    scene = Scene(GRAY)
    scene.select(10, 10, 30, 20)
    (layer,) = record.run(COLORIZE, scene.image, [scene.layer])
    record.facts["layer-is-worked-on"] = not layer.get_edit_mask()
    record.run(AGAIN, scene.image, [layer.get_mask()])


def source_gone(record):
    scene, layer = made(record)
    scene.image.remove_layer(scene.layer)
    record.run(AGAIN, scene.image, [layer])


def not_ours(record):
    scene = Scene()
    record.run(AGAIN, scene.image, [scene.layer])


def strange_note(record):
    scene = Scene()
    parasite = Gimp.Parasite.new("limner", 1, b'{"schema": 1, "filter": "file-png-export"}')
    scene.layer.attach_parasite(parasite)
    record.run(AGAIN, scene.image, [scene.layer])


CASES = {
    "in-place": in_place,
    "reopened": reopened,
    "by-its-mask": by_its_mask,
    "source-gone": source_gone,
    "not-ours": not_ours,
    "strange-note": strange_note,
}
