"""Many pictures: what is done is skipped, several processes at once, a record and a report.

The record is a hidden file of lines beside the results; a line says from which source, by which
model and with which settings a result was made. It is written after the result has its name, so
that a killed run repeats at most the pictures that were under way.
"""

import hashlib
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import islice
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core import __version__
from core.errors import BadRequest, FileUnreadable, FileUnwritable, LimnerError, OutOfMemory

if TYPE_CHECKING:  # --help and a wrong option need not wait for the engine
    from core.files.picture import PictureFile
    from core.generator.generator import Generator
    from core.request.work import Layer, Other

RECORD = ".limner-done.jsonl"
MOST_BREAKS = 2
"""Times that a process may end while it works on one picture, before the picture is given up."""

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Job:
    """One picture to make out of another; root: folder of the record, None to keep none."""

    source: Path
    target: Path
    root: Path | None = None


@dataclass(frozen=True)
class Task:
    """What is done to every picture; can be sent to other processes and machines.

    Attributes:
        name: "colorize" or "stylize".
        settings: of that filter, as a dict.
        threads: of each worker; 0 for all cores.
        others: (role, file) of the pictures that go along with every picture.
        layers: folder for the layers of drawings; None to keep none.
    """

    name: str
    settings: dict[str, Any]
    model: str
    device: str
    folders: tuple[Path, ...] | None
    threads: int = 0
    others: tuple[tuple[str, Path], ...] = ()
    layers: Path | None = None

    def key(self) -> str:
        """Changes whenever the results would."""
        from core.filters import FILTERS
        from core.generator.catalog import Catalog

        catalog, tasks = Catalog.read(self.folders), FILTERS[self.name].tasks
        models = [catalog.find_of(tasks, self.model)]
        if not self.model:  # any of them may be the one for a picture
            models += [model for task in tasks[1:] for model in catalog.models(task)[:1]]
        used = [name for model in models for name in (model.manifest.id, model.manifest.sha256)]
        facts = [self.name, self.settings, *used, str(self.layers or ""), __version__]
        try:
            facts += [(role, str(path), *_stamp(path)) for role, path in self.others]
        except OSError as error:
            raise FileUnreadable(f"{error.filename} cannot be read ({error.strerror}).") from error
        facts += [_content(style["path"]) for style in self.settings.get("styles", ())]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]


@dataclass
class Outcome:
    """What became of one picture or film.

    Attributes:
        status: "done", "skipped" (done already) or "failed".
        error: of a failed one: {code, sentence, hint}.
        kind: of a colorized picture: the way it went, "photo" or "sketch"; else empty.
    """

    source: str
    target: str
    status: str
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    error: dict[str, str] = field(default_factory=dict)
    kind: str = ""

    def sentence(self) -> str:
        """For the user, of a failed one."""
        said = f"{self.error['sentence']} {self.error['hint']}".strip()
        return said if self.source in said else f"{self.source}: {said}"


