"""The filters, as a request asks for them: which settings, which others, and what is done."""

from collections.abc import Callable
from dataclasses import dataclass

from core.colorize import ColorizeSettings, colorize
from core.errors import ModelUnsupported
from core.measure import colored_share
from core.stylize import StylizeSettings, stylize
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
    """Auto Colorize. Facts: colored, 0..1, see core.measure.colored_share."""
    generator = work.find("colorize", work.model)
    facts = {"colored": round(colored_share(work.image), 3)}
    out = work.color_memory()  # each band of the source is read before it is written
    image = colorize(work.image, generator, work.settings, work.progress, out)
    return Answer(image, generator, facts=facts)


def run_stylize(work: Work) -> Answer:
    """Apply Style."""
    generator = work.find("stylize", work.model)
    image = stylize(work.image, generator, work.settings, work.progress)
    return Answer(image, generator)


FILTERS: dict[str, Filter] = {
    "colorize": Filter(ColorizeSettings, run_colorize, ("colorize", "sketch")),
    "stylize": Filter(StylizeSettings, run_stylize, ("stylize",)),
}
"""Filter of a request -> what it is."""


def filter_of(task: str) -> Filter:
    """The filter that uses models of that task. Raises ModelUnsupported."""
    for known in FILTERS.values():
        if task in known.tasks:
            return known
    raise ModelUnsupported(f"No filter uses models of the task '{task}'.")
