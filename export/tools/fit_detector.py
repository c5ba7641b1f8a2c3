"""Fit core.sketch.detect: photograph or drawing.

    python -m export.tools.fit_detector --photos photos.tar paintings.tar --lines illustrations.tar
    python -m export.tools.fit_detector --test-photos test_bw.tar --test-sketches test_sketch.tar
                                  --tonal names.txt

The first prints the fit, to be pasted into core/sketch/detect.py, and what it reaches on a fifth of
the pictures, which it does not fit. The second runs core.sketch.detect as it stands on other
pictures. Drawings are drawn lines and lines extracted from the photographs, as ink or pencil on
paper of any tint under uneven light; photographs are grey, toned, faded or in colour.
"""

import argparse
import io
import tarfile
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np
from PIL import Image as Picture

from core.image import Image
from core.raster.resample import box_mean
from core.sketch.detect import FEATURES, Fit, features, is_sketch

Array = np.ndarray


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m export.tools.fit_detector",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--photos", type=Path, nargs="+", default=[], metavar="TAR")
    parser.add_argument("--lines", type=Path, nargs="+", default=[], metavar="TAR")
    parser.add_argument("--count", type=int, default=600, help="pictures of each kind")
    parser.add_argument("--test-photos", type=Path, metavar="TAR")
    parser.add_argument("--test-sketches", type=Path, metavar="TAR")
    parser.add_argument("--tonal", type=Path, help="names of tonal drawings, one a line")
    options = parser.parse_args()
    if options.photos and options.lines:
        fit_pictures(options.photos, options.lines, options.count)
    if options.test_photos and options.test_sketches:
        tonal = options.tonal.read_text("utf-8").split() if options.tonal else []
        test(options.test_photos, options.test_sketches, tonal)


