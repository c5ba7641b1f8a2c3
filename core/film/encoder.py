"""Writing films: which codec and pixel format, and a segment's file."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av

from core.errors import BadRequest, FileUnwritable
from core.film.hdr import Hdr
from core.film.planes import Coding
from core.film.reader import FilmInfo

# x264's macroblock tree gives other bits at each run where the CPU has AVX-512 (x264 165, tried
# with the same frames a hundred times); a film that goes on must come out the same.
CODECS: dict[str, tuple[str, dict[str, str]]] = {
    "h264": ("libx264", {"preset": "medium", "crf": "18", "x264-params": "no-mbtree=1"}),
    "hevc": ("libx265", {"preset": "medium", "crf": "20", "x265-params": "log-level=error"}),
    "prores": ("prores_ks", {"profile": "3", "vendor": "apl0"}),
    "ffv1": ("ffv1", {"level": "3", "slicecrc": "1", "g": "1"}),
}
"""Name of the user -> libav's encoder and its options."""

CONTAINERS: dict[str, tuple[str, tuple[str, ...]]] = {
    ".mp4": ("h264", ("h264", "hevc")),
    ".m4v": ("h264", ("h264", "hevc")),
    ".mov": ("h264", ("h264", "hevc", "prores")),
    ".mkv": ("h264", ("h264", "hevc", "prores", "ffv1")),
}
"""Suffix -> the codec taken when none is named, and those that go into it."""

SEGMENT_FORMATS = {"prores": "mov"}
"""Codec -> container of its segments, where it is not NUT, which keeps any time base exactly."""

SHIFT_S = 3600
"""Added to a segment's timestamps: encoders' decoding times may lie before the first frame, and
containers that know no negative times would move everything.
"""

THREADS = 2
"""Of an encoder. Fixed, since the bits of x264 and x265 depend on it."""


@dataclass(frozen=True)
class Output:
    """What is written.

    Attributes:
        codec: one of CODECS.
        quality: CRF of H.264 and HEVC (0 best .. 51); None for the codec's own.
    """

    codec: str
    quality: int | None = None

    @property
    def encoder(self) -> str:
        return CODECS[self.codec][0]

    @property
    def segment_format(self) -> str:
        """Container, and suffix, of segments."""
        return SEGMENT_FORMATS.get(self.codec, "nut")

    @property
    def options(self) -> dict[str, str]:
        options = dict(CODECS[self.codec][1])
        if self.quality is not None and "crf" in options:
            options["crf"] = str(self.quality)
        return options


def choose_output(target: Path, codec: str, quality: int | None) -> Output:
    """The codec for a target's name. Raises BadRequest."""
    suffix = target.suffix.lower()
    if suffix not in CONTAINERS:
        raise BadRequest(
            f"'{target}' is no name for a film.", f"Choose one of {', '.join(CONTAINERS)}."
        )
    usual, fitting = CONTAINERS[suffix]
    if codec and codec not in CODECS:
        raise BadRequest(f"There is no codec '{codec}'.", f"Choose one of {', '.join(CODECS)}.")
    if codec and codec not in fitting:
        places = [end for end, (_, codecs) in CONTAINERS.items() if codec in codecs]
        raise BadRequest(
            f"{codec} does not go into {suffix}.", f"Choose {' or '.join(places)} for the result."
        )
    if quality is not None and not 0 <= quality <= 51:
        raise BadRequest(f"--quality is {quality}, not a number from 0 to 51.")
    return Output(codec or usual, quality)


def choose_coding(
    info: FilmInfo, tags: tuple[int, int, int, int], output: Output, hdr: Hdr
) -> Coding:
    """The coding to work in and write: the film's own depth and chroma, as the encoder can."""
    layout = av.VideoFormat(info.pix_fmt, info.width, info.height)
    bits = max(component.bits for component in layout.components)
    across = info.width / max(layout.chroma_width(info.width), 1)
    down = info.height / max(layout.chroma_height(info.height), 1)
    is_grey = len(layout.components) < 3
    if layout.is_rgb:
        wanted = "444"
    elif is_grey or (across > 1.5 and down > 1.5):
        wanted = "420"
    else:
        wanted = "422" if across > 1.5 else "444"
    has_alpha = len(layout.components) in (2, 4)
    pix_fmt, depth = _nearest(output.encoder, wanted, bits, has_alpha)
    is_full = tags[3] == 2 or info.pix_fmt.startswith("yuvj")
    if layout.is_rgb:
        is_full = False
    elif is_grey and tags[3] == 0:
        is_full = True
    width, height = info.width, info.height
    if output.codec != "ffv1":
        width += width % 2 if "444" not in pix_fmt else 0
        height += height % 2 if "420" in pix_fmt else 0
    matrix = _matrix(tags[0], info.height)
    colorspace = tags[0] if tags[0] not in (0, 2) else {"bt601": 6, "bt709": 1, "bt2020": 9}[matrix]
    named = (colorspace if layout.is_rgb or tags[0] == 0 else tags[0], tags[1], tags[2],
             2 if is_full else 1)  # fmt: skip
    return Coding(pix_fmt, width, height, depth, matrix, is_full, named, hdr)


