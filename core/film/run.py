"""One film from source to target: plan, segments, joining; going on where a run was stopped."""

import hashlib
import json
import math
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import av
import numpy as np

from core.colorize.colorize import ColorizeSettings, work_size
from core.colorize.variants import has_variants
from core.errors import BadRequest, FileUnwritable, LimnerError
from core.film.assemble import assemble
from core.film.encoder import SegmentWriter, choose_coding
from core.film.job import FilmJob
from core.film.looks import ColorLook, Looks, StyleLook
from core.film.pipeline import make_frames
from core.film.plan import Plan, load_plan, make_plan, save_plan
from core.film.planes import Coding
from core.film.progress import FilmProgress
from core.film.reader import FilmReader
from core.film.reference_file import read_references, reference_thumb
from core.generator.generator import Generator
from core.generator.memory import batch_size

Array = np.ndarray

Generators = dict[str, Generator]
"""Task -> the generator that does it."""

LEAD_FRAMES = 24


@dataclass
class Result:
    """What is told of a film.

    Attributes:
        problems: sentences; any of them means that the film is not all it should be.
        notes: sentences about what was left out on purpose.
    """

    frames: int = 0
    scenes: int = 0
    made: int = 0
    skipped: bool = False
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


Engine = Callable[[FilmJob, Plan, list[int], Callable[[int], None]], None]
"""Makes segments: (job, plan, numbers of the missing ones, told how many frames are new)."""


def run_film(job: FilmJob, progress: FilmProgress, engine: Engine | None = None) -> Result:
    """Make a film.

    Args:
        job: what to make of what.
        progress: told while it goes on.
        engine: makes the segments; None for this process.

    Raises:
        LimnerError, KeyboardInterrupt: after what is finished was kept, and stderr told where.
    """
    tag = _digest(job.fingerprint())
    if job.target.exists() and not job.overwrite:
        if _tag_of(job.target) == tag:
            return Result(skipped=True)
        raise BadRequest(
            f"{job.target} exists already.", "Choose another name with -o, or give --overwrite."
        )
    plan = _planned(job, progress)
    missing = [n for n in range(plan.segments) if not job.segment_path(n).exists()]
    waiting = sum(len(plan.range_of(n)) for n in missing)
    done = plan.frames - waiting

    def report(new: int) -> None:
        nonlocal done
        done += new
        progress.frame(done, plan.frames)

    report(0)
    try:
        (engine or run_segments)(job, plan, missing, report)
        notes = _join(job, plan, range(plan.segments), job.target, tag)
    except (LimnerError, KeyboardInterrupt):
        _keep_part(job, plan)
        raise
    shutil.rmtree(job.work, ignore_errors=True)
    if plan.interlaced:
        notes.append("The film is interlaced; its frames were made whole (deinterlaced).")
    notes += _color_notes(job)
    if plan.hdr.is_lost(job.output.encoder):
        notes.append(f"{job.output.codec} cannot carry the film's static HDR metadata (mastering "
                     "display, light level); choose h264 or hevc to keep them.")  # fmt: skip
    return Result(plan.frames, len(plan.cuts) + 1, waiting, False, list(plan.damages), notes)


def _color_notes(job: FilmJob) -> list[str]:
    """What of the colours that were asked for the model cannot give."""
    manifest = job.find_model().manifest
    if job.task != "colorize" or not job.settings.seed or has_variants(manifest):
        return []
    return [f"The model '{manifest.title}' knows one colouring; other seeds give the same."]


def run_segments(
    job: FilmJob,
    plan: Plan,
    numbers: list[int],
    report: Callable[[int], None],
    generators: Generators | None = None,
) -> None:
    """Make segments in this process, in order; runs of neighbours are read in one go.

    Raises:
        LimnerError, KeyboardInterrupt: the segment that was begun is kept as a tail.
    """
    with FilmReader(job.source, plan.interlaced) as reader:
        coding = choose_coding(reader.info, plan.frame_tags, job.output, plan.hdr)
        looks = make_looks(job, plan, coding, generators)
        for segments in _neighbours(numbers):
            _run_range(job, plan, segments, reader, looks, coding, report)
            reader.rewind()


def open_generators(job: FilmJob) -> Generators:
    """The job's generators. Frames run side by side, so that each needs one thread for a frame.

    Raises LimnerError.
    """
    models = [job.find_model()]
    if job.colors_first:
        models.append(job.find_colorizer())
    opened = [Generator.open(model, job.device, threads=1) for model in models]
    return {generator.manifest.task: generator for generator in opened}


def make_looks(
    job: FilmJob, plan: Plan, coding: Coding, generators: Generators | None = None
) -> Looks:
    """The filter of a job, or both, their references read. Raises LimnerError."""
    generators = generators or open_generators(job)
    own = len(job.references)
    pictures = [path for path, _ in job.references + job.color_references]
    numbered = list(zip(pictures, plan.references, strict=True))

    def color_look(settings: ColorizeSettings, given: list[tuple[Path, int]]) -> ColorLook:
        look = ColorLook(generators["colorize"], settings, coding)
        look.memory *= job.steady
        look.references = tuple(read_references(job, plan, look, given))
        return look

    if job.task == "colorize":
        return (color_look(job.settings, numbered),)
    paint = StyleLook(generators["stylize"], job.settings, coding)
    paint.memory *= job.steady
    color = color_look(ColorizeSettings(), numbered[own:]) if job.colors_first else None
    if color is not None and color.memory <= 1 and not color.references:
        paint.colorizer, color = color.generator, None  # nothing is done in between
    paint.references = tuple(read_references(job, plan, paint, numbered[:own], color))
    return (paint,) if color is None else (color, paint)


