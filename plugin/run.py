# -*- coding: utf-8 -*-
"""One run of one filter, told once for every GIMP.

The order is the promise: everything that can fail or be cancelled comes before the undo group,
so that a run that ends early leaves the image as it was. Pixels pass through in strips; the
plug-in never holds a whole picture.
"""

import time

from plugin.errors import ProtocolMismatch, Unsupported, as_text
from plugin.filters import SENT_KINDS
from plugin.host import Piece
from plugin.note import make_note
from plugin.others import others_of
from plugin.stack import planned
from plugin.translation import look_up, tr
from plugin.words import layer_title

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
        model: the plugin.installation.Model that "model" means; None for the worker's choice.
        version: of Limner, for the layer's note.

    Returns:
        The worker's report, a dict: provider, and reason where it is not the one asked for.

    Raises:
        PluginError: nothing was changed.
    """
    refuse_unsupported(host.source())
    output = values.get("output", u"layer")
    if not host.is_single:
        output, values = u"replace", dict(values, variants=1, flats=False)
    host.refuse_output(output)
    picture = host.picture()
    name = chosen.layer_name.format(model=look_up(model.title) if model else u"")

    started = time.time()

    def worked(fraction, text):
        text = with_time_left(text, fraction, time.time() - started)
        host.progress(SENT + (WORKED - SENT) * min(max(fraction, 0.0), 1.0), text)

    host.progress(0.0, chosen.undo)
    others = others_of(host, values, picture)
    request = make_request(chosen, dict(values, model=model.id if model else u""), picture)
    request.update(host.request_fields())
    add_choices(request, host, values)
    add_others(request, others)
    result = worker.ask(request, _all_pieces(host, picture, others), worked)
    check_result(result, picture)
    drafts = Drafts(host, name, planned([other.role for other in result.others], output))
    try:
        drafts.receive(result)
        text = make_note(chosen, plain(host, values), result.report, version, host.source_number())
        refuse_changed(host)
        host.refuse_output(output)
        with host.undo_group(chosen.undo):
            drafts.insert(text, output)
            host.after_insert(values)
    finally:
        drafts.discard()
    host.progress(1.0, chosen.undo)
    tell_fallback(host, result.report)
    return result.report


def plain(host, values):
    """The parameters as JSON can keep them: layers by their number in the image."""
    kept = {}
    for name, value in values.items():
        is_plain = value is None or isinstance(value, (bool, int, float, bytes, type(u""), str))
        kept[name] = value if is_plain else host.layer_number(value)
    return kept


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
    """The request of core/protocol.py for one run, without what only a host knows."""
    return {
        "kind": "request",
        "id": 1,
        "filter": chosen.task,
        "model": values.get("model", u""),
        "device": values.get("device", u"auto"),
        "params": {
            parameter.name.replace("-", "_"): _SENT_AS[parameter.kind](values[parameter.name])
            for parameter in chosen.parameters
            if parameter.kind in SENT_KINDS and parameter.name in values
        },
        "picture": picture,
    }


_SENT_AS = {"number": float, "integer": int, "flag": bool, "unhinted": as_text}


def add_choices(request, host, values):
    """Put the palette's colors and the style file, where they are chosen, into a request."""
    if values.get("palette"):
        request["params"]["palette"] = host.palette_colors(values["palette"])
    if values.get("style-file"):
        path = as_text(values["style-file"])
        request["params"]["styles"] = [{"path": path, "weight": 1.0}]


def add_others(request, others):
    """Announce the pictures beside the layer in a request."""
    if others:
        request["others"] = [other.header for other in others]


def _all_pieces(host, picture, others):
    for piece in strips_of(host, picture):
        yield piece
    for other in others:
        for piece in other.pieces:
            yield piece


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


class Drafts(object):
    """The layers of a result in the making.

    Args:
        host: the plugin.host.Host.
        name: of the layer, or of the group.
        plans: of plugin.stack.planned.
    """

    def __init__(self, host, name, plans):
        self._host = host
        self._name = name
        self._plans = plans
        self._made = {}

    def receive(self, result):
        """Move the pixels of the kept pictures into drafts, strip by strip, and skip the rest."""
        kept = [number for number, _ in self._plans]
        total = float(sum(_part(result, number).picture["height"] for number in kept))
        done = 0
        for number in range(max(kept) + 1):
            part = _part(result, number)
            draft = self._new(number, part) if number in kept else None
            for top, rows in bands(part.picture["height"]):
                data = part.read(rows)
                if draft is not None:
                    draft.write(top, rows, data)
                    done += rows
                    share = WORKED + (1.0 - WORKED) * done / total
                    self._host.progress(share, tr(u"Receiving pixels"))
        result.skip_all()

    def _new(self, number, part):
        title = self._name
        if len(self._plans) > 1:
            role = dict(self._plans)[number].role
            variants = [n for n, plan in self._plans if plan.role in (u"", u"variant")]
            # a sketch's first variant is what its layers show
            first = 1 if variants[:1] == [0] else 2
            title = layer_title(role, variants.index(number) + first if number in variants else 0)
        draft = self._host.new_draft(title, part.picture)
        self._made[number] = draft, part
        return draft

    def insert(self, note, output):
        """Show them; note: of plugin.note, for the layer or the group."""
        if len(self._plans) == 1:
            ((number, plan),) = self._plans
            draft, _ = self._made[number]
            draft.keep_note(note)
            self._host.insert(draft, plan.mode if output == "color" else output)
            return
        pieces = []
        for number, plan in self._plans:
            draft, part = self._made[number]
            pieces.append(Piece(draft, part.x, part.y, plan.mode, plan.visible))
        self._host.insert_group(self._name, note, pieces, output == "color")

    def discard(self):
        """Forget what was not inserted."""
        for draft, _ in self._made.values():
            draft.discard()


def _part(result, number):
    return result.others[number - 1] if number else result


def check_result(result, picture):
    """Raise ProtocolMismatch unless result is picture's size and type, in color, and its others
    are of that type.
    """
    model, _, channel_type = picture["format"].partition(" ")
    wanted = dict(picture, format=u"%s %s" % (COLOR_OF.get(model, model), channel_type))
    for name in ("width", "height", "format"):
        _must_be(name, result.picture[name], [wanted[name]])
    for other in result.others:
        formats = [u"%s %s" % (color, channel_type) for color in sorted(COLOR_OF.values())]
        _must_be("format", other.picture["format"], formats)


def _must_be(name, value, wanted):
    if value not in wanted:
        raise ProtocolMismatch(
            tr(u"Limner's worker gave back a picture of %s %s instead of %s.")
            % (name, value, wanted[-1])
        )


def tell_fallback(host, report):
    """Say it where the work was not done on the device that was asked for."""
    reason = report.get("reason")
    if reason:
        provider = report.get("provider") or tr(u"another device")
        host.tell(tr(u"Limner ran on %s: %s") % (provider, look_up(reason)))
