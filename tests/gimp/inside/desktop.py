"""A screen of our own with a window manager and GIMP on it, for the chroot's Python.

Runs inside `dbus-run-session`. Keys go in by xdotool; what GIMP's images hold is asked over
D-Bus (org.gimp.GIMP.UI.BatchRun runs a line of Python inside the running GIMP), so nothing is
read from the screen. Every wait polls for a condition and ends with a sentence at its limit.
"""

import json
import os
import subprocess
import tempfile
import time

from gi.repository import Gio, GLib

HERE = os.path.dirname(os.path.abspath(__file__))
PATIENCE_S = 15  # for a program that was told to end
LIMIT_S = 120
PROBE_LIMIT_S = 10
QUIET_S, QUIET_LIMIT_S = 0.2, 4
FRAME = "Xvfb_screen0"
SCREEN = (1280, 860)
WINDOW = (SCREEN[0] - 10, SCREEN[1] - 40)
"""Size of GIMP's window without its frame, so that all of it is on the screen."""

GIMPRC = """
(config-version "{version}")
(show-welcome-dialog no)
(check-updates no)
(image-title-format "image %f")
(image-status-format "%n")
"""
"""config-version as this GIMP's keeps the welcome dialog away. A bad line would reset all."""


class Waited(Exception):
    """A condition did not come true within its limit."""


def wait_for(what, condition, limit_s=LIMIT_S):
    """The first true value of condition(), asked every 50 ms."""
    deadline = time.monotonic() + limit_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Waited(f"{what} did not come within {limit_s} s")
        time.sleep(0.05)


