"""The command line of Apply Style: options of `limner style`, and `limner styles`."""

import argparse
from pathlib import Path

from core.errors import BadRequest
from core.style.gallery import find_style, gallery


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `limner style`, named as in core.style.stylize.StylizeSettings."""
    parser.add_argument(
        "--style",
        action="append",
        default=[],
        metavar="FILE",
        help="picture whose style is wanted, or a name of `limner styles`; several are mixed",
    )
    parser.add_argument(
        "--weight",
        action="append",
        default=[],
        type=float,
        metavar="W",
        help="share of each --style in the mix, in their order; default: all alike",
    )
    parser.add_argument(
        "--preserve-colors",
        type=float,
        nargs="?",
        const=1.0,
        default=0.0,
        metavar="P",
        help="0 the painting's colours (default) .. 1 the picture's own (without P: 1)",
    )
    parser.add_argument(
        "--brush-size",
        type=float,
        default=0.0,
        metavar="R",
        help="1 finest strokes .. 8 broadest; default: by the picture's size",
    )
    parser.add_argument(
        "--colorize", action="store_true", help="colour the picture or film first, for grey ones"
    )
    parser.add_argument(
        "--color-reference",
        action="append",
        default=[],
        metavar="FRAME[@SECONDS]",
        help="of films with --colorize: a frame that you coloured (--reference: that you painted)",
    )


def resolve(options: argparse.Namespace, folders: tuple[Path, ...] | None) -> None:
    """Turn --style and --weight into the settings' styles; choose a model that takes them.

    Raises BadRequest, FileUnreadable, ModelMissing.
    """
    from core.generator.catalog import Catalog

    if options.weight and len(options.weight) != len(options.style):
        raise BadRequest(
            f"There are {len(options.weight)} --weight for {len(options.style)} --style.",
            "Give one for each, or none.",
        )
    weights = options.weight or [1.0] * len(options.style)
    options.weights = ()
    options.styles = tuple(
        {"path": str(find_style(name)), "weight": weight}
        for name, weight in zip(options.style, weights, strict=True)
    )
    if options.styles and not options.model:
        options.model = Catalog.read(folders).find("stylize", role="style").manifest.id


def list_styles(options: argparse.Namespace) -> int:
    """One line a style: name, title, painter, year, licence."""
    rows = [("NAME", "TITLE", "PAINTER", "YEAR", "LICENCE")]
    for style in gallery():
        rows.append((style.id, style.title, style.painter, style.year, style.license))
    print_table(rows)
    return 0


def print_table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())