def _run_range(
    job: FilmJob,
    plan: Plan,
    segments: range,
    reader: FilmReader,
    looks: Looks,
    coding: Coding,
    report: Callable[[int], None],
) -> None:
    writer: SegmentWriter | None = None
    made = make_frames(reader, plan, segments, looks, coding, job.threads)
    try:
        for item in made:
            if writer is None:
                path = job.segment_path(item.segment)
                writer = SegmentWriter(path, job.output, coding, reader.info)
            writer.write(item.frame, item.pts)
            report(1)
            if item.number == plan.range_of(item.segment)[-1]:
                writer.finish()
                writer = None
    except (LimnerError, KeyboardInterrupt):
        if writer is not None:
            _finish_tail(job, writer)
            writer = None
        raise
    finally:
        made.close()
        if writer is not None:
            writer.drop()


def _finish_tail(job: FilmJob, writer: SegmentWriter) -> None:
    """Keep what there is of a segment, so that it can be watched."""
    try:
        writer.finish(job.tail_path)
    except FileUnwritable:
        writer.drop()


def _planned(job: FilmJob, progress: FilmProgress) -> Plan:
    """The plan of an earlier run of the same job, or a new one."""
    path = job.work / "plan.json"
    made_for = job.fingerprint()
    plan = load_plan(path, made_for)
    if plan is not None:
        job.tail_path.unlink(missing_ok=True)
        return plan
    with FilmReader(job.source) as reader:
        aspect = reader.info.width / reader.info.height
    references = job.references + job.color_references
    thumbs = [(reference_thumb(picture, aspect), at) for picture, at in references]
    plan = make_plan(job.source, job.segment, min(LEAD_FRAMES, job.segment), thumbs,
                     progress.reading)  # fmt: skip
    plan = replace(plan, batch=_batch(job, plan))
    try:
        shutil.rmtree(job.work, ignore_errors=True)
        job.work.mkdir(parents=True)
        save_plan(plan, made_for, path)
    except OSError as error:
        raise FileUnwritable(f"{job.work} cannot be made ({error.strerror}).") from error
    return plan


def _batch(job: FilmJob, plan: Plan) -> int:
    """Frames in one run of the generator; a divisor of what segments begin and read ahead at."""
    with FilmReader(job.source) as reader:
        width, height = reader.info.width, reader.info.height
    size = job.find_model().manifest.size
    seen = work_size(size, width, height) if job.task == "colorize" else (width, height)
    return math.gcd(batch_size(*seen), plan.segment, plan.lead)


def _join(job: FilmJob, plan: Plan, segments: range, target: Path, tag: str,
          tail: Path | None = None) -> list[str]:  # fmt: skip
    paths = [job.segment_path(number) for number in segments]
    end_s = plan.end_s if plan.damages else math.inf  # sound may go on after the last picture
    if tail is not None:
        paths.append(tail)
    if len(segments) < plan.segments:
        end_s = plan.end_s * min(len(segments) + 1, plan.segments) / plan.segments
    with FilmReader(job.source) as reader:
        info = reader.info
    coding = choose_coding(info, plan.frame_tags, job.output, plan.hdr)
    partial = job.work / "film.part"
    try:
        notes = assemble(paths, job.source, partial, target.suffix.lower(), info, coding,
                         plan.matrix, tag, end_s)  # fmt: skip
        os.replace(partial, target)
    except OSError as error:
        raise FileUnwritable(f"{target} cannot be written ({error.strerror}).") from error
    finally:
        partial.unlink(missing_ok=True)
    return notes


def _keep_part(job: FilmJob, plan: Plan) -> None:
    """Make a film of what is finished, and say where it is and how to go on."""
    count = 0
    while count < plan.segments and job.segment_path(count).exists():
        count += 1
    tail = job.tail_path
    kept = tail if tail.exists() and count < plan.segments else None
    target = job.target.with_name(f"{job.target.stem}.unfinished{job.target.suffix}")
    where = f"segments that can be played are in {job.work}"
    if count or kept:
        try:
            _join(job, plan, range(count), target, "", kept)
            where = f"what is finished can be played: {target}"
        except LimnerError:
            pass  # for instance a full disk
    left = f"goes on from segment {count + 1} of {plan.segments}"
    if count == plan.segments:
        left = "only has to join them"
    print(f"limner: {job.source}: not finished; {where}. The same command {left}.",
          file=sys.stderr)  # fmt: skip


def _neighbours(numbers: list[int]) -> Iterator[range]:
    """[0, 1, 4] -> range(0, 2), range(4, 5)."""
    start = None
    for number in sorted(numbers):
        if start is None:
            start = stop = number
        elif number != stop:
            yield range(start, stop)
            start = number
        stop = number + 1
    if start is not None:
        yield range(start, stop)


def _digest(fingerprint: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(fingerprint, sort_keys=True).encode()).hexdigest()[:32]


def _tag_of(path: Path) -> str:
    """The tag of a film that Limner made; empty for any other file."""
    try:
        with av.open(str(path), metadata_errors="replace") as film:
            tags = {key.lower(): value for key, value in film.metadata.items()}
            return tags.get("limner", "")
    except av.FFmpegError:
        return ""
