"""Cases that must be refused and leave everything as it was; a case is as in cases.py.

What must be true of their facts stands in tests/gimp/test_refusals.py.
"""

import struct
import time

import faults
import processes
from cases import COLORIZE, FILTERS, TABLE, case
from scene import GRAY, SIZE, Gimp, Scene, photo


@case("selection-elsewhere")
def selection_elsewhere(record):
    scene = Scene(GRAY, size=(30, 30), canvas=SIZE)
    scene.select(60, 40, 20, 20)
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


@case("workers-left")
def workers_left(record):
    """How many workers are still there a while after the last run."""
    deadline = time.monotonic() + 10
    while processes.find_worker() and time.monotonic() < deadline:
        time.sleep(0.05)
    record.facts["workers"] = int(bool(processes.find_worker()))
