"""The residual and the leaky RNN: a step of a plain RNN, added to what is kept of the state.

Indices: t time, b sequence, i input feature, j k hidden unit. α is `step_size`, λ is `damping`.

    n_tj = tanh(W_ji x_ti + U_jk h_{t−1},k + b_j)      h_t = (1 − λ) h_{t−1} + α n_t
    adjoint:   δ_t = α (1 − n_t²) ∘ dL/dh_t            dL/dh_{t−1} = direct_{t−1} + (1 − λ) dL/dh_t + Uᵀ δ_t
    Jacobian:  J_t = (1 − λ) I + diag(α (1 − n_t²)) U

λ = 0 is the residual form (He et al. 2016, eq. 1, in time instead of depth): the identity path carries gradient
unchanged. λ = α is the leaky integrator (Jaeger et al. 2007, eq. 1; Bengio, Boulanger-Lewandowski & Pascanu 2013,
section 3.1), whose memory is at least −1/ln(1 − λ) steps long.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from gradlab.recurrence.base import Adjoint, Factors, Recurrence, States, Trace, Weights, linear
from gradlab.recurrence.jacobian import BlockJacobian
from gradlab.recurrence.sweep import arriving, sweep, tanh_slope


@dataclass(frozen=True, slots=True)
class ResidualRNN(Recurrence):
    """h' = (1 − λ) h + α tanh(W x + U h + b)."""

    step_size: float = 1.0
    """α."""
    damping: float = 0.0
    """λ."""

    name: ClassVar[str] = "residual"
    state_names: ClassVar[tuple[str, ...]] = ("h",)
    gate_bounds: ClassVar = {"n": (-1.0, 1.0)}

    def weight_shapes(self, input_size: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
        """W, U and b."""
        H = hidden_size
        return {"weight_ih": (H, input_size), "weight_hh": (H, H), "bias": (H,)}

    def step(self, weights: Weights, inputs: Tensor, states: States) -> States:
        """One step of the equations."""
        return ((1 - self.damping) * states[0] + self.step_size * self._inner(weights, inputs, states[0]),)

    def trace(self, weights: Weights, inputs: Tensor, initial: States, outputs: Tensor | None = None) -> Trace:
        """The inner activations of all times in two products."""
        states = self.run(weights, inputs, initial) if outputs is None else (outputs,)
        trace = Trace(inputs, initial, states)
        return Trace(inputs, initial, states, {"n": self._inner(weights, inputs, trace.before())})

    def adjoint(self, weights: Weights, trace: Trace, direct: tuple[Tensor | None, ...]) -> Adjoint:
        """δ_t backward through time, one product a step."""
        (grad_h,) = arriving(direct, trace.states)
        slope = tanh_slope(torch.full_like(grad_h, self.step_size), trace.gates["n"])
        delta, carry = sweep(grad_h, slope, weights["weight_hh"], 1 - self.damping)
        factors: Factors = {"weight_ih": (delta, trace.inputs), "weight_hh": (delta, trace.before())}
        if "bias" in weights:
            factors["bias"] = (delta, None)
        return Adjoint((grad_h,), (carry,), delta @ weights["weight_ih"], factors)

    def jacobian(self, weights: Weights, trace: Trace, before: States) -> BlockJacobian:
        """One block and a constant diagonal."""
        n = trace.gates["n"]
        slope = self.step_size * (1 - n * n)
        keep = torch.full_like(n, 1 - self.damping)
        return BlockJacobian(weights["weight_hh"].unsqueeze(0), slope.unsqueeze(-2), keep)

    @staticmethod
    def _inner(weights: Weights, inputs: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(linear(inputs, weights["weight_ih"], weights.get("bias")) + linear(h, weights["weight_hh"]))
