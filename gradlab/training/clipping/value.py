"""Clipping by value: every number of the gradient on its own."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from gradlab.training.clipping.base import Clipper, Clipping, ClipReport
from gradlab.training.clipping.measure import cosine, gradients, total_norm
from gradlab.training.clipping.none import unchanged


class Value(Clipper):
    """g_i ← min(threshold, max(−threshold, g_i)); it turns the gradient, which the reported cosine shows.

    Source: Mikolov (2012), section 3.3; the same as `torch.nn.utils.clip_grad_value_`.

    Args:
        threshold: the largest absolute value that is let through; positive.
    """

    def __init__(self, threshold: float) -> None:
        if not threshold > 0:
            raise ValueError(f"expected a positive threshold for the gradient's values, got {threshold}")
        self.threshold = threshold

    @torch.no_grad()
    def __call__(self, parameters: Iterable[Tensor]) -> ClipReport:
        """Clamp the `.grad` of the parameters; a non-finite gradient is left as it is."""
        grads = gradients(parameters)
        norm = total_norm(grads)
        if not math.isfinite(norm) or not any(bool((grad.abs() > self.threshold).any()) for grad in grads):
            return unchanged(norm, self.threshold)
        before = [grad.clone() for grad in grads]
        for grad in grads:
            grad.clamp_(-self.threshold, self.threshold)
        return ClipReport(norm, total_norm(grads), self.threshold, cosine(before, grads), fired=True)


class ValueClipping(Clipping):
    """Clipping of every number of the gradient."""

    name: Literal["value"] = "value"

    threshold: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    """The largest absolute value that is let through."""

    def start(self) -> Clipper:
        """A clipper with this threshold."""
        return Value(self.threshold)
