# -*- coding: utf-8 -*-
"""The worker process as the plug-in sees it: start, ask, listen, stop.

Its stderr goes to the log of the install record, so that a chatty library can neither block nor
corrupt the frames. It ends when its stdin closes: if GIMP kills this process, nobody has to
clean up.
"""

import threading

from core import protocol
from plugin import process
from plugin.errors import FilterFailed, ProtocolMismatch, WorkerDied, WorkerNotInstalled, as_text
from plugin.translation import tr
from plugin.words import failure_sentence, said

ARGUMENTS = ("-I", "-u", "-m", "core", "worker")
HELLO_TIMEOUT_S = 60.0  # a first start on a cold disk, under a virus scanner
STOP_TIMEOUT_S = 2.0
CHECK = tr(u"Run install.py --check to find out why.")


class Worker(object):
    """One worker process, for one run of a filter.

    Args:
        command: list of text, the program and its arguments.
        log: full path of the file that takes its stderr; "" for none.
        hello_timeout_s: how long it may take to get ready.
    """

    def __init__(self, command, log=u"", hello_timeout_s=HELLO_TIMEOUT_S):
        self._command = list(command)
        self._log = log
        self._hello_timeout_s = hello_timeout_s
        self._process = None
        self._hello = None
        self._greeted = False
        self._busy = False

    @classmethod
    def installed(cls, installation):
        """The worker of a plugin.installation.Installation."""
        return cls([installation.python] + list(ARGUMENTS), installation.log)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        """Start the process and return at once; it gets ready while the user reads the dialog.

        Raises:
            WorkerNotInstalled: the program cannot be started.
        """
        if self._process is not None:
            return
        try:
            self._process = process.start_process(self._command, self._log)
        except EnvironmentError as error:
            reason = error.strerror or type(error).__name__
            raise WorkerNotInstalled(
                tr(u"Limner's own Python cannot be started: %s (%s).")
                % (as_text(self._command[0]), reason)
            )
        self._hello = _Hello(self._process.stdout)
        self._greeted = False
        self._busy = False

    def ask(self, request, pieces, progress):
        """Send a request and listen until its result begins.

        Args:
            request: header of core/protocol.py's request.
            pieces: iterable of bytes, together the request's picture and its others.
            progress: called with (fraction 0..1, text).

        Returns:
            Result, its pixels still to be read.

        Raises:
            FilterFailed: the worker answered with a failure.
            WorkerDied, ProtocolMismatch, WorkerNotInstalled: as in plugin/errors.py.
        """
        self.start()
        self._greet()
        self._busy = True
        try:
            protocol.write_frame(_Pipe(self._process.stdin), request, pieces)
        except protocol.PipeClosed:
            pass  # it may have said why before it went
        while True:
            header = self._read_header()
            if header.get("id") != request["id"] or header["kind"] == "request":
                raise self._nonsense()
            if header["kind"] == "progress":
                progress(header["fraction"], said(header["text"]))
            elif header["kind"] == "failure":
                self._busy = False
                sentence = failure_sentence(header["code"], header["sentence"])
                raise FilterFailed(header["code"], sentence, self._hint(header))
            else:
                return Result(header, self._read_pixels)

    def interrupt(self):
        """End the process from another thread; the one that waits for it gets WorkerDied."""
        child = self._process
        if child is not None:
            process.kill(child)

    def stop(self):
        """End the process and wait for it; safe to call at any time and twice."""
        child, self._process = self._process, None
        if child is None:
            return
        if self._busy or not self._greeted:
            process.kill(child)  # it would see that its stdin is closed only after what it does
        process.close(child.stdin)
        if process.wait(child, STOP_TIMEOUT_S) is None:
            process.kill(child)
            child.wait()
        self._hello.join()
        process.close(child.stdout)

    def _greet(self):
        if self._greeted:
            return
        if not self._hello.join(self._hello_timeout_s):
            process.kill(self._process)
            raise WorkerDied(
                tr(u"Limner's worker was not ready after %d seconds.") % self._hello_timeout_s,
                u"%s %s" % (tr(u"Try again; if it stays so:"), CHECK),
            )
        if self._hello.error is not None:
            raise self._nonsense()
        header = self._hello.header
        if header is None:
            raise WorkerDied(
                tr(u"Limner's worker could not start (%s).") % self._ending(), self._where_to_look()
            )
        if header["kind"] != "hello" or header["protocol"] != protocol.PROTOCOL:
            raise ProtocolMismatch(
                tr(u"Limner's plug-in and its worker differ in version (protocol %s and %s).")
                % (protocol.PROTOCOL, header.get("protocol"))
            )
        self._greeted = True

    def _read_header(self):
        try:
            header = protocol.read_header(self._process.stdout)
        except protocol.PipeClosed:
            raise self._died()
        except protocol.ProtocolError:
            raise self._nonsense()
        if header is None:
            raise self._died()
        return header

    def _read_pixels(self, size, left):
        try:
            data = protocol.read_exactly(self._process.stdout, size)
        except protocol.PipeClosed:
            raise self._died()
        self._busy = left > size
        return data

    def _died(self):
        ending = self._ending()
        hint = self._where_to_look()
        if ending == u"signal 9":
            hint = tr(u"Most likely memory ran out: close other programs, take a smaller picture.")
        return WorkerDied(
            tr(u"Limner's worker ended in the middle of the work (%s); nothing was changed.")
            % ending,
            hint,
        )

    def _nonsense(self):
        process.kill(self._process)
        return ProtocolMismatch(
            tr(u"Limner's worker gave an answer that Limner does not understand.")
        )

    def _ending(self):
        status = process.wait(self._process, STOP_TIMEOUT_S)
        if status is None:
            return u"it closed its pipe"
        return u"signal %d" % -status if status < 0 else u"exit status %d" % status

    def _where_to_look(self):
        return CHECK + (u" " + tr(u"The log is %s.") % as_text(self._log) if self._log else u"")

    def _hint(self, failure):
        if failure["code"] != "internal" or not self._log:
            return failure["hint"]
        return u"%s %s" % (failure["hint"], tr(u"The log is %s.") % as_text(self._log))


