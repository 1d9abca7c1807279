"""Pascanu's regulariser: the gradient shall keep its length on its way back."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from gradlab.dynamics import pascanu_penalty
from gradlab.instrument import Pass, hold_on, recurrent_modules, replay
from gradlab.recurrence import LSTM
from gradlab.training.regularisers.base import Penalty, Regulariser, Weight, add_gradients, copies


class KeptLength(Penalty):
    """Ω = Σ_t (‖δ_{t+1} J_{t+1}‖²/‖δ_{t+1}‖² − 1)², by its immediate derivative.

    The states and the gradients δ_t that flow back are taken as constants, so that Ω depends on the weights through
    the Jacobians alone, and its gradient costs a sweep over time steps and no further backpropagation
    (Pascanu, Mikolov & Bengio 2013, eqs. 9 and 10). The passes are those that a recorder replays.
    """

    def __init__(self, model: nn.Module, weight: float) -> None:
        self._weight = weight
        self._captures = [hold_on(name, layout) for name, layout in recurrent_modules(model)]
        if not self._captures:
            raise ValueError("regulariser 'pascanu': expected a model that holds recurrent modules, got none")

    def listen(self) -> None:
        """Keep the calls of the coming step."""
        for capture in self._captures:
            capture.arm(weights=False)

    def __call__(self) -> float:
        """Replay what was kept, and differentiate Ω by the weights in the Jacobians."""
        total = 0.0
        for capture in self._captures:
            for passed in replay(capture.calls):
                total += self._of(passed)
            capture.release()
        return total

    def _of(self, passed: Pass) -> float:
        own = passed.layout.names(passed.layer, passed.direction)
        weights = {short: getattr(passed.layout.module, name) for short, name in own.items()}
        leaves = copies(weights)
        deltas = arriving(passed)
        if passed.lengths is not None:
            deltas = deltas * passed.real_steps().unsqueeze(-1)
        with torch.enable_grad():
            operator = passed.recurrence.jacobian(leaves, passed.trace, passed.states_before())
            value = self._weight * pascanu_penalty(operator, deltas)
        add_gradients(weights, leaves, value)
        return float(value.detach())

    def close(self) -> None:
        """Take the hooks off."""
        for capture in self._captures:
            capture.close()


def arriving(passed: Pass) -> Tensor:
    """δ_t = dL/ds_t with the parts of the state taken as independent, `time batch states`, in reading order.

    A recorder's dL/dc_t also holds the path through h_t of the same step, which the state Jacobian of the step has in
    it already: here it is taken out.
    """
    states = passed.adjoint.states
    if len(states) == 1:
        return states[0]
    if isinstance(passed.recurrence, LSTM) and "weight_hr" not in passed.weights:
        return torch.cat([states[0], LSTM.outside_cell_gradient(passed.trace, *states)], -1)
    raise ValueError(
        f"regulariser 'pascanu': expected cells with one state, or LSTMs without projection, got "
        f"{passed.recurrence.name!r} in {passed.name!r}"
    )


class Pascanu(Regulariser):
    """Keeps the gradient's length where it flows back, so that it neither vanishes nor explodes.

    Source: Pascanu, Mikolov & Bengio (2013), section 3.3: weight 4 in the paper, 2 in its code.
    """

    name: Literal["pascanu"] = "pascanu"
    weight: Weight = 4.0
    """Of the term beside the loss."""

    def start(self, model: nn.Module) -> Penalty:
        """On all recurrent modules."""
        return KeptLength(model, self.weight)
