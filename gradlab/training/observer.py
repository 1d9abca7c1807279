"""Who may watch the training: the calls that the loop makes, whatever answers them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
from torch import Tensor

from gradlab.training.clipping import ClipReport


@runtime_checkable
class Observer(Protocol):
    """A recorder, as the loop sees it; `gradlab.recording` has one that fits.

    Per training step, in this order: `step`, `clipped`, the optimiser's own step (of which nobody is told:
    torch's optimisers have hooks), and `evaluated` where the model was scored afterwards.
    """

    def step(self, loss: Tensor, *, learning_rate: float | None = None) -> None:
        """After `backward()`, before clipping: gradients are as autograd left them."""

    def clipped(self, report: ClipReport) -> None:
        """Right after clipping, also by the strategy `none`."""

    def evaluated(self, *, score: float, loss: float) -> None:
        """The model as it is after this step was scored on held-out data."""


@runtime_checkable
class TakesRows(Protocol):
    """An observer that also records what the loop itself measures; without it those measurements are not made."""

    def write(self, table: str, columns: Mapping[str, np.ndarray]) -> Any:
        """Append rows to a table of the catalogue, all axes included."""
