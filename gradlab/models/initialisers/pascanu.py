"""The three ways to start of Pascanu, Mikolov and Bengio: sigmoid, basic tanh, smart tanh."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from gradlab.models.initialisers.base import Layer, LayerInitialiser, Surroundings

Form = Literal["sigmoid", "basic_tanh", "smart_tanh"]
_DEVIATION: dict[Form, float] = {"sigmoid": 0.01, "basic_tanh": 0.1, "smart_tanh": 0.01}


class Pascanu(LayerInitialiser):
    """Input, recurrent and readout weights from N(0, deviation²), biases 0.

    The deviation is 0.01 (`sigmoid`), 0.1 (`basic_tanh`) or 0.01 (`smart_tanh`); of the last, each unit keeps
    `connections` recurrent weights, and the matrix is then scaled to the spectral radius `radius`. The names are the
    paper's, and the unit's own nonlinearity is not changed. Source: Pascanu, Mikolov & Bengio (2013), section 4.1.1,
    with the deviations of their code.
    """

    name: Literal["pascanu"] = "pascanu"
    cells: ClassVar[frozenset[str] | None] = frozenset({"rnn"})
    reads_inputs: ClassVar[bool] = True

    form: Form = "smart_tanh"
    """Which of the three."""
    connections: Annotated[int, Field(gt=0)] = 15
    """Of `smart_tanh`: recurrent weights per unit that are not 0."""
    radius: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.95
    """Of `smart_tanh`: spectral radius of the recurrent matrix."""

    def start(self, layer: Layer, surroundings: Surroundings) -> None:
        """Redraw both matrices."""
        deviation = _DEVIATION[self.form]
        recurrent = layer.weights["weight_hh"].normal_(std=deviation)
        layer.weights["weight_ih"].normal_(std=deviation)
        for bias in layer.biases():
            bias.zero_()
        if self.form == "smart_tanh":
            recurrent.mul_(_kept(layer.hidden, self.connections))
            largest = float(torch.linalg.eigvals(recurrent.double()).abs().max())
            if largest > 0:  # with a single connection a unit the matrix may be nilpotent
                recurrent.mul_(self.radius / largest)

    def apply_to_readout(self, readout: nn.Linear) -> None:
        """Redraw the readout as well."""
        readout.weight.normal_(std=_DEVIATION[self.form])
        readout.bias.zero_()


def _kept(hidden: int, connections: int) -> Tensor:
    """Which incoming weights of each unit stay, `hidden hidden`, 0 or 1."""
    order = torch.rand(hidden, hidden).argsort(dim=1)
    return (order < connections).float()
