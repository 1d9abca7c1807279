"""Clipping by the global norm: a gradient that is too long is shortened, and keeps its direction."""

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
"""As in `torch.nn.utils.clip_grad_norm_`; Pascanu et al. have none."""


class Norm(Clipper):
    """g ← g · min(1, threshold / (‖g‖ + 1e−6)), with ‖g‖ over all parameters together.

    Source: Pascanu, Mikolov & Bengio (2013), algorithm 1, with the ε of torch. The result is that of
    `torch.nn.utils.clip_grad_norm_`, but the norm is held in float64: it does not overflow in float32.

    Args:
        threshold: the largest norm that is let through; positive.
    """

    def __init__(self, threshold: float) -> None:
        if not threshold > 0:
            raise ValueError(f"expected a positive threshold for the gradient's norm, got {threshold}")
        self.threshold = threshold

    def __call__(self, parameters: Iterable[Tensor]) -> ClipReport:
        """Shorten the `.grad` of the parameters where needed; a non-finite gradient is left as it is."""
        grads = gradients(parameters)
        norm = total_norm(grads)
        coefficient = self.threshold / (norm + _EPSILON)
        if not math.isfinite(norm) or coefficient >= 1:
            return unchanged(norm, self.threshold)
        rescale(grads, norm + _EPSILON, self.threshold)
        return ClipReport(norm, norm * coefficient, self.threshold, cosine=1.0, fired=True)


class NormClipping(Clipping):
    """Clipping by the global norm."""

    name: Literal["norm"] = "norm"

    threshold: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    """The largest norm of the whole gradient that is let through."""

    def start(self) -> Clipper:
        """A clipper with this threshold."""
        return Norm(self.threshold)