class Desktop:
    """Screen, window manager and GIMP with one file open.

    Args:
        profile: GIMP's folder for settings; made where it is missing.
        file: picture to open.
        shots: folder for screenshots and logs.
    """

    def __init__(self, profile, file, shots):
        self.shots = shots
        self._children = []
        self._answers, self._probes = tempfile.mkdtemp(prefix="limner-probe-"), 0
        os.makedirs(profile, exist_ok=True)
        os.makedirs(shots, exist_ok=True)
        version = subprocess.check_output(["gimp-console", "--version"], text=True).split()[-1]
        with open(os.path.join(profile, "gimprc"), "w") as stream:
            stream.write(GIMPRC.format(version=version))
        self._start_screen()
        self._start("openbox", ["openbox"])
        self._start("gimp", ["gimp", "--no-splash", file])
        self._bus = Gio.bus_get_sync(Gio.BusType.SESSION)
        wait_for("GIMP on the bus", self._on_bus)
        self.main = wait_for("GIMP's window", lambda: self.window("^image "))
        self.keys_to(self.main)
        self._tool("windowmove", "--sync", self.main, "0", "0")
        self._tool("windowsize", "--sync", self.main, *map(str, WINDOW))
        self._pointer_away()

    def close(self):
        """End what was started, last first."""
        for child in reversed(self._children):
            child.terminate()
        for child in self._children:
            try:
                child.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:  # GIMP may wait for itself in its signal handler
                child.kill()
                child.wait()
        frame = os.path.join(self.shots, FRAME)
        if os.path.exists(frame):
            os.remove(frame)

    def window(self, title):
        """Id of the visible window whose title matches; empty where there is none."""
        found = self._ask("search", "--onlyvisible", "--name", title)
        return found.split()[-1] if found else ""

    def title(self, window):
        return self._ask("getwindowname", window).strip()

    def keys_to(self, window):
        """Give a window the keyboard."""
        self._tool("windowactivate", "--sync", window)

    def press(self, *keys):
        """Press keys one after the other in the window that has the keyboard."""
        self._tool("key", "--delay", "120", *keys)

    def click_cancel(self):
        """Click the button Cancel of the progress bar, in the lower right of the picture's part.

        Its place was measured from that corner of the window; the docks beside it keep their size.
        """
        place = (str(WINDOW[0] - 282), str(WINDOW[1] - 17))
        self._tool("mousemove", "--window", self.main, *place, "click", "1")
        self._pointer_away()

    def click(self, window, x, y, button=1, count=1):
        """Click a place of a window; buttons 4 and 5 are the wheel, up and down."""
        at = ("mousemove", "--window", window, str(x), str(y))
        self._tool(*at, "click", "--repeat", str(count), "--delay", "60", str(button))
        self._pointer_away()

    def drag(self, window, start, end):
        """Press the left button at a place of a window and let it go at another one."""
        for number in range(6):
            x, y = (round(s + (e - s) * number / 5) for s, e in zip(start, end, strict=True))
            self._tool("mousemove", "--window", window, str(x), str(y))
            if not number:
                self._tool("mousedown", "1")
            time.sleep(0.03)
        self._tool("mouseup", "1")
        self._pointer_away()

    def write(self, text):
        """Type a text into the window that has the keyboard."""
        self._tool("type", "--delay", "30", text)

    def shot(self, name):
        """Save the screen as a PNG once two pictures of it in a row are the same."""
        path = os.path.join(self.shots, name + ".png")

        def same_twice():
            before = self._screen()
            time.sleep(QUIET_S)
            return before == self._screen()

        try:
            wait_for("a quiet screen", same_twice, QUIET_LIMIT_S)
        except Waited:
            pass  # something blinks; the picture is for people's eyes
        subprocess.check_call(["import", "-silent", "-window", "root", path])
        return path

    def probe(self, points=()):
        """Facts of the image, from inside GIMP, in a list: see probe.py. Empty: ask again."""
        self._probes += 1  # an earlier question may still be answered, late
        answer = os.path.join(self._answers, f"{self._probes}.json")
        self.run_inside(f"probe.write({answer!r}, {points!r})")
        try:
            wait_for("the probe's answer", lambda: os.path.exists(answer), PROBE_LIMIT_S)
        except Waited:
            return []  # whoever asks will ask again
        with open(answer, encoding="utf-8") as stream:
            return json.load(stream)

    def run_inside(self, call):
        """Have GIMP call a function of probe.py; it may not have done so yet."""
        line = f"import sys; sys.path.insert(0, {HERE!r}); import probe; {call}"
        arguments = GLib.Variant("(ss)", ("python-fu-eval", line))
        self._call(
            "org.gimp.GIMP.UI", "/org/gimp/GIMP/UI", "org.gimp.GIMP.UI", "BatchRun", arguments
        )

    def wait_for_image(self, what, condition, limit_s=LIMIT_S, points=()):
        """The facts of the first image, once condition(facts) is true; see probe.py."""
        facts = []

        def asked():
            facts[:] = self.probe(points)
            return facts and condition(facts[0])

        try:
            wait_for(what, asked, limit_s)
        except Waited as error:
            raise Waited(f"{error}; the image is {facts}") from error
        return facts[0]

    def is_sensitive(self, action):
        """Whether a menu entry can be chosen for the image that is shown."""
        arguments = GLib.Variant("(s)", (action,))
        answer = self._call(
            "org.gimp.GIMP.UI", "/org/gimp/GIMP", "org.gtk.Actions", "Describe", arguments
        )
        return answer[0][0]

    def _on_bus(self):
        bus = "org.freedesktop.DBus"
        try:
            (names,) = self._call(bus, "/org/freedesktop/DBus", bus, "ListNames")
        except GLib.Error:
            return False
        return "org.gimp.GIMP.UI" in names

    def _call(self, name, path, interface, method, arguments=None):
        """The answer of a D-Bus call as a tuple. Raises GLib.Error."""
        none, limit_ms = Gio.DBusCallFlags.NONE, LIMIT_S * 1000
        return self._bus.call_sync(
            name, path, interface, method, arguments, None, none, limit_ms, None
        ).unpack()

    def _start_screen(self):
        read, write = os.pipe()
        size = f"{SCREEN[0]}x{SCREEN[1]}x24"
        command = ["Xvfb", "-displayfd", str(write), "-screen", "0", size, "-nolisten", "tcp"]
        command += ["-fbdir", self.shots]
        self._start("xvfb", command, pass_fds=(write,))
        os.close(write)
        with os.fdopen(read) as stream:
            os.environ["DISPLAY"] = ":" + stream.readline().strip()

    def _start(self, name, command, **options):
        with open(os.path.join(self.shots, name + ".log"), "wb") as log:
            child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **options
            )
        self._children.append(child)

    def _screen(self):
        """The screen's memory as it is; many times cheaper than a picture file of it."""
        with open(os.path.join(self.shots, FRAME), "rb") as stream:
            return stream.read()

    def _pointer_away(self):
        """Where it rests, GIMP shows help over what the screenshots are of."""
        self._tool("mousemove", str(SCREEN[0] - 1), str(SCREEN[1] - 1))

    def _ask(self, *arguments):
        """xdotool's answer; empty where it finds nothing."""
        return subprocess.run(
            ["xdotool", *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ).stdout

    def _tool(self, *arguments):
        subprocess.run(["xdotool", *arguments], check=True, timeout=LIMIT_S)
