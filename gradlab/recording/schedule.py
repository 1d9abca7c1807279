"""When to record: at every n-th training step, at ever wider gaps, at named steps, or as a budget of time allows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal


class Schedule(ABC):
    """Says of each training step, counted from 0, whether it is recorded. Asked twice, it answers the same."""

    @abstractmethod
    def records(self, step: int) -> bool:
        """Whether this training step is recorded."""

    def spent(self, seconds: float | None, elapsed: float) -> None:
        """Told after each step what recording it took (None where it was not recorded) and the time since the start."""
        return

    def facts(self) -> dict[str, Any]:
        """What the schedule has to say about the run at its end."""
        return {}


@dataclass(frozen=True)
class Every(Schedule):
    """The steps 0, n, 2n and so on."""

    n: int

    def records(self, step: int) -> bool:
        """Whether this training step is recorded."""
        return step % self.n == 0


@dataclass(frozen=True)
class LogSpaced(Schedule):
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


@dataclass(frozen=True)
class At(Schedule):
    """Exactly at these steps."""

    steps: frozenset[int]

    def records(self, step: int) -> bool:
        """Whether this training step is recorded."""
        return step in self.steps


@dataclass
class Budget(Schedule):
    """As often as a share of the whole time allows: the first step, and then whenever enough has been saved up."""

    share: float
    _next: int = 0
    _step: int = -1
    _seconds: float = 0.0
    _records: int = 0
    _elapsed: float = 0.0

    def records(self, step: int) -> bool:
        """Whether this training step is recorded."""
        return step == self._next

    def spent(self, seconds: float | None, elapsed: float) -> None:
        """Decide about the next step from what records have cost so far."""
        self._step += 1
        self._elapsed = elapsed
        if seconds is not None:
            self._seconds += seconds
            self._records += 1
        a_record = self._seconds / max(1, self._records)
        affordable = self._seconds + a_record <= self.share * (elapsed + a_record)
        self._next = self._step + 1 if affordable else -1

    def facts(self) -> dict[str, Any]:
        """What was chosen and what was really spent."""
        steps = self._step + 1
        return {
            "budget": self.share,
            "budget_spent": self._seconds / self._elapsed if self._elapsed else 0.0,
            "budget_recorded_every": steps / self._records if self._records else None,
        }


def schedule(every: int | Literal["log"] | None, at: Sequence[int] | None, budget: float | None = None) -> Schedule:
    """The schedule that the arguments of `watch` describe; `at` wins over `budget`, this over `every`; None is never.

    Raises ValueError for anything but positive integers, `log` and None, or a budget outside (0, 1).
    """
    if at is not None:
        wrong = [step for step in at if isinstance(step, bool) or not isinstance(step, int) or step < 0]
        if wrong:
            raise ValueError(f"at: expected training steps, integers from 0, got {wrong}")
        return At(frozenset(at))
    if budget is not None:
        if isinstance(budget, bool) or not isinstance(budget, int | float) or not 0 < budget < 1:
            raise ValueError(f"budget: expected a share of the training time between 0 and 1, got {budget!r}")
        return Budget(float(budget))
    if every is None:
        return At(frozenset())
    if every == "log":
        return LogSpaced()
    if isinstance(every, bool) or not isinstance(every, int) or every < 1:
        raise ValueError(f"every: expected a positive integer, 'log' or None, got {every!r}")
    return Every(every)
