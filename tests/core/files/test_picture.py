"""Picture files keep their depth, profile, orientation and metadata; broken ones are named."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import pyvips

from core.color import spaces
from core.errors import FileUnreadable, FileUnwritable
from core.files.picture import PictureFile
from core.image import Image
from tests.pixels import assert_close, draw

RNG = np.random.default_rng(9)
ROOT = Path(__file__).parents[3]


def profile(name):
    return pyvips.Operation.call("profile_load", name)


def gamma_profile(gamma, kind=b"GRAY", curves=(b"kTRC",)):
    """A minimal ICC v2 profile: a grey curve, or sRGB's primaries with a curve for each channel."""
    curve = b"curv\0\0\0\0\0\0\0\1" + int(gamma * 256).to_bytes(2, "big") + b"\0\0"

    def xyz(*values):
        numbers = b"".join(round(v * 65536).to_bytes(4, "big", signed=True) for v in values)
        return b"XYZ \0\0\0\0" + numbers

    text = b"desc\0\0\0\0\0\0\0\5test\0" + bytes(79)
    owner = b"text\0\0\0\0-\0\0\0"
    tags = [(b"desc", text), (b"wtpt", xyz(0.9642, 1.0, 0.8249)), (b"cprt", owner)]
    if kind == b"RGB ":  # sRGB's primaries, adapted to D50
        tags.append((b"rXYZ", xyz(0.43607, 0.22249, 0.01392)))
        tags.append((b"gXYZ", xyz(0.38515, 0.71687, 0.09708)))
        tags.append((b"bXYZ", xyz(0.14307, 0.06061, 0.71410)))
    tags += [(name, curve) for name in curves]
    table, data = len(tags).to_bytes(4, "big"), b""
    for name, value in tags:
        value += bytes(-len(value) % 4)
        offset = 132 + 12 * len(tags) + len(data)
        table += name + offset.to_bytes(4, "big") + len(value).to_bytes(4, "big")
        data += value
    header = bytearray(128)
    header[:4] = (128 + len(table) + len(data)).to_bytes(4, "big")
    header[8:12], header[12:24] = b"\x02\x40\0\0", b"mntr" + kind + b"XYZ "
    header[36:40], header[68:80] = b"acsp", xyz(0.9642, 1.0, 0.8249)[8:]
    return bytes(header) + table + data


def write(path, pixels, icc=None, **fields):
    """Save an array by pyvips itself, as another program would."""
    spaces = {
        np.uint8: ("b-w", "srgb"),
        np.uint16: ("grey16", "rgb16"),
        np.float32: ("b-w", "scrgb"),
    }
    space = spaces[pixels.dtype.type][pixels.shape[2] > 2]
    image = pyvips.Image.new_from_array(pixels, interpretation=space).copy()
    if icc is not None:
        image.set_type(pyvips.GValue.blob_type, "icc-profile-data", icc)
    for name, value in fields.items():
        kind = pyvips.GValue.gint_type if isinstance(value, int) else pyvips.GValue.gstr_type
        image.set_type(kind, name.replace("__", "-"), value)
    image.write_to_file(str(path))
    return path


def pixels_of(path):
    image = pyvips.Image.new_from_file(str(path))
    return image.numpy().reshape(image.height, image.width, image.bands)


def noise(channels, dtype, height=20, width=30):
    values = RNG.random((height, width, channels))
    full = 1 if dtype == np.float32 else np.iinfo(dtype).max
    return (values * full).astype(dtype)


def as_color(image):
    """The image that a filter would return that changes nothing."""
    pixels = image.pixels
    colors = pixels[..., :1].repeat(3, axis=2) if image.is_grey else pixels[..., :3]
    return Image(np.concatenate((colors, pixels[..., -1:]), 2) if image.has_alpha else colors)


