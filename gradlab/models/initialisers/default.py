"""torch's own initialisation: everything from U(±1/√hidden)."""

from __future__ import annotations

from typing import Literal

from torch import nn

from gradlab.models.initialisers.base import Initialiser


class Default(Initialiser):
    """Leaves what torch did: all weights and biases from U(−1/√H, 1/√H).

    Source: `torch.nn.RNN`, notes on `weight_hh_l[k]`. For a tanh net that is σ_w² = 1/3, far on the vanishing
    side.
    """

    name: Literal["default"] = "default"

    def apply(self, recurrent: nn.Module) -> None:
        """Nothing to do."""
