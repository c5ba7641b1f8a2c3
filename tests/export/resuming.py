"""A run that is stopped and resumed has the same losses: for every training script."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from export.training import loop


def totals(history: loop.History) -> list[float]:
    """The loss of each step: the sum of its terms."""
    return [sum(terms.values()) for terms in history]


def assert_same_losses(train: Callable[[Any], loop.History], args: Any, rel: float = 1e-4) -> None:
    """Of `args.steps` in one go, and of two and the rest; every term alike."""
    # The schedule belongs to `steps`: stopping is done by a request, not by fewer steps.
    whole = train(replace(args, out=args.out / "whole"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "StopRequest", StopAfterTwo)
        first = train(args)
    assert len(first) == 2 < len(whole)
    second = train(replace(args, resume=True))
    assert len(first + second) == len(whole)
    for one, other in zip(first + second, whole, strict=True):
        assert one == pytest.approx(other, rel=rel)


class StopAfterTwo:
    """A StopRequest that comes in the second step; each step asks once."""

    def __init__(self) -> None:
        self._asked = 0

    def __bool__(self) -> bool:
        self._asked += 1
        return self._asked == 2
