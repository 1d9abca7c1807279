"""Adaptive gradient clipping: a unit's gradient is large or small beside the weights it would change."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from gradlab.training.clipping.base import Clipper, Clipping, ClipReport
from gradlab.training.clipping.measure import combined, total_norm, unit_norms
from gradlab.training.clipping.none import unchanged


class AGC(Clipper):
    """g_u ← λ max(‖w_u‖, ε) / ‖g_u‖ · g_u, where ‖g_u‖ > λ max(‖w_u‖, ε), for every unit u.

    A unit's weights are a row of a weight matrix; a bias counts as a whole.
    Source: Brock, De, Smith & Simonyan (2021), eq. 3, ε = 1e−3. The paper leaves out the last layer: to do
    so, give the clipper the other parameters only.

    Args:
        ratio: λ, positive.
        smallest: ε, the norm that a unit's weights count for at least; positive.
    """

    def __init__(self, ratio: float = 0.01, smallest: float = 1e-3) -> None:
        if not (ratio > 0 and smallest > 0):
            raise ValueError(f"expected a positive ratio and smallest norm, got {ratio} and {smallest}")
        self.ratio = ratio
        self.smallest = smallest

    @torch.no_grad()
    def __call__(self, parameters: Iterable[Tensor]) -> ClipReport:
        """Shorten the rows of each `.grad` where needed; if one is not finite, all are left as they are."""
        given = [parameters] if isinstance(parameters, Tensor) else list(parameters)
        pairs = [(each, each.grad) for each in given if each.grad is not None and each.grad.numel()]
        norm = total_norm([grad for _, grad in pairs])
        if not math.isfinite(norm) or norm == 0.0:
            return unchanged(norm, self.ratio)
        norms = [unit_norms(grad) for _, grad in pairs]
        coefficients = [self._coefficients(weight, each) for (weight, _), each in zip(pairs, norms, strict=True)]
        if not any(bool((each < 1).any()) for each in coefficients):
            return unchanged(norm, self.ratio)
        for (_, grad), each in zip(pairs, coefficients, strict=True):
            if bool((each < 1).any()):
                rows = each.reshape(-1, *[1] * (grad.ndim - 1)) if grad.ndim > 1 else each.squeeze()
                grad.copy_(grad.double() * rows)
        after, cosine = combined(torch.cat(norms), torch.cat(coefficients))
        return ClipReport(norm, after, self.ratio, cosine, fired=True)

    def _coefficients(self, weight: Tensor, norms: Tensor) -> Tensor:
        """What each row is multiplied by, `rows`: 1 where it is short enough."""
        largest = self.ratio * unit_norms(weight).clamp_min(self.smallest)
        return torch.where(norms > largest, largest / norms, 1.0)


class AGClipping(Clipping):
    """Adaptive gradient clipping, unit by unit."""

    name: Literal["agc"] = "agc"

    ratio: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.01
    """Largest norm of a unit's gradient relative to its weights; the paper's choice for large batches."""
    smallest: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1e-3
    """The norm that a unit's weights count for at least, so that weights of zero can move."""

    def start(self) -> Clipper:
        """A clipper with these settings."""
        return AGC(self.ratio, self.smallest)
