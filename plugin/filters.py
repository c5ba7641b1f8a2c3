# -*- coding: utf-8 -*-
"""The filters as data: menu entries, dialogs and PDB procedures are derived from this.

A new filter is an entry here, a file in core/ and its test.
"""

from collections import namedtuple

from plugin.translation import look_up, tr

MENU = "<Image>/Filters/Limner"
IMAGE_TYPES = "RGB*, GRAY*"

Filter = namedtuple("Filter", "id task tasks label menu blurb help undo layer_name parameters")
"""One filter.

id: name of the PDB procedure in GIMP 3; 2.10 puts python-fu- before it.
task: what the worker calls it.
tasks: what the manifests of its models say that they are for. Where models of several are
    installed, the worker chooses by the picture unless the user does.
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

name: of the PDB argument; in the worker's request with "_" for "-".
kind: one of

    number, integer     lower..upper
    flag                True or False
    frames              True or False: work on all layers
    model               DEFAULT_MODEL or the id of an installed model of the filter's tasks
    device              key of DEVICES
    output, color-output    key of OUTPUTS; the latter of all of them
    unhinted                key of UNHINTED
    layer               a layer of any open image, or None
    palette             name of a GIMP palette, u"" for none
    file                full path of a picture, u"" for none
    dabs                text of plugin/hints.py

lower and upper are None for all but numbers.
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
FIRST_TIME_KINDS = OUTPUT_KINDS + ("frames",)
"""What "Run Again" does not ask for: the result takes the place of the earlier one."""

DEFAULT_MODEL = "default"
"""What stands for the model that is marked so. GIMP 3 remembers a procedure's choices from the
time when it first saw the plug-in, so there must be one that is right whatever is installed."""


UNHINTED = (
    ("leave", tr(u"Leave as they are")),
    ("guess", tr(u"Guess their colors")),
)
"""(id, label) of what happens to a sketch's areas without a hint, where there are hints."""

SENT_KINDS = ("number", "integer", "flag", "unhinted")
"""Of the parameters that go into a request as they are."""


def _model(label, blurb):
    return Parameter("model", "model", label, blurb, None, None, DEFAULT_MODEL)


def _layer(name, label, blurb):
    return Parameter(name, "layer", label, blurb, None, None, None)


