"""Work as a list of steps that can be printed instead of done."""

from collections.abc import Callable
from dataclasses import dataclass

Say = Callable[[str], None]


@dataclass(frozen=True)
class Step:
    """One line on the screen and what it does.

    Attributes:
        text: what happens, for the person who looks on.
        act: does it, and returns what to add to the line ("" for nothing).
    """

    text: str
    act: Callable[[], str]


def run(steps: list[Step], say: Say, dry_run: bool) -> None:
    """Do the steps in order; a dry run prints them and does nothing."""
    for number, step in enumerate(steps, 1):
        say(f"[{number}/{len(steps)}] {step.text}")
        if not dry_run:
            detail = step.act()
            if detail:
                say(f"      {detail}")
    if dry_run:
        say("This was a dry run: nothing was changed.")
