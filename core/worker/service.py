"""What the worker does with a request, without the pipe: unpacked, checked, model found, run.

Imports the whole engine; core.worker.process imports it after it has taken stdout away from
everybody.
"""

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from core import protocol
from core.animation import run_frames
from core.errors import BadRequest, FileUnreadable
from core.filters import FILTERS
from core.generator.catalog import Catalog, default_folders
from core.generator.generator import Generator
from core.generator.manifest import INPUT_ROLES
from core.image import Image
from core.request.preview_cache import Recall
from core.request.viewport import Part, make_part
from core.request.work import Answer, Other, Progress, Work
from core.style.gallery import GalleryStyle, gallery

KEPT_GENERATORS = 4


class Service:
    """Runs requests; keeps the generators last used, so that a second run starts at once."""

    def __init__(self, folders: tuple[Path, ...] | None = None) -> None:
        self._folders = default_folders() if folders is None else folders
        self._generators: dict[tuple[str, str, str], Generator] = {}
        self._recall = Recall()

    def hello(self, version: str) -> dict[str, Any]:
        """The first message: who speaks, and which models there are."""
        models = [
            {
                "id": m.manifest.id,
                "task": m.manifest.task,
                "title": m.manifest.title,
                "takes": [role for role in INPUT_ROLES if m.manifest.takes(role)],
            }
            for m in Catalog.read(self._folders).models()
        ]
        return {
            "kind": "hello",
            "protocol": protocol.PROTOCOL,
            "core": version,
            "models": models,
            "styles": [asdict(style) | {"path": str(style.path)} for style in _styles()],
        }

    def run(
        self, request: dict[str, Any], payload: bytearray, progress: Progress
    ) -> tuple[Answer, dict[str, Any]]:
        """Do what a request of core.protocol asks for.

        A request with "preview": true is one of many for the same small picture: where only
        numbers changed since the last one, its inference is not done again. With "at": [x, y], a
        pixel of the picture, the report tells what a colouriser thinks of that place. One with
        "frames": n is of an animation: n frames of one size, one below the other. A preview with
        a "part" has one of the role "part" among its others, and is answered with that alone:
        see core.request.viewport.

        Returns:
            The filter's answer and the report for the user: model, sha256, provider, nodes,
            reason; seconds (of the filter and of opening the model); recalled (whether
            inference was not done again); and the answer's facts.

        Raises:
            LimnerError: as the tree in core.errors tells.
        """
        known = FILTERS.get(request["filter"])
        if known is None:
            raise BadRequest(f"There is no filter '{request['filter']}'.")
        settings = make_settings(known.settings, request["params"])
        image, others = unpack(request, payload)
        part, others = take_part(request, others)
        for other in others:
            if other.role not in known.roles:
                raise BadRequest(f"This filter takes no picture as '{other.role}'.")
        preview = request.get("preview") is True
        at = check_place(request.get("at"), image)
        recall = self._recall if preview else None

        def find(task: str, model_id: str, role: str = "") -> Generator:
            progress(0.0, "Loading the model")
            generator = self.generator(task, model_id, request["device"], role)
            generator.recall = preview
            return generator

        started = time.monotonic()
        work = Work(
            image, settings, find, request["model"], progress, others, preview, True, at, recall,
            part,
        )  # fmt: skip
        frames = request.get("frames")
        if frames is None:
            answer = known.run(work)
        else:
            answer = run_frames(request["filter"], work, frames)
        told = {"seconds": round(time.monotonic() - started, 3), "part": part is not None}
        told["recalled"] = answer.generator.recalled
        return answer, {**answer.generator.report(), **told, **answer.facts}

    def generator(self, task: str, model_id: str, device: str, role: str = "") -> Generator:
        """The generator of that model on that device, opened or still open; see Catalog.find."""
        model = Catalog.read(self._folders).find(task, model_id, role)
        key = (model.manifest.id, model.manifest.sha256, device)
        generator = self._generators.pop(key, None) or Generator.open(model, device)
        self._generators[key] = generator  # last used stands last
        while len(self._generators) > KEPT_GENERATORS:
            del self._generators[next(iter(self._generators))]
        return generator


def _styles() -> list[GalleryStyle]:
    """The style pictures to choose from; none where the shipped ones' index is damaged."""
    try:
        return gallery()
    except FileUnreadable:
        return []


def unpack(request: dict[str, Any], payload: bytearray) -> tuple[Image, tuple[Other, ...]]:
    """The picture of a request and its others, without copies where memory is aligned.

    Raises BadRequest where the payload has another size.
    """
    pictures = protocol.pictures_of(request)
    images, view = [], memoryview(payload)
    for picture in pictures:
        size = protocol.picture_size(picture)
        image = Image.from_bytes(picture, view[:size])
        if not image.pixels.flags.aligned:
            image = Image(image.pixels.copy())
        images.append(image)
        view = view[size:]
    if len(view):
        raise BadRequest("The pictures' bytes are not as many as their sizes say.")
    others = tuple(
        Other(other["role"], image, other["x"], other["y"])
        for other, image in zip(pictures[1:], images[1:], strict=True)
    )
    return images[0], others


def take_part(
    request: dict[str, Any], others: tuple[Other, ...]
) -> tuple[Part | None, tuple[Other, ...]]:
    """(a preview's part, the others without it). Raises BadRequest; see
    core.request.viewport.make_part.
    """
    found = [other for other in others if other.role == "part"]
    described = request.get("part")
    if described is None and not found:
        return None, others
    if len(found) != 1 or described is None or request.get("preview") is not True:
        raise BadRequest("A part is one picture of a preview.")
    (given,) = found
    part = make_part(described, given.image, given.x, given.y)
    return part, tuple(other for other in others if other is not given)


def check_place(place: Any, image: Image) -> tuple[int, int] | None:
    """A request's "at", None where there is none. Raises BadRequest."""
    if place is None:
        return None
    whole = isinstance(place, (list, tuple)) and [type(number) for number in place] == [int, int]
    if not whole or not (0 <= place[0] < image.width and 0 <= place[1] < image.height):
        raise BadRequest(f"'at' is {place!r}, not the x and y of one of the picture's pixels.")
    return place[0], place[1]


def make_settings(settings_type: type, params: dict[str, Any]) -> Any:
    """Settings from a request's params. Raises BadRequest for a name that they do not have."""
    try:
        return settings_type(**params)
    except TypeError as error:
        raise BadRequest(f"The parameters are not those of this filter ({error}).") from error
