"""Break an installed Limner for the length of one call, and put it back.

What is broken is the real thing: the models' folders and the record that the install record
names, in the profile of the GIMP that runs this.
"""

import hashlib
import json
import os
import shutil
import signal
import threading
import time
from contextlib import contextmanager

import processes
from gi.repository import Gimp

RECORD = os.path.join(Gimp.directory(), "plug-ins", "limner", "installation.json")
KILL_LIMIT_S = 60


def installed():
    """The install record as a dict."""
    with open(RECORD, encoding="utf-8") as stream:
        return json.load(stream)


@contextmanager
def record_text(text):
    """The install record holds that text; None: there is none."""
    os.rename(RECORD, RECORD + ".away")
    try:
        if text is not None:
            with open(RECORD, "w", encoding="utf-8") as stream:
                stream.write(text)
        yield
    finally:
        os.replace(RECORD + ".away", RECORD)


def record_with(**changes):
    """The install record with some other values."""
    return record_text(json.dumps(dict(installed(), **changes)))


@contextmanager
def models_changed(change):
    """Every folder of models is a copy that `change(folder of one model)` worked on."""
    folders = [folder for folder in installed()["models"] if os.path.isdir(folder)]
    try:
        for folder in folders:
            os.rename(folder, folder + ".away")
            shutil.copytree(folder + ".away", folder)
            for name in os.listdir(folder):
                if os.path.exists(os.path.join(folder, name, "manifest.json")):
                    change(os.path.join(folder, name))
        yield
    finally:
        for folder in folders:
            if os.path.isdir(folder + ".away"):
                shutil.rmtree(folder, ignore_errors=True)
                os.rename(folder + ".away", folder)


def flip_last_byte(folder):
    """The weights are not what the manifest says."""
    with open(weights_in(folder), "r+b") as stream:
        stream.seek(-1, os.SEEK_END)
        last = stream.read(1)[0]
        stream.seek(-1, os.SEEK_END)
        stream.write(bytes([last ^ 1]))


def truncate(folder):
    """Half of the weights is missing."""
    path = weights_in(folder)
    os.truncate(path, os.path.getsize(path) // 2)


def truncate_and_sign(folder):
    """Half of the weights is missing, and the manifest's sha256 fits what is left."""
    truncate(folder)
    with open(weights_in(folder), "rb") as stream:
        digest = hashlib.sha256(stream.read()).hexdigest()
    path = os.path.join(folder, "manifest.json")
    with open(path, encoding="utf-8") as stream:
        manifest = json.load(stream)
    manifest["sha256"] = digest
    with open(path, "w", encoding="utf-8") as stream:
        json.dump(manifest, stream)


def no_manifest(folder):
    os.remove(os.path.join(folder, "manifest.json"))


def broken_manifest(folder):
    with open(os.path.join(folder, "manifest.json"), "w", encoding="utf-8") as stream:
        stream.write("{")


def weights_in(folder):
    with open(os.path.join(folder, "manifest.json"), encoding="utf-8") as stream:
        return os.path.join(folder, json.load(stream)["file"])


@contextmanager
def venv_away():
    """The folder of the virtual environment is gone."""
    folder = os.path.dirname(os.path.dirname(installed()["python"]))
    os.rename(folder, folder + ".away")
    try:
        yield
    finally:
        os.rename(folder + ".away", folder)


FAULTS = {
    "no-model": lambda: models_changed(shutil.rmtree),
    "no-manifest": lambda: models_changed(no_manifest),
    "broken-manifest": lambda: models_changed(broken_manifest),
    "wrong-sha256": lambda: models_changed(flip_last_byte),
    "truncated": lambda: models_changed(truncate),
    "truncated-and-signed": lambda: models_changed(truncate_and_sign),
    "venv-deleted": venv_away,
    "no-record": lambda: record_text(None),
    "broken-record": lambda: record_text("{"),
    "python-elsewhere": lambda: record_with(python="/nonexistent/bin/python"),
    "python-that-ends": lambda: record_with(python="/bin/false"),
    "python-that-prints": lambda: record_with(python="/bin/echo"),
}
"""Name -> context manager that breaks the installation and puts it back."""


class WorkerKiller(threading.Thread):
    """Kills the worker with SIGKILL once it has read the whole request.

    Attributes:
        done: "in mid-run" where that happened; empty where no worker was caught in time.
    """

    def __init__(self, payload_size):
        super().__init__(daemon=True)
        self.done = ""
        self.given_up = threading.Event()
        self._payload_size = payload_size

    def run(self):
        deadline = time.monotonic() + KILL_LIMIT_S
        pid = 0
        while not pid and not self._over(deadline):
            pid = processes.find_worker()
        watch = processes.Watch(pid, self._payload_size)
        while pid and not self._over(deadline):
            try:
                if watch.at_work():
                    os.kill(pid, signal.SIGKILL)
                    self.done = "in mid-run"
                    return
            except OSError:
                return  # it was faster
            time.sleep(0.001)

    def _over(self, deadline):
        return self.given_up.is_set() or time.monotonic() > deadline


@contextmanager
def worker_killed(payload_size):
    killer = WorkerKiller(payload_size)
    killer.start()
    try:
        yield killer
    finally:
        killer.given_up.set()
        killer.join()
