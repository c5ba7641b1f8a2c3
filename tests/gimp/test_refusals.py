"""What a headless GIMP 3.0 and 3.2 must be refused, and that a refusal changes nothing."""

import re

import pytest

from tests.gimp.session import Session, succeeded

pytestmark = pytest.mark.gimp

TASKS = ("colorize", "stylize")
REFUSED = {
    **{f"refused/indexed-{task}": "Image > Mode > RGB" for task in TASKS},
    "refused/channel": "channel",
    "refused/layer-mask": "mask",
    "refused/selection-mask": "Limner works on layers",
    "refused/floating": "floating selection",
    "refused/two-layers": "one layer",
    "refused/no-layer": "layer",
    **{f"refused/transparent-{task}": "transparent" for task in TASKS},
    **{f"refused/{kind}-{task}": "finite" for kind in ("nan", "inf") for task in TASKS},
    **{
        f"size/{task}/{size}": "pixels"
        for task in TASKS
        for size in ("1x1", "1x20000", "20000x1", "3x2")
    },
    "selection-elsewhere": "selection",
    "fault/no-model": "No model",
    "fault/no-manifest": "No model",
    "fault/broken-manifest": "model",
    "fault/wrong-sha256": "damaged",
    "fault/truncated": "damaged",
    "fault/truncated-and-signed": "damaged",
    "fault/venv-deleted": "Python is gone",
    "fault/no-record": "not completely installed",
    "fault/broken-record": "damaged",
    "fault/python-elsewhere": "Python is gone",
    "fault/python-that-ends": "could not start",
    "fault/python-that-prints": "worker",
    "fault/killed-colorize": "ended in the middle of the work",
    "fault/killed-stylize": "ended in the middle of the work",
}
"""Case -> words that its sentence holds."""


@pytest.mark.parametrize("name", REFUSED)
def test_nothing_is_changed(session: Session, name: str):
    facts = session.case(name)
    assert facts["before"] == facts["after"]  # layers with their pixels, mode, selection, …
    assert not facts["after"]["dirty"]  # no undo step either, not even an empty group


@pytest.mark.parametrize("name", REFUSED)
def test_an_execution_error_says_what_happened_and_what_to_do(session: Session, name: str):
    facts = session.case(name)
    assert facts["status"] == "execution-error"
    assert REFUSED[name] in facts["message"]
    assert "Traceback" not in facts["message"]
    assert facts["message"].endswith(".")
    assert 2 <= len(re.split(r"(?<=[.!?]) ", facts["message"])) <= 4  # sentences


@pytest.mark.parametrize("task", TASKS)
def test_the_worker_was_killed_in_mid_run(session: Session, task: str):
    assert session.case(f"fault/killed-{task}")["killed"] == "in mid-run"


def test_after_all_faults_the_filter_works_again(session: Session):
    succeeded(session.case("fault/after-all"))


def test_no_undo_group_was_left_open(session: Session):
    """GIMP closes a plug-in's open undo groups at its end, and complains."""
    assert "case fault/after-all" in session.log
    assert "inconsistent state" not in session.log
    assert "undo group" not in session.log


def test_no_traceback_is_printed(session: Session):
    assert session.log_of("mode/colorize/RGB")
    assert not [name for name in session.facts if "Traceback" in session.log_of(name)]


def test_no_worker_outlives_its_run(session: Session):
    assert session.case("workers-left")["workers"] == 0
