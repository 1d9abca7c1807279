"""Identity recurrent matrices and zero biases: the IRNN."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from torch import nn

from gradlab.models.initialisers.base import Layer, LayerInitialiser, Surroundings


class Identity(LayerInitialiser):
    """Each `hidden hidden` block of W_hh is `scale` times the identity, and biases are 0.

    With ReLU units and scale 1 an undisturbed state stays as it is, and so does its gradient.
    Source: Le, Jaitly & Hinton (2015), section 2: input weights from N(0, .001²) (`input_deviation`).
    """

    name: Literal["identity"] = "identity"

    scale: Annotated[float, Field(gt=0)] = 1.0
    """The diagonal of W_hh; the paper uses 0.01 where no long memory is needed."""
    input_deviation: Annotated[float, Field(gt=0)] = 0.001
    """Standard deviation of the input weights."""

    def start(self, layer: Layer, surroundings: Surroundings) -> None:
        """Set recurrent matrix and biases, and redraw the input weights."""
        for block in layer.recurrent_blocks():
            nn.init.eye_(block).mul_(self.scale)
        for bias in layer.biases():
            bias.zero_()
        if "weight_ih" in layer.weights:
            layer.weights["weight_ih"].normal_(std=self.input_deviation)
