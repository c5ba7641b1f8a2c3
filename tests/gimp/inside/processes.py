"""The worker and the plug-in as /proc shows them."""

import os


def find_worker():
    """The process id of a running worker, or 0."""
    return _find(lambda line: line.endswith(b"\0-m\0core\0worker\0"))


def find_plug_in():
    """The process id of a running plug-in of Limner, or 0."""
    return _find(lambda line: b"/limner/limner.py\0" in line)


def io_counts(pid):
    """{rchar, wchar, …}: bytes that a process has read and written so far. Raises OSError."""
    with open(f"/proc/{pid}/io") as stream:
        pairs = (line.split(": ") for line in stream)
        return {name: int(value) for name, value in pairs}


class Watch:
    """Tells when a worker has read a request's whole payload.

    Its hello comes after everything that it imports was read; what it reads from then on is
    the request, and later the model.
    """

    def __init__(self, pid, payload_size):
        self._pid = pid
        self._payload_size = payload_size
        self._ready_at = None

    def at_work(self):
        """Raises OSError where the worker is gone."""
        counts = io_counts(self._pid)
        if counts["wchar"] and self._ready_at is None:
            self._ready_at = counts["rchar"]
        return self._ready_at is not None and counts["rchar"] - self._ready_at >= self._payload_size


def _find(matches):
    for name in os.listdir("/proc"):
        try:
            with open(f"/proc/{name}/cmdline", "rb") as stream:
                if matches(stream.read()):
                    return int(name)
        except (OSError, ValueError):
            continue
    return 0
