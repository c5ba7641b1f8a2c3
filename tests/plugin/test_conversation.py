"""Questions from a dialog: the newest wins, nothing waits, a worker that dies is started once."""

import queue
import sys
import threading
from pathlib import Path

import pytest

from plugin.conversation import Conversation
from plugin.errors import FilterFailed, ProtocolMismatch, WorkerDied
from plugin.worker import Worker

FAKE = str(Path(__file__).parents[2] / "tests/fakes/worker_process.py")
PICTURE = {"width": 1, "height": 2, "format": "R'G'B' u8"}
REQUEST = {
    "kind": "request",
    "filter": "colorize",
    "model": "",
    "device": "auto",
    "params": {},
    "picture": PICTURE,
}
RED, CYAN = bytes([255, 0, 0]) * 2, bytes([0, 255, 255]) * 2
LIMIT_S = 30


class Talk:
    """A conversation whose posts are carried out when the test says so."""

    def __init__(self, worker):
        self.posted = queue.Queue()
        self.told = []
        self.conversation = Conversation(
            worker,
            lambda function, *arguments: self.posted.put((function, arguments)),
            lambda *answer: self.told.append(answer),
            lambda *failure: self.told.append(failure),
        )

    def ask(self, pixels=RED, **changes):
        return self.conversation.ask(dict(REQUEST, **changes), pixels)

    def next(self):
        """What the next post tells."""
        function, arguments = self.posted.get(timeout=LIMIT_S)
        function(*arguments)
        return self.told[-1]


@pytest.fixture
def talk():
    made = []

    def make(behaviour, *arguments):
        worker = behaviour
        if isinstance(behaviour, str):
            worker = Worker([sys.executable, "-I", "-u", FAKE, behaviour, *map(str, arguments)])
        made.append((worker, Talk(worker)))
        return made[-1][1]

    yield make
    for worker, talk in made:
        talk.conversation.close(interrupt=True)
        worker.stop()


class SlowWorker:
    """Answers when it is let; remembers what it was asked."""

    def __init__(self):
        self.asked, self.go, self.at_work = [], threading.Semaphore(0), threading.Semaphore(0)

    def ask(self, request, pieces, progress):
        self.asked.append(request["id"])
        self.at_work.release()
        assert self.go.acquire(timeout=LIMIT_S)
        return self

    picture, report = PICTURE, {}

    def read(self, rows):
        return CYAN

    def skip_all(self):
        pass

    def interrupt(self):
        self.go.release()

    def stop(self):
        pass


def test_an_answer_is_told_on_the_main_thread_and_not_before(talk):
    talking = talk("invert")
    number = talking.ask()
    function, arguments = talking.posted.get(timeout=LIMIT_S)
    assert talking.told == []
    function(*arguments)
    assert talking.told == [(number, PICTURE, CYAN, {"provider": "none"})]


def test_the_newest_request_wins(talk):
    worker = SlowWorker()
    talking = talk(worker)
    first = talking.ask()
    assert worker.at_work.acquire(timeout=LIMIT_S)
    overtaken, newest = talking.ask(), talking.ask()
    worker.go.release()
    worker.go.release()
    assert [talking.next()[0], talking.next()[0]] == [first, newest]
    assert worker.asked == [first, newest]
    assert overtaken not in worker.asked


def test_close_waits_for_what_the_worker_does_and_leaves_it_running(talk):
    worker = Worker([sys.executable, "-I", "-u", FAKE, "invert"])
    talking = talk(worker)
    talking.ask()
    talking.next()
    talking.conversation.close(interrupt=False)
    process = worker._process
    result = worker.ask(dict(REQUEST, id=9), [RED], lambda *said: None)
    assert result.read(2) == CYAN
    assert worker._process is process


def test_an_answer_that_comes_after_the_close_is_not_told(talk):
    worker = SlowWorker()
    talking = talk(worker)
    talking.ask()
    assert worker.at_work.acquire(timeout=LIMIT_S)
    worker.go.release()
    function, arguments = talking.posted.get(timeout=LIMIT_S)
    talking.conversation.close(interrupt=False)
    function(*arguments)
    assert talking.told == []


def test_close_can_end_a_worker_in_mid_run(talk, tmp_path):
    talking = talk("sleeps", tmp_path / "pid")
    talking.ask()
    talking.conversation.close(interrupt=True)
    assert talking.posted.empty()


def test_a_failure_is_told_and_the_next_request_is_answered_by_the_same_process(talk):
    worker = Worker([sys.executable, "-I", "-u", FAKE, "fails"])
    talking = talk(worker)
    talking.ask()
    number, error = talking.next()
    assert (number, error.code) == (1, "model_corrupt")
    process = worker._process
    talking.ask()
    assert isinstance(talking.next()[1], FilterFailed)
    assert worker._process is process


def test_a_worker_that_dies_once_is_started_again(talk, tmp_path):
    talking = talk("dies_once", tmp_path / "died")
    number = talking.ask()
    assert talking.next() == (number, PICTURE, CYAN, {"provider": "none"})
    assert (tmp_path / "died").exists()


def test_a_worker_that_dies_in_the_middle_of_its_answer_is_started_again_once(talk):
    talking = talk("dies_in_mid_result")
    number = talking.ask()
    told, error = talking.next()
    assert told == number and isinstance(error, WorkerDied)


def test_a_worker_that_dies_again_is_told_and_may_be_asked_once_more(talk):
    talking = talk("dies_in_mid_run")
    talking.ask()
    assert isinstance(talking.next()[1], WorkerDied)
    second = talking.ask()
    number, error = talking.next()
    assert number == second and "exit status 7" in str(error)


def test_a_worker_of_another_version_is_not_started_again(talk):
    talking = talk("other_version")
    talking.ask()
    assert isinstance(talking.next()[1], ProtocolMismatch)
