"""Make the help pages' picture from the examples: `.venv/bin/python scripts/help_pictures.py`.

Runs both filters as a user would, on the command line, and lays the results side by side: grey,
Auto Colorize, Apply Style on the colour original. Run it when a shipped model changed.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import pyvips

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs/help/en/images/filters.jpg"
HEIGHT, GAP = 320, 8  # pixels


def main() -> None:
    """Write PICTURE."""
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
