"""G'MIC's 'Colorize Lineart [Auto-Fill]' of every line picture of a folder, for comparison.

    python -m venv gmic && gmic/bin/pip install gmic==3.6.3.post1
    gmic/bin/python export/tools/autofill_gmic.py LINES FLATS [GAP]

Stands alone: it needs the package gmic and the standard library. Each LINES/NAME.png becomes
FLATS/NAME.png, the colours that lie beneath the lines, with the filter's defaults; GAP is its
"Tolerance to Gaps", 0 by default.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

FILTER = "fx_autofill_lineart 90,1,8,{gap},0"  # contour threshold, normalise, least area, gap


def main(words: list[str]) -> None:
    if len(words) not in (2, 3):
        sys.exit("usage: autofill_gmic.py LINES FLATS [GAP]")
    try:
        import gmic
    except ImportError:
        sys.exit("The package gmic is not installed here: pip install gmic.")
    lines, flats = Path(words[0]), Path(words[1])
    gap = int(words[2]) if len(words) == 3 else 0
    flats.mkdir(parents=True, exist_ok=True)
    for path in sorted(lines.glob("*.png")):
        with tempfile.TemporaryDirectory() as folder:
            # The filter returns two layers, the lines and the colours: out_000000, out_000001.
            out = Path(folder) / "out.png"
            gmic.run(f'"{path}" {FILTER.format(gap=gap)} output "{out}"')
            shutil.move(Path(folder) / "out_000001.png", flats / path.name)
    print(f"{len(list(flats.glob('*.png')))} pictures in {flats}")


if __name__ == "__main__":
    main(sys.argv[1:])
