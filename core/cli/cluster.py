"""Folders and long films on several machines: Ray Data pipelines.

A row is a picture or a segment of a film; every actor keeps one generator. Sources, results and
the models' folders must be on a disk that all machines see, and Limner must be installed on all
(or run from a checkout there). What is made has its name only when it is whole, and a row whose
result is there is not made again: an actor that is killed loses only what it had under way.

The only file that imports ray.
"""

import json
import logging
import os
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from core.cli.folder import Job, Outcome, PictureWorker, Record, Task, remove_halves
from core.errors import LimnerError

# Nothing about the user's work goes out; also said to the processes that Ray starts.
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ.setdefault("RAY_DATA_DISABLE_PROGRESS_BARS", "1")

import ray
import ray.data

ROWS_A_BLOCK = 8
"""Pictures that an actor takes at a time."""


class ClusterFailed(LimnerError):
    """The cluster cannot be reached, or gave up."""

    code = "cluster_failed"
    hint = "Check the address and the cluster's log; the same command goes on."


def picture_outcomes(jobs: list[Job], task: Task, address: str, workers: int) -> Iterator[Outcome]:
    """Make pictures on a cluster.

    Args:
        jobs, task: see core.cli.folder.
        address: of a Ray cluster, or "local" for one on this machine.
        workers: actors; 0 for as many as the cluster has CPUs.

    Raises:
        ClusterFailed.
    """
    rows = [_job_row(job) for job in jobs]
    task = replace(task, threads=task.threads or 1)
    try:
        for row in _mapped(rows, _Pictures, (task,), address, workers, ROWS_A_BLOCK, task.device):
            yield Outcome(**json.loads(row["outcome"]))
    finally:
        remove_halves(jobs)  # of actors that were killed


def run_segments(address: str, workers: int) -> Callable[..., None]:
    """An engine for core.film.run.run_film that makes segments on a cluster."""

    def engine(job: Any, plan: Any, numbers: list[int], report: Callable[[int], None]) -> None:
        rows = [{"number": number} for number in numbers]
        arguments = (job, plan.to_json())
        for row in _mapped(rows, _Segments, arguments, address, workers, 1, job.device):
            outcome = json.loads(row["outcome"])
            if outcome["error"]:
                raise ClusterFailed(**outcome["error"])
            report(len(plan.range_of(row["number"])))

    return engine


class _Pictures:
    """An actor that makes pictures."""

    def __init__(self, task: Task) -> None:
        self._worker = PictureWorker(task)
        self._record = Record(task.key())

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        job = _job_of(row)
        self._record.forget()
        if self._record.holds(job):  # made by an actor that was killed before it could say so
            outcome = Outcome(str(job.source), str(job.target), "done")
        else:
            outcome = self._worker.run(job)
        return {"outcome": json.dumps(asdict(outcome))}


class _Segments:
    """An actor that makes segments of one film."""

    def __init__(self, job: Any, plan: str) -> None:
        from core.film.plan import Plan
        from core.film.run import open_generators

        self._job, self._plan = replace(job, threads=1), Plan.from_json(plan)
        self._generators = open_generators(job)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        from core.film.run import run_segments as run

        number = int(row["number"])
        error = None
        if not self._job.segment_path(number).exists():
            try:
                run(self._job, self._plan, [number], lambda new: None, self._generators)
            except LimnerError as failure:
                error = {"sentence": failure.sentence, "hint": failure.hint}
        return {"number": number, "outcome": json.dumps({"error": error})}


def _mapped(
    rows: list[dict[str, Any]],
    actor: type,
    arguments: tuple[Any, ...],
    address: str,
    workers: int,
    block: int,
    device: str,
) -> Iterator[dict[str, Any]]:
    """Rows through actors, each result once. Raises ClusterFailed."""
    if not rows:
        return
    started = _connect(address, workers)
    stdout = sys.stdout
    sys.stdout = sys.stderr  # Ray prints its messages; standard output is for results
    try:
        count = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        count = min(count, len(rows))
        gpus = 0 if device == "cpu" else min(1, ray.cluster_resources().get("GPU", 0))
        blocks = max(count, -(-len(rows) // block))
        results = ray.data.from_items(rows, override_num_blocks=min(blocks, len(rows))).map(
            actor,
            fn_constructor_args=arguments,
            concurrency=count,
            num_cpus=1,
            num_gpus=gpus,
        )
        yield from results.iter_rows()
    except (ray.exceptions.RayError, ConnectionError) as error:
        raise ClusterFailed(f"Ray gave up ({_first_line(error)}).") from error
    finally:
        if started:
            ray.shutdown()  # prints what it has held back
        sys.stdout = stdout


def _connect(address: str, workers: int) -> bool:
    """Reach the cluster; whether this call did it. Raises ClusterFailed."""
    if ray.is_initialized():
        return False
    _check_reachable(address)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    options: dict[str, Any] = {"num_cpus": workers or None} if address == "local" else {}
    try:
        ray.init(
            address, log_to_driver=False, logging_level=logging.ERROR,
            include_dashboard=False if address == "local" else None, **options,
        )  # fmt: skip
    except (ray.exceptions.RayError, ConnectionError, ValueError, RuntimeError) as error:
        raise ClusterFailed(
            f"Ray at '{address}' cannot be reached ({_first_line(error)})."
        ) from error
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    return True


def _check_reachable(address: str) -> None:
    """Say at once what Ray would say after more than a minute. Raises ClusterFailed."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon or not port.isdigit():
        return  # "local", "auto"
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except OSError as error:
        raise ClusterFailed(
            f"Ray at '{address}' cannot be reached ({_first_line(error)})."
        ) from error


def _job_row(job: Job) -> dict[str, Any]:
    root = "" if job.root is None else str(job.root.resolve())
    return {"source": str(job.source.resolve()), "target": str(job.target.resolve()), "root": root}


def _job_of(row: dict[str, Any]) -> Job:
    root = Path(row["root"]) if row["root"] else None
    return Job(Path(row["source"]), Path(row["target"]), root)


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".")[:200]
