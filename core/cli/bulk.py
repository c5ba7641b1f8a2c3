"""What the command line does with folders and films: options, and one run over all of them."""

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.cli.folder import (
    Job,
    Outcome,
    PictureWorker,
    Task,
    check_jobs_option,
    failed,
    in_processes,
    remove_halves,
    say,
    undone,
    unexpected,
    write_report,
)
from core.colorize.colorize import UNHINTED
from core.errors import BadRequest, FileUnwritable, LimnerError
from core.progress_bar import Bar

FILM_SUFFIXES = {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts",
                 ".m2ts", ".wmv", ".flv", ".ogv", ".mxf", ".3gp", ".nut", ".y4m"}  # fmt: skip
"""Suffixes, in lower case, of what is taken for a film when it is named on the command line."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of folders and films."""
    many = parser.add_argument_group("folders")
    many.add_argument(
        "--jobs",
        type=int,
        default=0,
        metavar="N",
        help="work in N processes of one thread each; default: one, on all cores",
    )
    many.add_argument("--overwrite", action="store_true", help="make again what is done already")
    many.add_argument("--report", type=Path, metavar="FILE", help="write a report as JSON")
    many.add_argument(
        "--ray",
        default="",
        metavar="ADDRESS",
        help="work on a Ray cluster; 'local' starts one on this machine",
    )
    film = parser.add_argument_group("films")
    film.add_argument("--codec", default="", help="h264, hevc, prores or ffv1; default: h264")
    film.add_argument(
        "--quality",
        type=int,
        metavar="CRF",
        help="of h264 and hevc: 0 best .. 51; default 18 and 20",
    )
    film.add_argument(
        "--steady",
        type=float,
        default=1.0,
        metavar="S",
        help="0 every frame for itself .. 1 steady (default)",
    )
    film.add_argument(
        "--reference",
        action="append",
        default=[],
        metavar="FRAME[@SECONDS]",
        help="a frame that you coloured or painted, for its scene (may be given again); for "
        "pictures: a picture whose colours are wanted",
    )
    film.add_argument(
        "--segment",
        type=int,
        default=240,
        metavar="FRAMES",
        help="a stopped run goes on from the last whole one (default 240)",
    )


def add_color_options(parser: argparse.ArgumentParser) -> None:
    """What else a user can ask of colours."""
    parser.add_argument(
        "--hints", metavar="FILE", help="a picture of the same size, colours painted where wanted"
    )
    parser.add_argument(
        "--palette",
        default="",
        metavar="COLOURS",
        help="the only colours to use: FILE.gpl, or #rrggbb,#rrggbb,...",
    )
    parser.add_argument(
        "--kind",
        choices=("auto", "photo", "sketch"),
        default="auto",
        help="take pictures for photographs or for drawings; auto (default) looks at each",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="0 the likeliest colouring (default), others: other plausible ones",
    )
    parser.add_argument(
        "--variants",
        type=int,
        default=1,
        metavar="N",
        help="make N colourings, 1 (default) .. 6; the others get .variant2 and so on",
    )
    drawings = parser.add_argument_group("drawings (with a model for them)")
    drawings.add_argument(
        "--strictness",
        type=float,
        default=0.5,
        metavar="S",
        help="0 as painted .. 1 one flat colour an area (default 0.5)",
    )
    drawings.add_argument(
        "--unhinted",
        choices=UNHINTED,
        default="leave",
        help="with --hints: areas without a hint stay as they are (leave, default), or are "
        "coloured as the model guesses",
    )
    drawings.add_argument(
        "--layers", type=Path, metavar="DIR", help="write colours and lines there, each as a PNG"
    )
    drawings.add_argument(
        "--flats",
        action="store_true",
        help="with --layers: write the flat colours and the areas, too",
    )


KIND_NAMES = {"photo": "photograph", "sketch": "drawing"}
"""Way that a picture went -> what it is called."""


def picture_others(options: argparse.Namespace, count: int) -> tuple[tuple[str, Path], ...]:
    """(role, file) of the pictures that go along with `count` pictures. Raises BadRequest."""
    others = []
    hints, references = getattr(options, "hints", None), options.reference
    if hints is not None:
        if count != 1:
            raise BadRequest("--hints is for one picture.", "Give the pictures one after another.")
        others.append(("hint", Path(hints)))
    if references and options.task != "colorize":
        raise BadRequest("--reference is for colorize.", "Leave it out for style.")
    if getattr(options, "color_reference", ()):
        raise BadRequest("--color-reference is for films.", "Leave it out for pictures.")
    if len(references) > 1:
        raise BadRequest("Pictures take one --reference.", "Leave out the others.")
    return (*others, *(("reference", Path(reference)) for reference in references))


