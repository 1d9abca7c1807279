"""Which threshold for the gradient's norm the norms of a run suggest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RANGE = (0.5, 10.0)
"""Times the mean norm: where training still converges, by the authors' experience."""


@dataclass(frozen=True, slots=True)
class ThresholdAdvice:
    """A threshold for norm clipping, and how sure one can be of it."""

    threshold: float
    """Geometric middle of the range."""
    low: float
    """Half the mean norm."""
    high: float
    """Ten times the mean norm."""
    share: float
    """Of the recorded steps, how many the threshold would have clipped."""
    autoclip: float
    """The 10th percentile of the norms, for those who want to clip nearly always (Seetharaman et al. 2020)."""
    steps: int
    """Finite norms that this is drawn from."""
    source: str = "Pascanu, Mikolov & Bengio 2013, section 3.2: from half to ten times the average norm"

    def __str__(self) -> str:
        return (
            f"clip at a norm of about {self.threshold:.2g} (anything from {self.low:.2g} to {self.high:.2g} should "
            f"train); it would have acted on {self.share:.0%} of {self.steps} steps. {self.source}."
        )


def advise_threshold(norms: Sequence[float] | np.ndarray) -> ThresholdAdvice:
    """A threshold from recorded gradient norms, such as the column `grad_norm` of the table `steps`.

    The mean is taken without the largest hundredth, which explosions would dominate: they are what the
    threshold is to be small beside. Norms that are zero, NaN or infinite say nothing about it.

    Raises ValueError with fewer than 20 usable norms.
    """
    given = np.asarray(norms, dtype=np.float64).ravel()
    usable = np.sort(given[np.isfinite(given) & (given > 0)])
    if len(usable) < 20:
        raise ValueError(f"expected at least 20 finite gradient norms above zero, got {len(usable)}; train longer")
    usual = usable[: max(20, int(np.ceil(0.99 * len(usable))))]
    mean = float(usual.mean())
    low, high = (factor * mean for factor in RANGE)
    threshold = float(np.sqrt(low * high))
    return ThresholdAdvice(
        threshold=threshold,
        low=low,
        high=high,
        share=float((usable > threshold).mean()),
        autoclip=float(np.percentile(usable, 10)),
        steps=len(usable),
    )