def round_trip(path, name="out.png"):
    picture = PictureFile.read(path)
    target = path.parent / name
    assert picture.save(as_color(picture.image), target) == []
    return target


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize(
    ("suffix", "dtype"),
    [(".png", np.uint8), (".png", np.uint16), (".tif", np.uint8), (".tif", np.uint16),
     (".tiff", np.float32)],
    ids=["png8", "png16", "tiff8", "tiff16", "tiff float"],
)  # fmt: skip
def test_pixels_there_and_back(tmp_path, suffix, dtype, channels):
    pixels = noise(channels, dtype)
    result = pixels_of(round_trip(write(tmp_path / f"in{suffix}", pixels), f"out{suffix}"))
    expected = as_color(Image(pixels)).pixels
    assert_close(result, expected, 1e-6 if dtype == np.float32 else 0)


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_lossy_formats_there_and_back(tmp_path, suffix):
    source = write(tmp_path / f"in{suffix}", draw("kkww\nrrbb", scale=32))
    result = pixels_of(round_trip(source, f"out{suffix}"))
    assert np.abs(result.astype(int) - pixels_of(source)).mean() < 1.5


def test_floats_are_linear_light(tmp_path):
    pixels = np.full((9, 9, 3), 0.5, np.float32)
    pixels[0, 0] = 7.0
    image = PictureFile.read(write(tmp_path / "in.tif", pixels)).image
    np.testing.assert_allclose(image.pixels, spaces.linear_to_srgb(pixels), atol=1e-6)


def test_floats_with_an_srgb_profile_are_encoded(tmp_path):
    pixels = noise(3, np.float32)
    source = write(tmp_path / "in.tif", pixels, profile("srgb"))
    assert_close(PictureFile.read(source).image.pixels, pixels, 0)
    assert_close(pixels_of(round_trip(source, "out.tif")), pixels, 0)


def test_floats_with_another_profile_are_refused(tmp_path):
    source = write(tmp_path / "in.tif", noise(3, np.float32), profile("p3"))
    with pytest.raises(FileUnreadable, match="neither sRGB nor linear"):
        PictureFile.read(source)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_an_srgb_profile_leaves_pixels_alone(tmp_path, dtype):
    pixels = noise(4, dtype)
    source = write(tmp_path / "in.png", pixels, profile("srgb"))
    assert_close(PictureFile.read(source).image.pixels, pixels, 0)
    target = round_trip(source)
    assert pyvips.Image.new_from_file(str(target)).get("icc-profile-data") == profile("srgb")


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.uint8, 1), (np.uint16, 80)])
def test_another_profile_is_worked_in_srgb_and_put_back(tmp_path, dtype, tolerance):
    # soft colours, which lie inside sRGB; alpha goes along untouched
    pixels = noise(4, dtype)
    pixels[..., :3] = pixels[..., :3] // 4 + np.iinfo(dtype).max // 3
    source = write(tmp_path / "in.png", pixels, profile("p3"))
    picture = PictureFile.read(source)
    assert picture.image.pixels.dtype == np.uint16
    target = round_trip(source)
    result = pixels_of(target)
    assert_close(result, pixels, tolerance)
    assert_close(result[..., 3:], pixels[..., 3:], 0)
    assert pyvips.Image.new_from_file(str(target)).get("icc-profile-data") == profile("p3")


def test_display_p3_is_converted_as_published(tmp_path):
    # P3 (0.5, 0.5, 0.2) is sRGB (0.507, 0.499, 0.159): P3 to sRGB by the matrices of SMPTE EG 432-1
    # and IEC 61966-2-1, both with the sRGB curve (computed by hand from the two matrices)
    to_srgb = np.array([[1.2249, -0.2247, 0.0], [-0.0420, 1.0419, 0.0], [-0.0197, -0.0786, 1.0979]])
    p3 = np.array([0.5, 0.5, 0.2])
    expected = spaces.linear_to_srgb(to_srgb @ spaces.srgb_to_linear(p3))
    pixels = np.broadcast_to(np.rint(p3 * 65535), (9, 9, 3)).astype(np.uint16)
    image = PictureFile.read(write(tmp_path / "in.png", pixels, profile("p3"))).image
    np.testing.assert_allclose(image.pixels[0, 0] / 65535, expected, atol=3e-3)


