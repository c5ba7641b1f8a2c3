"""Auto Colorize for drawings: colours under the lines, which stay as they are.

pixels -> paper and lines                            core.sketch.lineart
       -> without hints: areas                       core.sketch.regions
       -> with hints: basins, parted among them      core.sketch.basins, .strokes, .parting
       -> generator, where colours are guessed       here
       -> one colour an area, and the shading        core.sketch.area_colors, core.sketch.areas
       -> edges at full size, band by band           core.sketch.edges
       -> colours, flats, lines, and the picture     core.sketch.layers
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

import numpy as np

from core.color.spaces import lab_to_srgb, srgb_to_lab
from core.color.swatches import dominant_colors, nearest_swatches, swatches_of
from core.colorize.colorize import ColorizeSettings, Progress
from core.colorize.variants import noise_for
from core.errors import ModelCorrupt
from core.generator.generator import Generator
from core.generator.sizes import legal_size
from core.image import Image, check_usable
from core.raster.resample import area_resize, bilinear_resize, fit_size, pad
from core.request.preview_cache import Recall
from core.request.viewport import Part
from core.request.work import Layer, Other
from core.sketch.area_colors import Thought, decide
from core.sketch.areas import (
    Colored,
    apply_hints,
    area_colors,
    cell_labels,
    even_out,
    fill_missing,
    shading,
    soft_borders,
    without_hints,
)
from core.sketch.basins import Ground, read_ground
from core.sketch.hints import Hints, read_hints
from core.sketch.layers import Canvas, Painting, paint
from core.sketch.lineart import LineReader, Reduced, read_paper, reduce_ink
from core.sketch.regions import Areas, find_areas

Array = np.ndarray
Value = TypeVar("Value")

HINT_SHADING = 0.03
"""Most that shading moves a colour that was asked for, in sRGB: it stays within delta E 5."""

HINT_GAIN = 2.0
"""A hint that fills half a pixel of the generator's is one."""

OWN_MIND = 20.0
"""Distance (CIE76) from the mean of what the generator holds possible at which its colour is a
hint's rather than a decision of its own.
"""

SOFT_REACH = 0.015
"""Half the width of a soft border between two hints in one area, of the longer side, at half
strictness; more at less.
"""


@dataclass(frozen=True, eq=False)
class Lines:
    """A drawing's lines, read once for all hints."""

    reader: LineReader
    reduced: Reduced


@dataclass(frozen=True, eq=False)
class Drawing:
    """A drawing taken apart; the same for every colouring of it."""

    reader: LineReader
    reduced: Reduced
    hints: Hints | None
    colored: Colored


@dataclass(frozen=True, eq=False)
class Prediction:
    """What the generator says.

    Attributes:
        colors: float32 (3, h, w), sRGB 0..1.
        visible: how many of w and h, with fractions, the picture covers.
        thought: what it holds possible besides; None where the model does not say.
        seed: that it was asked with.
    """

    colors: Array
    visible: tuple[float, float]
    thought: Thought | None = None
    seed: int = 0


def color_sketch(
    image: Image,
    generator: Generator | None,
    settings: ColorizeSettings,
    progress: Progress,
    hint: Other | None = None,
    reference: Other | None = None,
    with_layers: bool = True,
    recall: Recall | None = None,
    part: Part | None = None,
) -> tuple[Image, tuple[Layer, ...]]:
    """Colour a drawing.

    Args:
        image: any Image.
        generator: of task "sketch": ink 0..1 (1, 1, h, w), hints, noise to sRGB (1, 3, h/n, w/n).
            Asked where there are no hints, or settings.unhinted is "guess". None colours what the
            hints ask for alone.
        settings: see ColorizeSettings.
        progress: told (fraction 0..1, text), on the caller's thread.
        hint: see core.sketch.hints.
        reference: picture of whose colours the result is to be made.
        with_layers: whether to make the layers besides the picture.
        recall: where areas and the generator's colours are kept between previews.
        part: what alone is to be painted, its lines being read anew; see core.request.viewport.

    Returns:
        (picture, layers): R'G'B' or R'G'B'A of the image's channel type and size; and "colors",
        "lines", with settings.flats "flats" and "areas", and a "variant" for each further seed.

    Raises:
        ImageUnsupported: see core.image.check_usable, core.sketch.lineart.read_paper and
            core.sketch.hints.read_hints.
        ModelCorrupt: the generator's output does not fit its input's size.
    """
    asked = {"picture": image.pixels, "hint": None if hint is None else hint.image.pixels}
    asked["place"] = None if hint is None else np.array([hint.x, hint.y])
    drawing = _kept(recall, "drawing", asked, lambda: take_apart(image, hint, progress, recall))
    swatches = swatches_of(settings.palette)
    if reference is not None:
        swatches = np.concatenate((swatches, dominant_colors(reference.image)))
    layers: list[Layer] = []
    picture = image
    for number in range(settings.variants):
        done, step = 0.3 + 0.7 * number / settings.variants, 0.7 / settings.variants
        seed, predicted = settings.seed + number, None
        guesses = drawing.hints is None or settings.unhinted == "guess"
        if generator is not None and guesses:
            device = generator.provider.removesuffix("ExecutionProvider")
            progress(done, f"Predicting colour ({device})")
            told = {**asked, "model": (generator.manifest.sha256, generator.provider)}
            predict_it = partial(predict, drawing, generator, seed)
            predicted = _kept(recall, ("colors", seed), told, predict_it)
        painting = _painting(drawing, predicted, settings, swatches)
        progress(done + 0.5 * step, "Laying colour under the lines")
        first = with_layers and number == 0
        reader = drawing.reader
        if part is not None:
            reader = LineReader(part.image, reader.paper, part.place)
            block = painting.block * part.place.width / image.width
            painting = replace(painting, block=block)
        some_left = bool(painting.left.any())
        canvas = Canvas.empty(reader.image, reader.paper, first, settings.flats, some_left)
        paint(reader, painting, canvas)
        if number == 0:
            picture = canvas.picture
            layers += canvas.layers()
        else:
            layers.append(Layer("variant", f"Variant {number + 1} (seed {seed})", canvas.picture))
    progress(1.0, "Laying colour under the lines")
    return picture, tuple(layers)


