"""Gaussian recurrent matrices of a given gain, gate by gate."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field

from gradlab.models.initialisers.base import Layer, LayerInitialiser, Surroundings


class Gaussian(LayerInitialiser):
    """Each `hidden hidden` block of W_hh has entries from N(0, gain²/H); the rest is torch's default.

    The gain is the mean field's σ_w, and for large H the spectral radius (Ginibre 1965; Sompolinsky, Crisanti &
    Sommers 1988): a tanh net without input is quiet below 1, and chaotic above.
    """

    name: Literal["gaussian"] = "gaussian"

    gain: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    """Standard deviation of the entries, times √H."""

    def start(self, layer: Layer, surroundings: Surroundings) -> None:
        """Redraw the recurrent matrix."""
        for block in layer.recurrent_blocks():
            block.normal_(std=self.gain / math.sqrt(layer.hidden))