class PictureWorker:
    """A generator and what it makes, one picture after the other."""

    def __init__(self, task: Task) -> None:
        """Raises LimnerError."""
        from core.filters import FILTERS
        from core.raster import bands
        from core.worker.service import make_settings

        if task.threads:
            bands.limit_threads(task.threads)
            os.environ["VIPS_CONCURRENCY"] = str(task.threads)
        self._task = task
        self._filter = FILTERS[task.name]
        self._settings = make_settings(self._filter.settings, task.settings)
        self._generators: dict[tuple[str, str], Generator] = {}
        self.generator = self.find(self._first_task(), task.model)
        self._others = tuple(_read_other(role, path) for role, path in task.others)
        self._record = Record(task.key())

    def _first_task(self) -> str:
        """Of the model that is chosen, or of the filter's first one. Raises ModelError."""
        from core.generator.catalog import Catalog

        catalog = Catalog.read(self._task.folders)
        return catalog.find_of(self._filter.tasks, self._task.model).manifest.task

    def find(self, task: str, model_id: str, role: str = "") -> "Generator":
        """The generator of that task and id, opened once; see Catalog.find. Raises LimnerError."""
        from core.generator.catalog import Catalog
        from core.generator.generator import Generator

        key = (task, model_id)
        if key not in self._generators:
            model = Catalog.read(self._task.folders).find(task, model_id, role)
            self._generators[key] = Generator.open(model, self._task.device, self._task.threads)
        return self._generators[key]

    def run(self, job: Job, progress: Progress = lambda fraction, text: None) -> Outcome:
        """Make one picture; what goes wrong on purpose is in the outcome."""
        start = time.monotonic()
        try:
            notes, kind = self._make(job, progress)
            self._record.add(job)
        except LimnerError as error:
            return failed(job, error, time.monotonic() - start)
        except Exception as error:  # noqa: BLE001  a boundary: one picture never stops the others
            return failed(job, unexpected(error), time.monotonic() - start)
        seconds = time.monotonic() - start
        return Outcome(str(job.source), str(job.target), "done", seconds, notes, kind=kind)

    def _make(self, job: Job, progress: Progress) -> tuple[list[str], str]:
        """(notes, the facts' kind) of a picture, made. Raises LimnerError."""
        from core.files.picture import PictureFile
        from core.request.work import Work

        try:
            picture = PictureFile.read(job.source)
            work = Work(
                picture.image, self._settings, self.find, self._task.model, progress, self._others
            )
            answer = self._filter.run(work)
            try:
                job.target.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise FileUnwritable(f"{job.target.parent} cannot be made ({error}).") from error
            notes = [*answer.facts.get("notes", ()), *picture.save(answer.image, job.target)]
            variants = [layer for layer in answer.layers if layer.role == "variant"]
            for number, layer in enumerate(variants, 2):
                picture.save(layer.image, variant_path(job.target, number))
            if self._task.layers is not None:
                _save_layers(answer.layers, picture, self._task.layers)
            return notes, str(answer.facts.get("kind", ""))
        except MemoryError as error:
            raise OutOfMemory("There is not enough memory for a picture of this size.") from error


LAYER_ROLES = ("colors", "flats", "areas", "lines")
"""The layers of a drawing that are written as files of their own."""


def check_writes(jobs: list[Job], task: Task, report: Path | None = None) -> None:
    """Refuse a run that would write over what it reads, or write one file twice.

    Links and hard links count as the file that they lead to. Raises BadRequest.
    """
    read = {job.source for job in jobs} | {path for _, path in task.others}
    read |= {Path(style["path"]) for style in task.settings.get("styles", ())}
    taken = {name for path in read for name in _names_of(path)}
    for path in _written(jobs, task, report):
        names = _names_of(path)
        if names & taken:
            raise BadRequest(f"{path} would be written over.", "Choose another name or folder.")
        taken |= names


def _written(jobs: list[Job], task: Task, report: Path | None) -> Iterator[Path]:
    """Every file that a run writes, records apart."""
    for job in jobs:
        yield job.target
        for number in range(2, int(task.settings.get("variants", 1)) + 1):
            yield variant_path(job.target, number)
        if task.layers is not None:
            for role in LAYER_ROLES:
                yield task.layers / f"{job.source.stem}.{role}.png"
    if report is not None:
        yield report


def _names_of(path: Path) -> set[Any]:
    """What a file is known by: its resolved path and, where it exists, its inode."""
    try:
        names: set[Any] = {os.path.normcase(os.path.realpath(path))}
        facts = path.stat()
    except (OSError, ValueError):
        return {os.path.normcase(os.path.abspath(path))}
    return names | ({(facts.st_dev, facts.st_ino)} if facts.st_ino else set())


def variant_path(target: Path, number: int) -> Path:
    """Where the second and further variants of a result go: new.png, new.variant2.png, ..."""
    return target.with_name(f"{target.stem}.variant{number}{target.suffix}")


