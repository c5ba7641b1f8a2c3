"""Pictures on disk: PNG, JPEG, TIFF and WebP, read and written by libvips.

Only the command line needs this; pyvips is imported on first use, never by the worker.

What happens to colour:
- 8-bit stays 8-bit, 16-bit stays 16-bit, float stays float, where the target format can; where
  it cannot, `save` says so.
- Pixels with another profile than sRGB are converted to sRGB at 16 bits for the work (relative
  colorimetric; what lies outside sRGB is clipped), and the result back to that profile, which is
  embedded again. Results of grey pictures with a profile of their own are sRGB.
- Float TIFFs hold linear light, as libvips and HDR programs have it, unless a profile says
  sRGB; other profiles on float pixels are refused.
- Alpha is not touched. EXIF, XMP and IPTC go along; the EXIF orientation is carried out and
  its tag dropped.

A file is data from outside: its first bytes choose one of four loaders, and nothing else in
libvips is reached.
"""

import os
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from core.color import spaces
from core.errors import FileUnreadable, FileUnwritable
from core.files.libvips import (
    DTYPES,
    PROFILE,
    from_srgb,
    image_of,
    is_writable,
    profile_encoding,
    pyvips_module,
    srgb_profile,
    to_depth,
    to_srgb,
)
from core.image import Image

SUFFIXES = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".jpe": "JPEG", ".jfif": "JPEG",
            ".tif": "TIFF", ".tiff": "TIFF",
            ".webp": "WebP"}  # fmt: skip
"""File suffix, in lower case -> format."""

MOST_PIXELS = 1 << 30

_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
)
_LOADERS = {"PNG": "pngload", "JPEG": "jpegload", "TIFF": "tiffload", "WebP": "webpload"}
_SAVERS: dict[str, tuple[str, dict[str, Any]]] = {
    "PNG": ("pngsave", {}),
    "JPEG": ("jpegsave", {"Q": 95}),
    "TIFF": ("tiffsave", {"compression": "deflate", "predictor": "horizontal"}),
    "WebP": ("webpsave", {"Q": 95, "smart_subsample": True}),
}
_DEEPEST = {"PNG": np.uint16, "JPEG": np.uint8, "TIFF": np.float32, "WebP": np.uint8}
_DEPTH_WORDS = {np.uint8: "8 bits", np.uint16: "16 bits"}
_KNOWN_SPACES = ("b-w", "grey16", "srgb", "rgb", "rgb16", "scrgb", "multiband")
_CARRIED = ("exif-", "xmp-", "iptc-")
_BLOBS = ("exif-data", "xmp-data", "iptc-data")

_PROFILE_IGNORED = "The color profile of {} is damaged and was ignored."
_PROFILE_REPLACED = (
    "The color profile of {} describes a scanner and cannot be written; the result is sRGB."
)


