"""libvips seen from arrays: pixels in and out, and what a colour profile does to them.

Only core.files.picture uses it. pyvips is imported on first use.
"""

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from core.color import spaces
from core.errors import FileUnreadable

PROFILE = "icc-profile-data"
"""libvips' name for the embedded profile."""

DTYPES = {"uchar": np.uint8, "ushort": np.uint16, "float": np.float32}
"""libvips' formats that are handled -> NumPy's types."""

_FORMATS = {np.dtype(dtype): name for name, dtype in DTYPES.items()}


@cache
def pyvips_module() -> Any:
    """The codec, imported on first use: it takes a tenth of a second and 40 MB."""
    try:
        import pyvips
    except (ImportError, OSError) as error:
        raise FileUnreadable(
            f"Picture files need the package pyvips, which cannot be loaded ({error}).",
            "Run install.py again, or: pip install 'pyvips[binary]'.",
        ) from error
    return pyvips


def image_of(pixels: np.ndarray) -> Any:
    """(H, W, C) as a libvips image that says what its numbers mean."""
    height, width, bands = pixels.shape
    spaces = ("b-w", "srgb", "scrgb") if pixels.dtype != np.uint16 else ("grey16", "rgb16", "")
    space = spaces[0] if bands < 3 else spaces[2 if pixels.dtype == np.float32 else 1]
    image = pyvips_module().Image.new_from_memory(
        np.ascontiguousarray(pixels).data, width, height, bands, _FORMATS[pixels.dtype]
    )
    return image.copy(interpretation=space)


def to_depth(pixels: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    """Values of one channel type as those of another, rounded and clipped."""
    if pixels.dtype == dtype:
        return pixels
    unit = pixels.astype(np.float64)
    if pixels.dtype != np.float32:
        unit /= np.iinfo(pixels.dtype).max
    if dtype == np.float32:
        return unit.astype(np.float32)
    return np.rint(np.clip(unit, 0, 1) * np.iinfo(dtype).max).astype(dtype)


def profile_encoding(profile: bytes, colors: int) -> str:
    """What a profile says of its values: "srgb", "linear" (light, sRGB's primaries) or "other".

    Asked of the profile itself: a ramp in each channel goes through it to sRGB.
    """
    ramp = np.linspace(0, 1, 33)
    rows = np.zeros((colors + 1, len(ramp), colors))
    for channel in range(colors):
        rows[channel, :, channel] = ramp
    rows[colors] = ramp[:, None]
    codes = np.rint(rows * 65535).astype(np.uint16)
    converted = to_srgb(codes, colors, profile)[..., :colors] / 65535
    if np.abs(converted - rows).max() < 1 / 255:
        return "srgb"
    if np.abs(converted - spaces.linear_to_srgb(rows)).max() < 2 / 255:
        return "linear"
    return "other"


def to_srgb(pixels: np.ndarray, colors: int, profile: bytes) -> np.ndarray:
    """(H, W, C) in a profile -> uint16 sRGB with the same channels."""
    image = image_of(pixels[..., :colors])
    image.set_type(pyvips_module().GValue.blob_type, PROFILE, profile)
    image = image.icc_transform("srgb", embedded=True, intent="relative", depth=16)
    channels = [image.numpy().reshape(*pixels.shape[:2], -1)[..., :colors]]
    if pixels.shape[2] > colors:
        channels.append(to_depth(pixels[..., -1:], np.dtype(np.uint16)))
    return np.ascontiguousarray(np.concatenate(channels, axis=2))


def from_srgb(pixels: np.ndarray, profile: bytes | None, dtype: np.dtype[Any]) -> np.ndarray:
    """sRGB-encoded (H, W, 3) -> a profile's values (None: sRGB) of that channel type.

    Floats only where the profile is sRGB's.
    """
    if profile is None or profile_encoding(profile, 3) == "srgb":
        return to_depth(pixels, dtype)
    with tempfile.TemporaryDirectory(prefix="limner-") as folder:
        path = Path(folder) / "profile.icc"
        path.write_bytes(profile)
        image = image_of(to_depth(pixels, np.dtype(np.uint16)))
        image = image.icc_transform(
            str(path), input_profile="srgb", intent="relative", depth=8 * dtype.itemsize
        )
        return image.numpy()


def is_writable(profile: bytes) -> bool:
    """Whether muted colors go from sRGB into an RGB profile and come back.

    A scanner's profile often leads one way only, and some lead back to other colors.
    """
    tones = np.linspace(0.15, 0.85, 8)
    shifts = np.array([[0, 0, 0], [0.1, 0, 0], [0, 0.1, 0], [0, 0, 0.1]])
    colors = tones[None, :, None] + shifts[:, None]
    try:
        codes = np.rint(colors * 65535).astype(np.uint16)
        back = to_srgb(from_srgb(codes, profile, np.dtype(np.uint16)), 3, profile) / 65535
    except pyvips_module().Error:
        return False
    return bool(np.abs(back - colors).max() < 0.06)


def srgb_profile() -> bytes:
    return pyvips_module().Operation.call("profile_load", "srgb")
