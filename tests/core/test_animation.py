"""All layers as frames: one tall picture, colours steady from frame to frame; NumPy alone."""

import numpy as np
import pytest

from core.color import spaces
from core.errors import BadRequest, ImageUnsupported
from core.generator.manifest import SizeSpec
from core.motion.flow import find_motion
from core.worker.service import Service
from tests.fakes import onnx as fakes

SIZE = SizeSpec(minimum=4, multiple_of=4, work=64)


@pytest.fixture
def service(tmp_path):
    fakes.lightness_ab(tmp_path / "rose", size=SIZE, default=True)
    fakes.scale(tmp_path / "dark", 0.5, default=True)
    return Service((tmp_path,))


def asked(service, frames, name="colorize", count=None, **more):
    """The result's frames, (n, h, w, c), for frames of that shape."""
    number, height, width, channels = frames.shape
    model = {1: "Y'", 2: "Y'A", 3: "R'G'B'", 4: "R'G'B'A"}[channels]
    kind = {"uint8": "u8", "uint16": "u16", "float32": "float"}[frames.dtype.name]
    request = {"filter": name, "model": "", "device": "cpu", "params": {}, **more}
    request["picture"] = {"width": width, "height": height * number, "format": f"{model} {kind}"}
    request["frames"] = number if count is None else count
    told = []
    answer, _ = service.run(
        request, bytearray(frames.tobytes()), lambda share, text: told.append(text)
    )
    assert any(text.startswith("Frame ") for text in told)
    return answer.image.pixels.reshape(number, height, width, -1)


def textured(width=96, height=64, seed=0):
    """Smooth noise, float 0..1."""
    rng = np.random.default_rng(seed)
    values = rng.uniform(0, 1, (height + 8, width + 8))
    for _ in range(4):
        values = (values[1:-1, 1:-1] + values[:-2, 1:-1] + values[2:, 1:-1]
                  + values[1:-1, :-2] + values[1:-1, 2:]) / 5  # fmt: skip
    return (values - values.min()) / (values.max() - values.min())


def grey_bytes(values):
    return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)[..., None]


def test_motion_finds_a_shift_and_doubts_what_came_into_sight():
    big = textured(200, 96) * 100
    before, now = big[:, 4:164], big[:, 0:160]  # everything moved 4 pixels to the right
    motion = find_motion(now, before)
    x = np.arange(160)[None, :]
    inside = np.s_[8:-8, 12:-12]
    assert np.abs(motion.there[..., 0] - (x - 4))[inside].mean() < 0.3
    assert motion.belief[inside].mean() > 0.8
    assert motion.belief[:, :3].max() < 0.5  # came in from the left
    other = textured(160, 96, seed=2) * 100
    assert find_motion(other, before).belief.mean() < 0.4
    moved = motion.carry(np.stack([before, before]))
    assert np.abs(moved - now)[:, 8:-8, 12:-12].mean() < 1.5
    larger = motion.enlarged((320, 192))
    assert np.abs(larger.there[40:-40, 40:-40, 0] - (np.arange(320) - 8)[40:-40]).mean() < 0.6


def test_colors_are_steadier_than_frame_by_frame_and_as_vivid(service):
    """The fake model's colours follow the lightness, so that unsteady light is unsteady colour."""
    light = np.random.default_rng(1).uniform(-0.02, 0.02, 12)
    frames = np.stack([grey_bytes(0.2 + 0.6 * textured() + more) for more in light])
    steady = asked(service, frames)
    alone = np.concatenate([asked(service, frame[None]) for frame in frames])
    ab = [spaces.srgb_to_lab(found / 255.0)[..., 1:] for found in (alone, steady)]
    changes = [np.abs(np.diff(values, axis=0)).mean() for values in ab]
    assert changes[1] < 0.5 * changes[0]
    vivid = [np.hypot(values[..., 0], values[..., 1]).mean() for values in ab]
    assert vivid[1] > 0.95 * vivid[0] > 5
    np.testing.assert_array_equal(steady[0], alone[0])
    lightness = [spaces.srgb_to_lab(found / 255.0)[..., 0] for found in (alone, steady)]
    assert np.abs(lightness[1] - lightness[0]).mean() < 0.5


def test_a_scene_begins_anew(service):
    frames = np.stack([grey_bytes(textured())] * 4 + [grey_bytes(1 - textured(seed=5))] * 4)
    together = asked(service, frames)
    np.testing.assert_array_equal(together[4], asked(service, frames[4:])[0])


def test_alpha_stays_and_blank_frames_pass(service):
    values = grey_bytes(textured())
    alpha = np.full_like(values, 255)
    alpha[:20] = 0
    frame = np.concatenate([values, alpha], axis=2)
    blank = np.concatenate([values, np.zeros_like(values)], axis=2)
    found = asked(service, np.stack([frame, blank, frame]))
    np.testing.assert_array_equal(found[..., 3], np.stack([frame, blank, frame])[..., 1])
    np.testing.assert_array_equal(found[1, ..., :3], np.repeat(values, 3, axis=2))
    np.testing.assert_array_equal(found[2], found[0])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_painted_frames_in_every_type(service, dtype):
    values = np.repeat(textured()[..., None], 3, axis=2)
    full = 1.0 if dtype == np.float32 else np.iinfo(dtype).max
    frame = (values * full).astype(dtype)
    found = asked(service, np.stack([frame, frame, frame]), "stylize")
    assert found.dtype == dtype
    assert np.abs(found / full - values / 2).max() < 0.02


@pytest.mark.parametrize("count", [0, -1, 7, 1000, 2.0, "2", True, [2]])
def test_a_count_that_does_not_fit_is_refused(service, count):
    with pytest.raises(BadRequest, match="frames of one size"):
        asked(service, np.stack([grey_bytes(textured())] * 2), count=count)


def test_frames_too_small_and_what_animations_do_not_take(service):
    frames = np.stack([grey_bytes(textured())] * 2)
    with pytest.raises(ImageUnsupported, match="96×4"):
        asked(service, frames, count=32)
    with pytest.raises(BadRequest, match="own colours"):
        asked(service, frames, params={"seed": 3})
