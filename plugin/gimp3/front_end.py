"""Limner's procedures in GIMP 3: registered from plugin/filters.py, run through plugin/run.py.

GIMP asks for the procedures at its start, so what a run needs is imported when it runs; a file
that is missing then becomes a sentence instead of a menu entry that is not there.
"""

import os
import sys
import traceback

import gi

gi.require_version("Gimp", "3.0")
from gi.repository import Gimp, Gio, GLib, GObject  # noqa: E402

from plugin import translation  # noqa: E402

translation.use(GLib.get_language_names())  # before the filters' texts are made

from plugin import filters, installation  # noqa: E402
from plugin.errors import INSTALL_AGAIN, PluginError  # noqa: E402
from plugin.translation import tr  # noqa: E402

FOLDER = ""
"""Where the plug-in is installed; GIMP makes the plug-in's object, so main() cannot hand it on."""

# With no layer or several ones, a sentence is better than an entry that is gray without a reason.
SENSITIVE = (
    Gimp.ProcedureSensitivityMask.DRAWABLE
    | Gimp.ProcedureSensitivityMask.DRAWABLES
    | Gimp.ProcedureSensitivityMask.NO_DRAWABLES
)


class Limner(Gimp.PlugIn):
    """What GIMP asks for the names of the procedures, and for the procedures."""

    def do_set_i18n(self, procedure_name):
        return False  # plugin/translation.py does it, for GIMP 2.10 too

    def do_query_procedures(self):
        help_pages = Gio.File.new_for_path(os.path.join(FOLDER, "help"))
        self.set_help_domain("limner", help_pages)  # behind the dialogs' Help button
        return [known.id for known in filters.FILTERS] + [filters.RUN_AGAIN.id]

    def do_create_procedure(self, name):
        if name == filters.RUN_AGAIN.id:
            return described(self, filters.RUN_AGAIN, run_again)
        chosen = filters.find(name)
        procedure = described(self, chosen, run)
        models = installation.installed_models(FOLDER, chosen.tasks)
        for parameter in chosen.parameters:
            add_argument(procedure, parameter, models)
        return procedure


def described(plug_in, entry, function):
    """A procedure for a menu entry of plugin/filters.py, without arguments yet."""
    procedure = Gimp.ImageProcedure.new(plug_in, entry.id, Gimp.PDBProcType.PLUGIN, function, None)
    procedure.set_image_types(filters.IMAGE_TYPES)
    procedure.set_sensitivity_mask(SENSITIVE)
    procedure.set_menu_label(entry.label)
    procedure.add_menu_path(entry.menu)
    procedure.set_documentation(entry.blurb, entry.help, entry.id)
    procedure.set_attribution("The Limner authors", "The Limner authors", "2026")
    return procedure


def add_argument(procedure, parameter, models):
    """Declare one parameter; GIMP makes dialog, stored values and PDB argument of it."""
    flags = GObject.ParamFlags.READWRITE
    texts = (parameter.name, parameter.label, parameter.blurb)
    kind, default = parameter.kind, parameter.default
    if kind == "number":
        procedure.add_double_argument(*texts, parameter.lower, parameter.upper, default, flags)
    elif kind == "integer":
        procedure.add_int_argument(*texts, parameter.lower, parameter.upper, default, flags)
    elif kind in ("flag", "frames"):
        procedure.add_boolean_argument(*texts, default, flags)
    elif kind == "layer":
        procedure.add_drawable_argument(*texts, True, flags)
    elif kind == "palette":
        procedure.add_palette_argument(*texts, True, None, False, flags)
    elif kind == "file":
        procedure.add_file_argument(*texts, Gimp.FileChooserAction.OPEN, True, None, flags)
    elif kind == "dabs":
        procedure.add_string_argument(*texts, default, flags)
    else:
        procedure.add_choice_argument(*texts, _choice(parameter, models), default, flags)


def _choice(parameter, models):
    choice = Gimp.Choice.new()
    for number, (name, label) in enumerate(filters.choices(parameter, models)):
        choice.add(name, number, label, "")
    return choice


def run(procedure, run_mode, image, drawables, config, _data):
    """One call of a filter from the menu or the PDB."""
    return guarded(procedure, lambda: run_filter(procedure, run_mode, image, drawables, config))


def run_again(procedure, run_mode, image, drawables, _config, _data):
    """One call of "Run Again": the filter that made a layer, with that layer's settings."""
    return guarded(procedure, lambda: remake(procedure, run_mode, image, drawables))


