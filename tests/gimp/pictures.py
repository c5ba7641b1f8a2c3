"""Pictures that go into GIMP, and pixels that come out of it."""

import re
import sys
from pathlib import Path

import numpy as np
import pyvips

EXAMPLES = Path(__file__).parents[2] / "examples"
PHOTO = EXAMPLES / "beach.jpg"
CAR = EXAMPLES / "held-out" / "cq100_f49d754d90af.jpg"
STYLE = EXAMPLES.parent / "core" / "data" / "styles" / "great-wave.jpg"

SKETCH = """<svg xmlns="http://www.w3.org/2000/svg" width="900" height="640">
<g fill="none" stroke="#333" stroke-width="4" stroke-linecap="round" stroke-linejoin="round">
<path d="M2 520 Q200 500 270 522 M590 520 Q700 505 898 528"/>
<path d="M270 330 L272 560 Q430 566 590 560 L588 330"/>
<path d="M240 332 Q430 328 620 332 L430 170 Z"/>
<path d="M395 562 L396 470 Q430 440 465 470 L464 562"/>
<path d="M300 380 H360 V440 H300 Z M330 380 V440 M300 410 H360"/>
<path d="M500 380 H560 V440 H500 Z M530 380 V440 M500 410 H560"/>
<path d="M690 518 Q700 460 688 440 M730 518 Q722 460 734 440"/>
<path d="M640 400 Q610 340 660 300 Q670 240 730 260 Q790 250 790 320 Q830 370 770 430
         Q700 470 640 400 Z"/>
<circle cx="150" cy="140" r="62"/>
<path d="M150 55 V25 M150 225 V255 M65 140 H35 M235 140 H265 M90 80 L68 58 M210 200 L232 222"/>
</g></svg>"""
"""A drawing whose areas are closed but for a gap or two; see DABS in inside/walks.py."""

SCENE = (96, 64)
"""Width and height of photo.f32; inside/scene.py knows the same."""

FILE = (300, 200)
"""Width and height of the picture files."""

LARGE = (3000, 2000)
"""Width and height of large.png."""

CHANNELS = {"Y": 1, "YA": 2, "RGB": 3, "RGBA": 4}
"""Of a babl model without its marks for the tone curve, ' and ~."""

TYPES = {
    "u8": np.uint8,
    "u16": np.uint16,
    "u32": np.uint32,
    "half": np.float16,
    "float": np.float32,
    "double": np.float64,
}


def write_inputs(folder: Path) -> None:
    """Write every picture that a case loads.

    photo.f32   R'G'B'A float, alpha rising from 0 at the left edge to 1
    photo8.png, photo16.png, grey8.png   the same photo, 8 and 16 bits a channel, and grey
    p3.png      the photo in Display P3, with that profile
    large.png   grey and so large that a run can be watched
    indexed.png with a palette
    walk.png    a gray photo of a car, for the ways of a user; style.png a painting
    sketch.png  a house, a tree and the sun, in pencil
    """
    folder.mkdir(parents=True, exist_ok=True)
    color = photo(*SCENE)
    rising = np.clip(np.arange(SCENE[0]) / 24, 0, 1)[None, :, None]
    alpha = np.broadcast_to(rising, (*color.shape[:2], 1))
    np.concatenate([color, alpha], axis=2).astype(np.float32).tofile(folder / "photo.f32")
    large = photo(*FILE)
    eight = to_vips(np.rint(large * 255).astype(np.uint8))
    eight.pngsave(str(folder / "photo8.png"))
    sixteen = to_vips(np.rint(large * 65535).astype(np.uint16))
    sixteen.pngsave(str(folder / "photo16.png"), bitdepth=16)
    grey = large @ np.array([0.2126, 0.7152, 0.0722])
    to_vips(np.rint(grey[..., None] * 255).astype(np.uint8)).pngsave(str(folder / "grey8.png"))
    big = photo(*LARGE) @ np.array([0.2126, 0.7152, 0.0722])
    to_vips(np.rint(big[..., None] * 255).astype(np.uint8)).pngsave(str(folder / "large.png"))
    eight.pngsave(str(folder / "indexed.png"), palette=True)
    car = pyvips.Image.new_from_file(str(CAR)).colourspace("b-w")
    car.pngsave(str(folder / "walk.png"))
    pyvips.Image.thumbnail(str(STYLE), 400).pngsave(str(folder / "style.png"))
    drawing = pyvips.Image.svgload_buffer(SKETCH.encode()).flatten(background=[255.0])
    drawing.colourspace("srgb").pngsave(str(folder / "sketch.png"))
    wide = eight.icc_transform("p3", input_profile="srgb", embedded=False)
    wide.pngsave(str(folder / "p3.png"), profile="p3")


def photo(width: int, height: int) -> np.ndarray:
    """The example photo at that size: (H, W, 3) float, sRGB-encoded 0..1."""
    image = pyvips.Image.new_from_file(str(PHOTO)).cast("float")
    image = image.resize(width / image.width, vscale=height / image.height)
    return np.clip(image.numpy() / 255, 0, 1)


def to_vips(pixels: np.ndarray) -> pyvips.Image:
    """An image of (H, W, C) uint8 or uint16, sRGB or grey."""
    image = pyvips.Image.new_from_array(pixels)
    wide = pixels.dtype == np.uint16
    color, grey = ("rgb16", "grey16") if wide else ("srgb", "b-w")
    return image.copy(interpretation=color if pixels.shape[2] > 2 else grey)


def read_file(path: Path) -> np.ndarray:
    """A picture file's pixels as stored: (H, W, C)."""
    pixels = pyvips.Image.new_from_file(str(path)).numpy()
    return pixels[..., None] if pixels.ndim == 2 else pixels


def read_raw(path: Path, width: int, height: int, pixel_format: str) -> np.ndarray:
    """Bytes in a format of babl's: (H, W, C) of the type that its name says."""
    assert sys.byteorder == "little"
    model, _, kind = pixel_format.partition(" ")
    data = np.fromfile(path, TYPES[kind.partition("-space-")[0]])
    return data.reshape(height, width, CHANNELS[re.sub("['~]", "", model)])
