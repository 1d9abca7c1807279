"""Clipping by the norm of each parameter on its own."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from gradlab.training.clipping.base import Clipper, Clipping, ClipReport
from gradlab.training.clipping.measure import combined, gradients, rescale, total_norm
from gradlab.training.clipping.none import unchanged

_EPSILON = 1e-6
"""As in `torch.nn.utils.clip_grad_norm_`."""


class PerParameter(Clipper):
    """g_p ← g_p · min(1, threshold / (‖g_p‖ + 1e−6)) for every parameter p.

    The same as `torch.nn.utils.clip_grad_norm_` called on one parameter after the other: an exploding
    recurrent matrix does not shrink the gradient of the readout.

    Args:
        threshold: the largest norm of one parameter's gradient that is let through; positive.
    """

    def __init__(self, threshold: float) -> None:
        if not threshold > 0:
            raise ValueError(f"expected a positive threshold for a parameter's gradient, got {threshold}")
        self.threshold = threshold

    def __call__(self, parameters: Iterable[Tensor]) -> ClipReport:
        """Shorten each `.grad` where needed; if one is not finite, all are left as they are."""
        grads = gradients(parameters)
        norm = total_norm(grads)
        norms = [total_norm([grad]) for grad in grads]
        coefficients = [min(1.0, self.threshold / (each + _EPSILON)) for each in norms]
        if not math.isfinite(norm) or min(coefficients, default=1.0) >= 1:
            return unchanged(norm, self.threshold)
        for grad, each, coefficient in zip(grads, norms, coefficients, strict=True):
            if coefficient < 1:
                rescale([grad], each + _EPSILON, self.threshold)
        after, cosine = combined(
            torch.tensor(norms, dtype=torch.float64), torch.tensor(coefficients, dtype=torch.float64)
        )
        return ClipReport(norm, after, self.threshold, cosine, fired=True)


class ParameterClipping(Clipping):
    """Clipping by the norm of each parameter."""

    name: Literal["parameter"] = "parameter"

    threshold: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    """The largest norm of one parameter's gradient that is let through."""

    def start(self) -> Clipper:
        """A clipper with this threshold."""
        return PerParameter(self.threshold)
