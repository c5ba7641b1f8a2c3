"""What a film carries besides its streams that play: covers, and files such as fonts."""

from typing import Any

import av

_IMAGES = {"mjpeg": ("cover.jpg", "image/jpeg"), "png": ("cover.png", "image/png")}


def is_cover(stream: Any) -> bool:
    return stream.type == "video" and bool(stream.disposition & av.stream.Disposition.attached_pic)


def add_attachments(film: Any, given: Any, suffix: str) -> list[str]:
    """Take over covers and attached files, which Matroska has room for.

    The MP4 writer has none for a cover beside tags of one's own, which Limner needs (see run.py).

    Args:
        film: to be written, its header not yet.
        given: the source, opened for this alone: it is read.
        suffix: of the film's container.

    Returns:
        Sentences about what was left out.
    """
    notes = []
    for stream in given.streams:
        if is_cover(stream):
            data, kind = _picture_of(given, stream), stream.codec_context.name
            if suffix == ".mkv" and kind in _IMAGES and data:
                name, mime = _IMAGES[kind]
                film.add_attachment(stream.metadata.get("filename", name), mime, data)
            else:
                notes.append(f"The cover ({kind}) does not go into {suffix} and was left out.")
        elif stream.type == "attachment":
            name = stream.metadata.get("filename", "unnamed")
            if suffix == ".mkv":
                mime = stream.metadata.get("mimetype", "application/octet-stream")
                film.add_attachment(name, mime, bytes(stream.data))
            else:
                notes.append(f"The attached file {name} does not go into {suffix} and was left "
                             "out.")  # fmt: skip
    return notes


def _picture_of(given: Any, stream: Any) -> bytes:
    """A cover's one packet; empty where it cannot be read."""
    try:
        given.seek(0)
        for packet in given.demux(stream):
            if packet.size:
                return bytes(packet)
    except av.FFmpegError:
        pass
    return b""