def _kept(
    recall: Recall | None, name: Hashable, question: Mapping[str, Any], make: Callable[[], Value]
) -> Value:
    """What was made for the same question, or made now."""
    return make() if recall is None else recall.get(name, question, make)


def take_apart(
    image: Image, hint: Other | None, progress: Progress, recall: Recall | None = None
) -> Drawing:
    """Paper, lines, areas and hints of a drawing. Raises ImageUnsupported."""
    check_usable(image)
    progress(0.0, "Reading lines")
    question = {"picture": image.pixels}
    lines = _kept(recall, "lines", question, lambda: _read_lines(image))
    reader, reduced = lines.reader, lines.reduced
    progress(0.15, "Finding areas")
    hints = read_hints(hint, image, reduced.block)
    if hints is None:
        areas = _kept(recall, "areas", question, lambda: find_areas(reduced.ink))
        return Drawing(reader, reduced, None, without_hints(areas))
    ground: Ground = _kept(recall, "ground", question, lambda: read_ground(reduced.ink))
    # on nothing, even white is something
    paper = None if _is_transparent(reader) else reader.paper.color
    return Drawing(reader, reduced, hints, apply_hints(ground, hints, paper))


def _read_lines(image: Image) -> Lines:
    reader = LineReader(image, read_paper(image))
    return Lines(reader, reduce_ink(reader))


def _is_transparent(reader: LineReader) -> bool:
    return reader.image.has_alpha and not reader.paper.is_cutout


def _painting(
    drawing: Drawing, predicted: Prediction | None, settings: ColorizeSettings, swatches: Array
) -> Painting:
    """The colours of one colouring."""
    colored = drawing.colored
    areas = colored.areas
    paper = drawing.reader.paper.color.astype(np.float32)
    shade = np.zeros((3, *areas.labels.shape), np.float32)
    if predicted is None:
        table = np.broadcast_to(paper, (areas.count, 3)).copy()
    else:
        colors, visible = predicted.colors, predicted.visible
        cells = cell_labels(areas.labels, colors.shape[1:], visible)
        table, known = area_colors(colors, cells, areas.count)
        table = fill_missing(table, known, areas, _on_grid(colors, visible, areas.labels.shape))
        if settings.strictness < 1:
            shade = shading(colors, cells, table, areas, visible)
        table, share = _decided(table, predicted, areas, paper)
        flat = even_out(table.copy(), colored)
        if settings.strictness < 1:
            shade *= share[areas.labels]
            shade += (table - flat)[areas.labels].transpose(2, 0, 1)
            grey = shade.mean(axis=0)
            shade = grey + (shade - grey) * np.float32(settings.saturation)
        table = flat
    if len(swatches):
        table = nearest_swatches(table, swatches)
    table = _dress(table, paper, settings).astype(np.float32)
    if drawing.hints is not None:
        asked = colored.hint >= 0
        table[asked] = drawing.hints.colors[colored.hint[asked]]
        near = asked[areas.labels]
        shade[:, near] = np.clip(shade[:, near], -HINT_SHADING, HINT_SHADING)
    amount = (1 - settings.strictness) * settings.strength
    shade *= np.float32(amount)
    reach = round(SOFT_REACH * 2 * (1 - settings.strictness) * max(areas.labels.shape))
    if reach and len(colored.family) > int(colored.family.max()) + 1:
        shade += soft_borders(table, colored, reach)
    left = colored.paper if settings.unhinted == "guess" else colored.hint < 0
    if drawing.hints is None:
        left = np.zeros(areas.count, bool)
    shade[:, left[areas.labels]] = 0
    return Painting(areas, drawing.reduced.block, table, shade, left)