def _matrix(colorspace: int, height: int) -> str:
    """Which formula stands behind a tag of ITU-T H.273; by the size where there is none."""
    if colorspace == 1:
        return "bt709"
    if colorspace in (9, 10):
        return "bt2020"
    if colorspace in (4, 5, 6):
        return "bt601"
    return "bt709" if height >= 720 else "bt601"


def _nearest(encoder: str, chroma: str, bits: int, has_alpha: bool) -> tuple[str, int]:
    """The encoder's pixel format that loses least: no less depth, then no less chroma."""
    names = {pix_fmt.name for pix_fmt in av.codec.Codec(encoder, "w").video_formats or ()}
    depths = [d for d in (8, 10, 12, 16) if d >= bits] + [d for d in (12, 10, 8) if d < bits]
    chromas = ["420", "422", "444"]
    chromas = chromas[chromas.index(chroma) :]
    for kind in ["yuva", "yuv"] if has_alpha else ["yuv"]:
        for depth in depths:
            for each in chromas:
                name = f"{kind}{each}p" + (f"{depth}le" if depth > 8 else "")
                if name in names:
                    return name, depth
    raise AssertionError(f"{encoder} has no planar format")


class SegmentWriter:
    """Encodes frames into one segment's file; its name appears when it is whole."""

    def __init__(self, path: Path, output: Output, coding: Coding, info: FilmInfo) -> None:
        """Raises FileUnwritable."""
        self._path = path
        self._partial = path.with_suffix(".part")
        self._shift = shift(info)
        self._tags = coding.tags
        with unwritable(path):
            self._container: Any = av.open(str(self._partial), "w", format=output.segment_format)
            self._stream: Any = _stream(self._container, output, coding, info)

    def write(self, frame: av.VideoFrame, pts: int) -> None:
        """Encode a frame of the coding. Raises FileUnwritable."""
        frame.pts = pts + self._shift
        frame.time_base = self._stream.codec_context.time_base
        frame.pict_type = 0
        frame.colorspace, frame.color_primaries, frame.color_trc = self._tags[:3]
        frame.color_range = self._tags[3]
        with unwritable(self._path):
            self._container.mux(self._stream.encode(frame))

    def finish(self, path: Path | None = None) -> None:
        """Write out what is left and give the file its name, or another. Raises FileUnwritable."""
        with unwritable(self._path):
            self._container.mux(self._stream.encode(None))
            self._container.close()
            os.replace(self._partial, path or self._path)

    def drop(self) -> None:
        """Close and remove what was begun."""
        try:
            self._container.close()
        except (av.FFmpegError, OSError):
            pass  # a full disk, which the caller tells of
        self._partial.unlink(missing_ok=True)


def shift(info: FilmInfo) -> int:
    """SHIFT_S in units of the film's time base."""
    return round(SHIFT_S / info.time_base)


def _stream(container: Any, output: Output, coding: Coding, info: FilmInfo) -> Any:
    stream = container.add_stream(
        output.encoder, rate=info.rate, width=coding.width, height=coding.height
    )
    context = stream.codec_context
    context.pix_fmt = coding.pix_fmt
    context.time_base = info.time_base
    context.sample_aspect_ratio = info.aspect
    context.thread_count = THREADS
    set_tags(context, coding)
    context.options = output.options | _own_options(output, coding.hdr)
    return stream


def _own_options(output: Output, hdr: Hdr) -> dict[str, str]:
    """The option by which x264 and x265 take parameters of their own; empty for other encoders."""
    name = {"libx264": "x264-params", "libx265": "x265-params"}.get(output.encoder)
    if name is None:
        return {}
    usual = output.options.get(name, "")
    return {name: ":".join(filter(None, [usual, *hdr.parameters(output.encoder)]))}


def set_tags(context: Any, coding: Coding) -> None:
    """Put the colour tags onto a codec context."""
    context.colorspace, context.color_primaries, context.color_trc = coding.tags[:3]
    context.color_range = coding.tags[3]


class unwritable:  # noqa: N801 - reads as a word of the with statement
    """Turn libav's and the system's errors while writing into FileUnwritable."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, (av.FFmpegError, OSError)):
            reason = (getattr(error, "strerror", "") or str(error)).rstrip(".")
            raise FileUnwritable(f"{self._path} cannot be written ({reason}).") from error
