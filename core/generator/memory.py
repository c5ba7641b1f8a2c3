"""How much memory is free, and how many pictures of a size fit into one run of a generator."""

import ctypes
import os
import sys
from pathlib import Path

BYTES_A_PIXEL = 1024
"""What a generator needs for each pixel that it sees, and a little more."""

SHARE = 4
"""The part of the free memory, a fourth, that a run may take."""

MOST = 8
"""Pictures at a time beyond which nothing is gained."""


def batch_size(width: int, height: int, free: int | None = None) -> int:
    """How many pictures of that size, as the generator sees them, are run at a time: 1, 2, 4 or 8.

    Args:
        free: bytes; None for what is free now.
    """
    most = (free_memory() if free is None else free) // SHARE // (BYTES_A_PIXEL * width * height)
    size = 1
    while size < MOST and 2 * size <= most:
        size *= 2
    return size


def free_memory() -> int:
    """Bytes of main memory that can be had without swapping; 0 where the system does not tell."""
    if sys.platform == "win32":
        return _free_on_windows()
    found = _free_on_linux()
    if found:
        return found
    try:  # macOS tells the whole alone; half of it is taken for free
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    except (ValueError, OSError):
        return 0


def _free_on_linux() -> int:
    """MemAvailable, and no more than the control group leaves; 0 where there is no such file."""
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
        free = int(text.partition("MemAvailable:")[2].split()[0]) * 1024
    except (OSError, ValueError, IndexError):
        return 0
    try:
        group = Path("/sys/fs/cgroup")
        most = int((group / "memory.max").read_text(encoding="ascii"))
        used = int((group / "memory.current").read_text(encoding="ascii"))
        return max(0, min(free, most - used))
    except (OSError, ValueError):  # no such group, or "max"
        return free


class _Status(ctypes.Structure):
    """MEMORYSTATUSEX of the Windows API."""

    _fields_ = (
        ("length", ctypes.c_uint32),
        ("load", ctypes.c_uint32),
        *((name, ctypes.c_uint64) for name in ("total", "free", "page", "page_free")),
        *((name, ctypes.c_uint64) for name in ("virtual", "virtual_free", "extended")),
    )


def _free_on_windows() -> int:
    status = _Status(length=ctypes.sizeof(_Status))
    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009  the type checker's system has none
    return int(status.free) if kernel.GlobalMemoryStatusEx(ctypes.byref(status)) else 0
