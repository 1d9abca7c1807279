"""torch's own initialisation: everything from U(±1/√hidden)."""

from __future__ import annotations

from typing import Literal

from torch import nn

from gradlab.models.initialisers.base import Initialiser, Surroundings


class Default(Initialiser):
    """Leaves what torch did: all weights and biases from U(−1/√H, 1/√H).

    Source: `torch.nn.RNN`, notes on `weight_hh_l[k]`. For a tanh net that is σ_w² = 1/3, far on the vanishing
    side. Cells that torch does not have start by the rule of their own recurrence.
    """

    name: Literal["default"] = "default"

    def apply(self, recurrent: nn.Module, surroundings: Surroundings) -> None:
        """Nothing to do."""
