"""Chrono initialisation: gates that remember for as long as the task may ask."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field

from gradlab.models.initialisers.base import Layer, LayerInitialiser, Surroundings

INPUT, FORGET = 0, 1
UPDATE = 1


class Chrono(LayerInitialiser):
    """LSTM: b_f = ln u with u from U[1, T − 1], and b_i = −b_f. GRU: b_z = ln u. The rest is torch's default.

    A gate at σ(ln u) forgets within about u + 1 steps, so all time scales up to T are there at the start. torch's
    update gate z keeps the old state, as the forget gate does. Source: Tallec & Ollivier (2018), eq. 16.
    """

    name: Literal["chrono"] = "chrono"
    cells: ClassVar[frozenset[str] | None] = frozenset({"lstm", "peephole_lstm", "gru"})

    longest: Annotated[int, Field(ge=3)] | None = None
    """The paper's T_max, steps; null takes the length of the task's sequences."""

    def start(self, layer: Layer, surroundings: Surroundings) -> None:
        """Set the biases of the gates that decide how long a state is kept."""
        longest = max(self.longest or surroundings.length, 3)
        keep = torch.empty(layer.hidden).uniform_(1, longest - 1).log()
        gates = layer.weights["weight_hh"].shape[0] // layer.hidden
        if gates == 3:
            layer.set_bias(UPDATE, keep)
        else:
            layer.set_bias(FORGET, keep)
            layer.set_bias(INPUT, -keep)
