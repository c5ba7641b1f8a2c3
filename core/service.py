"""What the worker does with a request, without the pipe: parameters checked, model found, run.

Imports the whole engine; core.worker imports it after it has taken stdout away from everybody.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core import protocol
from core.catalog import Catalog, default_folders
from core.colorize import ColorizeSettings, colorize
from core.errors import BadRequest
from core.frames import FRAMES
from core.generator import Generator
from core.image import Image
from core.measure import colored_share
from core.stylize import StylizeSettings, stylize

Progress = Callable[[float, str], None]

FILTERS: dict[str, tuple[type, Callable[..., Image]]] = {
    "colorize": (ColorizeSettings, colorize),
    "stylize": (StylizeSettings, stylize),
}
"""Task of a manifest and filter of a request -> its settings and its function."""

IN_PLACE = {"colorize"}
"""Filters that read each band of the source before they write it: no second picture is needed."""

KEPT_GENERATORS = 2


class Service:
    """Runs requests; keeps the generators last used, so that a second run starts at once."""

    def __init__(self, folders: tuple[Path, ...] | None = None) -> None:
        self._folders = default_folders() if folders is None else folders
        self._generators: dict[tuple[str, str, str], Generator] = {}

    def hello(self, version: str) -> dict[str, Any]:
        """The first message: who speaks, and which models there are."""
        models = [
            {"id": m.manifest.id, "task": m.manifest.task, "title": m.manifest.title}
            for m in Catalog.read(self._folders).models()
        ]
        return {
            "kind": "hello",
            "protocol": protocol.PROTOCOL,
            "core": version,
            "models": models,
        }

    def run(
        self, request: dict[str, Any], payload: bytearray, progress: Progress
    ) -> tuple[Image, dict[str, Any]]:
        """Do what a request of core.protocol asks for.

        A request with "preview": true is one of many for the same small picture: where only
        numbers changed since the last one, its inference is not done again. One with "frames": n
        is of an animation: n frames of one size, one below the other.

        Returns:
            The new picture and the report for the user: model, sha256, provider, nodes, reason;
            seconds (of the filter, the model being open); recalled (whether inference was not
            done again); for Auto Colorize colored (0..1, see core.measure.colored_share).

        Raises:
            LimnerError: as the tree in core.errors tells.
        """
        name = request["filter"]
        if name not in FILTERS:
            raise BadRequest(f"There is no filter '{name}'.")
        settings_type, function = FILTERS[name]
        settings = make_settings(settings_type, request["params"])
        image = Image.from_bytes(request["picture"], payload)
        progress(0.0, "Loading the model")
        generator = self.generator(name, request["model"], request["device"])
        generator.recall = request.get("preview") is True
        out = image.pixels if name in IN_PLACE and not image.is_grey else None
        measured = {"colored": round(colored_share(image), 3)} if name == "colorize" else {}
        started = time.monotonic()
        frames = request.get("frames")
        if frames is None:
            result = function(image, generator, settings, progress, out)
        else:
            result = FRAMES[name](image, frames, generator, settings, progress, out)
        seconds = round(time.monotonic() - started, 3)
        told = {"seconds": seconds, "recalled": generator.recalled, **measured}
        return result, {**generator.report(), **told}

    def generator(self, task: str, model_id: str, device: str) -> Generator:
        """The generator of that model on that device, opened or still open."""
        model = Catalog.read(self._folders).find(task, model_id)
        key = (model.manifest.id, model.manifest.sha256, device)
        generator = self._generators.pop(key, None) or Generator.open(model, device)
        self._generators[key] = generator  # last used stands last
        while len(self._generators) > KEPT_GENERATORS:
            del self._generators[next(iter(self._generators))]
        return generator


def make_settings(settings_type: type, params: dict[str, Any]) -> Any:
    """Settings from a request's params. Raises BadRequest for a name that they do not have."""
    try:
        return settings_type(**params)
    except TypeError as error:
        raise BadRequest(f"The parameters are not those of this filter ({error}).") from error
