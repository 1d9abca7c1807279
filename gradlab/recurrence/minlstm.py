"""The minLSTM (Feng et al. 2024, section 3.2): forget and input gate of the input alone, scaled to sum to one.

Indices: t time, b sequence, i input feature, j hidden unit. Blocks of the weights in the order f, i, n.

    p = σ(W_f x + b_f)    q = σ(W_i x + b_i)    n = W_n x + b_n        f = p/(p + q)    i = q/(p + q) = 1 − f
    h_t = f_t ∘ h_{t−1} + i_t ∘ n_t
    adjoint:   df = dh (h_{t−1} − n) f i        δf = df (1 − p)        δi = −df (1 − q)        δn = i dh
               dL/dh_{t−1} = direct_{t−1} + f dh
    Jacobian:  J = diag(f)

f is computed as σ(ln p − ln q), which stays right where both sigmoids underflow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from gradlab.recurrence.base import Adjoint, Factors, Recurrence, States, Trace, Weights, linear
from gradlab.recurrence.diagonal_jacobian import DiagonalJacobian
from gradlab.recurrence.sweep import arriving, scan


@dataclass(frozen=True, slots=True)
class MinLSTM(Recurrence):
    """h' = f ∘ h + (1 − f) ∘ n."""

    name: ClassVar[str] = "minlstm"
    state_names: ClassVar[tuple[str, ...]] = ("h",)
    gate_bounds: ClassVar = {"f": (0.0, 1.0), "i": (0.0, 1.0)}

    def weight_shapes(self, input_size: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
        """Three blocks of W and b."""
        return {"weight_ih": (3 * hidden_size, input_size), "bias_ih": (3 * hidden_size,)}

    def step(self, weights: Weights, inputs: Tensor, states: States) -> States:
        """One step of the equations."""
        gates = self._gates(weights, inputs)
        return (gates["f"] * states[0] + gates["i"] * gates["n"],)

    def trace(self, weights: Weights, inputs: Tensor, initial: States, outputs: Tensor | None = None) -> Trace:
        """The gates of all times in one product; 1 − p and 1 − q are kept for the adjoint."""
        states = self.run(weights, inputs, initial) if outputs is None else (outputs,)
        return Trace(inputs, initial, states, self._gates(weights, inputs))

    def adjoint(self, weights: Weights, trace: Trace, direct: tuple[Tensor | None, ...]) -> Adjoint:
        """A scan without any product, and one product for all times."""
        (grad_h,) = arriving(direct, trace.states)
        f, i, n = (trace.gates[name] for name in ("f", "i", "n"))
        carry = scan(grad_h, f)
        to_share = grad_h * (trace.before() - n) * f * i
        delta = torch.cat([to_share * trace.gates["not_p"], -to_share * trace.gates["not_q"], i * grad_h], -1)
        factors: Factors = {"weight_ih": (delta, trace.inputs)}
        if "bias_ih" in weights:
            factors["bias_ih"] = (delta, None)
        return Adjoint((grad_h,), (carry,), delta @ weights["weight_ih"], factors)

    def jacobian(self, weights: Weights, trace: Trace, before: States) -> DiagonalJacobian:
        """diag(f)."""
        return DiagonalJacobian(trace.gates["f"])

    @staticmethod
    def _gates(weights: Weights, inputs: Tensor) -> dict[str, Tensor]:
        forget, take, n = linear(inputs, weights["weight_ih"], weights.get("bias_ih")).chunk(3, -1)
        difference = functional.softplus(-take) - functional.softplus(-forget)
        return {
            "f": torch.sigmoid(difference),
            "i": torch.sigmoid(-difference),
            "n": n,
            "not_p": torch.sigmoid(-forget),
            "not_q": torch.sigmoid(-take),
        }