def _save_layers(layers: "tuple[Layer, ...]", picture: "PictureFile", folder: Path) -> None:
    """Write a drawing's layers as folder/NAME.colors.png and so on. Raises FileUnwritable."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileUnwritable(f"{folder} cannot be made ({error}).") from error
    for layer in layers:
        if layer.role != "variant":
            picture.save(layer.image, folder / f"{picture.path.stem}.{layer.role}.png")


def _read_other(role: str, path: Path) -> "Other":
    from core.files.picture import PictureFile
    from core.request.work import Other

    return Other(role, PictureFile.read(path).image)


class Record:
    """Which results are there, and what they were made of.

    Args:
        key: of the task; results of other tasks do not count.
    """

    def __init__(self, key: str) -> None:
        self._key = key
        self._lines: dict[Path, dict[str, list[Any]]] = {}

    def holds(self, job: Job) -> bool:
        """Whether the target is there, made of this source by this task, and whole."""
        if job.root is None:
            return False
        if job.root not in self._lines:
            self._lines[job.root] = _read_lines(job.root / RECORD)
        try:
            wanted = [self._key, *_stamp(job.source), _stamp(job.target)[0]]
        except OSError:
            return False
        return self._lines[job.root].get(_name(job)) == wanted

    def forget(self) -> None:
        """Read the records again when they are next asked; others may have added to them."""
        self._lines.clear()

    def add(self, job: Job) -> None:
        """Append a line. Raises FileUnwritable."""
        if job.root is None:
            return
        try:
            facts = [self._key, *_stamp(job.source), _stamp(job.target)[0]]
            line = json.dumps([_name(job), facts]) + "\n"
            with (job.root / RECORD).open("a", encoding="utf-8") as stream:
                stream.write(line)
        except OSError as error:
            raise FileUnwritable(
                f"{job.root / RECORD} cannot be written ({error.strerror})."
            ) from error


def failed(job: Job, error: LimnerError, seconds: float = 0.0) -> Outcome:
    """The outcome of a picture that an error was raised for."""
    said = {"code": error.code, "sentence": error.sentence, "hint": error.hint}
    return Outcome(str(job.source), str(job.target), "failed", seconds, [], said)


def unexpected(error: Exception) -> LimnerError:
    """The sentence for a bug of ours; its traceback is printed where LIMNER_TRACEBACK is set."""
    if os.environ.get("LIMNER_TRACEBACK"):
        traceback.print_exception(error)
    detail = " ".join(f"{type(error).__name__}: {error}".split())[:200]
    return LimnerError(
        f"Limner met an unexpected problem ({detail}).",
        "Please report it together with this file; LIMNER_TRACEBACK=1 prints the details.",
    )


def undone(jobs: list[Job], task: Task, overwrite: bool) -> tuple[list[Job], list[Outcome]]:
    """Split jobs into those to do and outcomes of those that are done. Raises ModelError."""
    roots = {job.root for job in jobs if job.root is not None}
    if overwrite:
        for root in roots:
            (root / RECORD).unlink(missing_ok=True)
    if overwrite or not roots:
        return jobs, []
    record = Record(task.key())
    done = {job for job in jobs if record.holds(job)}
    skipped = [Outcome(str(job.source), str(job.target), "skipped")
               for job in jobs if job in done]  # fmt: skip
    return [job for job in jobs if job not in done], skipped


def in_processes(jobs: list[Job], task: Task, count: int) -> Iterator[Outcome]:
    """Make pictures in `count` processes of one thread each; outcomes come as they are ready.

    A process that ends by itself (killed for memory, a crash in a codec) is replaced; pictures
    that were under way then are tried once more, one at a time.
    """
    waiting = list(jobs)
    breaks: dict[Job, int] = {}
    while waiting:
        now = [job for job in waiting if job in breaks][:1] or waiting
        left = set(now)
        for job, outcome in _round(now, task, count):
            left.discard(job)
            if outcome is not None:
                yield outcome
                continue
            breaks[job] = breaks.get(job, 0) + 1
            if breaks[job] < MOST_BREAKS:
                left.add(job)
            else:
                yield failed(job, OutOfMemory("The process that worked on it was ended."))
        waiting = [job for job in waiting if job in left or job not in set(now)]


def _round(jobs: list[Job], task: Task, count: int) -> Iterator[tuple[Job, Outcome | None]]:
    """Outcomes by one set of processes, which may end early.

    None stands for what was under way when a process ended; the rest is then not begun.
    """
    pool = ProcessPoolExecutor(count, get_context("spawn"), _begin, (task,))
    left = iter(jobs)
    under_way: dict[Future[Outcome], Job] = {}
    try:
        while True:
            for job in islice(left, 2 * count - len(under_way)):
                under_way[pool.submit(_do, job)] = job
            if not under_way:
                return
            finished, _ = wait(under_way, return_when=FIRST_COMPLETED)
            for future in finished:
                outcome = future.result()
                yield under_way.pop(future), outcome
    except BrokenProcessPool:
        pass
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    for job in under_way.values():
        remove_halves([job])
        yield job, None


def remove_halves(jobs: list[Job]) -> None:
    """Remove what ended processes left of PictureFile.save, in the folders of these results.

    The file's name has its process's number: another run that is under way keeps its own.
    """
    for folder, suffix in {(job.target.parent, job.target.suffix) for job in jobs}:
        for half in folder.glob(f".limner-*-*{suffix}"):
            number = half.name.split("-")[1]
            if number.isdecimal() and not _is_alive(int(number)):
                with suppress(OSError):  # Windows refuses while somebody has it open
                    half.unlink()


def _is_alive(process: int) -> bool:
    if os.name == "nt":  # os.kill would end it there
        return False
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


_worker: PictureWorker | LimnerError | None = None


def _begin(task: Task) -> None:
    """First thing in a process. An error waits for the first picture, to reach the parent."""
    global _worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears Ctrl+C and ends the pool
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        _worker = PictureWorker(task)
    except LimnerError as error:
        _worker = error


def _end_with_parent() -> None:
    """A killed parent cannot end its pool, whose processes would wait for work for ever."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _do(job: Job) -> Outcome:
    if not isinstance(_worker, PictureWorker):
        raise _worker or AssertionError("the process was not begun")
    return _worker.run(job)


