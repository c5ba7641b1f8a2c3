"""The filters, as a request asks for them: which settings, which others, and what is done."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from core.colorize import ColorizeSettings
from core.errors import ModelUnsupported
from core.image import check_usable
from core.measure import colored_share
from core.photo import color_photo
from core.source import Colored
from core.stylize import Painted, StylizeSettings, paint
from core.work import Answer, Work


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
    """Auto Colorize. Facts: colored, 0..1, see core.measure.colored_share; core.photo's."""
    generator = work.find("colorize", work.model)
    colored = round(colored_share(work.image), 3)
    answer = color_photo(work, generator)
    return replace(answer, facts={"colored": colored, **answer.facts})


def run_stylize(work: Work) -> Answer:
    """Apply Style. Facts: brush_size and tiles, see core.stylize.Painted; notes: sentences."""
    settings: StylizeSettings = work.settings
    images = tuple(other.image for other in work.others if other.role == "style")
    role = "style" if images or settings.styles else ""
    generator = work.find("stylize", work.model, *filter(None, [role]))
    check_usable(work.image)
    source = None
    if settings.colorize:
        work.progress(0.0, "Finding colours")
        source = Colored.predict(work.image, work.find("colorize", ""))
    painted = paint(
        work.image, generator, settings, work.progress, style_images=images, source=source
    )
    facts = {"brush_size": painted.brush_size, "tiles": painted.tiles, "notes": notes(painted)}
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
