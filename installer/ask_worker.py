"""Run by proof.py in a Python of its own, so that `plugin` and `core` are the installed ones:

    python -I ask_worker.py PLUG_IN_FOLDER [LOG COMMAND…]

Starts the worker as the plug-in does, by the plug-in's own code and record (or by the command),
has it colour a small grey picture, and prints one JSON object: the facts, or what went wrong.
"""

import json
import sys
import time
from typing import Any

WIDTH, HEIGHT = 96, 64


def main(folder: str, command: list[str]) -> dict[str, Any]:
    sys.path.insert(0, folder)
    from plugin.errors import PluginError
    from plugin.installation import load
    from plugin.worker import Worker

    try:
        worker = Worker(command[1:], command[0]) if command else Worker.installed(load(folder))
        with worker:
            return ask(worker)
    except PluginError as error:
        return {"sentence": error.sentence, "hint": error.hint}


def ask(worker: Any) -> dict[str, Any]:
    """{provider, seconds, colored, report} of one run."""
    picture = {"width": WIDTH, "height": HEIGHT, "format": "R'G'B' u8"}
    request = {
        "kind": "request",
        "id": 1,
        "filter": "colorize",
        "model": "",
        "device": "auto",
        "params": {},
        "picture": picture,
    }
    started = time.monotonic()
    result = worker.ask(request, [grey_picture()], lambda fraction, text: None)
    pixels = result.read(HEIGHT)
    return {
        "provider": str(result.report.get("provider", "unknown")),
        "seconds": time.monotonic() - started,
        "colored": colored(pixels) if result.picture == picture else 0.0,
        "report": result.report,
    }


def grey_picture() -> bytes:
    """A grey landscape, (HEIGHT, WIDTH, 3) of u8: a bright sky, hills, a darker meadow."""
    pixels = bytearray()
    for y in range(HEIGHT):
        for x in range(WIDTH):
            hill = HEIGHT * 0.45 + 6 * ((x * 5 // WIDTH) % 2) + abs(x - WIDTH // 2) * 0.12
            grain = (x * 7919 + y * 104729) % 17
            value = 235 - y if y < hill else 70 + grain * 3 + y // 4
            pixels += bytes((value, value, value))
    return bytes(pixels)


def colored(pixels: bytes) -> float:
    """Share of the pixels, 0..1, whose channels differ by more than rounding."""
    triples = zip(pixels[0::3], pixels[1::3], pixels[2::3], strict=True)
    return sum(max(p) - min(p) > 2 for p in triples) / (len(pixels) // 3)


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2:])))
