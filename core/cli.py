"""The command line: colorize, style, models, check, worker.

    limner colorize old.jpg                 writes old.colorized.jpg beside it
    limner colorize scans/ -o coloured/     a folder with its subfolders, mirrored
    limner style photo.png --strength 0.7   writes photo.styled.png
    limner colorize film.mp4 -o new.mkv     a film (needs the extra "film")
    limner models                           what is installed
    limner check                            is each model whole, and does it run

Paths of results go to stdout, everything else to stderr. Exit code 0: all done; 1: something
failed and was named; 2: the command was not understood.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from core import __version__
from core.bulk import add_options, is_film, run_films, run_pictures
from core.errors import BadRequest, LimnerError
from core.folder import Job, PictureWorker, Task

ENDINGS = {"colorize": ".colorized", "stylize": ".styled"}
"""Task -> what is put before the suffix of a result that stands beside its source."""


def main(arguments: list[str] | None = None) -> int:
    """Run a command of this module's docstring and return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        return options.command(options)
    except BadRequest as error:
        _say(f"limner: {error}")
        return 2
    except LimnerError as error:
        _say(f"limner: {error}")
        return 1
    except KeyboardInterrupt:
        _say("limner: stopped")
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="limner", description="Colours grey pictures and paints pictures in a style."
    )
    parser.add_argument("--version", action="version", version=f"limner {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    models = argparse.ArgumentParser(add_help=False)
    models.add_argument(
        "--models",
        action="append",
        type=Path,
        metavar="DIR",
        help="folder of models to use instead of the installed ones (may be given again)",
    )
    device = argparse.ArgumentParser(add_help=False)
    device.add_argument(
        "--device",
        default="auto",
        help="auto (default), cpu, webgpu, cuda, migraphx or openvino",
    )
    pictures = argparse.ArgumentParser(add_help=False, parents=[models, device])
    pictures.add_argument("inputs", nargs="+", type=Path, help="pictures, or folders of pictures")
    pictures.add_argument(
        "-o", "--output", metavar="PATH", help="file or folder to write; default: beside the input"
    )
    pictures.add_argument("--model", default="", metavar="ID", help="see `limner models`")
    pictures.add_argument(
        "--strength",
        type=float,
        default=1.0,
        metavar="S",
        help="0 the picture itself .. 1 the new one (default)",
    )

    add_options(pictures)

    colorize = commands.add_parser("colorize", parents=[pictures], help="colour grey pictures")
    colorize.add_argument(
        "--saturation",
        type=float,
        default=1.0,
        metavar="S",
        help="0 grey .. 1 as predicted (default) .. 2 twice as colourful",
    )
    colorize.set_defaults(command=_run_filter, task="colorize")
    style = commands.add_parser("style", parents=[pictures], help="paint pictures in a style")
    style.set_defaults(command=_run_filter, task="stylize")
    listing = commands.add_parser("models", parents=[models], help="list the installed models")
    listing.set_defaults(command=_list_models)
    check = commands.add_parser("check", parents=[models, device], help="try every model")
    check.set_defaults(command=_check_models)
    worker = commands.add_parser(
        "worker", parents=[models], help="serve the GIMP plug-in on a pipe"
    )
    worker.set_defaults(command=_run_worker)
    return parser


def _run_filter(options: argparse.Namespace) -> int:
    """Colour or paint every picture or film; one that fails does not stop the others."""
    from core.filters import FILTERS
    from core.service import make_settings

    settings_type = FILTERS[options.task].settings
    names = [field.name for field in fields(settings_type)]
    settings = make_settings(settings_type, {name: getattr(options, name) for name in names})
    ending, device = ENDINGS[options.task], options.device
    task = Task(options.task, asdict(settings), options.model, device, _folders(options))
    if any(map(is_film, options.inputs)):
        return run_films(task, settings, options, ending)
    jobs = find_jobs(options.inputs, options.output, ending)
    if options.jobs or options.ray:
        return run_pictures(jobs, replace(task, threads=1), options, None)
    worker = PictureWorker(task)
    _say(f"{worker.generator.manifest.title} on {_where(worker.generator.report())}")
    return run_pictures(jobs, task, options, worker)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _where(report: dict[str, Any]) -> str:
    """Execution provider, and why it is not a faster one."""
    return report["provider"] + (f" ({report['reason']})" if report["reason"] else "")


def find_jobs(inputs: list[Path], output: str | None, ending: str) -> list[Job]:
    """Decide what is made of what.

    Args:
        inputs: files and folders; of a folder every picture in it and below, except earlier
            results (by their ending) and the output folder.
        output: None to write beside each source; a file name for a single file; else a folder,
            in which the folders' structure is repeated.
        ending: put before the suffix of a result beside its source.

    Raises:
        BadRequest: nothing to do, two results of one name, or a result that is an input.
    """
    folder = None
    if output is not None:
        single = len(inputs) == 1 and not inputs[0].is_dir()
        if not single or Path(output).is_dir() or output.endswith(("/", "\\")):
            folder = Path(output)
        elif Path(output).suffix == "":
            raise BadRequest(
                f"'{output}' is neither a folder nor a picture's name.",
                "Add .png, .jpg, .tif or .webp, or a / for a folder.",
            )
    jobs = []
    for given in inputs:
        for source in _pictures(given, folder, ending):
            if output is None:
                target = source.with_name(source.stem + ending + source.suffix)
            elif folder is None:
                target = Path(output)
            else:
                target = folder / (source.relative_to(given) if given.is_dir() else source.name)
            root = (folder or given) if given.is_dir() else None
            jobs.append(Job(source, target, root))
    if not jobs:
        names = ", ".join(map(str, inputs))
        raise BadRequest(f"There is no PNG, JPEG, TIFF or WebP picture in {names}.", "")
    sources = {job.source.resolve() for job in jobs}
    targets: set[Path] = set()
    for job in jobs:
        target = job.target.resolve()
        if target in sources or target in targets:
            raise BadRequest(
                f"{job.target} would be written over.", "Choose another folder with -o."
            )
        targets.add(target)
    return jobs


def _pictures(given: Path, output: Path | None, ending: str) -> Iterator[Path]:
    """The file itself, or a folder's pictures in order of their names."""
    from core.picture_file import SUFFIXES

    if not given.is_dir():
        yield given
        return
    inside = output is not None and given.resolve() in output.resolve().parents
    skipped = output.resolve() if output is not None and inside else None
    for path in sorted(given.rglob("*")):
        if skipped is not None and skipped in path.resolve().parents:
            continue
        hidden = any(part.startswith(".") for part in path.relative_to(given).parts)
        if path.suffix.lower() not in SUFFIXES or hidden or path.stem.endswith(ending):
            continue
        if path.is_file():
            yield path


def _folders(options: argparse.Namespace) -> tuple[Path, ...] | None:
    return tuple(options.models) if options.models else None


def _list_models(options: argparse.Namespace) -> int:
    """One line a model: id, task, title, size, licence."""
    from core.catalog import Catalog

    catalog = Catalog.read(_folders(options))
    rows = [("ID", "TASK", "TITLE", "SIZE", "LICENCE")]
    for model in catalog.models():
        manifest = model.manifest
        size = f"{model.path.stat().st_size / 1e6:.1f} MB" if model.path.is_file() else "missing"
        rows.append((manifest.id, manifest.task, manifest.title, size, manifest.license))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())
    for error in catalog.broken.values():
        _say(f"limner: {error}")
    if not catalog.models():
        _say("limner: No model is installed. Run install.py again.")
    return 0 if catalog.models() and not catalog.broken else 1


