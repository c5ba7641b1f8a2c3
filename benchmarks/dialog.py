"""How soon the dialog's preview follows a change, measured the way that the dialog asks.

    python -m benchmarks.dialog                 the default models on the automatic device
    python -m benchmarks.dialog --repeat 9 --device cpu

A real worker, the plug-in's own conversation with it, and a preview as large as the dialog's for
the picture of --size. Times go from the change to the pixels; drawing them is GTK's. The median
of --repeat changes is printed, the smallest and largest behind.
"""

import argparse
import queue
import sys
import time
from typing import Any

from benchmarks.__main__ import picture, print_machine, row
from plugin import filters
from plugin.conversation import Conversation
from plugin.errors import PluginError
from plugin.preview import preview_size
from plugin.run import make_request
from plugin.worker import Worker

LIMIT_S = 120
SLIDER, INFERENCE = "at most 0.1 s", "at most 0.6 s"


class Dialog:
    """Asks as plugin/gimp3/live.py does, and waits for the answer.

    Args:
        filter_id: of plugin/filters.py.
        size: (width, height) of the layer.
    """

    def __init__(self, filter_id: str, size: tuple[int, int], device: str) -> None:
        self._filter = filters.find(filter_id)
        self._pixels = picture(*preview_size(*size))
        height, width = self._pixels.shape[:2]
        self.picture = {"width": width, "height": height, "format": "R'G'B' u8"}
        self._values: dict[str, Any] = {p.name: p.default for p in self._filter.parameters}
        self._values |= {"model": "", "device": device}
        command = [sys.executable, "-u", "-m", "core", "worker"]  # run in the repository
        self._worker = Worker(command)
        self._posted: queue.Queue[Any] = queue.Queue()
        self._conversation = Conversation(
            self._worker, lambda *call: self._posted.put(call), self._answered, self._answered
        )
        self._answer: Any = None

    def close(self) -> None:
        self._conversation.close(False)
        self._worker.stop()

    def change(self, extra: dict[str, Any] | None = None, **values: Any) -> float:
        """Seconds until the preview of the changed settings is there; extra: into the request.

        Raises:
            PluginError: there is none.
        """
        self._values |= {name.replace("_", "-"): value for name, value in values.items()}
        start = time.perf_counter()
        request: dict[str, Any] = make_request(self._filter, self._values, self.picture)
        request["preview"] = True
        pixels = self._pixels.tobytes()
        for other, data in (extra or {}).pop("others", ()):
            request.setdefault("others", []).append(other)
            pixels += data
        self._conversation.ask(dict(request, **(extra or {})), pixels)
        function, *arguments = self._posted.get(timeout=LIMIT_S)
        function(*arguments)
        if isinstance(self._answer, PluginError):
            raise self._answer
        return time.perf_counter() - start

    def _answered(self, _number: int, answer: Any, *_rest: Any) -> None:
        self._answer = answer


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.dialog",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--device", default="auto", help="default: auto")
    parser.add_argument("--repeat", type=int, default=7, help="changes a row (default 7)")
    parser.add_argument("--size", type=int, nargs=2, default=(6000, 4000),
                        metavar=("WIDTH", "HEIGHT"), help="of the layer")  # fmt: skip
    options = parser.parse_args()
    print_machine()
    try:
        colorize(tuple(options.size), options.device, options.repeat)
        stylize(tuple(options.size), options.device, options.repeat)
    except PluginError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    return 0


def colorize(size: tuple[int, int], device: str, repeat: int) -> None:
    dialog = Dialog("limner-auto-colorize", size, device)
    print("\nAuto Colorize, preview of {width} x {height}".format(**dialog.picture))
    row("first preview, with the worker's start", [dialog.change()])
    row("strength", [dialog.change(strength=n / 100) for n in range(repeat)], SLIDER)
    row("saturation", [dialog.change(saturation=n / 50) for n in range(repeat)], SLIDER)
    row("seed", [dialog.change(seed=1 + n) for n in range(repeat)], INFERENCE)
    row("a dab", [dialog.change(dab(n)) for n in range(repeat)], INFERENCE)
    row("a click", [dialog.change({"at": [9 * n, 50]}) for n in range(repeat)], INFERENCE)
    dialog.close()


def stylize(size: tuple[int, int], device: str, repeat: int) -> None:
    dialog = Dialog("limner-apply-style", size, device)
    print("\nApply Style, preview of {width} x {height}".format(**dialog.picture))
    row("first preview, with the worker's start", [dialog.change()])
    row("strength", [dialog.change(strength=n / 100) for n in range(repeat)], SLIDER)
    row("preserve colors", [dialog.change(preserve_colors=n / 100) for n in range(repeat)])
    row("brush size", [dialog.change(brush_size=1 + n / 4) for n in range(repeat)], INFERENCE)
    dialog.close()


def dab(number: int) -> dict[str, Any]:
    """What goes along for a red dab of the dialog's size, another place each time."""
    place = {"role": "hint", "x": 20 + 30 * number, "y": 40, "width": 13, "height": 13}
    return {"others": [(dict(place, format="R'G'B'A u8"), bytes((200, 30, 30, 255)) * 169)]}


if __name__ == "__main__":
    sys.exit(main())
