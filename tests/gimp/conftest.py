"""Fixtures: a session per suite, made when its first test wants it.

Environment: LIMNER_RIG (folder of the chroots), LIMNER_GIMP_SUITES, LIMNER_GIMP_CASES (a
pattern), LIMNER_SHOTS (folder for screenshots), LIMNER_REQUIRE_GIMP=1 (fail instead of skip).
"""

import functools
import json
import os
import shutil
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.gimp import pictures
from tests.gimp.chroot import CommandFailed, Missing, suites
from tests.gimp.session import INSIDE, Session

PROFILE = "/limner/home/window-profile"
WINDOW_LIMIT_S = 2400


def cannot_run(sentence: str) -> NoReturn:
    """Skip with that sentence; fail with it where these tests are required."""
    if os.environ.get("LIMNER_REQUIRE_GIMP") == "1":
        pytest.fail(sentence, pytrace=False)
    pytest.skip(sentence)


@functools.cache
def prepared(suite: str) -> Session | Missing | CommandFailed:
    """A suite's session, made once; or why it could not be made."""
    try:
        return Session.prepare(suite)
    except (Missing, CommandFailed) as error:
        return error


def session_of(suite: str) -> Session:
    """A suite's session; skips or fails the test where there is none."""
    session = prepared(suite)
    if isinstance(session, Missing):
        cannot_run(str(session))
    if isinstance(session, CommandFailed):
        raise session
    return session


@pytest.fixture(scope="session", params=suites())
def installed(request: pytest.FixtureRequest) -> Session:
    """A GIMP with Limner installed, nothing run yet."""
    return session_of(request.param)


@pytest.fixture(scope="session")
def trixie() -> Session:
    """The same of trixie alone, which has a Vulkan driver too."""
    return session_of("trixie")


@pytest.fixture(scope="session")
def session(installed: Session) -> Session:
    """The same after one headless GIMP has run every case."""
    installed.run_cases()
    return installed


@pytest.fixture(scope="session")
def shots(installed: Session, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that takes this suite's screenshots."""
    given = os.environ.get("LIMNER_SHOTS")
    folder = Path(given) if given else tmp_path_factory.getbasetemp() / "shots"
    folder = folder / installed.chroot.suite
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def seen(installed: Session, shots: Path) -> dict[str, Any]:
    """What inside/window.py saw at every stage, by story."""
    chroot = installed.chroot
    pictures.write_inputs(chroot.work / "in")
    chroot.give(chroot.work / "in")
    installed.install(PROFILE)
    command = ["dbus-run-session", "--", "python3", f"{INSIDE}/window.py", PROFILE]
    try:
        settings = {"LIMNER_GIMP_STORIES": os.environ.get("LIMNER_GIMP_STORIES", "")}
        chroot.run([*command, "/limner/out/shots"], "window.log", WINDOW_LIMIT_S, settings=settings)
    finally:
        shutil.copytree(chroot.work / "out/shots", shots, dirs_exist_ok=True)
    facts = json.loads((chroot.work / "out/window.json").read_text())
    assert "problem" not in facts, facts["problem"]
    return facts
