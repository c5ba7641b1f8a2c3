"""Run every case in one GIMP: gimp-console --batch-interpreter=python-fu-eval -b "…".

Writes one line of JSON for each case to /limner/out/facts.jsonl. A case that raises is recorded
with its traceback, and the next one runs.
"""

import fnmatch
import os
import sys
import time
import traceback

import refusals  # noqa: F401  its cases go into the same table
from cases import TABLE
from scene import OUTPUT, Gegl, Gimp, Record, write_facts


def main():
    Gegl.init(None)
    wanted = os.environ.get("LIMNER_GIMP_CASES", "*")
    with open(os.path.join(OUTPUT, "facts.jsonl"), "w") as stream:
        write_facts(stream, {"case": "session", "gimp": Gimp.version(), "python": sys.version})
        for name, function in TABLE.items():
            if fnmatch.fnmatch(name, wanted):
                write_facts(stream, run_case(name, function))
                delete_images()


def run_case(name, function):
    record = Record(name)
    started = time.monotonic()
    print("case", name, flush=True)
    print("case", name, file=sys.stderr, flush=True)
    try:
        function(record)
    except Exception:  # noqa: BLE001  whatever a case meets belongs into its own facts
        record.facts["problem"] = traceback.format_exc()
    record.facts["seconds"] = round(time.monotonic() - started, 2)
    return record.facts


def delete_images():
    for image in Gimp.get_images():
        image.delete()
