"""A worker as the benchmark sees it: a whole process, spoken to through real pipes."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from core import protocol


class Worker:
    """One worker process; use it in a with statement.

    Attributes:
        started_s: seconds from its start to its hello.
        report: of the last result: the provider that ran, and why.
    """

    def __init__(self, python: str = sys.executable, models: Path | None = None) -> None:
        self._start = time.perf_counter()
        choice = ["--models", str(models)] if models else []
        self._process = subprocess.Popen(
            [python, "-u", "-m", "core", "worker", *choice],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[1],
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        self.hello = protocol.read_header(self._stdout)
        self.started_s = time.perf_counter() - self._start
        self.report: dict[str, Any] = {}

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *exception: object) -> None:
        self._stdin.close()
        self._process.wait()
        self._stdout.close()

    def since_start_s(self) -> float:
        return time.perf_counter() - self._start

    def run(
        self,
        task: str,
        model: str,
        device: str,
        pixels: np.ndarray,
        hints: Sequence[np.ndarray] = (),
        params: dict[str, Any] | None = None,
    ) -> float:
        """Send uint8 (H, W, 1 or 3), take the result; returns the seconds from first to last byte.

        hints: layers of colours, uint8 (H, W, 4), that go along.

        Raises:
            RuntimeError: the worker answered with a failure; its sentence.
        """
        start = time.perf_counter()
        height, width, channels = pixels.shape
        protocol.write_frame(
            self._stdin,
            {
                "kind": "request",
                "id": 1,
                "filter": task,
                "model": model,
                "device": device,
                "params": params or {},
                "picture": {
                    "width": width,
                    "height": height,
                    "format": "Y' u8" if channels == 1 else "R'G'B' u8",
                },
                "others": [
                    {
                        "role": "hint",
                        "width": hint.shape[1],
                        "height": hint.shape[0],
                        "format": "R'G'B'A u8",
                        "x": 0,
                        "y": 0,
                    }
                    for hint in hints
                ],
            },
            [array.data.cast("B") for array in (pixels, *hints)],
        )
        while True:
            header = protocol.read_header(self._stdout)
            if header is None or header["kind"] == "failure":
                raise RuntimeError("the worker ended" if header is None else header["sentence"])
            if header["kind"] == "result":
                break
        result = bytearray(protocol.payload_size(header))
        protocol.read_into(self._stdout, memoryview(result))
        self.report = header["report"]
        return time.perf_counter() - start

    def cpu_s(self) -> float | None:
        """Seconds of all cores together that it has used; None where the system does not tell."""
        try:
            stat = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="ascii")
        except OSError:
            return None
        fields = stat.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self) -> float:
        """Resident memory now, in 10^6 bytes; 0 where the system does not tell."""
        try:
            status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        except OSError:
            return 0.0
        lines = [line for line in status.splitlines() if line.startswith("VmRSS")]
        return int(lines[0].split()[1]) * 1024 / 1e6 if lines else 0.0

    def peak_mb(self) -> float | None:
        """Largest resident memory so far, in 10^6 bytes; None where the system does not tell."""
        try:
            status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        except OSError:
            return None
        line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e6
