"""Several initialisers one after the other, such as orthogonal matrices and then chrono biases."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from torch import nn

from gradlab.models.initialisers.base import Initialiser, Surroundings
from gradlab.models.initialisers.single import AnySingle


class InTurn(Initialiser):
    """Each has the last word on what it sets; with `layers` they give each layer its own start.

    In a study file a list of initialisers stands for it: `[orthogonal, {name: forget_bias, layers: [0]}]`.
    """

    name: Literal["in_turn"] = "in_turn"

    initialisers: Annotated[tuple[AnySingle, ...], Field(min_length=1)]
    """In the order in which they act."""

    def apply(self, recurrent: nn.Module, surroundings: Surroundings) -> None:
        """Apply them all."""
        for initialiser in self.initialisers:
            initialiser.apply(recurrent, surroundings)

    def apply_to_readout(self, readout: nn.Linear) -> None:
        """Apply them all to the readout."""
        for initialiser in self.initialisers:
            initialiser.apply_to_readout(readout)

    def parts(self) -> tuple[Initialiser, ...]:
        """The initialisers."""
        return self.initialisers
