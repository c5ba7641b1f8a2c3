# -*- coding: utf-8 -*-
"""Questions to a worker that a dialog asks while the user plays with it: none of them waits.

A thread of its own talks to the worker, and its answers are posted to the main thread. The newest
request wins: one that was overtaken before its turn is never sent.
"""

import threading

from plugin.errors import FilterFailed, PluginError, WorkerDied


class Conversation(object):
    """A worker that is asked from a dialog; until close(), nobody else may talk to it.

    Args:
        worker: a plugin.worker.Worker, started.
        post: post(function, *arguments) has a function called on the main thread, soon and in
            order; may be called from any thread. In GIMP 3 it is GLib.idle_add.
        answered: called there with (number, picture, pixels, report) of a result.
        failed: called there with (number, error), a PluginError.
    """

    def __init__(self, worker, post, answered, failed):
        self._worker = worker
        self._post = post
        self._answered = answered
        self._failed = failed
        self._changed = threading.Condition()
        self._waiting = None
        self._number = 0
        self._closed = False
        self._restarted = False
        self._thread = threading.Thread(target=self._talk)
        self._thread.daemon = True
        self._thread.start()

    def ask(self, request, pixels):
        """Ask for a result; an earlier request that still waits is forgotten.

        Args:
            request: header of core/protocol.py's request; its id is set here.
            pixels: bytes, the request's picture and, after it, its others.

        Returns:
            The request's number, as answered and failed will tell it.
        """
        with self._changed:
            self._number += 1
            self._waiting = (self._number, dict(request, id=self._number), pixels)
            self._changed.notify()
            return self._number

    def close(self, interrupt):
        """End it; nothing is posted any more, and the worker is the caller's again.

        Args:
            interrupt: end the worker in the middle of what it does. Else what it does is waited
                for, so that it stays warm.
        """
        with self._changed:
            self._closed = True
            self._waiting = None
            self._changed.notify()
        if interrupt:
            self._worker.interrupt()
        self._thread.join()

    def _talk(self):
        question = self._next()
        while question is not None:
            self._tell(*self._answer(*question))
            question = self._next()

    def _next(self):
        """The newest question, waited for; None at the end."""
        with self._changed:
            while self._waiting is None and not self._closed:
                self._changed.wait()
            question, self._waiting = self._waiting, None
            return question

    def _answer(self, number, request, pixels):
        """(function, its arguments) that tell the answer."""
        while True:
            try:
                return (self._answered, number) + self._ask_worker(request, pixels)
            except FilterFailed as error:
                return self._failed, number, error
            except PluginError as error:
                self._worker.stop()
                if self._restarted or self._closed or not isinstance(error, WorkerDied):
                    return self._failed, number, error
                self._restarted = True  # the next one that dies is told

    def _ask_worker(self, request, pixels):
        result = self._worker.ask(request, [pixels], _ignore)
        pixels = result.read(result.picture["height"])
        result.skip_all()  # a preview shows one picture
        return result.picture, pixels, result.report

    def _tell(self, function, *arguments):
        with self._changed:
            if not self._closed:
                self._post(self._on_main_thread, function, arguments)

    def _on_main_thread(self, function, arguments):
        if not self._closed:
            function(*arguments)


def _ignore(_fraction, _text):
    """A preview has no progress bar."""
