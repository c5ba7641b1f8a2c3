"""The command line of models: `limner models [list | add | remove | verify]`."""

import argparse
import sys
from pathlib import Path
from typing import Any

from core.cli.style_commands import print_table
from core.errors import BadRequest, LimnerError


def add_parsers(commands: Any, models: argparse.ArgumentParser, device: Any) -> None:
    """Add the command `models` with its own commands; `models` alone lists them."""
    listing = commands.add_parser("models", parents=[models], help="installed models; add others")
    listing.set_defaults(command=list_models)
    # said before or after the inner command; the latter must not undo the former
    again = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    again.add_argument("--models", action="append", type=Path, metavar="DIR", help="their folder")
    inner = listing.add_subparsers(metavar="COMMAND")
    inner.add_parser("list", parents=[again], help="list them (default)")
    add = inner.add_parser("add", parents=[again], help="add a style model made by others")
    add.add_argument("file", type=Path, metavar="FILE.onnx")
    add.add_argument("--id", default="", help="its name on the command line; default: the file's")
    add.add_argument("--title", default="", help="its name in menus")
    add.add_argument("--license", default="", help="of its weights")
    add.add_argument("--channels", choices=("rgb", "bgr"), default="", help="default: found out")
    for name, what in (("--range", "what it is given"), ("--output-range", "what it returns")):
        add.add_argument(
            name,
            type=_ends,
            metavar="LOW,HIGH",
            help=f"black and white in {what}, for instance 0,255; default: found out",
        )
    add.add_argument(
        "--multiple", type=int, default=0, metavar="N",
        help="sides it takes are multiples of N; default: found out",
    )  # fmt: skip
    add.add_argument("--replace", action="store_true", help="take the place of that id's model")
    add.set_defaults(command=_add)
    remove = inner.add_parser("remove", parents=[again], help="remove models that were added")
    remove.add_argument("ids", nargs="+", metavar="ID")
    remove.set_defaults(command=_remove)
    verify = inner.add_parser("verify", parents=[again], help="are the files the described ones?")
    verify.add_argument("ids", nargs="*", metavar="ID", help="default: all")
    verify.set_defaults(command=_verify)


def list_models(options: argparse.Namespace) -> int:
    """One line a model: id, task, title, size, licence."""
    from core.generator.catalog import Catalog

    catalog = Catalog.read(_folders(options))
    rows = [("ID", "TASK", "TITLE", "SIZE", "LICENCE")]
    for model in catalog.models():
        manifest = model.manifest
        files = [model.folder / graph.file for graph in manifest.graphs]
        whole = all(file.is_file() for file in files)
        size = f"{sum(file.stat().st_size for file in files) / 1e6:.1f} MB" if whole else "missing"
        rows.append((manifest.id, manifest.task, manifest.title, size, manifest.license))
    print_table(rows)
    for error in catalog.broken.values():
        _say(f"limner: {error}")
    if not catalog.models():
        _say("limner: No model is installed. Run install.py again.")
    return 0 if catalog.models() and not catalog.broken else 1


def _add(options: argparse.Namespace) -> int:
    from core.cli.adopt_model import Wishes, add_model

    wishes = Wishes(
        options.id, options.title, options.license, options.channels, options.range,
        options.output_range, options.multiple,
    )  # fmt: skip
    if not 0 <= options.multiple <= 1024:
        raise BadRequest(f"--multiple is {options.multiple}, not a number from 1 to 1024.")
    manifest = add_model(options.file, wishes, _own(options)[0], options.replace)
    given, returned = manifest.inputs[0], manifest.outputs[0]
    order = "blue, green, red" if given.space == "srgb-bgr" else "red, green, blue"
    size = manifest.size
    sides = f"{size.fixed[0]}×{size.fixed[1]} pixels" if size.fixed else (
        f"any size in multiples of {size.multiple_of}"
    )  # fmt: skip
    tiles = {
        "allowed": f"tiles fit together with {manifest.tiling.overlap} pixels of overlap",
        "discouraged": "looks at the whole: tiles of large pictures are faded into each other",
    }
    print(manifest.id)
    _say(f"Added '{manifest.title}': {given.layout}, {order}, "
         f"{given.range[0]:g}..{given.range[1]:g} to {returned.range[0]:g}..{returned.range[1]:g}, "
         f"{sides}; {tiles[manifest.tiling.policy]}. Licence: {manifest.license}.")  # fmt: skip
    _say(f"Try it: limner style PHOTO --model {manifest.id}")
    return 0


def _remove(options: argparse.Namespace) -> int:
    from core.cli.adopt_model import remove_model

    for model in _named(options, options.ids):
        remove_model(model, _own(options))
        print(model.manifest.id)
    return 0


def _verify(options: argparse.Namespace) -> int:
    from core.generator.catalog import Catalog

    failures: list[LimnerError] = []
    if not options.ids:
        failures += Catalog.read(_folders(options)).broken.values()
    for model in _named(options, options.ids):
        try:
            model.verify()
        except LimnerError as error:
            failures.append(error)
        else:
            print(f"{model.manifest.id}: whole")
    for error in failures:
        _say(f"limner: {error}")
    return 1 if failures else 0


def _named(options: argparse.Namespace, ids: list[str]) -> list[Any]:
    """The models of these ids; all for none. Raises BadRequest."""
    from core.generator.catalog import Catalog

    models = {model.manifest.id: model for model in Catalog.read(_folders(options)).models()}
    for name in ids:
        if name not in models:
            known = ", ".join(models) or "none"
            raise BadRequest(f"There is no model '{name}' (installed: {known}).", "")
    return [models[name] for name in ids] if ids else list(models.values())


def _ends(text: str) -> tuple[float, float]:
    """LOW,HIGH."""
    try:
        low, high = map(float, text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"'{text}' is not LOW,HIGH") from error
    if not -1e6 < low < high < 1e6:
        raise argparse.ArgumentTypeError(f"'{text}' is not LOW,HIGH with LOW below HIGH")
    return low, high


def _folders(options: argparse.Namespace) -> tuple[Path, ...] | None:
    return tuple(options.models) if options.models else None


def _own(options: argparse.Namespace) -> tuple[Path, ...]:
    """Folders of models that are the user's."""
    from core.generator.catalog import user_data_folder

    return _folders(options) or (user_data_folder() / "models",)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
