# -*- coding: utf-8 -*-
"""A child process with two pipes, in Python 2.7 and 3, on every system: started without a shell
and without what GIMP's bundle set for its own Python and libraries.
"""

import os
import subprocess
import sys
import time

MAX_LOG_BYTES = 1 << 20

NOT_FOR_THE_CHILD = (
    "PYTHON",
    "__PYVENV_LAUNCHER__",
    "LD_",
    "DYLD_",
    "GI_",
    "GIO_",
    "GTK",
    "GDK",
    "GEGL",
    "BABL",
)
"""Beginnings of variables by which GIMP's bundle steers its own Python and libraries."""

_WINDOWS = os.name == "nt"
_PYTHON_2 = sys.version_info[0] == 2
_NO_WINDOW = 0x08000000  # CREATE_NO_WINDOW, which Python 2.7 has no name for


def start_process(command, log):
    """Start it and return at once.

    Args:
        command: list of text, the program and its arguments.
        log: full path of the file that its stderr is appended to; "" for none.

    Returns:
        subprocess.Popen with pipes on stdin and stdout.

    Raises:
        EnvironmentError: the program cannot be started.
    """
    stream = _open_log(log)
    try:
        return subprocess.Popen(
            _arguments(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stream,
            bufsize=-1,
            # GIMP's own pipes must not live on in the child; Python 2 on Windows cannot say it
            close_fds=not (_WINDOWS and _PYTHON_2),
            env=clean_environment(os.environ),
            creationflags=_NO_WINDOW if _WINDOWS else 0,
        )
    finally:
        stream.close()


def clean_environment(environment):
    """A copy without what steers GIMP's own Python and libraries."""
    return {
        name: value
        for name, value in environment.items()
        if not name.upper().startswith(NOT_FOR_THE_CHILD)
    }


def wait(process, timeout_s):
    """Exit status, or None where it still runs after that time; Python 2 has no such wait."""
    end = time.time() + timeout_s
    while process.poll() is None and time.time() < end:
        time.sleep(0.01)
    return process.poll()


def kill(process):
    """End it at once; it may be gone already."""
    try:
        process.kill()
    except EnvironmentError:
        pass  # it was gone already; Python 3 knows, Python 2 says so


def close(stream):
    """Close a pipe."""
    try:
        stream.close()
    except EnvironmentError:
        pass  # what was still to be flushed has no reader any more


def _open_log(path):
    """The log, to append to; a place where bytes vanish if it cannot be written."""
    try:
        if path and os.path.getsize(path) > MAX_LOG_BYTES:
            os.remove(path)
    except EnvironmentError:
        pass  # not there yet, or in use by another run
    try:
        return open(path or os.devnull, "ab")
    except EnvironmentError:
        return open(os.devnull, "ab")


def _arguments(command):
    """Python 2 takes no text that its locale cannot encode; the paths are UTF-8 all the same."""
    if not _PYTHON_2:
        return command
    encoding = sys.getfilesystemencoding() if _WINDOWS else "utf-8"
    return [part if isinstance(part, str) else part.encode(encoding) for part in command]