def test_a_linear_profile_is_linear(tmp_path):
    pixels = np.full((9, 9, 3), 0.214, np.float32)
    linear = gamma_profile(1.0, b"RGB ", (b"rTRC", b"gTRC", b"bTRC"))
    source = write(tmp_path / "in.tif", pixels, linear)
    np.testing.assert_allclose(PictureFile.read(source).image.pixels, 0.5, atol=1e-3)
    assert_close(pixels_of(round_trip(source, "out.tif")), pixels, 1e-6)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.uint8, 1), (np.uint16, 80)])
def test_integers_in_linear_light_are_put_back(tmp_path, dtype, tolerance):
    pixels = np.full((9, 9, 3), round(0.214 * np.iinfo(dtype).max), dtype)
    linear = gamma_profile(1.0, b"RGB ", (b"rTRC", b"gTRC", b"bTRC"))
    source = write(tmp_path / "in.png", pixels, linear)
    image = PictureFile.read(source).image
    np.testing.assert_allclose(image.pixels / 65535, 0.5, atol=3e-3)
    target = round_trip(source)
    assert_close(pixels_of(target), pixels, tolerance)
    assert pyvips.Image.new_from_file(str(target)).get("icc-profile-data") == linear


def test_grey_floats_with_a_linear_profile(tmp_path):
    pixels = np.full((9, 9, 1), 0.214, np.float32)
    source = write(tmp_path / "in.tif", pixels, gamma_profile(1.0))
    target = round_trip(source, "out.tif")
    assert_close(pixels_of(target), pixels.repeat(3, axis=2), 1e-6)
    assert not pyvips.Image.new_from_file(str(target)).get_typeof("icc-profile-data")


def test_floats_in_linear_light_become_encoded_integers_without_that_profile(tmp_path):
    linear = gamma_profile(1.0, b"RGB ", (b"rTRC", b"gTRC", b"bTRC"))
    source = write(tmp_path / "in.tif", np.full((9, 9, 3), 0.214, np.float32), linear)
    picture = PictureFile.read(source)
    assert picture.save(picture.image, tmp_path / "out.png") != []
    assert_close(pixels_of(tmp_path / "out.png") // 256, np.full((9, 9, 3), 127, np.uint16), 1)
    made = pyvips.Image.new_from_file(str(tmp_path / "out.png"))
    assert not made.get_typeof("icc-profile-data")


def test_a_grey_profile_is_carried_out_and_the_result_is_srgb(tmp_path):
    pixels = np.full((9, 9, 1), 128, np.uint8)
    source = write(tmp_path / "in.png", pixels, gamma_profile(1.0))
    image = PictureFile.read(source).image
    assert image.channels == 1
    expected = spaces.linear_to_srgb(np.array(128 / 255))
    np.testing.assert_allclose(image.pixels / 65535, expected, atol=2e-3)
    target = round_trip(source)
    assert_close(pixels_of(target), np.full((9, 9, 3), round(expected * 255), np.uint8), 1)
    assert pyvips.Image.new_from_file(str(target)).get("icc-profile-data") == profile("srgb")


def test_exif_orientation_is_carried_out_and_its_tag_dropped(tmp_path):
    source = write(tmp_path / "in.jpg", draw("rk\nkk\nkk", scale=16), orientation=6,
                   exif__ifd0__Model="Box (Box, ASCII, 4 components, 4 bytes)")  # fmt: skip
    picture = PictureFile.read(source)
    assert (picture.image.width, picture.image.height) == (48, 32)
    assert picture.image.pixels[8, 40, 0] > 200  # the red corner is now at the upper right
    for name in ("out.jpg", "out.png", "out.tif"):
        image = pyvips.Image.new_from_file(str(round_trip(source, name)))
        orientation = image.get("orientation") if image.get_typeof("orientation") else 1
        assert orientation == 1
        assert image.autorot().width == 48
    exif = pyvips.Image.new_from_file(str(tmp_path / "out.jpg"))
    assert exif.get("exif-ifd0-Model").startswith("Box")


@pytest.mark.parametrize("name", ["out.jpg", "out.webp"])
def test_lost_depth_is_said(tmp_path, name):
    picture = PictureFile.read(write(tmp_path / "in.png", noise(3, np.uint16)))
    (note,) = picture.save(picture.image, tmp_path / name)
    assert "8 bits" in note and "TIFF" in note
    assert pixels_of(tmp_path / name).dtype == np.uint8


def test_floats_in_png_become_16_bits(tmp_path):
    picture = PictureFile.read(write(tmp_path / "in.tif", noise(3, np.float32)))
    (note,) = picture.save(picture.image, tmp_path / "out.png")
    assert "16 bits" in note
    expected = np.rint(picture.image.pixels * 65535).astype(np.uint16)
    assert_close(pixels_of(tmp_path / "out.png"), expected, 1)


def test_jpeg_has_no_transparency(tmp_path):
    picture = PictureFile.read(write(tmp_path / "in.png", noise(4, np.uint8)))
    with pytest.raises(FileUnwritable, match="transparency"):
        picture.save(picture.image, tmp_path / "out.jpg")
    assert os.listdir(tmp_path) == ["in.png"]


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.95])
def test_truncated_files_are_refused(tmp_path, suffix, share):
    whole = write(tmp_path / f"whole{suffix}", noise(3, np.uint8, 200, 200)).read_bytes()
    path = tmp_path / f"cut{suffix}"
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(FileUnreadable, match="cut") as caught:
        PictureFile.read(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [b"", b"\x89PNG\r\n\x1a\n", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.4",
     b"GIF89a", b"RIFF\0\0\0\0WEBPVP8 ", b"II*\0\xff\xff\xff\xff", b"\xff\xd8\xff\xe0" + bytes(50)],
    ids=["empty", "png", "svg", "pdf", "gif", "webp", "tiff", "jpeg"],
)  # fmt: skip
def test_what_is_no_picture_is_refused(tmp_path, content):
    path = tmp_path / "odd.png"
    path.write_bytes(content)
    with pytest.raises(FileUnreadable, match="odd.png"):
        PictureFile.read(path)


