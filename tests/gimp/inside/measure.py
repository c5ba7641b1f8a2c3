"""Times and memory of both filters in a headless GIMP; run by tests/gimp/measure.py.

Memory is resident, in 10^6 bytes, sampled while a filter runs: of GIMP itself beyond what it had
with the picture open, of the plug-in, of the worker. Beside the seconds stands the processor time
of all three, which other work on the machine changes little, and how much of it is over when the
worker is ready, as it is while the user looks at the dialog: the rest comes after OK.
"""

import json
import os
import threading
import time

import processes
from scene import GRAY, OUTPUT, RGB, U8, Gimp, call, put

SIZES = ((1200, 833), (6000, 4000))
FILTERS = (("limner-auto-colorize", GRAY), ("limner-apply-style", RGB))
PERIOD_S = 0.05


def main():
    rows = [run(*size, name, base) for size in SIZES for name, base in FILTERS]
    with open(os.path.join(OUTPUT, "measured.json"), "w") as stream:
        json.dump(rows, stream)


def run(width, height, name, base):
    image = Gimp.Image.new_with_precision(width, height, base, U8)
    kind = Gimp.ImageType.GRAY_IMAGE if base == GRAY else Gimp.ImageType.RGB_IMAGE
    layer = Gimp.Layer.new(image, "source", width, height, kind, 100, Gimp.LayerMode.NORMAL)
    image.insert_layer(layer, None, 0)
    channels = 1 if base == GRAY else 3
    line = bytes(x * 255 // width for x in range(width) for _ in range(channels))
    put(layer, "Y' u8" if base == GRAY else "R'G'B' u8", line * height)
    watch = Watch()
    started = time.monotonic()
    said = call(name, image, [layer])
    seconds = time.monotonic() - started
    image.delete()
    return dict(watch.stop(), filter=name, size=[width, height], seconds=seconds, **said)


class Watch:
    """Samples memory until stop()."""

    def __init__(self):
        self._gimp = os.getppid()
        self._before = resident_mb(self._gimp)
        self._spent = processor_s(self._gimp)
        self._times = {}
        self._start = 0.0
        self._peaks = {"gimp": 0.0, "plug-in": 0.0, "worker": 0.0}
        self._running = True
        self._thread = threading.Thread(target=self._sample)
        self._thread.start()

    def stop(self):
        """{"gimp", "plug-in", "worker": the peaks, "processor", "start": seconds of all}."""
        self._running = False
        self._thread.join()
        return dict(self._peaks, processor=sum(self._times.values()), start=self._start)

    def _sample(self):
        while self._running:
            plug_in, worker = processes.find_plug_in(), processes.find_worker()
            found = {
                "gimp": resident_mb(self._gimp) - self._before,
                "plug-in": resident_mb(plug_in),
                "worker": resident_mb(worker),
            }
            self._times["gimp"] = processor_s(self._gimp) - self._spent
            for pid in filter(None, (plug_in, worker)):
                self._times[pid] = max(self._times.get(pid, 0.0), processor_s(pid))
            if not self._start and worker and has_spoken(worker):
                self._start = sum(self._times.values())
            for name, value in found.items():
                self._peaks[name] = max(self._peaks[name], value)
            time.sleep(PERIOD_S)


def has_spoken(worker):
    """Whether a worker has said that it is ready."""
    try:
        return processes.io_counts(worker)["wchar"] > 0
    except OSError:
        return False


def processor_s(pid):
    """Processor time of a process with all its threads, in seconds; 0 where there is none."""
    try:
        with open(f"/proc/{pid}/stat") as stream:
            fields = stream.read().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid):
    """Resident memory of a process; 0 where there is none."""
    try:
        with open(f"/proc/{pid}/status") as stream:
            line = next(line for line in stream if line.startswith("VmRSS"))
    except (OSError, StopIteration):
        return 0.0
    return int(line.split()[1]) * 1024 / 1e6
