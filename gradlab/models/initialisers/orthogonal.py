"""Orthogonal recurrent matrices, gate by gate."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from torch import nn

from gradlab.models.initialisers.base import Layer, LayerInitialiser, Surroundings


class Orthogonal(LayerInitialiser):
    """Each `hidden hidden` block of W_hh is a random orthogonal matrix times `gain`.

    The rest is torch's default. Every singular value of W is then `gain`, so a linear net neither loses nor
    gains gradient at gain 1. Source: Saxe, McClelland & Ganguli (2014), section 3; for recurrent nets Henaff,
    Szlam & LeCun (2016).
    """

    name: Literal["orthogonal"] = "orthogonal"

    gain: Annotated[float, Field(gt=0)] = 1.0
    """All singular values of the recurrent matrix."""

    def start(self, layer: Layer, surroundings: Surroundings) -> None:
        """Redraw the recurrent matrix."""
        for block in layer.recurrent_blocks():
            nn.init.orthogonal_(block, self.gain)
