"""What each frame alone says, averaged along the motion of what is seen.

Every pixel remembers the mean of what the frames so far said about the thing that it shows, and
for how many frames. The next frame's own word is one more in that mean; where the motion cannot
be believed (something came into sight, a cut, a flash) the count starts again. Flicker averages
out, and nothing is dragged along: what is not believed is not carried.
"""

from dataclasses import dataclass, field

import numpy as np

from core.motion.flow import Motion

Array = np.ndarray

COLOR_MEMORY = 30.0
STYLE_MEMORY = 6.0
"""Frames that steadying averages at its full strength. Painted strokes blur sooner than colours."""

FLOW_SIDE = 384
"""Longer side at which the motion of painted frames is found."""


@dataclass
class Steadier:
    """The memory of one run of frames.

    Attributes:
        memory: most frames that a mean counts; 1 or less keeps each frame's own word.
    """

    memory: float
    _mean: Array | None = field(default=None, init=False)
    _count: Array | None = field(default=None, init=False)

    def next(self, said: Array, motion: Motion | None) -> Array:
        """Take in a frame.

        Args:
            said: float32 (n, h, w), what it alone says.
            motion: to the frame before; None where a scene begins.

        Returns:
            float32 (n, h, w), the mean along the motion.
        """
        if motion is None or self._mean is None or self._count is None:
            self._mean, self._count = said, np.ones(said.shape[1:], np.float32)
            return said
        carried = motion.carry(np.concatenate((self._mean, self._count[None])))
        count = np.clip(carried[-1], 1, max(self.memory - 1, 0)) * motion.belief
        mean = said + (carried[:-1] - said) * (count / (count + 1))
        self._mean, self._count = mean, count + 1
        return mean