def is_film(path: Path) -> bool:
    return path.suffix.lower() in FILM_SUFFIXES and not path.is_dir()


def run_pictures(
    jobs: list[Job],
    task: Task,
    options: argparse.Namespace,
    worker: PictureWorker | None,
    outcomes: list[Outcome],
) -> int:
    """Make pictures, tell of each, and name at the end what failed; the exit code.

    Args:
        worker: makes them in this process; None for --jobs and --ray.
        outcomes: what is told of in the report; gets those of the pictures.
    """
    start, results = time.monotonic(), sys.stdout
    todo, done = undone(jobs, task, options.overwrite)
    remove_halves(jobs)
    outcomes.extend(done)
    if done:
        say(f"{len(done)} of {len(jobs)} pictures are done already (--overwrite makes them "
            "again).")  # fmt: skip
    try:
        for outcome in _outcomes(todo, len(jobs), task, options, worker):
            outcomes.append(outcome)
            if outcome.kind:
                say(f"  treated as a {KIND_NAMES[outcome.kind]} (--kind decides otherwise)")
            for note in outcome.notes:
                say(f"  {note}")
            if outcome.status == "done":
                print(outcome.target, file=results, flush=True)
    finally:
        if options.report:
            write_report(options.report, task, outcomes, time.monotonic() - start)
    return _tell_failures(outcomes, len(jobs), "pictures")


def _outcomes(
    jobs: list[Job],
    total: int,
    task: Task,
    options: argparse.Namespace,
    worker: PictureWorker | None,
) -> Iterator[Outcome]:
    if worker is not None:
        for number, job in enumerate(jobs, total - len(jobs) + 1):
            bar = Bar(sys.stderr, f"[{number}/{total}] {job.source.name}")
            outcome = worker.run(job, bar)
            bar.close(outcome.status)
            yield outcome
        return
    check_jobs_option(options.jobs)
    if options.ray:
        from core.cli.cluster import picture_outcomes

        outcomes = picture_outcomes(jobs, task, options.ray, options.jobs)
    else:
        outcomes = in_processes(jobs, task, options.jobs)
    start = time.monotonic()
    for number, outcome in enumerate(outcomes, 1):
        rate = number / max(time.monotonic() - start, 1e-9)
        place = f"[{total - len(jobs) + number}/{total}]"
        say(f"{place} {Path(outcome.source).name} {outcome.status}, {rate:.1f} pictures/s")
        yield outcome


def run_films(
    targets: list[tuple[Path, Path]],
    task: Task,
    settings: Any,
    options: argparse.Namespace,
    earlier: list[Outcome],
) -> int:
    """Make films one after the other; the exit code. Raises ExtraMissing, BadRequest.

    Args:
        targets: (source, target) of each.
        earlier: outcomes of pictures, for the report.
    """
    from core.film.extras import require

    require("film")
    from core.film.job import FilmJob
    from core.film.progress import FilmProgress
    from core.film.run import run_film

    check_film_options(options)
    engine = None
    if options.ray:
        from core.cli.cluster import run_segments

        engine = run_segments(options.ray, options.jobs)
    for _, target in targets:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FileUnwritable(f"{target.parent} cannot be made ({error.strerror}).") from error
    start = time.monotonic()
    outcomes: list[Outcome] = []
    references = tuple(map(_reference, options.reference))
    color_references = tuple(map(_reference, getattr(options, "color_reference", ())))
    for number, (source, target) in enumerate(targets, 1):
        progress = FilmProgress(sys.stderr, f"[{number}/{len(targets)}] {source.name}")
        job = FilmJob(
            source, target, task.name, settings, task.model, task.device, task.folders,
            options.codec, options.quality, options.steady, references, color_references,
            options.segment, overwrite=options.overwrite,
        )  # fmt: skip
        outcome = Outcome(str(source), str(target), "done")
        outcomes.append(outcome)
        begun = time.monotonic()
        try:
            result = run_film(job, progress, engine)
            outcome.notes = result.problems + result.notes
            outcome.status = "skipped" if result.skipped else "done"
            if result.problems:
                error = LimnerError(" ".join(result.problems), "The rest was made.")
                outcome = outcomes[-1] = failed(Job(source, target), error)
                outcome.error["code"] = "file_unreadable"
            progress.close("done already" if result.skipped else outcome.status)
            for note in result.notes:
                say(f"  {note}")
            print(target, flush=True)
        except LimnerError as error:
            progress.close("failed")
            outcomes[-1] = failed(Job(source, target), error)
        except Exception as error:  # noqa: BLE001  a boundary: one film never stops the others
            progress.close("failed")
            outcomes[-1] = failed(Job(source, target), unexpected(error))
        finally:
            outcomes[-1].seconds = time.monotonic() - begun
            if options.report:
                told = earlier + outcomes
                write_report(options.report, task, told, time.monotonic() - start)
    return _tell_failures(outcomes, len(targets), "films")