def _flag(name, label, blurb):
    return Parameter(name, "flag", label, blurb, None, None, False)


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
HINT = _layer(
    "hint",
    tr(u"H_int layer"),
    tr(u"A layer with strokes of the colors that you want; transparent parts say nothing"),
)
DABS = Parameter(
    "dabs",
    "dabs",
    tr(u"Color dabs"),
    tr(u"Single colors at places of the layer: x,y,#rrggbb; x,y,#rrggbb; \u2026 in its pixels"),
    None,
    None,
    u"",
)
REFERENCE = _layer(
    "reference",
    tr(u"Reference l_ayer"),
    tr(u"A layer of any open image whose colors are to be taken"),
)
PALETTE = Parameter(
    "palette",
    "palette",
    tr(u"_Palette"),
    tr(u"Take colors of this palette only"),
    None,
    None,
    u"",
)
SEED = Parameter(
    "seed",
    "integer",
    tr(u"Se_ed"),
    tr(u"0 gives the likeliest colors, every other number other plausible ones"),
    0,
    9999,
    0,
)
VARIANTS = Parameter(
    "variants",
    "integer",
    tr(u"_Variants"),
    tr(u"How many results, each with other colors; several become layers of one group"),
    1,
    6,
    1,
)
STRICTNESS = Parameter(
    "strictness",
    "number",
    tr(u"Strict_ness"),
    tr(u"Of a sketch: 0 is painterly, 1 gives every region one flat color"),
    0.0,
    1.0,
    0.5,
)
FLATS = _flag(
    "flats",
    tr(u"La_yer of flat colors"),
    tr(u"Of a sketch: add a layer with one color per region, ready for bucket fill"),
)
UNHINTED_AREAS = Parameter(
    "unhinted",
    "unhinted",
    tr(u"Areas left _blank"),
    tr(u"Of a sketch with color hints: leave the other areas alone, or guess their colors, too"),
    None,
    None,
    u"leave",
)
STYLE_LAYER = _layer(
    "style-layer",
    tr(u"Style l_ayer"),
    tr(u"A layer of any open image whose style is to be taken, for models that want one"),
)
STYLE_FILE = Parameter(
    "style-file",
    "file",
    tr(u"Style pict_ure"),
    tr(u"A picture file whose style is to be taken, for models that want one"),
    None,
    None,
    u"",
)
PRESERVE = Parameter(
    "preserve-colors",
    "number",
    tr(u"_Preserve colors"),
    tr(u"How much of the layer's own colors stay: 0 takes the style's, 1 keeps all"),
    0.0,
    1.0,
    0.0,
)
BRUSH = Parameter(
    "brush-size",
    "number",
    tr(u"_Brush size (0: fitting)"),
    tr(u"How broad the strokes are: 1 the finest, 8 the broadest; 0 fits them to the picture"),
    0.0,
    8.0,
    0.0,
)
COLORIZE_FIRST = _flag(
    "colorize",
    tr(u"Colorize f_irst"),
    tr(u"Give a gray layer colors before it is painted, in one go"),
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
    "frames",
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
        tasks=("colorize", "sketch"),
        label=tr(u"_Auto Colorize\u2026"),
        menu=MENU,
        blurb=tr(u"Color a gray photograph or a sketch with a neural network on this machine"),
        help=tr(
            u"Predicts colors and puts the result into a new layer above the source, at its own"
            u" size and precision; a photograph keeps its lightness. Colors can be asked for by"
            u" strokes on a hint layer, by dabs at single places, by a reference picture and by a"
            u" palette. A sketch becomes a layer group: its lines, the colors below them and, if"
            u" wanted, flat colors. Several variants become one group, too. The selection becomes"
            u" the mask of what is new. A grayscale image is converted to RGB in the same undo"
            u" step."
        ),
        undo=tr(u"Auto Colorize"),
        layer_name=tr(u"Auto Colorize"),
        parameters=(
            _model(tr(u"_Model"), tr(u"The network that chooses the colors")),
            HINT,
            DABS,
            REFERENCE,
            STRENGTH,
            SATURATION,
            STRICTNESS,
            FLATS,
            UNHINTED_AREAS,
            PALETTE,
            SEED,
            VARIANTS,
            DEVICE,
            _output("color-output"),
            FRAMES,
        ),
    ),
    Filter(
        id="limner-apply-style",
        task="stylize",
        tasks=("stylize",),
        label=tr(u"Apply St_yle\u2026"),
        menu=MENU,
        blurb=tr(u"Repaint a layer in a style with a neural network on this machine"),
        help=tr(
            u"Paints the layer anew in the chosen style and puts the result into a new layer above"
            u" it, at the layer's own size and precision. Some models are one style, others take"
            u" it from a layer or a picture file. The selection becomes the new layer's mask. A"
            u" grayscale image is converted to RGB in the same undo step."
        ),
        undo=tr(u"Apply Style"),
        layer_name=tr(u"Apply Style ({model})"),
        parameters=(
            _model(tr(u"St_yle"), tr(u"The style to paint in")),
            STYLE_LAYER,
            STYLE_FILE,
            STRENGTH,
            PRESERVE,
            BRUSH,
            COLORIZE_FIRST,
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
    """What a parameter can be of which there are only a few values.

    Args:
        models: list of plugin.installation.Model, the default first.

    Returns:
        List of (value, label), as text; the parameter's default is one of the values.
    """
    if parameter.kind == "device":
        return list(DEVICES)
    if parameter.kind == "unhinted":
        return list(UNHINTED)
    if parameter.kind in OUTPUT_KINDS:
        every = parameter.kind == "color-output"
        return [output for output in OUTPUTS if every or output[0] != COLOR_OUTPUT]
    default = (DEFAULT_MODEL, _default_label(models))
    return [default] + [(model.id, look_up(model.title)) for model in models]


def _default_label(models):
    if not models:
        return tr(u"No model is installed")
    if is_choosing(models):
        return tr(u"Automatic: photograph or sketch")
    return tr(u"Default (%s)") % look_up(models[0].title)


def is_choosing(models):
    """Whether there are models of several tasks: the picture decides where none is named."""
    return len({model.task for model in models}) > 1


def find(filter_id):
    """The filter of that id. Raises KeyError."""
    for known in FILTERS:
        if known.id == filter_id:
            return known
    raise KeyError(filter_id)
