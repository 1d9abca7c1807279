"""A constant bias of the forget gate, so that a cell remembers before it has learned to."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from gradlab.models.initialisers.base import Layer, LayerInitialiser, Surroundings
from gradlab.models.initialisers.chrono import FORGET


class ForgetBias(LayerInitialiser):
    """The sum of the two biases of the forget gate is `value`; the rest stays as it is.

    At bias b a cell's memory is −1/ln σ(b) steps: 1.4 at 0, 3.2 at 1, 148.9 at 5. Source: Gers, Schmidhuber & Cummins
    (2000); Jozefowicz, Zaremba & Sutskever (2015), section 2.2, for the value 1.
    """

    name: Literal["forget_bias"] = "forget_bias"
    cells: ClassVar[frozenset[str] | None] = frozenset({"lstm", "peephole_lstm"})

    value: Annotated[float, Field(allow_inf_nan=False)] = 1.0
    """Of the sum of the two biases."""

    def start(self, layer: Layer, surroundings: Surroundings) -> None:
        """Set the forget gate's bias."""
        layer.set_bias(FORGET, self.value)
