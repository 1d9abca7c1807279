"""What every clipping strategy does and says: it changes gradients in place and reports what it did."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass

from torch import Tensor

from gradlab.settings import Settings


@dataclass(frozen=True, slots=True)
class ClipReport:
    """What clipping did to one gradient; norms are over all parameters, in float64."""

    norm_before: float
    norm_after: float
    threshold: float
    """The threshold in force at this step; NaN for strategies without one."""
    cosine: float
    """Between raw and clipped gradient; 1 when the direction was kept."""
    fired: bool

    @property
    def coefficient(self) -> float:
        """Norm after over norm before; 1 when nothing was changed, be the gradient zero or infinite."""
        return self.norm_after / self.norm_before if self.fired else 1.0


class Clipping(Settings):
    """A strategy as it stands in a study file; `start()` gives the clipper that acts.

    Settings and state are apart because some strategies remember the norms that they saw.
    """

    name: str
    """Subclasses declare it as a `Literal` with that default."""

    @abstractmethod
    def start(self) -> Clipper:
        """A fresh clipper for one run."""


class Clipper:
    """Acts on gradients; call it between `backward()` and `optimizer.step()`."""

    def __call__(self, parameters: Iterable[Tensor]) -> ClipReport:
        """Clip the `.grad` of the parameters in place and say what was done.

        A non-finite gradient is left exactly as it is and reported with its norm; what then happens is for
        the loop to decide.
        """
        raise NotImplementedError

    def state(self) -> dict[str, list[float] | float]:
        """What must be kept for a run to continue exactly; empty for strategies without memory."""
        return {}

    def restore(self, state: dict[str, list[float] | float]) -> None:
        """Take up a state that `state()` gave."""
