"""ZClip: a gradient is clipped when its norm is an outlier among those before it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor

from gradlab.training.clipping.base import Clipper, Clipping, ClipReport
from gradlab.training.clipping.measure import gradients, rescale, total_norm
from gradlab.training.clipping.none import unchanged

_EPSILON = 1e-6
"""Beside the standard deviation in the z-score, as in the authors' code."""


class ZClip(Clipper):
    """g ← g · g*/‖g‖ with g* = μ + z₀ σ · z₀/z, where z = (‖g‖ − μ)/σ is above z₀.

    μ and σ² are exponential averages: of the first `warm_up` norms the plain mean and variance, afterwards
    μ ← α μ + (1 − α) n and σ² ← α σ² + (1 − α)(n − μ)², in this order, with the norm n after clipping.
    Nothing is clipped during the warm-up. Source: Kumar, Owen, Chowdhury & Güra (2025), algorithm 1 with
    reciprocal clipping (section 3).

    Args:
        decay: α, from 0 to below 1.
        score: z₀, positive.
        warm_up: how many norms the averages start from; positive.
    """

    def __init__(self, decay: float = 0.97, score: float = 2.5, warm_up: int = 25) -> None:
        if not (0 <= decay < 1 and score > 0 and warm_up > 0):
            raise ValueError(
                "expected a decay from 0 to below 1, a positive score and a positive warm-up, "
                f"got {decay}, {score} and {warm_up}"
            )
        self.decay = decay
        self.score = score
        self.warm_up = warm_up
        self._first: list[float] = []
        self._mean = 0.0
        self._variance = 0.0

    def __call__(self, parameters: Iterable[Tensor]) -> ClipReport:
        """Shorten the gradient if its norm is an outlier, and let the averages follow."""
        grads = gradients(parameters)
        norm = total_norm(grads)
        if not math.isfinite(norm):
            return unchanged(norm)
        if len(self._first) < self.warm_up:
            self._warm(norm)
            return unchanged(norm)
        deviation = math.sqrt(self._variance)
        score = (norm - self._mean) / (deviation + _EPSILON)
        threshold = self._mean + self.score * deviation
        target = self._mean + self.score * deviation * self.score / max(score, self.score)
        if score <= self.score or not 0 < target < norm:
            self._follow(norm)
            return unchanged(norm, threshold)
        rescale(grads, norm, target)
        self._follow(target)
        return ClipReport(norm, target, threshold, cosine=1.0, fired=True)

    def _warm(self, norm: float) -> None:
        self._first.append(norm)
        if len(self._first) == self.warm_up:
            self._mean = math.fsum(self._first) / self.warm_up
            self._variance = math.fsum((each - self._mean) ** 2 for each in self._first) / self.warm_up

    def _follow(self, norm: float) -> None:
        self._mean = self.decay * self._mean + (1 - self.decay) * norm
        self._variance = self.decay * self._variance + (1 - self.decay) * (norm - self._mean) ** 2

    def state(self) -> dict[str, list[float] | float]:
        """The first norms, and both averages."""
        return {"first": list(self._first), "mean": self._mean, "variance": self._variance}

    def restore(self, state: dict[str, list[float] | float]) -> None:
        """Take up the averages of another clipper."""
        first, mean, variance = state["first"], state["mean"], state["variance"]
        if not isinstance(first, list) or isinstance(mean, list) or isinstance(variance, list):
            raise ValueError(f"expected a list of norms and two numbers, got {state!r}")
        self._first, self._mean, self._variance = list(first), mean, variance


class ZClipping(Clipping):
    """Clipping of outliers among the gradient norms."""

    name: Literal["zclip"] = "zclip"

    decay: Annotated[float, Field(ge=0, lt=1)] = 0.97
    """Of the averages of norm and variance, per step (the paper's α)."""
    score: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 2.5
    """Standard deviations above the average from which a norm is an outlier."""
    warm_up: Annotated[int, Field(gt=0)] = 25
    """Steps at the start that are only measured."""

    def start(self) -> Clipper:
        """A clipper without memory yet."""
        return ZClip(self.decay, self.score, self.warm_up)
