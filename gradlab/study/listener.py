"""What a run tells while it goes, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from gradlab.study.plan import PlannedRun

Status = Literal["finished", "stopped", "failed"]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended."""

    run: PlannedRun
    status: Status
    steps: int
    """Training steps done."""
    seconds: float
    final_loss: float
    """Training loss; NaN when there is none."""
    final_score: float
    """Score on held-out data; NaN when there is none."""
    reason: str = ""
    """Why a run failed, in one line."""


class Listener(Protocol):
    """Hears how runs go: a progress bar, lines of text, or nobody."""

    def started(self, run: PlannedRun) -> None:
        """A run begins."""

    def stepped(self, run: PlannedRun, step: int, loss: float, grad_norm: float) -> None:
        """A training step is done; steps count from 0."""

    def ended(self, ended: Ended) -> None:
        """A run is over, and its data are in the store."""


class Silence:
    """A listener that says nothing."""

    def started(self, run: PlannedRun) -> None:
        """Say nothing."""

    def stepped(self, run: PlannedRun, step: int, loss: float, grad_norm: float) -> None:
        """Say nothing."""

    def ended(self, ended: Ended) -> None:
        """Say nothing."""