def write_report(path: Path, task: Task, outcomes: list[Outcome], seconds: float) -> None:
    """Write the JSON report. Raises FileUnwritable."""
    counts = {status: sum(o.status == status for o in outcomes)
              for status in ("done", "skipped", "failed")}  # fmt: skip
    report = {
        "schema": 1,
        "limner": __version__,
        "task": task.name,
        "model": task.model,
        "settings": task.settings,
        "seconds": round(seconds, 3),
        "counts": counts,
        "files": [asdict(outcome) for outcome in outcomes],
    }
    temporary = path.with_name(path.name + ".part")
    try:
        temporary.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
        os.replace(temporary, path)
    except OSError as error:
        raise FileUnwritable(f"{path} cannot be written ({error.strerror}).") from error


def check_jobs_option(count: int) -> None:
    """Raise BadRequest unless count is a sensible number of processes."""
    if not 0 <= count <= 256:
        raise BadRequest(f"--jobs is {count}, not a number from 1 to 256.")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _stamp(path: Path) -> tuple[int, int]:
    facts = path.stat()
    return facts.st_size, facts.st_mtime_ns


def _content(path: str) -> str:
    """Of a file that a setting names; "" where it cannot be read, which is told later."""
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError:
        return ""


def _name(job: Job) -> str:
    assert job.root is not None
    return os.path.relpath(job.target, job.root).replace(os.sep, "/")


def _read_lines(path: Path) -> dict[str, list[Any]]:
    """Name of a result -> its facts; the last line of a name counts, broken lines do not."""
    found: dict[str, list[Any]] = {}
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return found
    for line in text.splitlines():
        try:
            name, facts = json.loads(line)
            found[name] = facts
        except (ValueError, TypeError):
            continue
    return found
