"""Static HDR metadata: what the film was mastered on (SMPTE ST 2086) and how bright it gets.

Read from the first frame's side data, whatever container it came out of; written by the encoders of
H.264 and HEVC into their own bitstreams, which is where players look.
"""

import struct
from dataclasses import dataclass
from typing import Any

import av

_MASTERING = struct.Struct("=20i2i")
"""libav's AVMasteringDisplayMetadata: x and y of red, green, blue and white, lowest and highest
luminance, each two whole numbers that make a fraction; whether there are colours, luminances."""

_LIGHT = struct.Struct("=2I")

_WRITERS = {"libx264": ("mastering-display", "cll"), "libx265": ("master-display", "max-cll")}


@dataclass(frozen=True)
class Hdr:
    """Static HDR metadata, as the encoders are told of it; empty where the film has none.

    Attributes:
        mastering: "G(x,y)B(x,y)R(x,y)WP(x,y)L(max,min)" in units of 0.00002 and 0.0001 cd/m².
        light: "MaxCLL,MaxFALL" in cd/m².
    """

    mastering: str = ""
    light: str = ""

    @classmethod
    def of(cls, frame: av.VideoFrame) -> "Hdr":
        """What a decoded frame says."""
        # side data is a buffer, which PyAV's types do not say
        found = {data.type.name: bytes(memoryview(data)) for data in frame.side_data}  # pyright: ignore
        mastering = found.get("MASTERING_DISPLAY_METADATA", b"")
        light = found.get("CONTENT_LIGHT_LEVEL", b"")
        return cls(_mastering(mastering), _light(light))

    def parameters(self, encoder: str) -> list[str]:
        """name=value for an encoder's own options; empty for one that cannot write it."""
        names = _WRITERS.get(encoder, ())
        values = (self.mastering, self.light)
        return [f"{name}={value}" for name, value in zip(names, values, strict=False) if value]

    def is_lost(self, encoder: str) -> bool:
        """Whether there is something that the encoder cannot write."""
        return bool(self.mastering or self.light) and encoder not in _WRITERS


def _mastering(data: bytes) -> str:
    if len(data) < _MASTERING.size:
        return ""
    *numbers, has_colors, has_light = _MASTERING.unpack_from(data)
    if not (has_colors and has_light) or not all(numbers[1::2]):
        return ""
    values = [a / b for a, b in zip(numbers[::2], numbers[1::2], strict=True)]
    places = [round(value * 50000) for value in values[:8]]
    low, high = (round(value * 10000) for value in values[8:])
    named = zip(("R", "G", "B", "WP"), places[::2], places[1::2], strict=True)
    texts: dict[str, Any] = {name: f"{name}({x},{y})" for name, x, y in named}
    return f"{texts['G']}{texts['B']}{texts['R']}{texts['WP']}L({high},{low})"


def _light(data: bytes) -> str:
    if len(data) < _LIGHT.size:
        return ""
    most, average = _LIGHT.unpack_from(data)
    return f"{most},{average}" if most or average else ""