def check_film_options(options: argparse.Namespace) -> None:
    """Raise BadRequest for a value outside its range."""
    check_jobs_option(options.jobs)
    if not 0 <= options.steady <= 1:
        raise BadRequest(f"--steady is {options.steady}, not a number from 0 to 1.")
    if not 2 <= options.segment <= 100000:
        raise BadRequest(f"--segment is {options.segment}, not a number from 2 to 100000.")
    if getattr(options, "color_reference", ()) and not options.colorize:
        raise BadRequest(
            "--color-reference is for films that are coloured and painted.", "Add --colorize."
        )
    if getattr(options, "hints", None) is not None:
        raise BadRequest(
            "--hints are for pictures.", "Colour a frame of the film and give it as --reference."
        )
    if getattr(options, "variants", 1) != 1:
        raise BadRequest(
            "--variants are for pictures.", "Make the film again with another --seed and name."
        )


def films_in_folders(
    inputs: list[Path], output: str | None, ending: str
) -> list[tuple[Path, Path]]:
    """(source, target) of the films in the folders among the inputs, mirrored as pictures are.

    Not among them: earlier results, by their ending; what is hidden; folders of work in progress.
    """
    found = []
    out = None if output is None else Path(output)
    for folder in filter(Path.is_dir, inputs):
        for source in sorted(folder.rglob("*")):
            inside = source.relative_to(folder)
            working = any(part.startswith(".") or part.endswith(".limner") for part in inside.parts)
            result = source.stem.removesuffix(".unfinished").endswith(ending)
            made = out is not None and out.resolve() in source.resolve().parents
            if made and out is not None and out.resolve() != folder.resolve():
                continue
            if working or result or not (is_film(source) and source.is_file()):
                continue
            suffix = _suffix_for(source)
            if out is None:
                target = source.with_name(source.stem + ending + suffix)
            else:
                target = (out / inside).with_suffix(suffix)
            if target.resolve() == source.resolve() or target in {t for _, t in found}:
                raise BadRequest(f"{target} would be written over.", "Choose another -o.")
            found.append((source, target))
    return found


def _suffix_for(source: Path) -> str:
    return source.suffix if source.suffix.lower() in (".mp4", ".m4v", ".mov") else ".mkv"


def film_targets(inputs: list[Path], output: str | None, ending: str) -> list[tuple[Path, Path]]:
    """What is made of which film. Raises BadRequest."""
    if not all(map(is_film, inputs)):
        raise BadRequest("Films and pictures are in one command.", "Give them one after the other.")
    folder = None
    if output is not None:
        as_folder = len(inputs) > 1 or output.endswith(("/", "\\")) or Path(output).is_dir()
        folder = Path(output) if as_folder else None
    targets = []
    for source in inputs:
        suffix = _suffix_for(source)
        if output is None:
            target = source.with_name(source.stem + ending + suffix)
        else:
            target = folder / (source.stem + suffix) if folder else Path(output)
        if target.resolve() in {path.resolve() for path in inputs} | {t for _, t in targets}:
            raise BadRequest(f"{target} would be written over.", "Choose another name with -o.")
        targets.append((source, target))
    return targets


def _reference(text: str) -> tuple[Path, float | None]:
    """FRAME or FRAME@SECONDS. Raises BadRequest."""
    path, at, seconds = text.rpartition("@")
    if not at or Path(text).exists():
        return Path(text), None
    try:
        return Path(path), float(seconds)
    except ValueError as error:
        raise BadRequest(f"'{seconds}' in --reference {text} is no number of seconds.") from error


def _tell_failures(outcomes: list[Outcome], total: int, what: str) -> int:
    failures = [outcome for outcome in outcomes if outcome.status == "failed"]
    for outcome in failures:
        say(f"limner: {outcome.sentence()}")
    if failures and total > 1:
        say(f"limner: {len(failures)} of {total} {what} failed.")
    return 1 if failures else 0
