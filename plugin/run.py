# -*- coding: utf-8 -*-
"""One run of one filter, told once for every GIMP.

The order is the promise: everything that can fail or be cancelled comes before the undo group,
so that a run that ends early leaves the image as it was. Pixels pass through in strips; the
plug-in never holds a whole picture.
"""

import time

from plugin.errors import ProtocolMismatch, Unsupported
from plugin.note import make_note
from plugin.translation import tr

STRIP_ROWS = 256

COLOR_OF = {u"Y'": u"R'G'B'", u"Y'A": u"R'G'B'A"}

# Shares of the progress bar: pixels to the worker, the worker's own work, pixels back.
SENT, WORKED = 0.05, 0.95

TOLD_AFTER_S, TOLD_FROM = 2.0, 0.05  # before these, the time left would be guessed


def run(host, worker, chosen, values, model=None, version=u""):
    """Run a filter on the host's layer and show the result above it.

    Args:
        host: a plugin.host.Host.
        worker: a plugin.worker.Worker, started or not.
        chosen: the plugin.filters.Filter.
        values: its parameters by name, as the user chose them.
        model: the plugin.installation.Model that "model" means; None for the worker's default.
        version: of Limner, for the layer's note.

    Returns:
        The worker's report, a dict: provider, and reason where it is not the one asked for.

    Raises:
        PluginError: nothing was changed.
    """
    refuse_unsupported(host.source())
    output = values.get("output", u"layer")
    host.refuse_output(output)
    picture = host.picture()
    name = chosen.layer_name.format(model=model.title if model else u"")

    started = time.time()

    def worked(fraction, text):
        text = with_time_left(text, fraction, time.time() - started)
        host.progress(SENT + (WORKED - SENT) * min(max(fraction, 0.0), 1.0), text)

    host.progress(0.0, chosen.undo)
    request = make_request(chosen, dict(values, model=model.id if model else u""), picture)
    request.update(host.request_fields())
    result = worker.ask(request, strips_of(host, picture), worked)
    check_result(result.picture, picture)
    draft = host.new_draft(name, result.picture)
    try:
        receive(host, draft, result)
        source = host.source_number()
        draft.keep_note(make_note(chosen, values, result.report, version, source))
        refuse_changed(host)
        host.refuse_output(output)
        with host.undo_group(chosen.undo):
            host.insert(draft, output)
    finally:
        draft.discard()
    host.progress(1.0, chosen.undo)
    tell_fallback(host, result.report)
    return result.report


def with_time_left(text, fraction, elapsed):
    """What the progress bar says; how long it will take once that can be told, in seconds."""
    if elapsed < TOLD_AFTER_S or fraction < TOLD_FROM:
        return text
    left = elapsed * (1.0 - fraction) / fraction
    return tr(u"%s (%d s left)") % (text, max(1, int(round(left))))


def refuse_unsupported(source):
    """Raise Unsupported where the filter cannot work on a plugin.host.Source."""
    if source.drawables != 1:
        raise Unsupported(
            tr(u"Limner works on one layer at a time; %d are selected.") % source.drawables,
            tr(u"Click one layer in the Layers dialog."),
        )
    if source.kind == "mask":
        raise Unsupported(
            tr(u"Limner works on layers; this is a layer mask."),
            tr(u"Click the layer's own thumbnail in the Layers dialog."),
        )
    if source.kind != "layer":
        raise Unsupported(
            tr(u"Limner works on layers; this is a channel."),
            tr(u"Click a layer in the Layers dialog."),
        )
    if source.base == "indexed":
        raise Unsupported(
            tr(u"An indexed image has too few colors for the result."),
            tr(u"Choose Image > Mode > RGB first."),
        )
    if source.floating:
        raise Unsupported(tr(u"The image has a floating selection."), tr(u"Anchor it first."))
    if source.selection == "outside":
        raise Unsupported(
            tr(u"The selection does not touch this layer."),
            tr(u"Choose Select > None, or select a part of the layer."),
        )


def refuse_changed(host):
    """Raise Unsupported where the image was changed in mid-run so that the result fits no more."""
    if not host.alive():
        raise Unsupported(
            tr(u"The layer was removed or resized while Limner worked; nothing was added."),
            tr(u"Try again."),
        )
    refuse_unsupported(host.source())


def make_request(chosen, values, picture):
    """The request of core/protocol.py for one run."""
    numbers = [p.name for p in chosen.parameters if p.kind == "number"]
    return {
        "kind": "request",
        "id": 1,
        "filter": chosen.task,
        "model": values.get("model", u""),
        "device": values.get("device", u"auto"),
        "params": {name: float(values[name]) for name in numbers if name in values},
        "picture": picture,
    }


def bands(height):
    """(top, rows) of one strip after the other."""
    for top in range(0, height, STRIP_ROWS):
        yield top, min(STRIP_ROWS, height - top)


def strips_of(host, picture):
    """The layer's pixels, strip by strip, read while they are sent."""
    height = picture["height"]
    for top, rows in bands(height):
        yield host.read(top, rows)
        host.progress(SENT * (top + rows) / height, tr(u"Sending pixels"))


def receive(host, draft, result):
    """Move the result's pixels into the draft, strip by strip."""
    height = result.picture["height"]
    for top, rows in bands(height):
        draft.write(top, rows, result.read(rows))
        share = float(top + rows) / height
        host.progress(WORKED + (1.0 - WORKED) * share, tr(u"Receiving pixels"))


def check_result(result, picture):
    """Raise ProtocolMismatch unless result is picture's size and type, in color."""
    model, _, channel_type = picture["format"].partition(" ")
    wanted = dict(picture, format=u"%s %s" % (COLOR_OF.get(model, model), channel_type))
    for name in ("width", "height", "format"):
        if result[name] != wanted[name]:
            raise ProtocolMismatch(
                tr(u"Limner's worker gave back a picture of %s %s instead of %s.")
                % (name, result[name], wanted[name])
            )


def tell_fallback(host, report):
    """Say it where the work was not done on the device that was asked for."""
    reason = report.get("reason")
    if reason:
        provider = report.get("provider") or tr(u"another device")
        host.tell(tr(u"Limner ran on %s: %s") % (provider, reason))
