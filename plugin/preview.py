# -*- coding: utf-8 -*-
"""A preview: how large it is, and what is said of it and of a result. No GIMP and no GTK here."""

import math
from collections import namedtuple

from plugin.translation import look_up, tr

SIDE = 512
"""Longer side of a preview in pixels; a filter's work on it takes a fraction of a second."""

MARGIN = 64
"""Pixels around what is seen that are computed, too: a network looks at what lies beside."""

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


Part = namedtuple("Part", "x y width height size")
"""A part of a layer, in pixels of the layer reduced to size, which is (width, height)."""


def part_of(layer, seen, zoom):
    """What is to be computed at a better resolution than the preview's.

    Args:
        layer: (width, height).
        seen: (left, top, right, bottom) of what the user sees, in the preview's pixels.
        zoom: pixels of the screen for one of the preview's.

    Returns:
        Part, with a margin; None where the preview itself is as good.
    """
    small = preview_scale(*layer)
    scale = min(1.0, small * zoom)
    if scale <= 1.01 * small:
        return None
    size = tuple(max(1, int(round(side * scale))) for side in layer)
    left, top, right, bottom = (edge * scale / small for edge in seen)
    x, y = (max(0, int(math.floor(edge)) - MARGIN) for edge in (left, top))
    right, bottom = (
        min(side, int(math.ceil(edge)) + MARGIN)
        for side, edge in zip(size, (right, bottom))  # noqa: B905  Python 2.7
    )
    return Part(x, y, right - x, bottom - y, size)


def holds(part, other):
    """Whether all that one part shows, without its margin, lies in another of that resolution."""
    if part is None or other is None or part.size != other.size:
        return part is other
    for axis in (0, 1):
        start, length, end = other[axis], other[axis + 2], other.size[axis]
        first = start + MARGIN if start else 0
        last = start + length - (0 if start + length == end else MARGIN)
        if first < part[axis] or last > part[axis] + part[axis + 2]:
            return False
    return True


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


def part_sentence(task, layer, part, report):
    """What a part of a layer of size (width, height), as the worker reports of it, leaves open."""
    if part.size == tuple(layer):
        said = [tr(u"What you see is at the layer's own resolution.")]
    else:
        percent = round(100.0 * part.size[0] / layer[0])
        said = [tr(u"What you see is at %d %% of the layer's resolution.") % percent]
    if task != "stylize":
        said.append(tr(u"The result's colors are the same but for small shifts."))
    elif report.get("finer"):
        said.append(tr(u"Brush strokes are finer in the result."))
    else:
        said.append(tr(u"Brush strokes are as in the result; tones may differ a little."))
    return u" ".join(said)


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
        report: the worker's, of core/worker/service.py.
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
