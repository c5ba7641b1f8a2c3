"""A small worker of its own process: `python worker_process.py BEHAVIOUR [FILE]`.

It speaks core/protocol.py, needs the standard library alone, and misbehaves on demand:

    invert        the right way: gray becomes (v, 255 - v, v), color is inverted; u8 only
    environment   like invert, and writes its environment and descriptors to FILE as JSON
    chatty        like invert, with a flood on stderr first
    echo          gives color back as it came, any type; request.json and received in folder FILE
    layers        like invert, with the request's others as layers "lines", "colors" and "flats"
                  (the inverted picture where it has fewer)
    fallback      like invert, with a reason why it did not run where it should
    silent        never says hello
    dies_at_start, dies_in_mid_run, dies_in_mid_result
    dies_once     like invert, but without FILE it makes FILE and dies in mid-run
    garbage       prints to stdout before anything else
    other_version a hello of protocol 99
    fails, internal   answers with a failure
    refuses_early answers with a failure and ends without reading the pixels
    wrong_id      answers another request
    sleeps        says "Working", then sleeps; FILE gets its process id
"""

import json
import os
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
from core import protocol  # noqa: E402


def main(behaviour, file=""):
    frames_out = os.fdopen(os.dup(1), "wb")
    if behaviour == "garbage":
        print("Loading the model...", flush=True)
        time.sleep(60)
    os.dup2(2, 1)
    if behaviour == "silent":
        time.sleep(60)
    if behaviour == "dies_at_start":
        sys.exit("ModuleNotFoundError: No module named 'numpy'")
    if behaviour == "chatty":
        sys.stderr.write("warning\n" * 500_000)
    if behaviour == "environment":
        write_surroundings(file)
    number = 99 if behaviour == "other_version" else protocol.PROTOCOL
    hello = {"kind": "hello", "protocol": number, "core": "0.1.0", "models": []}
    protocol.write_frame(frames_out, hello)
    stdin = sys.stdin.buffer
    while (header := protocol.read_header(stdin)) is not None:
        answer(behaviour, file, header, stdin, frames_out)


def write_surroundings(file):
    descriptors = Path("/proc/self/fd")
    surroundings = {
        "environment": dict(os.environ),
        "descriptors": sorted(int(d.name) for d in descriptors.iterdir())
        if descriptors.exists()
        else [],
    }
    Path(file).write_text(json.dumps(surroundings), encoding="utf-8")


def answer(behaviour, file, header, stdin, frames_out):
    number = header["id"]
    failure = {
        "kind": "failure",
        "id": number,
        "code": "internal" if behaviour == "internal" else "model_corrupt",
        "sentence": "The model is damaged.",
        "hint": "Do this.",
    }
    if behaviour == "refuses_early":
        protocol.write_frame(frames_out, failure)
        os._exit(0)
    pixels = protocol.read_exactly(stdin, protocol.payload_size(header))
    if behaviour in ("fails", "internal"):
        protocol.write_frame(frames_out, failure)
        return
    progress = {"kind": "progress", "id": number, "fraction": 0.5, "text": "Working"}
    protocol.write_frame(frames_out, progress)
    if behaviour == "dies_in_mid_run" or (behaviour == "dies_once" and not Path(file).exists()):
        if file:
            Path(file).touch()
        os._exit(7)
    if behaviour == "sleeps":
        Path(file).write_text(str(os.getpid()), encoding="utf-8")
        threading.Thread(target=end_with_stdin, args=(stdin,), daemon=True).start()
        time.sleep(60)
    picture = header["picture"]
    result = pixels[: protocol.picture_size(picture)]
    if behaviour == "echo":
        Path(file, "request.json").write_text(json.dumps(header), encoding="utf-8")
        Path(file, "received").write_bytes(pixels)
    else:
        picture, result = inverted(picture, result)
    report = {"provider": "none"}
    if behaviour == "fallback":
        report = {"provider": "CPU", "reason": "No graphics device was found …"}
    reply = {"kind": "result", "id": number, "report": report, "picture": picture}
    if behaviour == "layers":
        reply["others"], result = as_layers(header, pixels, picture, result)
    if behaviour == "wrong_id":
        reply["id"] = number + 1
    protocol.write_frame(frames_out, reply, pieces(behaviour, result))


def as_layers(header, pixels, picture, result):
    """(others, payload): what came beside the picture goes back as layers of a sketch."""
    others, payload = [], result
    at = protocol.picture_size(header["picture"])
    came = list(header.get("others", []))
    for role in ("lines", "colors", "flats"):
        place = {"role": role, "title": role.title(), "x": 0, "y": 0}
        if came:
            other = came.pop(0)
            size = protocol.picture_size(other)
            others.append(dict(other, **dict(place, x=other["x"], y=other["y"])))
            payload += pixels[at : at + size]
            at += size
        else:
            others.append(dict(picture, **place))
            payload += result
    return others, payload


def end_with_stdin(stdin):
    stdin.read(1)
    os._exit(0)


def pieces(behaviour, result):
    if behaviour == "dies_in_mid_result":
        yield result[: len(result) // 2]
        sys.stdout.flush()
        os._exit(9)
    yield result


def inverted(picture, pixels):
    model, _, kind = picture["format"].partition(" ")
    opposite = bytes(range(255, -1, -1))
    if model.startswith("Y'"):
        step = 1 + model.endswith("A")
        gray, alpha = pixels[::step], pixels[1::2]
        planes = [gray, gray.translate(opposite), gray, alpha][: 2 + step]
        result = bytearray(len(planes) * len(gray))
        for channel, plane in enumerate(planes):
            result[channel :: len(planes)] = plane
        return dict(picture, format=f"R'G'B'{model[2:]} {kind}"), bytes(result)
    result = bytearray(pixels.translate(opposite))
    if model == "R'G'B'A":
        result[3::4] = pixels[3::4]
    return picture, bytes(result)


if __name__ == "__main__":
    main(*sys.argv[1:])
