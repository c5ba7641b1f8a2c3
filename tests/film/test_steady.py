"""Steady colours: motion, scenes, references; and the whole on a clip of known motion."""

import subprocess
import sys

import cv2
import numpy as np
import pytest

from benchmarks.clips import Clip
from benchmarks.film import ab_of, measured, write_clip
from core.color import spaces
from core.film.dis_flow import find_motion
from core.film.plan import Plan, make_plan
from core.motion.temporal_mean import Steadier
from tests.film.clips import ROOT, bars, limner, pictures, write_film

pytestmark = pytest.mark.film


def textured(width=160, height=96, seed=1):
    rng = np.random.default_rng(seed)
    return cv2.GaussianBlur(rng.uniform(0, 255, (height, width)).astype(np.float32), (0, 0), 2)


def test_motion_finds_a_shift_and_doubts_what_came_into_sight():
    big = textured(200, 96) / 2.55
    big = (big - big.min()) / (big.max() - big.min()) * 100
    before, now = big[:, 4:164], big[:, 0:160]  # everything moved 4 pixels to the right
    motion = find_motion(np.ascontiguousarray(now), np.ascontiguousarray(before))
    x = np.arange(160)[None, :]
    inside = np.s_[8:-8, 12:-12]
    assert np.abs(motion.there[..., 0] - (x - 4))[inside].mean() < 0.2
    assert motion.belief[inside].mean() > 0.8
    assert motion.belief[:, :3].max() < 0.5  # came in from the left
    other = textured(160, 96, seed=2) / 2.55
    assert find_motion(other, np.ascontiguousarray(before)).belief.mean() < 0.3


def test_a_mean_along_the_motion():
    still = find_motion(*[np.ascontiguousarray(textured() / 2.55)] * 2)
    rng = np.random.default_rng(0)
    noisy = [np.full((2, 96, 160), 30, np.float32) + rng.normal(0, 8) for _ in range(20)]
    steadier = Steadier(30)
    steadied = [steadier.next(said, still if i else None) for i, said in enumerate(noisy)]
    last, mean = steadied[-1].mean(), np.mean([said.mean() for said in noisy])
    assert abs(last - mean) < 0.5
    assert np.array_equal(steadier.next(noisy[3], None), noisy[3])  # a scene begins anew
    alone = Steadier(0)
    alone.next(noisy[0], None)
    assert np.allclose(alone.next(noisy[1], still), noisy[1])


def test_scenes_are_cut_where_they_change_and_not_at_pans_and_flashes(tmp_path):
    cut = [bars(i) for i in range(30)] + [bars(i, scene=1) for i in range(30)]
    flash = [bars(i) if i != 20 else np.full((48, 64), 250, np.uint8) for i in range(40)]
    pan = [bars(6 * i) for i in range(40)]
    for name, frames, expected in (("cut", cut, (30,)), ("flash", flash, ()), ("pan", pan, ())):
        path = write_film(tmp_path / f"{name}.mkv", frames, sound=False)
        plan = make_plan(path, 24, 6, [], lambda share: None)
        assert (plan.cuts, plan.frames) == (expected, len(frames)), name
        assert Plan.from_json(plan.to_json()) == plan


def test_steady_is_steadier_and_as_colourful(tmp_path):
    """With the colouriser that comes with Limner, on a photograph that comes with it."""
    from benchmarks.clips import read_rgb
    from core.generator.catalog import Catalog

    if not Catalog.read().models("colorize"):
        pytest.skip("no colouriser is installed")
    photos = [read_rgb(ROOT / "examples" / f"{name}.jpg") for name in ("beach", "penguin")]
    clip = Clip("clip", *photos, size=(320, 180), frames=20)
    source = write_clip(clip, tmp_path / "clip.mkv")
    found = []
    for steady in ("0", "1"):
        target = tmp_path / f"{steady}.mkv"
        command = ["colorize", source, "-o", target, "--codec", "ffv1", "--steady", steady]
        subprocess.run([sys.executable, "-m", "core", *map(str, command)], cwd=ROOT, check=True)
        found.append(measured(clip, target, ab_of))
    (error, flicker, chroma), (steady_error, steady_flicker, steady_chroma) = found
    assert steady_error < 0.7 * error
    assert steady_flicker < 0.5 * flicker
    assert steady_chroma > 0.95 * chroma


