# -*- coding: utf-8 -*-
"""A preview: how large it is, and what is said of it and of a result. No GIMP and no GTK here."""

from plugin.translation import look_up, tr

SIDE = 512
"""Longer side of a preview in pixels; a filter's work on it takes a fraction of a second."""

LEAST_SIDE = 8
"""What the engine needs on each side (core.image.MINIMUM_SIDE)."""

COLORED_FROM = 0.02
"""Share of pixels with a color of their own from which on a layer counts as colored."""

DEVICE_NAMES = {
    u"CPUExecutionProvider": tr(u"the processor (CPU)"),
    u"WebGpuExecutionProvider": tr(u"the graphics device (WebGPU)"),
    u"CUDAExecutionProvider": tr(u"the NVIDIA graphics device (CUDA)"),
    u"MIGraphXExecutionProvider": tr(u"the AMD graphics device (MIGraphX)"),
    u"OpenVINOExecutionProvider": u"OpenVINO",
}
_CPU = u"CPUExecutionProvider"


def preview_scale(width, height):
    """How much a layer of that size is reduced for its preview, 0..1."""
    scale = min(1.0, float(SIDE) / max(width, height))
    return min(1.0, max(scale, float(LEAST_SIDE) / min(width, height)))


def preview_size(width, height):
    """(width, height) of the preview of a layer of that size."""
    scale = preview_scale(width, height)
    return max(1, int(round(width * scale))), max(1, int(round(height * scale)))


def as_rgb(pixels, alpha):
    """u8 pixels Y' or Y'A as R'G'B' or R'G'B'A."""
    step = 2 if alpha else 1
    gray = pixels[::step]
    result = bytearray(len(gray) * (step + 2))
    for channel in range(3):
        result[channel :: step + 2] = gray
    if alpha:
        result[3::4] = pixels[1::2]
    return bytes(result)


def is_colored(report):
    """Whether the worker's report says that the layer has colors of its own already."""
    return report.get("colored", 0.0) >= COLORED_FROM


def size_sentence(task, layer, small):
    """What a preview of size small tells about a layer, both (width, height); "" for all of it."""
    if layer == small:
        return u""
    sizes = tr(u"Preview at %d \u00d7 %d of %d \u00d7 %d pixels.") % (small + layer)
    if task == "stylize":
        return sizes + u" " + tr(u"Brush strokes are finer in the result.")
    return sizes + u" " + tr(u"The result's colors are the same but for small shifts.")


def result_sentence(name, report):
    """What is said after a run of a filter of that name; one line, for GIMP's status bar."""
    provider = report.get("provider", u"")
    device = DEVICE_NAMES.get(provider, provider)
    said = tr(u"%s took %.1f s on %s.") % (name, report.get("seconds", 0.0), device)
    if is_recolored(report):
        said += u" " + tr(u"The layer was in color already.")
    return u" ".join([said] + notes_of(report))


def is_recolored(report):
    """Whether a picture that is no sketch had colors of its own already."""
    return report.get("kind") != "sketch" and is_colored(report)


def notes_of(report):
    """What the worker wants the user to know of how it worked: list of sentences."""
    return [look_up(said) for said in report.get("notes", [])]


def device_sentence(report, device):
    """Where the model ran, for how long, and why not on the graphics device.

    Args:
        report: the worker's, of core/service.py.
        device: what was asked for, one of plugin.filters.DEVICES.
    """
    provider = report.get("provider", u"")
    seconds = report.get("seconds", 0.0)
    ran = tr(u"Ran on %s in %.2f s.") % (DEVICE_NAMES.get(provider, provider), seconds)
    ran = u" ".join([ran] + notes_of(report))
    if report.get("reason"):
        return u"%s %s" % (ran, look_up(report["reason"]))
    if provider == _CPU and device == "auto":
        hint = tr(u"No graphics acceleration is installed (install.py --accelerator webgpu).")
        return u"%s %s" % (ran, hint)
    return ran
