"""Where scenes begin, from thumbnails of the frames."""

from collections import deque

import numpy as np

Array = np.ndarray

RETURN = 0.4
"""Share of a cut's change that must stay for two frames; a flash is gone before."""

THUMB = (64, 36)
"""(width, height) at which scenes are told apart."""

CUT_CHANGE = 14.0
"""Mean change of grey (of 255) between two thumbnails below which nothing is a cut."""

CUT_FACTOR = 3.0
"""How many times the change of its neighbours a cut's change is, so that pans are none."""


class Cuts:
    """Finds cuts: a change that stands out from the changes around it, and is no flash."""

    def __init__(self) -> None:
        self.found: list[int] = []
        self._near: deque[tuple[int, Array, float]] = deque(maxlen=6)
        self._count = 0

    def see(self, thumb: Array) -> None:
        """Take in the next frame; judges the one two frames back."""
        change = _distance(thumb, self._near[-1][1]) if self._near else 0.0
        self._near.append((self._count, thumb, change))
        self._count += 1
        if len(self._near) >= 3:
            self._judge(len(self._near) - 3)

    def close(self) -> list[int]:
        """Judge the last two; the numbers found."""
        for index in range(max(0, len(self._near) - 2), len(self._near)):
            self._judge(index)
        return self.found

    def _judge(self, index: int) -> None:
        near = list(self._near)
        number, thumb, change = near[index]
        if index == 0 or change < CUT_CHANGE:
            return
        around = [other for n, _, other in near if n not in (0, number)]
        if around and change < CUT_FACTOR * float(np.median(around)):
            return
        gone = any(_distance(later, near[index - 1][1]) < RETURN * change
                   for _, later, _ in near[index + 1 :])  # fmt: skip
        back = any(_distance(thumb, earlier) < RETURN * change
                   for _, earlier, _ in near[: index - 1])  # fmt: skip
        if not (gone or back):
            self.found.append(number)


def _distance(thumb: Array, other: Array) -> float:
    return float(np.abs(thumb - other).mean())
