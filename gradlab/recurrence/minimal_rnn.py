"""The minimal RNN (Chen, Pennington & Schoenholz 2018, eqs. 6 to 8; first described by Chen 2017): one gate, no mixing.

Indices: t time, b sequence, i input feature, j k hidden unit. The input map Φ is one tanh layer.

    z_tj = tanh(W_ji x_ti + b_j)        u_tj = σ(U_jk h_{t−1},k + V_jk z_tk + b'_j)
    h_t = u_t ∘ h_{t−1} + (1 − u_t) ∘ z_t
    adjoint:   δu = dh (h_{t−1} − z) u(1−u)        dz = (1−u) dh + Vᵀ δu        δz = dz (1−z²)
               dL/dh_{t−1} = direct_{t−1} + u dh + Uᵀ δu
    Jacobian:  J = diag(u) + diag((h_{t−1} − z) u(1−u)) U
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from gradlab.recurrence.base import Adjoint, Factors, Recurrence, States, Trace, Weights, linear
from gradlab.recurrence.jacobian import BlockJacobian
from gradlab.recurrence.sweep import arriving, sigmoid_slope, sweep, tanh_slope


@dataclass(frozen=True, slots=True)
class MinimalRNN(Recurrence):
    """h' = u ∘ h + (1 − u) ∘ z."""

    name: ClassVar[str] = "minimal_rnn"
    state_names: ClassVar[tuple[str, ...]] = ("h",)
    gate_bounds: ClassVar = {"z": (-1.0, 1.0), "u": (0.0, 1.0)}

    def weight_shapes(self, input_size: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
        """W, U, V, b and b'."""
        H = hidden_size
        return {
            "weight_ih": (H, input_size), "weight_hh": (H, H), "weight_zh": (H, H), "bias_ih": (H,), "bias_hh": (H,)
        }  # fmt: skip

    def step(self, weights: Weights, inputs: Tensor, states: States) -> States:
        """One step of the equations."""
        (h,) = states
        z, u = self._gates(weights, inputs, h)
        return (u * h + (1 - u) * z,)

    def trace(self, weights: Weights, inputs: Tensor, initial: States, outputs: Tensor | None = None) -> Trace:
        """The gates of all times in three products."""
        states = self.run(weights, inputs, initial) if outputs is None else (outputs,)
        z, u = self._gates(weights, inputs, Trace(inputs, initial, states).before())
        return Trace(inputs, initial, states, {"z": z, "u": u})

    def adjoint(self, weights: Weights, trace: Trace, direct: tuple[Tensor | None, ...]) -> Adjoint:
        """δu backward through time, one product a step; all that concerns the input afterwards."""
        (grad_h,) = arriving(direct, trace.states)
        z, u, before = trace.gates["z"], trace.gates["u"], trace.before()
        to_gate, carry = sweep(grad_h, sigmoid_slope(before - z, u), weights["weight_hh"], u)
        to_input = tanh_slope((1 - u) * grad_h + to_gate @ weights["weight_zh"], z)
        factors: Factors = {
            "weight_ih": (to_input, trace.inputs),
            "weight_hh": (to_gate, before),
            "weight_zh": (to_gate, z),
        }
        if "bias_ih" in weights:
            factors |= {"bias_ih": (to_input, None), "bias_hh": (to_gate, None)}
        return Adjoint((grad_h,), (carry,), to_input @ weights["weight_ih"], factors)

    def jacobian(self, weights: Weights, trace: Trace, before: States) -> BlockJacobian:
        """One block and diag(u)."""
        z, u = trace.gates["z"], trace.gates["u"]
        slope = sigmoid_slope(before[0] - z, u)
        return BlockJacobian(weights["weight_hh"].unsqueeze(0), slope.unsqueeze(-2), u)

    @staticmethod
    def _gates(weights: Weights, inputs: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        z = torch.tanh(linear(inputs, weights["weight_ih"], weights.get("bias_ih")))
        a = linear(h, weights["weight_hh"]) + linear(z, weights["weight_zh"], weights.get("bias_hh"))
        return z, torch.sigmoid(a)
