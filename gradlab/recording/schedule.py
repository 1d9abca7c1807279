"""When to record: at every n-th training step, at ever wider gaps, at named steps, or never."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable


@runtime_checkable
class Schedule(Protocol):
    """Says of each training step, counted from 0, whether it is recorded."""

    def records(self, step: int) -> bool:
        """Whether this training step is recorded."""


@dataclass(frozen=True, slots=True)
class Every:
    """Steps 0, n, 2n, …"""

    n: int

    def records(self, step: int) -> bool:
        """Whether this training step is recorded."""
        return step % self.n == 0


@dataclass(frozen=True, slots=True)
class LogSpaced:
    """Every step below ten, then so many per decade, evenly spaced in the logarithm."""

    per_decade: int = 10

    def records(self, step: int) -> bool:
        """Whether this training step is recorded."""
        if step < self.per_decade:
            return True
        exponent = 0
        while 10 ** (exponent / self.per_decade) < step - 0.5:
            exponent += 1
        return round(10 ** (exponent / self.per_decade)) == step


@dataclass(frozen=True, slots=True)
class At:
    """Exactly at these steps."""

    steps: frozenset[int]

    def records(self, step: int) -> bool:
        """Whether this training step is recorded."""
        return step in self.steps


def schedule(every: int | Literal["log"] | None, at: Sequence[int] | None) -> Schedule:
    """The schedule that the arguments of `watch` describe; `at` wins over `every`, None is never.

    Raises ValueError for anything but positive integers, `log` and None.
    """
    if at is not None:
        wrong = [step for step in at if isinstance(step, bool) or not isinstance(step, int) or step < 0]
        if wrong:
            raise ValueError(f"at: expected training steps, integers from 0, got {wrong}")
        return At(frozenset(at))
    if every is None:
        return At(frozenset())
    if every == "log":
        return LogSpaced()
    if isinstance(every, bool) or not isinstance(every, int) or every < 1:
        raise ValueError(f"every: expected a positive integer, 'log' or None, got {every!r}")
    return Every(every)
