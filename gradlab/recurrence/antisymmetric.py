"""The antisymmetric RNN (Chang, Chen, Haber & Chi 2019, eq. 11), an Euler step of a stable differential equation.

Indices: t time, b sequence, i input feature, j k hidden unit. ε is `step_size`, γ is `damping`.

    A = W − Wᵀ − γ I        n_tj = tanh(A_jk h_{t−1},k + V_ji x_ti + b_j)        h_t = h_{t−1} + ε n_t
    adjoint:   δ_t = ε (1 − n_t²) ∘ dL/dh_t        dL/dh_{t−1} = direct_{t−1} + dL/dh_t + Aᵀ δ_t
               dL/dW = S − Sᵀ with S = Σ δ_t ⊗ h_{t−1}
    Jacobian:  J_t = I + diag(ε (1 − n_t²)) A

The eigenvalues of W − Wᵀ are imaginary, so that the flow neither loses nor gains gradient; γ > 0 makes up for what
an Euler step adds. W is stored whole (`weight_hh`, `hidden hidden`), and only its antisymmetric part acts.
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
class AntisymmetricRNN(Recurrence):
    """h' = h + ε tanh((W − Wᵀ − γI) h + V x + b)."""

    step_size: float = 0.1
    """ε."""
    damping: float = 0.01
    """γ, the paper's diffusion strength."""

    name: ClassVar[str] = "antisymmetric"
    state_names: ClassVar[tuple[str, ...]] = ("h",)
    gate_bounds: ClassVar = {"n": (-1.0, 1.0)}

    def weight_shapes(self, input_size: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
        """V, W and b."""
        H = hidden_size
        return {"weight_ih": (H, input_size), "weight_hh": (H, H), "bias": (H,)}

    def matrix(self, weights: Weights) -> Tensor:
        """A = W − Wᵀ − γ I."""
        W = weights["weight_hh"]
        return W - W.mT - self.damping * torch.eye(W.shape[-1], dtype=W.dtype, device=W.device)

    def step(self, weights: Weights, inputs: Tensor, states: States) -> States:
        """One step of the equations."""
        return (states[0] + self.step_size * self._inner(weights, inputs, states[0]),)

    def trace(self, weights: Weights, inputs: Tensor, initial: States, outputs: Tensor | None = None) -> Trace:
        """The inner activations of all times in two products."""
        states = self.run(weights, inputs, initial) if outputs is None else (outputs,)
        trace = Trace(inputs, initial, states)
        return Trace(inputs, initial, states, {"n": self._inner(weights, inputs, trace.before())})

    def adjoint(self, weights: Weights, trace: Trace, direct: tuple[Tensor | None, ...]) -> Adjoint:
        """δ_t backward through time, one product a step; W's gradient has two terms of one outer product each."""
        (grad_h,) = arriving(direct, trace.states)
        slope = tanh_slope(torch.full_like(grad_h, self.step_size), trace.gates["n"])
        delta, carry = sweep(grad_h, slope, self.matrix(weights), 1.0)
        before = trace.before()
        both_ways = (torch.stack([delta, -before], -2), torch.stack([before, delta], -2))
        factors: Factors = {"weight_ih": (delta, trace.inputs), "weight_hh": both_ways}
        if "bias" in weights:
            factors["bias"] = (delta, None)
        return Adjoint((grad_h,), (carry,), delta @ weights["weight_ih"], factors)

    def jacobian(self, weights: Weights, trace: Trace, before: States) -> BlockJacobian:
        """One block and the identity."""
        n = trace.gates["n"]
        slope = self.step_size * (1 - n * n)
        return BlockJacobian(self.matrix(weights).unsqueeze(0), slope.unsqueeze(-2), torch.ones_like(n))

    def _inner(self, weights: Weights, inputs: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(linear(inputs, weights["weight_ih"], weights.get("bias")) + linear(h, self.matrix(weights)))
