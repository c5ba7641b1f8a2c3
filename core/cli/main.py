"""The command line: colorize, style, inspect, models, check, worker.

    limner colorize old.jpg                 writes old.colorized.jpg beside it
    limner colorize scans/ -o coloured/     a folder with its subfolders, mirrored; films too
    limner style photo.png --strength 0.7   writes photo.styled.png
    limner style photo.png --style wave.jpg in the style of a picture (or of `limner styles`)
    limner colorize film.mp4 -o new.mkv     a film (needs the extra "film")
    limner colorize old.jpg --hints dabs.png --palette '#884422,#3366aa'
    limner inspect old.jpg --at 120,80      the likeliest colours of a place
    limner models                           what is installed
    limner models add candy.onnx            a style model made by others
    limner check                            is each model whole, and does it run

Paths of results go to stdout, everything else to stderr. Exit code 0: all done; 1: something
failed and was named; 2: the command was not understood.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from core import __version__
from core.cli import model_commands, style_commands
from core.cli.bulk import (
    add_color_options,
    add_options,
    film_targets,
    films_in_folders,
    is_film,
    picture_others,
    run_films,
    run_pictures,
)
from core.cli.folder import Job, Outcome, PictureWorker, Task, check_writes
from core.errors import BadRequest, LimnerError

ENDINGS = {"colorize": ".colorized", "stylize": ".styled"}
"""Task -> what is put before the suffix of a result that stands beside its source."""


NOT_READ = frozenset(
    [
        ".avif",
        ".bmp",
        ".cr2",
        ".dng",
        ".gif",
        ".heic",
        ".heif",
        ".jp2",
        ".jxl",
        ".nef",
        ".psd",
        ".tga",
        ".xcf",
    ]
)
"""Endings of pictures that are not read."""


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
    add_color_options(colorize)
    colorize.set_defaults(command=_run_filter, task="colorize")
    inspect = commands.add_parser(
        "inspect", parents=[models, device], help="the likeliest colours of a place"
    )
    inspect.add_argument("input", type=Path, help="a picture")
    inspect.add_argument("--at", required=True, metavar="X,Y", help="a pixel, from the top left")
    inspect.add_argument("--model", default="", metavar="ID", help="see `limner models`")
    inspect.set_defaults(command=_inspect)
    style = commands.add_parser("style", parents=[pictures], help="paint pictures in a style")
    style_commands.add_options(style)
    style.set_defaults(command=_run_filter, task="stylize")
    styles = commands.add_parser("styles", help="list the style pictures that can be named")
    styles.set_defaults(command=style_commands.list_styles)
    model_commands.add_parsers(commands, models, device)
    check = commands.add_parser("check", parents=[models, device], help="try every model")
    check.set_defaults(command=_check_models)
    worker = commands.add_parser(
        "worker", parents=[models], help="serve the GIMP plug-in on a pipe"
    )
    worker.set_defaults(command=_run_worker)
    return parser


def _run_filter(options: argparse.Namespace) -> int:
    """Colour or paint every picture or film; one that fails does not stop the others."""
    from core.color.palette import parse_palette
    from core.filters import FILTERS
    from core.worker.service import make_settings

    if options.task == "stylize":
        style_commands.resolve(options, _folders(options))
    settings_type = FILTERS[options.task].settings
    names = [field.name for field in fields(settings_type)]
    options.palette = parse_palette(getattr(options, "palette", ""))
    settings = make_settings(settings_type, {name: getattr(options, name) for name in names})
    ending, device = ENDINGS[options.task], options.device
    task = Task(options.task, asdict(settings), options.model, device, _folders(options))
    if any(map(is_film, options.inputs)):
        films = film_targets(options.inputs, options.output, ending)
        check_writes(
            [Job(*film) for film in films], _with_references(task, options), options.report
        )
        return run_films(films, task, settings, options, [])
    films = films_in_folders(options.inputs, options.output, ending)
    outcomes: list[Outcome] = []
    failed = 0
    if not films or holds_pictures(options.inputs, options.output, ending):
        jobs = find_jobs(options.inputs, options.output, ending)
        _tell_left_out(options.inputs)
        failed = _run_pictures(jobs, task, options, outcomes)
    if films:
        _say(f"{len(films)} films in the folders.")
        failed = run_films(films, task, settings, options, outcomes) or failed
    return failed


def _tell_left_out(inputs: list[Path]) -> None:
    """Name the kinds of pictures in folders that are passed over, so that none is missed later."""
    files = [path for given in inputs if given.is_dir() for path in given.rglob("*")]
    kinds = Counter(path.suffix.lower() for path in files if path.suffix.lower() in NOT_READ)
    if kinds:
        listed = ", ".join(f"{count} {suffix}" for suffix, count in sorted(kinds.items()))
        _say(f"Left out: {listed}. Convert them to PNG or TIFF first, for instance in GIMP.")


def _with_references(task: Task, options: argparse.Namespace) -> Task:
    """With the pictures that films are given, so that they are not written over."""
    given = [*options.reference, *getattr(options, "color_reference", ())]
    files = [Path(text.rpartition("=")[2] if "=" in text else text) for text in map(str, given)]
    return replace(task, others=tuple(("reference", path) for path in files))


def _run_pictures(
    jobs: list[Job], task: Task, options: argparse.Namespace, outcomes: list[Outcome]
) -> int:
    others = picture_others(options, len(jobs))
    task = replace(task, others=others, layers=getattr(options, "layers", None))
    check_writes(jobs, task, options.report)
    if options.jobs or options.ray:
        return run_pictures(jobs, replace(task, threads=1), options, None, outcomes)
    worker = PictureWorker(task)
    _say(f"{worker.generator.manifest.title} on {_where(worker.generator.report())}")
    return run_pictures(jobs, task, options, worker, outcomes)


def _inspect(options: argparse.Namespace) -> int:
    """Print what a colouriser thinks of one pixel: colours with their shares, how sure it is."""
    from core.colorize.colorize import ColorizeSettings
    from core.files.picture import PictureFile
    from core.filters import FILTERS
    from core.request.work import Work
    from core.worker.service import Service, check_place

    try:
        place = [int(number) for number in options.at.split(",")]
    except ValueError as error:
        raise BadRequest(f"'{options.at}' in --at is no place like 120,80.") from error
    image = PictureFile.read(options.input).image
    at = check_place(place, image)
    service = Service(_folders(options))
    answer = FILTERS["colorize"].run(
        Work(
            image,
            ColorizeSettings(),
            lambda task, model_id: service.generator(task, model_id, options.device),
            options.model,
            lambda fraction, text: None,
            at=at,
        )
    )
    for likely in answer.facts.get("likeliest", ()):
        print(f"{likely['color']}  {likely['share']:.1%}")
    if answer.facts.get("confidence") is None:
        _say(f"limner: The model '{answer.generator.manifest.title}' does not tell.")
        return 1
    print(f"confidence {answer.facts['confidence']:.2f}")
    return 0


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


def holds_pictures(inputs: list[Path], output: str | None, ending: str) -> bool:
    """Whether there is a picture among the inputs or in their folders."""
    folder = None if output is None else Path(output)
    return any(True for given in inputs for _ in _pictures(given, folder, ending))


def _pictures(given: Path, output: Path | None, ending: str) -> Iterator[Path]:
    """The file itself, or a folder's pictures in order of their names."""
    from core.files.picture import SUFFIXES

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


def _check_models(options: argparse.Namespace) -> int:
    """Verify every model and run it once on a small picture; say where it ran."""
    import numpy as np

    from core.filters import filter_of
    from core.generator.catalog import Catalog
    from core.image import Image
    from core.request.work import Other, Work
    from core.worker.service import Service

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
                    lambda task, model_id, role="", ready=generator: ready,
                    manifest.id,
                    lambda fraction, text: None,
                    (Other("style", Image(ramp)),) if manifest.takes("style") else (),
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
    from core.worker.process import main as worker

    return worker(_folders(options))
