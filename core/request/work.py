"""What a filter is given and what it gives back: a picture and, perhaps, others beside it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from core.generator.generator import Generator
from core.image import Image
from core.request.preview_cache import Recall
from core.request.viewport import Part, Place

Progress = Callable[[float, str], None]


@dataclass(frozen=True, eq=False)
class Other:
    """A picture that came with a request.

    Attributes:
        role: "hint": colours where it is opaque; "reference": a picture whose colours are
            wanted; "style": one whose style is wanted, of which there may be several.
        image: its pixels, of any size and format of its own.
        x, y: where its top left pixel lies, in pixels from the picture's own top left.
    """

    role: str
    image: Image
    x: int = 0
    y: int = 0


@dataclass(frozen=True, eq=False)
class Layer:
    """A picture that a result has beside its own.

    Attributes:
        role: "variant": another result of the same kind; "areas", "flats", "colors", "lines": of
            a sketch, to be stacked in that order from below.
        title: for the user, English.
        image: its pixels.
        x, y: where it lies, in pixels from the picture's own top left.
    """

    role: str
    title: str
    image: Image
    x: int = 0
    y: int = 0


@dataclass(frozen=True, eq=False)
class Work:
    """One request, checked and unpacked.

    Attributes:
        image: the picture to work on.
        settings: of the filter's own class.
        find: (task of a manifest, model id or "", perhaps a role that a model for "" must take)
            -> the generator, open; raises ModelMissing.
        model: the id that the user asked for, "" for none.
        others: see Other.
        progress: told (fraction 0..1, text), on the caller's thread.
        preview: whether this is one of many requests for the same small picture.
        in_place: whether the picture's own memory may be used for the result.
        at: x, y of the pixel of which more is to be told; None for none.
        recall: where answers of previews are kept; None to compute everything.
        part: what alone is to be shown of the layer that `image` is the small picture of; None
            for all of `image`.
    """

    image: Image
    settings: Any
    find: Callable[..., Generator]
    model: str
    progress: Progress
    others: tuple[Other, ...] = ()
    preview: bool = False
    in_place: bool = False
    at: tuple[int, int] | None = None
    recall: Recall | None = None
    part: Part | None = None

    @property
    def shown(self) -> tuple[Image, Place]:
        """The pixels that the result is made of, and where they lie in the whole."""
        if self.part is not None:
            return self.part.image, self.part.place
        return self.image, Place.whole(self.image)

    def other(self, role: str) -> Other | None:
        """The first of the others with that role."""
        return next((other for other in self.others if other.role == role), None)

    def color_memory(self) -> np.ndarray | None:
        """The picture's own memory, for a result that replaces it band by band; None where that
        may not be or does not suffice.
        """
        image, _ = self.shown
        return image.pixels if self.in_place and not image.is_grey else None


@dataclass(frozen=True, eq=False)
class Answer:
    """What a filter made.

    Attributes:
        image: the new picture, of the size and channel type of the one given, or of the part.
        generator: which made it.
        layers: see Layer.
        facts: for the report.
    """

    image: Image
    generator: Generator
    layers: tuple[Layer, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