def guarded(procedure, function):
    """Return values of a call. The process boundary: any error becomes a sentence."""
    try:
        done = function()
    except PluginError as error:
        return failed(procedure, error.text)
    except ImportError as error:
        sentence = tr("A file of Limner is missing (%s).") % error
        return failed(procedure, "%s %s" % (sentence, INSTALL_AGAIN))
    except Exception as error:  # noqa: BLE001  a bug of ours, or of GIMP's
        traceback.print_exc()
        problem = "%s: %s" % (type(error).__name__, error)
        sentence = tr("Limner met an unexpected problem (%s). Please report it.")
        return failed(procedure, sentence % problem)
    status = Gimp.PDBStatusType.SUCCESS if done else Gimp.PDBStatusType.CANCEL
    return procedure.new_return_values(status, None)


def failed(procedure, text):
    """Return values of a failure; GIMP itself shows the text when it was called from the menu."""
    error = GLib.Error.new_literal(Gimp.PlugIn.error_quark(), text, 0)
    return procedure.new_return_values(Gimp.PDBStatusType.EXECUTION_ERROR, error)


def run_filter(procedure, run_mode, image, drawables, config, replaced=None):
    """Ask the user where that is wanted, then run; False where the user cancelled.

    Args:
        procedure, run_mode, image, drawables, config: as GIMP hands them to a filter.
        replaced: the layer in whose place the result goes; None for above the source.

    Raises:
        PluginError: nothing was changed.
    """
    from plugin.gimp3 import hint_layer
    from plugin.gimp3.host import Gimp3Host
    from plugin.gimp3.values import values_of
    from plugin.preview import result_sentence
    from plugin.run import refuse_unsupported
    from plugin.run import run as run_once
    from plugin.worker import Worker

    chosen = filters.find(procedure.get_name())
    interactive = run_mode == Gimp.RunMode.INTERACTIVE
    if chosen.task == "colorize" and replaced is None:
        drawables = hint_layer.resolve(image, drawables, config, interactive)
    host = Gimp3Host(image, drawables, replaced)
    refuse_unsupported(host.source())
    record = installation.load(FOLDER)
    models = installation.installed_models(FOLDER, chosen.tasks)
    installation.choose_model(models, filters.DEFAULT_MODEL, chosen.undo)
    with Worker.installed(record) as worker:
        worker.start()
        if interactive:
            from plugin.gimp3.dialog import ask_user  # GTK; there may be no display otherwise

            if not ask_user(procedure, config, chosen, host, worker, models, record):
                return False
        values = values_of(config, chosen)
        model = installation.asked_model(models, values, chosen.undo)
        if values["frames"] and replaced is None:
            from plugin.frames import FramesHost

            # the lowest layer is the first frame
            host = FramesHost([Gimp3Host(image, [each]) for each in reversed(image.get_layers())])
        Gimp.progress_init(chosen.undo)
        try:
            values = installation.fitting_values(values, model)
            report = run_once(host, worker, chosen, values, model, record.version)
        finally:
            Gimp.progress_end()
    if run_mode != Gimp.RunMode.NONINTERACTIVE:
        host.tell(result_sentence(chosen.undo, report))
    return True


def remake(procedure, run_mode, image, drawables):
    """Run the filter that made a layer again, in its place; False where the user cancelled.

    Raises:
        PluginError: nothing was changed.
    """
    from plugin import note
    from plugin.errors import Unsupported
    from plugin.gimp3.values import set_values

    chosen = drawables[0] if len(drawables) == 1 else None
    if isinstance(chosen, Gimp.LayerMask):  # the mask of a result, which came with the selection
        chosen = Gimp.Layer.from_mask(chosen)
    if not isinstance(chosen, Gimp.Layer):
        raise Unsupported(tr("Limner makes one layer at a time again."), tr("Click that layer."))
    layer = _with_note(chosen)
    parasite = layer.get_parasite(note.NAME)
    chosen, parameters, number = note.read_note(bytes(parasite.get_data()) if parasite else None)
    source = image.get_layer_by_tattoo(number)
    if source is None:
        raise Unsupported(
            tr("The layer that this one was made from is gone."),
            tr("Click another layer and choose %s.") % chosen.undo,
        )
    maker = procedure.get_plug_in().do_create_procedure(chosen.id)
    config = maker.create_config()
    set_values(config, chosen, parameters, image)
    return run_filter(maker, run_mode, image, [source], config, layer)


def _with_note(layer):
    """The layer, or the group around it, that carries a note; the layer where none does."""
    from plugin import note

    found = layer
    while found is not None and found.get_parasite(note.NAME) is None:
        found = found.get_parent()
    return found or layer


def main(folder):
    """Serve GIMP. folder: where the plug-in and its install record are."""
    global FOLDER
    FOLDER = folder
    Gimp.main(Limner.__gtype__, sys.argv)