def test_missing_files_and_folders_are_refused(tmp_path):
    for path in (tmp_path / "none.png", tmp_path):
        with pytest.raises(FileUnreadable):
            PictureFile.read(path)


def test_cmyk_is_refused(tmp_path):
    image = pyvips.Image.new_from_array(noise(4, np.uint8), interpretation="cmyk")
    image.write_to_file(str(tmp_path / "in.tif"))
    with pytest.raises(FileUnreadable, match="CMYK"):
        PictureFile.read(tmp_path / "in.tif")


def test_unknown_endings_and_lost_folders_are_refused(tmp_path):
    picture = PictureFile.read(write(tmp_path / "in.png", noise(3, np.uint8)))
    for name in ("out.gif", "out", "gone/out.png"):
        with pytest.raises(FileUnwritable):
            picture.save(picture.image, tmp_path / name)
    assert os.listdir(tmp_path) == ["in.png"]


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from core.errors import FileUnwritable
from core.files.picture import PictureFile
folder = Path(sys.argv[1])
picture = PictureFile.read(folder / "in.png")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
try:
    picture.save(picture.image, folder / sys.argv[2])
except FileUnwritable as error:
    print(error)
"""


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="needs a limit on file sizes")
@pytest.mark.parametrize("name", ["out.png", "out.tif", "out.jpg", "out.webp", "in.png"])
def test_a_full_disk_leaves_nothing_half_made(tmp_path, name):
    source = write(tmp_path / "in.png", noise(3, np.uint8, 200, 200))
    before = source.read_bytes()
    ran = subprocess.run(
        [sys.executable, "-c", FULL_DISK, tmp_path, name], cwd=ROOT, capture_output=True, text=True
    )
    assert f"{name} cannot be saved" in ran.stdout, ran.stderr
    assert os.listdir(tmp_path) == ["in.png"]
    assert source.read_bytes() == before


def test_a_damaged_profile_is_ignored_with_a_note(tmp_path):
    broken = profile("srgb").replace(b"para", b"xxxx").replace(b"curv", b"xxxx")
    pixels = noise(3, np.uint8)
    picture = PictureFile.read(write(tmp_path / "in.png", pixels, broken))
    assert (picture.image.pixels == pixels).all() and picture.profile is None
    assert picture.save(picture.image, tmp_path / "out.png") == [
        "The color profile of in.png is damaged and was ignored."
    ]
    assert (pixels_of(tmp_path / "out.png") == pixels).all()
