"""The minGRU (Feng et al. 2024, section 3.1): gates of the input alone, so that no unit reads another.

Indices: t time, b sequence, i input feature, j hidden unit. Blocks of the weights in the order z, n.

    z_tj = σ(W_z,ji x_ti + b_z,j)        n_tj = W_n,ji x_ti + b_n,j        h_t = (1 − z_t) ∘ h_{t−1} + z_t ∘ n_t
    adjoint:   δz = dh (n − h_{t−1}) z(1−z)        δn = z dh        dL/dh_{t−1} = direct_{t−1} + (1 − z) dh
    Jacobian:  J = diag(1 − z)

There is no recurrent matrix: nothing can explode, and a unit forgets at the rate that its gate says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from gradlab.recurrence.base import Adjoint, Factors, Recurrence, States, Trace, Weights, linear
from gradlab.recurrence.diagonal_jacobian import DiagonalJacobian
from gradlab.recurrence.sweep import arriving, scan, sigmoid_slope


@dataclass(frozen=True, slots=True)
class MinGRU(Recurrence):
    """h' = (1 − z) ∘ h + z ∘ n."""

    name: ClassVar[str] = "mingru"
    state_names: ClassVar[tuple[str, ...]] = ("h",)
    gate_bounds: ClassVar = {"z": (0.0, 1.0)}

    def weight_shapes(self, input_size: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
        """Two blocks of W and b."""
        return {"weight_ih": (2 * hidden_size, input_size), "bias_ih": (2 * hidden_size,)}

    def step(self, weights: Weights, inputs: Tensor, states: States) -> States:
        """One step of the equations."""
        z, n = self._gates(weights, inputs)
        return ((1 - z) * states[0] + z * n,)

    def trace(self, weights: Weights, inputs: Tensor, initial: States, outputs: Tensor | None = None) -> Trace:
        """The gates of all times in one product."""
        states = self.run(weights, inputs, initial) if outputs is None else (outputs,)
        z, n = self._gates(weights, inputs)
        return Trace(inputs, initial, states, {"z": z, "n": n})

    def adjoint(self, weights: Weights, trace: Trace, direct: tuple[Tensor | None, ...]) -> Adjoint:
        """A scan without any product, and one product for all times."""
        (grad_h,) = arriving(direct, trace.states)
        z, n = trace.gates["z"], trace.gates["n"]
        carry = scan(grad_h, 1 - z)
        delta = torch.cat([sigmoid_slope(grad_h * (n - trace.before()), z), z * grad_h], -1)
        factors: Factors = {"weight_ih": (delta, trace.inputs)}
        if "bias_ih" in weights:
            factors["bias_ih"] = (delta, None)
        return Adjoint((grad_h,), (carry,), delta @ weights["weight_ih"], factors)

    def jacobian(self, weights: Weights, trace: Trace, before: States) -> DiagonalJacobian:
        """diag(1 − z)."""
        return DiagonalJacobian(1 - trace.gates["z"])

    @staticmethod
    def _gates(weights: Weights, inputs: Tensor) -> tuple[Tensor, Tensor]:
        z, n = linear(inputs, weights["weight_ih"], weights.get("bias_ih")).chunk(2, -1)
        return torch.sigmoid(z), n