class Result(object):
    """A result whose pixels are still in the pipe: the picture's first, then the others'.

    Attributes:
        picture: {"width", "height", "format"}.
        report: dict for the user; see core/protocol.py.
        others: list of Part, in the order in which they must be read.
    """

    title, x, y = u"", 0, 0  # as a Part has them

    def __init__(self, header, read_pixels):
        self.picture = header["picture"]
        self.report = header["report"]
        self.others = []
        self._stream = _Stream(protocol.payload_size(header), read_pixels)
        self._main = Part(self.picture, self._stream)
        for picture in header.get("others", []):
            self.others.append(Part(picture, self._stream))

    def read(self, rows):
        """The picture's next rows as bytes. Raises WorkerDied."""
        return self._main.read(rows)

    def skip_all(self):
        """Let go of what was not read. Raises WorkerDied."""
        self._stream.skip_all()


class Part(object):
    """One picture of a result.

    Attributes:
        picture: {"width", "height", "format"}.
        role, title, x, y: of one of the others, see core/protocol.py.
    """

    def __init__(self, header, stream):
        self.picture = {name: header[name] for name in ("width", "height", "format")}
        self.role = header.get("role", u"")
        self.title = header.get("title", u"")
        self.x, self.y = header.get("x", 0), header.get("y", 0)
        self._stream = stream
        self._row_bytes = protocol.picture_size(dict(self.picture, height=1))

    def read(self, rows):
        """The next rows as bytes. Raises WorkerDied."""
        return self._stream.read(rows * self._row_bytes)


class _Stream(object):
    """The payload of a result, read once from its beginning to its end."""

    def __init__(self, size, read_pixels):
        self._left = size
        self._read_pixels = read_pixels

    def read(self, size):
        data = self._read_pixels(size, self._left)
        self._left -= size
        return data

    def skip_all(self):
        while self._left:
            self.read(min(self._left, protocol.PIECE))


class _Hello(object):
    """The worker's first frame, read on the side: a pipe cannot be read with a time-out."""

    def __init__(self, stream):
        self.header = None
        self.error = None
        self._thread = threading.Thread(target=self._read, args=(stream,))
        self._thread.daemon = True
        self._thread.start()

    def join(self, timeout_s=None):
        """Wait for it; whether it came, or the stream ended."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _read(self, stream):
        try:
            self.header = protocol.read_header(stream)
        except protocol.PipeClosed:
            pass  # like a stream that ended before the frame
        except protocol.ProtocolError as error:
            self.error = error


class _Pipe(object):
    """The worker's stdin; a pipe without a reader is PipeClosed, whatever the system calls it."""

    def __init__(self, stream):
        self._stream = stream

    def write(self, data):
        try:
            self._stream.write(data)
        except EnvironmentError as error:
            raise protocol.PipeClosed(str(error))

    def flush(self):
        try:
            self._stream.flush()
        except EnvironmentError as error:
            raise protocol.PipeClosed(str(error))
