"""The filters, as a request asks for them: which settings, which others, and what is done."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from core.colorize.colorize import ColorizeSettings
from core.colorize.is_colored import colored_share
from core.colorize.photo import color_photo
from core.errors import ModelMissing, ModelUnsupported
from core.generator.generator import Generator
from core.image import check_usable
from core.request.work import Answer, Work
from core.sketch.detect import is_sketch
from core.sketch.sketch import color_sketch
from core.style.painter_input import Colored, Plain, Source
from core.style.stylize import Painted, StylizeSettings, can_part, paint


@dataclass(frozen=True)
class Filter:
    """One filter.

    Attributes:
        settings: class of its settings, built from a request's params.
        run: what it does.
        tasks: of the models that it can use; the first one's default model is its own.
        roles: of the others that it takes.
    """

    settings: type
    run: Callable[[Work], Answer]
    tasks: tuple[str, ...]
    roles: tuple[str, ...] = ()


def run_colorize(work: Work) -> Answer:
    """Auto Colorize. Facts: colored, 0..1, see core.colorize.is_colored.colored_share; kind,
    "photo" or "sketch", and kind_reason, "chosen" with the model or "detected";
    core.colorize.photo's.

    Raises:
        ImageUnsupported: nothing is to be seen; see color_photo and color_sketch.
    """
    colored = round(colored_share(work.image), 3)
    generator, reason = find_colorizer(work)
    if generator.manifest.task == "sketch":
        kind, answer = "sketch", color_drawing(work, generator)
    else:
        kind, answer = "photo", color_photo(work, generator)
    told = {"colored": colored, "kind": kind, "kind_reason": reason}
    return replace(answer, facts={**told, **answer.facts})


def find_colorizer(work: Work) -> tuple[Generator, str]:
    """The model that was chosen, or the default one for what the picture is; and which it was.

    A drawing without a model for drawings goes to the one for photographs.
    """
    if work.model:
        try:
            return work.find("colorize", work.model), "chosen"
        except ModelMissing as missing:
            try:
                return work.find("sketch", work.model), "chosen"
            except ModelMissing:
                raise missing from None
    check_usable(work.image)
    if is_sketch(work.image):
        try:
            return work.find("sketch", ""), "detected"
        except ModelMissing:
            pass
    return work.find("colorize", ""), "detected"


def color_drawing(work: Work, generator: Generator) -> Answer:
    """Colour a drawing; layers as in core.sketch.sketch, none but variants for a preview."""
    picture, layers = color_sketch(
        work.image,
        generator,
        work.settings,
        work.progress,
        work.other("hint"),
        work.other("reference"),
        not work.preview,
        work.recall,
        work.part,
    )
    facts = {"likeliest": [], "confidence": None} if work.at is not None else {}
    return Answer(picture, generator, layers, facts)


def run_stylize(work: Work) -> Answer:
    """Apply Style. Facts: brush_size and tiles, see core.style.stylize.Painted; notes: sentences.
    Of a
    part: part, whether it was painted, and not the whole small picture; finer, as Painted has it.
    """
    settings: StylizeSettings = work.settings
    images = tuple(other.image for other in work.others if other.role == "style")
    role = "style" if images or settings.styles else ""
    generator = work.find("stylize", work.model, *filter(None, [role]))
    check_usable(work.image)
    source: Source | None = None
    if settings.colorize:
        work.progress(0.0, "Finding colours")
        source = Colored.predict(work.image, work.find("colorize", ""), keep=not work.preview)
    source = source or Plain(work.image)
    part = work.part if can_part(generator.manifest) else None
    painted = paint(work.image, generator, settings, work.progress, None, images, source, part)
    facts = {"brush_size": painted.brush_size, "tiles": painted.tiles, "notes": notes(painted)}
    if work.part is not None:
        facts |= {"part": part is not None, "finer": painted.finer}
    return Answer(painted.image, generator, facts=facts)


def notes(painted: Painted) -> list[str]:
    """What the user should know of how a picture was painted."""
    if not painted.differ:
        return []
    return [
        f"This model looks at the whole picture; it painted {painted.tiles} tiles that are faded "
        "into each other, and may differ in tone. A larger brush size needs fewer."
    ]


FILTERS: dict[str, Filter] = {
    "colorize": Filter(
        ColorizeSettings, run_colorize, ("colorize", "sketch"), ("hint", "reference")
    ),
    "stylize": Filter(StylizeSettings, run_stylize, ("stylize",), ("style",)),
}
"""Filter of a request -> what it is."""


def filter_of(task: str) -> Filter:
    """The filter that uses models of that task. Raises ModelUnsupported."""
    for known in FILTERS.values():
        if task in known.tasks:
            return known
    raise ModelUnsupported(f"No filter uses models of the task '{task}'.")
