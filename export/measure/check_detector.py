"""What core.sketch.detect says of pictures that it was not fitted to.

    python -m export.measure.check_detector --photos photos160.tar --paintings paintings.tar \
        --lines illustrations.tar --fitted photos.tar paintings.tar

export.tools.fit_detector draws a sample of the tars named by --fitted and of the lines; those
pictures are left out. --photos must be a tar that was not among them. Everything is made
differently than for fitting: photographs by the curves of old film and paper, lines by XDoG,
dilation and Canny (export.data.lines) instead of box means, with that module's pens and scanners.
Pencil drawings with shaded tones lie between the two kinds and are counted apart.
"""

import argparse
import tarfile
from pathlib import Path

import numpy as np
import torch

from core.image import Image
from core.raster.resample import box_mean
from core.sketch.detect import is_sketch
from export.data.lines import draw, extract_lines
from export.tools.fit_detector import as_uint8, members_of, over_white, read, sample

Array = np.ndarray

FITTED_COUNT = 600
"""Pictures of each kind that the shipped fit was made with."""


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m export.measure.check_detector",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--photos", type=Path, required=True, metavar="TAR")
    parser.add_argument("--paintings", type=Path, required=True, metavar="TAR")
    parser.add_argument("--lines", type=Path, required=True, metavar="TAR")
    parser.add_argument("--fitted", type=Path, nargs="+", default=[], metavar="TAR")
    parser.add_argument("--count", type=int, default=100, help="pictures of a group")
    options = parser.parse_args()
    check(options.photos, options.paintings, options.lines, options.fitted, options.count)


def check(photos: Path, paintings: Path, lines: Path, fitted: list[Path], count: int) -> float:
    """Print how many of each group are right; returns the share without the tonal ones."""
    known = fitted_names(fitted, lines)
    rng = np.random.default_rng(17)
    random = torch.Generator().manual_seed(17)
    found = choose(photos, "", 4 * count, rng, known)
    groups = {
        "photographs in old grey": (False, (old_photo(p, rng) for p in found[:count])),
        "photographs in colour": (False, iter(found[count : 2 * count])),
        "paintings in old grey": (
            False, (old_photo(p, rng) for p in choose(paintings, "", count, rng, known))),
        "drawn lines": (
            True, (drawn(p, random) for p in choose(lines, "pairs_line/", count, rng, known))),
        "borders as lines": (
            True,
            (drawn(p, random) for p in choose(lines, "pairs_line_derived/", count, rng, known))),
        "lines of photographs": (True, (traced(p, random) for p in found[2 * count : 3 * count])),
        "tonal pencil drawings": (True, (pencil(p) for p in found[3 * count :])),
    }  # fmt: skip
    right = {
        name: [is_sketch(Image(pixels)) == wanted for pixels in pictures]
        for name, (wanted, pictures) in groups.items()
    }
    for name, answers in right.items():
        print(f"{name}: {sum(answers)} of {len(answers)} right")
    counted = [a for name, answers in right.items() if "tonal" not in name for a in answers]
    print(f"without tonal drawings: {np.mean(counted):.1%} of {len(counted)} right")
    return float(np.mean(counted))


def fitted_names(tars: list[Path], lines: Path) -> set[str]:
    """Members that export.tools.fit_detector draws from these tars with FITTED_COUNT."""
    rng = np.random.default_rng(4)
    found: set[str] = set()
    for tar in tars:
        with tarfile.open(tar) as archive:
            found |= {
                m.name for m in sample(members_of(archive, ""), FITTED_COUNT // len(tars), rng)
            }
    with tarfile.open(lines) as archive:
        found |= {m.name for m in sample(members_of(archive, "_line"), FITTED_COUNT, rng)}
    return found


def choose(
    tar: Path, part: str, count: int, rng: np.random.Generator, known: set[str]
) -> list[Array]:
    """Up to count pictures of a tar that are not known, uint8 (H, W, C)."""
    return [pixels for _, pixels in read(tar, part, count, rng, known)]


def old_photo(pixels: Array, rng: np.random.Generator) -> Array:
    """As a print of before 1950 and its scan have it: film blind to red or not, a toe and a
    shoulder, grain in the middle tones, lenses darker in the corners, a border at times.
    """
    red = rng.choice([0.05, 0.3])
    light = (over_white(pixels) / 255) ** 2.2 @ np.array([red, 0.65, 0.35 - red], np.float64)
    density = np.log10(np.maximum(light, 1e-3)) * rng.uniform(0.7, 1.3) + rng.uniform(-0.1, 0.6)
    tone = 1 / (1 + 10 ** (-1.6 * (density + 0.5)))
    height, width = tone.shape
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    tone = tone * (1 - rng.uniform(0, 0.3) * (x * x + y * y) / 2)
    grain = box_mean(rng.standard_normal(tone.shape).astype(np.float32), int(rng.integers(0, 2)))
    tone = tone + rng.uniform(0, 0.12) * grain * tone * (1 - tone)
    low, high = rng.uniform(0, 0.15), rng.uniform(0.8, 1)
    tone = low + (high - low) * tone
    if rng.random() < 0.25:
        edge = int(0.05 * max(height, width))
        tone = np.pad(tone, edge, constant_values=high)
    warm = np.array([1, rng.uniform(0.88, 1), rng.uniform(0.7, 1)])
    return as_uint8(tone[..., None] * np.minimum.accumulate(warm))


def drawn(pixels: Array, random: torch.Generator) -> Array:
    """Lines, black on white, with another pen, on other paper, scanned."""
    return _on_paper(1 - over_white(pixels).mean(axis=2) / 255, random)


def traced(pixels: Array, random: torch.Generator) -> Array:
    """The lines of a picture by one of export.data.lines' operators."""
    rgb = torch.from_numpy(over_white(pixels) / 255).permute(2, 0, 1)[None].float()
    return _on_paper(extract_lines(rgb, random)[0, 0].numpy(), random)


def pencil(pixels: Array) -> Array:
    """Shaded in pencil: the grey picture divided by its own blurred one, and some of its tone."""
    grey = (over_white(pixels) / 255).mean(axis=2).astype(np.float32)
    blurred = box_mean(box_mean(grey, 4), 4)
    dodged = np.minimum(grey / np.maximum(blurred, 0.02), 1)
    return as_uint8((dodged * (0.6 + 0.4 * grey))[..., None])


def _on_paper(ink: Array, random: torch.Generator) -> Array:
    planes = torch.from_numpy(np.ascontiguousarray(ink, np.float32))[None, None]
    return as_uint8(1 - draw(planes, random)[0, 0].numpy()[..., None])


if __name__ == "__main__":
    main()
