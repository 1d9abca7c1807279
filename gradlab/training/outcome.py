"""How a run ended, and the losses that tell it."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Literal

Status = Literal["finished", "stopped", "failed"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended."""

    status: Status
    """`finished`; `stopped` by Ctrl-C; `failed` at a non-finite loss or gradient."""
    steps: int
    """Training steps that were begun and ended, skipped updates included."""
    seconds: float
    """Of all sessions of a run that was continued, up to its last checkpoint each."""
    final_loss: float
    """Mean training loss over the last twentieth of the steps, at least one; NaN without any."""
    final_score: float
    """The last score on held-out data; NaN when there was none."""
    final_score_loss: float = math.nan
    """The loss that belongs to it."""
    skipped: int = 0
    """Steps whose update was left out, because loss or gradient was not finite."""
    reason: str = ""
    """Why a run failed, skipped updates (the first time that something was not finite), or stopped early."""


class Losses:
    """Training losses, of which only the last twentieth is ever asked for."""

    def __init__(self, steps: int) -> None:
        self.count = 0
        self._last: deque[float] = deque(maxlen=max(1, steps // 20))

    def add(self, loss: float) -> None:
        """Another step's loss."""
        self._last.append(loss)
        self.count += 1

    @property
    def latest(self) -> float:
        """The last step's; NaN before the first."""
        return self._last[-1] if self._last else math.nan

    def mean(self) -> float:
        """Mean over the last twentieth of the steps, at least one; NaN without any."""
        last = list(self._last)[-max(1, self.count // 20) :]
        return math.fsum(last) / len(last) if last else math.nan

    def state(self) -> dict[str, object]:
        """Count and last losses."""
        return {"count": self.count, "last": list(self._last)}

    def restore(self, state: dict[str, object]) -> None:
        """Take up what `state` gave."""
        count, last = state["count"], state["last"]
        assert isinstance(count, int) and isinstance(last, list)
        self.count = count
        self._last.clear()
        self._last.extend(last)
