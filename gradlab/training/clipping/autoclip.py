"""AutoClip: the threshold is a percentile of the gradient norms seen so far."""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor

from gradlab.training.clipping.base import Clipper, Clipping, ClipReport
from gradlab.training.clipping.measure import gradients, rescale, total_norm
from gradlab.training.clipping.none import unchanged


class AutoClip(Clipper):
    """g ← g · η/‖g‖ where ‖g‖ > η, with η the p-th percentile of all norms so far, this one included.

    Source: Seetharaman, Wichern, Pardo & Le Roux (2020), section 2, with p = 10; percentiles are interpolated
    linearly as numpy does. Norms of zero are not kept: they would let the threshold be zero, and end the
    training unseen.

    Args:
        percentile: p, from 0 to 100.
    """

    def __init__(self, percentile: float = 10.0) -> None:
        if not 0 <= percentile <= 100:
            raise ValueError(f"expected a percentile from 0 to 100, got {percentile}")
        self.percentile = percentile
        self._norms: list[float] = []  # ascending

    def __call__(self, parameters: Iterable[Tensor]) -> ClipReport:
        """Remember the norm, and shorten the gradient where it is above the percentile."""
        grads = gradients(parameters)
        norm = total_norm(grads)
        if not math.isfinite(norm):
            return unchanged(norm)
        if norm > 0:
            insort(self._norms, norm)
        threshold = self._threshold()
        if not norm > threshold:
            return unchanged(norm, threshold)
        rescale(grads, norm, threshold)
        return ClipReport(norm, threshold, threshold, cosine=1.0, fired=True)

    def _threshold(self) -> float:
        """The percentile of what was remembered; NaN before anything was."""
        if not self._norms:
            return math.nan
        place = (len(self._norms) - 1) * self.percentile / 100
        below = math.floor(place)
        above = min(below + 1, len(self._norms) - 1)
        return self._norms[below] + (place - below) * (self._norms[above] - self._norms[below])

    def state(self) -> dict[str, list[float] | float]:
        """All norms, ascending."""
        return {"norms": list(self._norms)}

    def restore(self, state: dict[str, list[float] | float]) -> None:
        """Take up the norms of another clipper."""
        norms = state["norms"]
        if not isinstance(norms, list):
            raise ValueError(f"expected a list of norms, got {norms!r}")
        self._norms = sorted(norms)


class AutoClipping(Clipping):
    """A threshold from the percentile of the gradient norms so far."""

    name: Literal["autoclip"] = "autoclip"

    percentile: Annotated[float, Field(ge=0, le=100)] = 10.0
    """Which percentile of all norms so far, the current one included; the paper's choice is 10."""

    def start(self) -> Clipper:
        """A clipper without memory yet."""
        return AutoClip(self.percentile)