def _decided(
    table: Array, predicted: Prediction, areas: Areas, paper: Array
) -> tuple[Array, Array]:
    """The colour that each area decides for, and how much of the shading there is left.

    Where the generator painted something else than its palette's mean, as it does where it follows
    a hint, its colour stays.
    """
    if predicted.thought is None:
        return table, np.ones(areas.count, np.float32)
    made = decide(predicted.thought, areas.labels, areas.count, paper, predicted.seed)
    lab = srgb_to_lab(np.stack((table, made.expected)).astype(np.float64))
    apart = np.linalg.norm(lab[0] - lab[1], axis=1)
    own = np.where(made.known, np.exp(-((apart / OWN_MIND) ** 2)), 0).astype(np.float32)
    decided = table + own[:, None] * (made.colors - table)
    return decided, 1 - own * (1 - made.share)


def predict(drawing: Drawing, generator: Generator, seed: int) -> Prediction:
    """Run the generator. A seed turns the hues where the model has no noise of its own.

    Raises:
        ModelCorrupt: the output has another size.
    """
    size, mean = generator.manifest.size, drawing.reduced.mean
    side = min(size.fixed) if size.fixed else size.work or max(mean.shape)
    width, height = fit_size(mean.shape[1], mean.shape[0], side)
    legal = legal_size(width, height, size)
    firm = np.minimum(mean * np.float32(1 / drawing.reader.paper.contrast), 1)

    def fit(plane: Array) -> Array:
        return pad(area_resize(plane, (width, height)), *legal)

    inputs = {"picture": fit(firm)[None, None]}
    if drawing.hints is not None and generator.manifest.takes("hint"):
        planes, mask = drawing.hints.planes()
        small = fit(mask[0])
        colors = np.stack([fit(plane) for plane in planes]) / np.maximum(small, 1e-6)
        inputs["hint"] = (colors * (small > 0)).astype(np.float32)[None]
        inputs["hint-mask"] = np.minimum(small * HINT_GAIN, 1)[None, None]
    # noise tints a whole drawing: where areas can be told apart, they follow the seed instead
    told = 0 if generator.manifest.gives("palette") else seed
    noise = noise_for(generator.manifest, told)
    if noise is not None:
        inputs["noise"] = noise
    inputs = {role: np.ascontiguousarray(a, np.float32) for role, a in inputs.items()}
    manifest = generator.manifest
    wanted = ("picture", "palette") if manifest.gives("palette") else ("picture",)
    outputs = generator.run_all(inputs, wanted)
    colors = np.clip(outputs["picture"][0], 0, 1)
    ratio = legal[0] / colors.shape[2]
    if ratio < 1 or (colors.shape[2] * ratio, colors.shape[1] * ratio) != legal:
        raise ModelCorrupt(
            f"The model '{manifest.title}' returned {colors.shape[2]}×{colors.shape[1]} "
            f"colours for {legal[0]}×{legal[1]} pixels."
        )
    thought = None
    if "palette" in outputs:
        logits = outputs["palette"][0]
        coarse = legal[0] / logits.shape[2], legal[1] / logits.shape[1]
        seen = width / coarse[0], height / coarse[1]
        thought = Thought(logits, np.array(manifest.palette), manifest.temperature, seen)
    elif seed and noise is None:
        colors = _turn_hues(colors, seed)
    return Prediction(colors, (width / ratio, height / ratio), thought, seed)


def _on_grid(colors: Array, visible: tuple[float, float], shape: tuple[int, ...]) -> Array:
    """The generator's colours on the grid of the areas, plainly interpolated."""
    across, down = int(np.ceil(visible[0])), int(np.ceil(visible[1]))
    size = (shape[1], shape[0])
    return np.stack([bilinear_resize(plane[:down, :across], size) for plane in colors])


def _dress(table: Array, paper: Array, settings: ColorizeSettings) -> Array:
    """Saturation and strength; out-of-range colours are clipped."""
    if settings.saturation != 1:
        lab = srgb_to_lab(table.astype(np.float64))
        lab[:, 1:] *= settings.saturation
        table = np.clip(lab_to_srgb(lab), 0, 1).astype(np.float32)
    return paper + (table - paper) * np.float32(settings.strength)


def _turn_hues(colors: Array, seed: int) -> Array:
    """Other colours (3, h, w) of the same lightness and chroma."""
    lab = srgb_to_lab(colors.transpose(1, 2, 0).astype(np.float64))
    angle = np.random.default_rng(seed).uniform(0.15, 0.85) * 2 * np.pi
    turned = (lab[..., 1] + 1j * lab[..., 2]) * np.exp(1j * angle)
    lab[..., 1], lab[..., 2] = turned.real, turned.imag
    return np.clip(lab_to_srgb(lab), 0, 1).astype(np.float32).transpose(2, 0, 1)