def fit_pictures(photos: list[Path], lines: list[Path], count: int) -> None:
    """Measure pictures, fit four fifths of them, print the fit and its errors on the others."""
    rng = np.random.default_rng(4)
    pictures = [p for tar in photos for _, p in read(tar, "", count // len(photos), rng)]
    drawn = [p for tar in lines for _, p in read(tar, "_line", count, rng)]
    rows, kinds = [], []
    for pixels in pictures:
        rows.append(features(Image(as_photo(pixels, rng))))
        kinds.append(0)
    for pixels in drawn:
        ink = 1 - over_white(pixels).mean(axis=2) / 255
        rows.append(features(Image(as_drawing(ink, rng))))
        kinds.append(1)
    for pixels in pictures[:: max(1, 2 * len(pictures) // count)]:
        rows.append(features(Image(as_drawing(extracted(pixels, rng), rng))))
        kinds.append(1)
    table, kind = np.array(rows), np.array(kinds)
    held = rng.random(len(kind)) < 0.2
    fit = logistic(table[~held], kind[~held])
    guess = np.array([fit.probability(row) for row in table])
    for name, which in (("fitted", ~held), ("held out", held)):
        right = (guess[which] > 0.5) == kind[which]
        print(f"{name}: {right.mean():.1%} of {which.sum()} right, "
              f"photos {right[kind[which] == 0].mean():.1%}, "
              f"drawings {right[kind[which] == 1].mean():.1%}")  # fmt: skip
    print(f"FITTED = Fit(\n    {fit.bias:.4f},")
    for values, labels in ((fit.weights, FEATURES), (fit.means, ()), (fit.scales, ())):
        print(f"    ({', '.join(f'{value:.4f}' for value in values)}),"
              + (f"  # {', '.join(labels)}" if labels else ""))  # fmt: skip
    print(")")


def test(photos: Path, sketches: Path, tonal: list[str]) -> None:
    """Print what core.sketch.detect says of pictures that nothing was fitted to."""
    groups: dict[str, list[bool]] = {"photographs": [], "drawings": [], "tonal drawings": []}
    for name, pixels in read(photos, "", 0, None):
        groups["photographs"].append(not is_sketch(Image(pixels)))
        if not groups["photographs"][-1]:
            print(f"  taken for a drawing: {name}")
    for name, pixels in read(sketches, "", 0, None):
        group = "tonal drawings" if Path(name).name in tonal else "drawings"
        groups[group].append(is_sketch(Image(pixels)))
        if not groups[group][-1]:
            print(f"  {group}, taken for a photograph: {name}")
    for group, right in groups.items():
        print(f"{group}: {sum(right)} of {len(right)} right")
    both = groups["photographs"] + groups["drawings"]
    print(f"without tonal drawings: {np.mean(both):.1%} of {len(both)} right")


def members_of(archive: tarfile.TarFile, part: str) -> list[tarfile.TarInfo]:
    """Pictures in whose path `part` stands."""
    suffixes = (".jpg", ".jpeg", ".png", ".webp")
    members = [m for m in archive.getmembers() if m.isfile()]
    return [m for m in members if m.name.lower().endswith(suffixes) and part in m.name]


def sample(
    members: list[tarfile.TarInfo], count: int, rng: np.random.Generator
) -> list[tarfile.TarInfo]:
    """At most count of the members."""
    if len(members) <= count:
        return members
    return [members[i] for i in rng.choice(len(members), count, replace=False)]


def read(
    tar: Path,
    part: str,
    count: int,
    rng: np.random.Generator | None,
    without: Collection[str] = (),
) -> Iterator[tuple[str, Array]]:
    """(name, uint8 (H, W, C)) of pictures whose path holds `part`; 0 for all."""
    with tarfile.open(tar) as archive:
        members = [m for m in members_of(archive, part) if m.name not in without]
        if rng is not None and count:
            members = sample(members, count, rng)
        for member in members:
            stream = archive.extractfile(member)
            assert stream is not None
            picture = Picture.open(io.BytesIO(stream.read()))
            if picture.mode not in ("L", "LA", "RGB", "RGBA"):
                picture = picture.convert("RGBA" if "transparency" in picture.info else "RGB")
            pixels = np.asarray(picture)
            yield member.name, pixels[..., None] if pixels.ndim == 2 else pixels


def as_uint8(colors: Array) -> Array:
    """Values 0..1, clipped, as uint8."""
    return np.rint(np.clip(colors, 0, 1) * 255).astype(np.uint8)


def over_white(pixels: Array) -> Array:
    """float32 (H, W, 3), 0..255."""
    colors = pixels[..., : 3 if pixels.shape[2] > 2 else 1].astype(np.float32)
    if pixels.shape[2] in (2, 4):
        alpha = pixels[..., -1:].astype(np.float32) / 255
        colors = colors * alpha + 255 * (1 - alpha)
    return np.broadcast_to(colors, (*colors.shape[:2], 3))


def as_photo(pixels: Array, rng: np.random.Generator) -> Array:
    """A photograph, grey, toned or in colour, faded, grained, in a white frame at times."""
    colors = over_white(pixels) / 255
    kind = rng.random()
    if kind < 0.75:
        grey = colors @ np.array([0.3, 0.59, 0.11], np.float32)
        tint = rng.uniform(0.75, 1, 3) if kind < 0.3 else np.ones(3)
        colors = grey[..., None] * np.sort(tint)[::-1]
    low, high = rng.uniform(0, 0.25), rng.uniform(0.75, 1)
    colors = low + (colors ** rng.uniform(0.6, 1.5)) * (high - low)
    colors = colors + rng.normal(0, rng.uniform(0, 0.04), colors.shape[:2])[..., None]
    if rng.random() < 0.15:
        edge = int(rng.uniform(0.02, 0.12) * max(colors.shape[:2]))
        colors = np.pad(colors, ((edge, edge), (edge, edge), (0, 0)), constant_values=0.95)
    return np.rint(compressed(np.clip(colors, 0, 1), rng) * 255).astype(np.uint8)


def as_drawing(ink: Array, rng: np.random.Generator) -> Array:
    """Ink 0..1 (H, W) on some paper: ink or pencil, clean, scanned or photographed."""
    height, width = ink.shape
    ink = ink * rng.uniform(0.35, 1)
    if rng.random() < 0.3:
        ink = ink * np.clip(rng.normal(0.8, 0.35, ink.shape), 0, 1.2)  # pencil on rough paper
    paper = np.full((height, width, 3), 1.0)
    if rng.random() < 0.5:
        paper = paper * rng.uniform(0.65, 1) * np.sort(rng.uniform(0.8, 1, 3))[::-1]
    if rng.random() < 0.4:
        across, down = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
        turn = rng.uniform(0, 2 * np.pi)
        fall = rng.uniform(0, 0.25) * (across * np.cos(turn) + down * np.sin(turn))
        paper = paper * (1 - np.abs(fall) - fall)[..., None].clip(0.4, 1)
    colors = paper * (1 - ink.clip(0, 1)[..., None])
    if rng.random() < 0.5:
        grain = rng.normal(0, rng.uniform(0, 0.04), ink.shape)
        colors = colors + (box_mean(grain, 1) * 2 if rng.random() < 0.5 else grain)[..., None]
    if rng.random() < 0.3:  # a photograph of the sheet, with what lies around it
        edge = int(rng.uniform(0.01, 0.08) * max(height, width))
        around = rng.uniform(0.2, 1)
        colors = np.pad(colors, ((edge, edge), (edge, edge), (0, 0)), constant_values=around)
    colors = compressed(np.clip(colors, 0, 1), rng)
    return np.rint(np.clip(colors, 0, 1) * 255).astype(np.uint8)


def compressed(colors: Array, rng: np.random.Generator) -> Array:
    """What JPEG makes of colours 0..1 (H, W, 3), half of the time; smaller, at times."""
    picture = Picture.fromarray(np.rint(colors * 255).astype(np.uint8))
    if rng.random() < 0.4 and max(picture.size) > 224:
        picture.thumbnail((224, 224))
    if rng.random() < 0.5:
        stream = io.BytesIO()
        picture.save(stream, "JPEG", quality=int(rng.integers(60, 96)))
        picture = Picture.open(stream)
    return np.asarray(picture).astype(np.float64) / 255


def extracted(pixels: Array, rng: np.random.Generator) -> Array:
    """Lines of a picture, 0..1 (H, W): drawn sparely, hatched by tone, or cut in wood."""
    luma = (over_white(pixels) / 255).mean(axis=2).astype(np.float32)
    side = max(luma.shape)
    fine = box_mean(luma, max(1, side // 300))
    broad = box_mean(fine, max(2, int(side * rng.uniform(0.006, 0.02))))
    ink = np.clip((broad - fine) * rng.uniform(8, 25) - rng.uniform(0.1, 0.4), 0, 1)
    kind = rng.random()
    if kind < 0.3:
        ink = np.maximum(ink, hatching(luma, rng))
    elif kind < 0.6:  # black and white, blacks filled in
        ink = np.maximum(ink > 0.3, luma < rng.uniform(0.05, 0.4)).astype(np.float32)
    return ink


def hatching(luma: Array, rng: np.random.Generator) -> Array:
    """Strokes, 0..1 (H, W), the broader the darker, in one to three directions."""
    height, width = luma.shape
    y, x = np.mgrid[:height, :width].astype(np.float32)
    tone = box_mean(luma, 2)
    ink = np.zeros_like(luma)
    for limit in np.linspace(rng.uniform(0.4, 0.8), 0.1, int(rng.integers(1, 4))):
        turn, apart = rng.uniform(0, np.pi), rng.uniform(3, 7)
        wave = np.sin((x * np.cos(turn) + y * np.sin(turn)) * 2 * np.pi / apart
                      + 2 * np.sin(y / rng.uniform(10, 40)))  # fmt: skip
        ink = np.maximum(ink, np.clip((wave - 0.2 - (tone - limit + 0.3)) * 3, 0, 1)
                         * (tone < limit))  # fmt: skip
    return ink


def logistic(table: Array, kind: Array, shrink: float = 1.0) -> Fit:
    """Logistic regression by Newton's steps, weights shrunk (L2), both kinds counting alike."""
    means, scales = table.mean(axis=0), table.std(axis=0) + 1e-6
    inputs = np.column_stack((np.ones(len(table)), (table - means) / scales))
    importance = np.where(kind == 1, 0.5 / kind.mean(), 0.5 / (1 - kind.mean()))
    weights = np.zeros(inputs.shape[1])
    penalty = np.diag([0.0] + [shrink] * len(means))
    for _ in range(30):
        guess = 1 / (1 + np.exp(-inputs @ weights))
        slope = inputs.T @ (importance * (guess - kind)) + penalty @ weights
        bend = (inputs * (importance * guess * (1 - guess))[:, None]).T @ inputs + penalty
        weights -= np.linalg.solve(bend, slope)
    return Fit(float(weights[0]), tuple(weights[1:].tolist()), tuple(means.tolist()),
               tuple(scales.tolist()))  # fmt: skip


if __name__ == "__main__":
    main()