def read_reduced(path: Path, longer: int) -> Image:
    """A picture's pixels, sRGB-encoded, reduced while they are decoded.

    Args:
        longer: the result's longer side is at least so long, and less than twice that; smaller
            pictures come as they are.

    Raises:
        FileUnreadable: missing, truncated, damaged, or of a kind not handled here.
    """
    vips = pyvips_module()
    name = _format_of(path)
    try:
        image = _load(path, name)
        factor = max(1, max(image.width, image.height) // longer)
        if factor > 1:
            form = image.format
            across, down = (min(factor, side) for side in (image.width, image.height))
            image = image.shrink(across, down).cast(form)
        pixels = _pixels(path, image)
        profile = image.get(PROFILE) if image.get_typeof(PROFILE) else None
    except vips.Error as error:
        raise FileUnreadable(f"{path} cannot be read ({_first_line(error)}).") from error
    return _described(path, image, pixels, profile).image


@dataclass(frozen=True, eq=False)
class PictureFile:
    """A picture as it was read.

    Attributes:
        path: where from.
        image: upright pixels, sRGB-encoded, for the engine.
        dtype: channel type of the file; image may be deeper.
        profile: the ICC profile to convert results to and embed; None for sRGB without one.
        is_linear: the file holds linear light.
        alpha: (H, W) as in the file, or None.
        notes: sentences about what the file could not be taken at its word for.
    """

    path: Path
    image: Image
    dtype: np.dtype[Any]
    profile: bytes | None
    is_linear: bool
    alpha: np.ndarray | None
    _header: Any
    notes: tuple[str, ...] = ()

    @classmethod
    def read(cls, path: Path) -> "PictureFile":
        """Read a picture whole.

        Raises:
            FileUnreadable: missing, truncated, damaged, or of a kind not handled here.
        """
        vips = pyvips_module()
        try:
            str(path).encode("utf-8")
        except UnicodeEncodeError as error:
            raise FileUnreadable(
                f"The name of {path} is not valid UTF-8.", "Rename the file."
            ) from error
        name = _format_of(path)
        try:
            image = _load(path, name)
            pixels = _pixels(path, image)
            profile = image.get(PROFILE) if image.get_typeof(PROFILE) else None
        except vips.Error as error:
            raise FileUnreadable(f"{path} cannot be read ({_first_line(error)}).") from error
        return _described(path, image, pixels, profile)

    def save(self, result: Image, path: Path) -> list[str]:
        """Write a result of this picture, by way of a temporary name.

        Args:
            result: of the same size as image.
            path: its suffix chooses the format; the folder must exist.

        Returns:
            Sentences about what the format could not keep.

        Raises:
            FileUnwritable: the format is unknown or has no transparency, or writing failed;
                nothing is left behind.
        """
        name = SUFFIXES.get(path.suffix.lower())
        if name is None:
            raise FileUnwritable(
                f"{path} has none of the endings .png, .jpg, .tif or .webp.",
                "Choose one of these formats.",
            )
        if name == "JPEG" and result.has_alpha:
            raise FileUnwritable(
                f"{path} cannot be saved: JPEG has no transparency.", "Choose PNG, TIFF or WebP."
            )
        vips = pyvips_module()
        notes: list[str] = list(self.notes)
        try:
            _write(self._dressed(result, name, notes), name, path)
        except (vips.Error, OSError) as error:
            raise FileUnwritable(f"{path} cannot be saved ({_first_line(error)}).") from error
        return notes

    def _dressed(self, result: Image, name: str, notes: list[str]) -> Any:
        """The result as libvips image: depth, profile and metadata of the file."""
        vips = pyvips_module()
        dtype = np.dtype(min(self.dtype, np.dtype(_DEEPEST[name]), key=lambda d: d.itemsize))
        if dtype != self.dtype:
            kept = "linear light" if self.is_linear else "depth"
            notes.append(
                f"{name} cannot hold the {kept} of {self.path.name}; the result has "
                f"{_DEPTH_WORDS[dtype.type]} per channel. Choose TIFF to keep it."
            )
        profile, colors = self.profile, result.pixels[..., :3]
        if self.is_linear and dtype == np.float32:
            colors = spaces.srgb_to_linear(colors)
        else:
            profile = None if self.is_linear else profile
            colors = from_srgb(colors, profile, dtype)
        if result.has_alpha:
            alpha = result.pixels[..., 3]
            if self.alpha is not None and np.array_equal(alpha, self.image.pixels[..., -1]):
                alpha = self.alpha  # as the file has it, before any change of depth
            colors = np.concatenate((colors, to_depth(alpha, dtype)[..., None]), axis=2)
        image = image_of(colors)
        image = image.copy(xres=self._header.xres, yres=self._header.yres)
        for field in _fields_of(self._header):
            if field.startswith(_CARRIED):
                image.set_type(self._header.get_typeof(field), field, self._header.get(field))
        # the block of EXIF still has the orientation that was carried out; this one overrides it
        image.set_type(vips.GValue.gint_type, "orientation", 1)
        if profile is not None:
            image.set_type(vips.GValue.blob_type, PROFILE, profile)
        return image


def _fields_of(header: Any) -> list[str]:
    """Names of a file's metadata; those that may be carried where one of the names is not UTF-8."""
    try:
        return header.get_fields()
    except UnicodeDecodeError:  # PNG's keywords are Latin-1
        return [field for field in _BLOBS if header.get_typeof(field)]


def _described(path: Path, header: Any, pixels: np.ndarray, profile: bytes | None) -> PictureFile:
    """Pixels of the file -> sRGB-encoded ones, with the way back."""
    colors = pixels.shape[2] - (pixels.shape[2] in (2, 4))
    alpha = pixels[..., -1] if pixels.shape[2] in (2, 4) else None
    dtype = pixels.dtype
    profile, encoding, note = _judged(profile, colors)
    is_linear = dtype == np.float32 and encoding in ("", "linear")
    if dtype == np.float32 and encoding == "other":
        raise FileUnreadable(
            f"{path} has floating-point pixels with a colour profile that is neither sRGB nor "
            "linear sRGB.",
            "Save it with 16 bits per channel, or converted to sRGB.",
        )
    if is_linear:
        pixels = pixels.copy()
        pixels[..., :colors] = spaces.linear_to_srgb(pixels[..., :colors])
    elif profile is not None and encoding != "srgb":
        pixels = to_srgb(pixels, colors, profile)
        if colors == 3 and not is_writable(profile):
            profile, note = srgb_profile(), _PROFILE_REPLACED
    if colors == 1 and profile is not None:
        profile = None if is_linear else srgb_profile()  # a grey one cannot describe the result
    notes = (note.format(path.name),) if note else ()
    return PictureFile(path, Image(pixels), dtype, profile, is_linear, alpha, header, notes)


def _judged(profile: bytes | None, colors: int) -> tuple[bytes | None, str, str]:
    """(the profile, or None where it is damaged; what it says; a note, not yet with a name)."""
    if profile is None:
        return None, "", ""
    try:
        return profile, profile_encoding(profile, colors), ""
    except pyvips_module().Error:
        return None, "", _PROFILE_IGNORED


def _format_of(path: Path) -> str:
    """The format by the file's first bytes. Raises FileUnreadable."""
    try:
        with path.open("rb") as stream:
            start = stream.read(12)
    except OSError as error:
        reason = error.strerror or "no reason given"
        raise FileUnreadable(
            f"{path} cannot be read ({reason}).", "Check the name and the permissions."
        ) from error
    for signature, name in _SIGNATURES:
        if start.startswith(signature):
            return name
    if start[:4] == b"RIFF" and start[8:] == b"WEBP":
        return "WebP"
    raise FileUnreadable(f"{path} is no PNG, JPEG, TIFF or WebP picture.")


def _load(path: Path, name: str) -> Any:
    """The opened image, upright. Raises pyvips.Error, FileUnreadable."""
    vips = pyvips_module()
    image = vips.Operation.call(_LOADERS[name], str(path), access="sequential", fail_on="error")
    if image.width * image.height > MOST_PIXELS:
        raise FileUnreadable(
            f"{path} is {image.width}×{image.height} pixels, more than can be worked on.",
            "Cut it into parts.",
        )
    if image.interpretation == "cmyk":
        raise FileUnreadable(f"{path} is a CMYK picture.", "Convert it to RGB first.")
    if image.format not in DTYPES or image.bands > 4 or image.interpretation not in _KNOWN_SPACES:
        raise FileUnreadable(
            f"{path} holds {image.bands} channels of the kind '{image.interpretation}', "
            f"{image.format}, which is not handled.",
            "Save it as a grey or RGB picture with 8 or 16 bits.",
        )
    if image.get_typeof("orientation") and image.get("orientation") != 1:
        image = image.copy_memory().autorot()
    return image


def _pixels(path: Path, image: Any) -> np.ndarray:
    """Decode: (H, W, C). Raises pyvips.Error, FileUnreadable."""
    try:
        buffer = image.write_to_memory()
    except MemoryError as error:
        raise FileUnreadable(
            f"{path} is too large for this machine's memory.", "Cut it into parts."
        ) from error
    shape = (image.height, image.width, image.bands)
    return np.frombuffer(buffer, DTYPES[image.format]).reshape(shape)


def _write(image: Any, name: str, path: Path) -> None:
    """Save under a temporary name in the same folder, then rename. Raises pyvips.Error, OSError."""
    saver, options = _SAVERS[name]
    prefix = f".limner-{os.getpid()}-"
    handle, temporary = tempfile.mkstemp(prefix=prefix, suffix=path.suffix, dir=path.parent)
    os.close(handle)
    try:
        pyvips_module().Operation.call(saver, image, temporary, **options)
        _finish(temporary)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _finish(temporary: str) -> None:
    """Onto the disk before the name is given: a power cut leaves the old file or the new one."""
    with open(temporary, "rb+") as stream:
        os.fsync(stream.fileno())
    try:
        os.chmod(temporary, 0o666 & ~_umask())  # mkstemp makes files for the owner alone
    except OSError:
        pass  # some network drives have no permissions; the picture counts more


@cache
def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _first_line(error: BaseException) -> str:
    detail = getattr(error, "detail", "") or getattr(error, "strerror", "") or str(error)
    return str(detail).strip().partition("\n")[0].rstrip(".")
