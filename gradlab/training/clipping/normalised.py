"""Normalised gradients: every gradient gets the same length, the short ones too."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor

from gradlab.training.clipping.base import Clipper, Clipping, ClipReport
from gradlab.training.clipping.measure import gradients, rescale, total_norm
from gradlab.training.clipping.none import unchanged


class Normalised(Clipper):
    """g ← length · g/‖g‖; a gradient of exactly zero stays zero.

    Only the direction is left, so a vanishing gradient, and its noise, weigh as much as an exploding one.
    Source: Hazan, Levy & Shalev-Shwartz (2015), algorithm 2 (normalised gradient descent).

    Args:
        length: the norm that every gradient gets; positive.
    """

    def __init__(self, length: float = 1.0) -> None:
        if not length > 0:
            raise ValueError(f"expected a positive length for the gradient, got {length}")
        self.length = length

    def __call__(self, parameters: Iterable[Tensor]) -> ClipReport:
        """Give the `.grad` of the parameters this length; a non-finite gradient is left as it is."""
        grads = gradients(parameters)
        norm = total_norm(grads)
        if not math.isfinite(norm) or norm in (0.0, self.length):
            return unchanged(norm, self.length)
        rescale(grads, norm, self.length)
        return ClipReport(norm, self.length, self.length, cosine=1.0, fired=True)


class Normalising(Clipping):
    """The same length for every gradient."""

    name: Literal["normalised"] = "normalised"

    length: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    """The norm that every gradient gets."""

    def start(self) -> Clipper:
        """A clipper with this length."""
        return Normalised(self.length)
