"""Make the help pages' pictures from the examples: `.venv/bin/python scripts/help_pictures.py`.

Runs both filters as a user would, on the command line, and lays the results side by side: grey,
Auto Colorize, Apply Style on the colour original; and the original in every painter's manner. Run
it when a shipped model changed.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import pyvips

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs/help/en/images/filters.jpg"
PAINTERS_PICTURE = ROOT / "docs/images/painters.jpg"
PAINTERS = ("monet-v1", "pointillism-v1", "cezanne-v1", "ukiyoe-v1")
HEIGHT, GAP = 320, 8  # pixels


def main() -> None:
    """Write both pictures."""
    help_picture()
    painters_picture()


def painters_picture() -> None:
    """The examples and what each painter makes of them, a row for each example."""
    with tempfile.TemporaryDirectory() as folder:
        cells = []
        for name in ("beach", "penguin"):
            photo = ROOT / f"examples/{name}.jpg"
            cells.append(cell(photo))
            for painter in PAINTERS:
                painted = Path(folder, f"{name}-{painter}.png")
                limner("style", photo, "--model", painter, "-o", painted)
                cells.append(cell(painted))
        sheet = pyvips.Image.arrayjoin(
            cells, across=1 + len(PAINTERS), shim=GAP, background=[255] * 3
        )
        sheet.write_to_file(f"{PAINTERS_PICTURE}[Q=80,keep=none]")


def help_picture() -> None:
    """The examples grey, coloured and painted."""
    with tempfile.TemporaryDirectory() as folder:
        cells = []
        for name in ("beach", "penguin"):
            grey, colour = ROOT / f"examples/{name}-grey.png", ROOT / f"examples/{name}.jpg"
            colored, painted = (Path(folder, f"{name}-{part}.png") for part in "cs")
            limner("colorize", grey, "-o", colored)
            limner("style", colour, "-o", painted)
            cells += [cell(path) for path in (grey, colored, painted)]
        sheet = pyvips.Image.arrayjoin(cells, across=3, shim=GAP, background=[255] * 3)
        sheet.write_to_file(f"{PICTURE}[Q=88,keep=none]")


def limner(*arguments: str | Path) -> None:
    subprocess.run([sys.executable, "-m", "core", *map(str, arguments)], cwd=ROOT, check=True)


def cell(path: Path) -> pyvips.Image:
    """The picture as sRGB at the sheet's height."""
    image = pyvips.Image.new_from_file(str(path)).colourspace("srgb")
    return image.extract_band(0, n=3).resize(HEIGHT / image.height)


if __name__ == "__main__":
    main()
