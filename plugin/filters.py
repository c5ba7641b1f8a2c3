# -*- coding: utf-8 -*-
"""The filters as data: menu entries, dialogs and PDB procedures are derived from this.

A new filter is an entry here, a file in core/ and its test.
"""

from collections import namedtuple

from plugin.translation import tr

MENU = "<Image>/Filters/Limner"
IMAGE_TYPES = "RGB*, GRAY*"

Filter = namedtuple("Filter", "id task label menu blurb help undo layer_name parameters")
"""One filter.

id: name of the PDB procedure in GIMP 3; 2.10 puts python-fu- before it.
task: what the worker calls it, and what a model's manifest says it is for.
label: menu entry; an underscore stands before the mnemonic.
menu: where the entry stands.
blurb, help: one sentence and one paragraph for the procedure browser.
undo: what Edit > Undo says.
layer_name: name of the result; {model} stands for the model's title.
parameters: tuple of Parameter, in the order of the dialog.
"""

Command = namedtuple("Command", "id label menu blurb help title")
"""A menu entry that is no filter: as Filter; title: of its dialog and of the undo step."""

Parameter = namedtuple("Parameter", "name kind label blurb lower upper default")
"""One parameter of a filter.

name: of the PDB argument, and in the worker's request.
kind: "number" (lower..upper), "model" (DEFAULT_MODEL or the id of an installed model of the
    filter's task), "device" (key of DEVICES), "output" or "color-output" (key of OUTPUTS; the
    latter of all of them), "flag" (True or False). lower and upper are None for all but numbers.
"""

DEVICES = (
    ("auto", tr(u"Automatic")),
    ("cpu", tr(u"Processor (CPU)")),
    ("webgpu", tr(u"Graphics, any maker (WebGPU)")),
    ("cuda", tr(u"Graphics, NVIDIA (CUDA)")),
    ("migraphx", tr(u"Graphics, AMD (MIGraphX)")),
    ("openvino", tr(u"Intel (OpenVINO)")),
)
"""(id, label) of what a filter can be asked to run on."""

OUTPUTS = (
    ("layer", tr(u"New layer")),
    ("color", tr(u"New layer with the colors alone")),
    ("replace", tr(u"Replace the layer's pixels")),
)
"""(id, label) of where a result can go; GIMP 2.10 knows the first one alone."""

COLOR_OUTPUT = "color"
OUTPUT_KINDS = ("output", "color-output")
FIRST_TIME_KINDS = OUTPUT_KINDS + ("flag",)
"""What "Run Again" does not ask for: the result takes the place of the earlier one."""

DEFAULT_MODEL = "default"
"""What stands for the model that is marked so. GIMP 3 remembers a procedure's choices from the
time when it first saw the plug-in, so there must be one that is right whatever is installed."""


def _model(label, blurb):
    return Parameter("model", "model", label, blurb, None, None, DEFAULT_MODEL)


STRENGTH = Parameter(
    "strength",
    "number",
    tr(u"Stren_gth"),
    tr(u"How much of the result replaces the original: 0 gives the original, 1 the full result"),
    0.0,
    1.0,
    1.0,
)
SATURATION = Parameter(
    "saturation",
    "number",
    tr(u"Sat_uration"),
    tr(u"How vivid the colors become: 0 is gray, 1 as the model made them, 2 twice as vivid"),
    0.0,
    2.0,
    1.0,
)
DEVICE = Parameter(
    "device",
    "device",
    tr(u"_Device"),
    tr(u"What does the computing; Automatic takes the fastest one that is installed"),
    None,
    None,
    "auto",
)



def _output(kind):
    blurb = tr(u"Where the result goes; what is replaced is replaced inside the selection")
    return Parameter("output", kind, tr(u"Resul_t"), blurb, None, None, "layer")


FRAMES = Parameter(
    "frames",
    "flag",
    tr(u"All layers as _frames"),
    tr(
        u"Work on all layers as frames of an animation, with colors that stay steady from one to"
        u" the next; each result replaces its frame"
    ),
    None,
    None,
    False,
)


FILTERS = (
    Filter(
        id="limner-auto-colorize",
        task="colorize",
        label=tr(u"_Auto Colorize\u2026"),
        menu=MENU,
        blurb=tr(u"Color a gray photograph with a neural network on this machine"),
        help=tr(
            u"Predicts colors for the layer's lightness and puts the result into a new layer above"
            u" it, at the layer's own size and precision. The selection becomes the new layer's"
            u" mask. A grayscale image is converted to RGB in the same undo step."
        ),
        undo=tr(u"Auto Colorize"),
        layer_name=tr(u"Auto Colorize"),
        parameters=(
            _model(tr(u"_Model"), tr(u"The network that chooses the colors")),
            STRENGTH,
            SATURATION,
            DEVICE,
            _output("color-output"),
            FRAMES,
        ),
    ),
    Filter(
        id="limner-apply-style",
        task="stylize",
        label=tr(u"Apply St_yle\u2026"),
        menu=MENU,
        blurb=tr(u"Repaint a layer in a style with a neural network on this machine"),
        help=tr(
            u"Paints the layer anew in the chosen style and puts the result into a new layer above"
            u" it, at the layer's own size and precision. The selection becomes the new layer's"
            u" mask. A grayscale image is converted to RGB in the same undo step."
        ),
        undo=tr(u"Apply Style"),
        layer_name=tr(u"Apply Style ({model})"),
        parameters=(
            _model(tr(u"St_yle"), tr(u"The style to paint in")),
            STRENGTH,
            DEVICE,
            _output("output"),
            FRAMES,
        ),
    ),
)

RUN_AGAIN = Command(
    id="limner-run-again",
    label=tr(u"_Run Again with Other Settings\u2026"),
    menu=MENU,
    blurb=tr(u"Make a layer of Limner's anew with other settings, in its place"),
    help=tr(
        u"Works on a layer that Auto Colorize or Apply Style has added, also after the image was"
        u" saved as .xcf and opened again: the layer knows how it was made and from which layer."
        u" The new layer takes its place, mask, mode and opacity. Called without a dialog, it is"
        u" made with the settings that it has."
    ),
    title=tr(u"Run Again"),
)


def choices(parameter, models):
    """What a parameter can be that is no number.

    Args:
        models: list of plugin.installation.Model, the default first.

    Returns:
        List of (value, label), as text; the parameter's default is one of the values.
    """
    if parameter.kind == "device":
        return list(DEVICES)
    if parameter.kind in OUTPUT_KINDS:
        every = parameter.kind == "color-output"
        return [output for output in OUTPUTS if every or output[0] != COLOR_OUTPUT]
    default = tr(u"Default (%s)") % models[0].title if models else tr(u"No model is installed")
    return [(DEFAULT_MODEL, default)] + [(model.id, model.title) for model in models]


def find(filter_id):
    """The filter of that id. Raises KeyError."""
    for known in FILTERS:
        if known.id == filter_id:
            return known
    raise KeyError(filter_id)
