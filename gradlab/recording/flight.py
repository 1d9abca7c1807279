"""The flight recorder: what is needed to look back at the last steps once something has exploded."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from gradlab.instrument import Call, Capture


class Flight:
    """Keeps the calls of the last few steps, with copies of the recurrent weights, and forgets them again."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self._kept: deque[tuple[int, list[list[Call]]]] = deque(maxlen=steps)

    def keep(self, step: int, captures: Iterable[Capture], recorded: bool) -> None:
        """Keep a finite step; one that is already recorded needs no second look."""
        if self.steps and not recorded:
            self._kept.append((step, [capture.snapshot() for capture in captures if capture.calls]))

    def take(self) -> Iterator[tuple[int, list[list[Call]]]]:
        """The steps that were kept, oldest first, each only once."""
        while self._kept:
            yield self._kept.popleft()

    def clear(self) -> None:
        """Let go of everything."""
        self._kept.clear()