def _check_models(options: argparse.Namespace) -> int:
    """Verify every model and run it once on a small picture; say where it ran."""
    import numpy as np

    from core.catalog import Catalog
    from core.filters import filter_of
    from core.image import Image
    from core.service import Service
    from core.work import Work

    catalog = Catalog.read(_folders(options))
    service = Service(_folders(options))
    ramp = np.linspace(0, 255, 96 * 64).astype(np.uint8).reshape(64, 96, 1)
    failures = [str(error) for error in catalog.broken.values()]
    for model in catalog.models():
        manifest = model.manifest
        try:
            generator = service.generator(manifest.task, manifest.id, options.device)
            known = filter_of(manifest.task)
            known.run(
                Work(
                    Image(ramp),
                    known.settings(),
                    lambda task, model_id, ready=generator: ready,
                    manifest.id,
                    lambda fraction, text: None,
                )
            )
        except LimnerError as error:
            failures.append(f"{manifest.id}: {error}")
            continue
        report = generator.report()
        print(f"{manifest.id}: ok, {report['nodes']} nodes on {_where(report)}")
    if not catalog.models() and not failures:
        failures.append("No model is installed. Run install.py again.")
    for failure in failures:
        _say(f"limner: {failure}")
    return 1 if failures else 0


def _run_worker(options: argparse.Namespace) -> int:
    from core.worker import main as worker

    return worker(_folders(options))
