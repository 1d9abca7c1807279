"""How a run tells that it moves on, at a rate that an eye can follow."""

from __future__ import annotations

import time
from typing import Protocol, runtime_checkable

PER_SECOND = 10
"""Reports per second at most."""


@runtime_checkable
class Progress(Protocol):
    """Something that draws a bar, or a line in a log; whatever it raises ends the run."""

    def __call__(self, step: int, steps: int, loss: float, grad_norm: float) -> None:
        """`step` of `steps` steps are done; loss and norm before clipping are the last step's."""


def silent(step: int, steps: int, loss: float, grad_norm: float) -> None:
    """Shows nothing."""


class Throttle:
    """Passes on the first report, the last, and at most ten a second between them."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._due = float("-inf")

    def __call__(self, step: int, steps: int, loss: float, grad_norm: float) -> None:
        """Report, if it is time to."""
        now = time.monotonic()
        if step == steps or now >= self._due:
            self._due = now + 1 / PER_SECOND
            self._progress(step, steps, loss, grad_norm)
