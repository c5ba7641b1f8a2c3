"""How well hints are obeyed on real drawings, by points that a person has placed.

A folder has for every drawing NAME.png, NAME.hints.png (see core.sketch.hints) and NAME.json:
{"dabs": [...], "region": [...], "paper": [...]}, each entry {"x", "y"} in pixels and, but for
paper, {"color": "#rrggbb"}. Results are files that `limner colorize` has written.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from core.color.spaces import delta_e_2000, srgb_to_lab

KINDS = {"dabs": 8.0, "region": 8.0, "paper": 5.0}
"""Kind of point -> largest CIEDE2000 between the colour there and the one that belongs there."""

REACH = 2
"""A point's colour is the median over so many pixels around it."""


def main() -> None:
    """Print a table: drawings and results in columns of points that are right."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("drawings", type=Path)
    parser.add_argument("results", type=Path, nargs="+", help="folders of results, NAME.png each")
    options = parser.parse_args()
    for folder in options.results:
        total = {kind: np.zeros(2, int) for kind in KINDS}
        for case in sorted(options.drawings.glob("*.json")):
            made = folder / f"{case.stem}.png"
            if made.exists():
                wrong = score(case, made, total)
                print(f"{folder.name} {case.stem}: {wrong or 'all right'}")
        shares = (f"{kind} {good}/{all_}" for kind, (good, all_) in total.items())
        print(f"{folder.name}: {', '.join(shares)}")


def score(case: Path, made: Path, total: dict[str, npt.NDArray[np.int_]]) -> list[str]:
    """Count a result's points into total (right, all); returns the wrong ones, in words."""
    drawn, result = _pixels(case.with_suffix(".png")), _pixels(made)
    wrong = []
    for kind, most in KINDS.items():
        for point in json.loads(case.read_text())[kind]:
            wanted = _at(drawn, point) if kind == "paper" else _color(point["color"])
            apart = delta_e_2000(srgb_to_lab(_at(result, point)), srgb_to_lab(wanted))
            total[kind] += int(float(apart[0]) <= most), 1
            if float(apart[0]) > most:
                wrong.append(f"{kind} {point['x']},{point['y']}")
    return wrong


def _pixels(path: Path) -> np.ndarray:
    """sRGB 0..1 (h, w, 3), over white."""
    with Image.open(path) as file:
        image = file.convert("RGBA")
    white = Image.new("RGBA", image.size, (255,) * 4)
    white.alpha_composite(image)
    return np.asarray(white.convert("RGB")) / 255.0


def _at(pixels: np.ndarray, point: dict[str, int]) -> np.ndarray:
    top, left = max(point["y"] - REACH, 0), max(point["x"] - REACH, 0)
    part = pixels[top : point["y"] + REACH + 1, left : point["x"] + REACH + 1]
    return np.median(part.reshape(-1, 3), axis=0)[None]


def _color(code: str) -> np.ndarray:
    return np.array([[int(code[i : i + 2], 16) / 255 for i in (1, 3, 5)]])


if __name__ == "__main__":
    main()