@pytest.mark.parametrize("at", ["", "@0.5"])
def test_a_reference_locks_its_scene_alone(tmp_path, models, at):
    frames = [bars(i) for i in range(30)] + [bars(i, scene=1) for i in range(20)]
    source = write_film(tmp_path / "old.mkv", frames, sound=False)
    lightness = spaces.srgb_to_lab(np.repeat(frames[12][..., None], 3, 2) / 255.0)[..., 0]
    wanted = np.stack((lightness, np.full_like(lightness, -25), np.full_like(lightness, -20)), 2)
    rgb = np.rint(np.clip(spaces.lab_to_srgb(wanted), 0, 1) * 255).astype(np.uint8)
    reference = tmp_path / "frame.png"
    cv2.imwrite(str(reference), rgb[..., ::-1])
    plain, locked = tmp_path / "plain.mkv", tmp_path / "locked.mkv"
    lossless = ["--codec", "ffv1", "--segment", "8"]
    assert limner("colorize", source, "-o", plain, *lossless, models=models).returncode == 0
    ran = limner("colorize", source, "-o", locked, *lossless, "--reference", f"{reference}{at}",
                 models=models)  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    ab = [ab_of(frame).mean(axis=(0, 1)) for _, frame in pictures(locked)]
    assert np.abs(np.array(ab[:30]) - [-25, -20]).max() < 8
    others = [ab_of(frame).mean(axis=(0, 1)) for _, frame in pictures(plain)]
    assert np.abs(np.array(ab[30:]) - others[30:]).max() < 0.1
    assert np.abs(np.array(others[:30]) - [-25, -20]).min() > 12


def test_a_painted_reference_locks_the_look_of_its_scene_alone(tmp_path, models):
    """The style halves every value; the reference has the frame in green as well."""
    frames = [bars(i) for i in range(24)] + [bars(i, scene=1) for i in range(16)]
    source = write_film(tmp_path / "old.mkv", frames, sound=False)
    painted = np.repeat(frames[10][..., None] // 2, 3, 2)
    painted[..., 1] = np.minimum(painted[..., 1] + 60, 255)
    reference = tmp_path / "frame.png"
    cv2.imwrite(str(reference), painted)
    plain, locked = tmp_path / "plain.mkv", tmp_path / "locked.mkv"
    lossless = ["--codec", "ffv1", "--segment", "8"]
    assert limner("style", source, "-o", plain, *lossless, models=models).returncode == 0
    ran = limner("style", source, "-o", locked, *lossless, "--reference", f"{reference}@0.417",
                 models=models)  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    rgb = [frame.to_ndarray(format="rgb24", src_colorspace="itu709").astype(int)
           for path in (plain, locked) for _, frame in pictures(path)]  # fmt: skip
    more = [(b - a).mean(axis=(0, 1)) for a, b in zip(rgb[:40], rgb[40:], strict=True)]
    for change in more[:24]:
        assert abs(change[1] - 60) < 15 and abs(change[[0, 2]]).max() < 15
    assert np.abs(more[24:]).max() < 1


def test_a_reference_of_another_shape_or_without_colour_is_refused(tmp_path, models):
    source = write_film(tmp_path / "old.mkv", [bars(i) for i in range(4)], sound=False)
    cv2.imwrite(str(tmp_path / "wide.png"), np.full((48, 128, 3), (9, 99, 200), np.uint8))
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((48, 64), 99, np.uint8))
    for name, words in (("wide.png", "not of the film's shape"), ("grey.png", "is grey")):
        ran = limner("colorize", source, "-o", tmp_path / "n.mkv", "--reference", tmp_path / name,
                     models=models)  # fmt: skip
        assert ran.returncode == 1 and words in ran.stderr
