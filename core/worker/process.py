"""The worker process: requests on stdin, progress and results on stdout.

A child of the plug-in, started as `python -I -u -m core worker`. Before anything is imported
that might print, it takes a private copy of descriptor 1 for its frames and points stdout at
stderr, which is the log. It ends when stdin closes, also in the middle of a run: nobody would
read the answer. One process boundary of the two where any exception is caught.
"""

import os
import queue
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any, BinaryIO

from core import __version__, protocol
from core.errors import BadRequest, LimnerError, OutOfMemory

Frame = tuple[dict[str, Any], bytearray | None]


def main(catalog_folders: tuple[Any, ...] | None = None) -> int:
    """Serve the plug-in until it closes the pipe.

    Args:
        catalog_folders: folders of models; None for the usual ones.
    """
    stdin, stdout = _private_streams()
    # numpy and onnxruntime are imported here, so that hello means "ready"
    from core.worker.service import Service

    frames: queue.Queue[Frame | None] = queue.Queue(maxsize=1)
    service = Service(catalog_folders)
    idle = threading.Event()
    idle.set()
    threading.Thread(target=_read_frames, args=(stdin, frames, idle), daemon=True).start()
    protocol.write_frame(stdout, service.hello(__version__))
    while (frame := frames.get()) is not None:
        idle.clear()
        try:
            _answer(service, frame, stdout)
        except BrokenPipeError:
            return 0
        idle.set()
    return 0


def _private_streams() -> tuple[BinaryIO, BinaryIO]:
    """(stdin, stdout) for frames alone; whatever prints from here on goes to stderr."""
    frames_out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return sys.stdin.buffer, frames_out


def _read_frames(
    stdin: BinaryIO, frames: "queue.Queue[Frame | None]", idle: threading.Event
) -> None:
    """Move frames from the pipe to the queue; at the pipe's end, end the process."""
    try:
        while (header := protocol.read_header(stdin)) is not None:
            frames.put((header, _read_payload(stdin, protocol.payload_size(header))))
    except protocol.ProtocolError as error:
        print(f"worker: {error}", file=sys.stderr)
    if not idle.is_set():
        os._exit(0)  # the plug-in was killed in mid-run; a running session cannot be stopped
    frames.put(None)


def _read_payload(stdin: BinaryIO, size: int) -> bytearray | None:
    """The payload; None (with the bytes read and dropped) where memory does not suffice."""
    try:
        payload = bytearray(size)
    except MemoryError:
        while size:
            size -= len(protocol.read_exactly(stdin, min(size, protocol.PIECE)))
        return None
    protocol.read_into(stdin, memoryview(payload))
    return payload


def _answer(service: Any, frame: Frame, stdout: BinaryIO) -> None:
    """Run one request and write its progress and its one result or failure."""
    header, payload = frame
    request_id = header.get("id", -1)

    def progress(fraction: float, text: str) -> None:
        message = {"kind": "progress", "id": request_id, "fraction": fraction, "text": text}
        protocol.write_frame(stdout, message)

    result, failure = _run(service, header, payload, progress)
    if failure is not None:
        protocol.write_frame(stdout, {"kind": "failure", "id": request_id, **failure})
    else:
        answer, report = result
        others = [
            {"role": layer.role, "title": layer.title, "x": layer.x, "y": layer.y}
            | layer.image.picture
            for layer in answer.layers
        ]
        message = {"kind": "result", "id": request_id, "report": report}
        message |= {"picture": answer.image.picture, "others": others}
        pixels = (image.data for image in (answer.image, *(x.image for x in answer.layers)))
        protocol.write_frame(stdout, message, pixels)


def _run(
    service: Any,
    header: dict[str, Any],
    payload: bytearray | None,
    progress: Callable[[float, str], None],
) -> tuple[Any, dict[str, str] | None]:
    """(result, None) or (None, failure as the protocol's fields)."""
    try:
        if header["kind"] != "request":
            raise BadRequest(f"The worker takes requests, not '{header['kind']}'.")
        if payload is None:
            raise OutOfMemory("There is not enough memory for a picture of this size.")
        return service.run(header, payload, progress), None
    except LimnerError as error:
        return None, {"code": error.code, "sentence": error.sentence, "hint": error.hint}
    except MemoryError:
        error = OutOfMemory("There is not enough memory for a picture of this size.")
        return None, {"code": error.code, "sentence": error.sentence, "hint": error.hint}
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001  the process boundary: a bug becomes a sentence
        traceback.print_exc()
        sentence = f"Limner's worker met an unexpected problem ({type(error).__name__})."
        return None, {"code": "internal", "sentence": sentence, "hint": LimnerError.hint}
