"""The plain (Elman) recurrence of `torch.nn.RNN`, with tanh or ReLU.

Indices: t time, b sequence, i input feature, j k hidden unit.

    a_tj = W_ih,ji x_ti + b_ih,j + W_hh,jk h_{t−1},k + b_hh,j        h_t = φ(a_t)
    adjoint:   δ_t = φ'(a_t) ∘ dL/dh_t        dL/dh_{t−1} = direct_{t−1} + W_hhᵀ δ_t
    Jacobian:  J_t = diag(φ'(a_t)) W_hh       φ' = 1 − h² (tanh), 1[h > 0] (ReLU)

The derivative is taken from h_t in its own dtype, as backpropagation really does it: in float32, 1 − tanh²(a) is
exactly 0 from |a| ≥ 9.0108.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from gradlab.recurrence.base import Adjoint, Factors, Recurrence, States, Trace, Weights, linear, stacked_shapes
from gradlab.recurrence.jacobian import BlockJacobian
from gradlab.recurrence.sweep import add_product, blocks, copy_or_zero, fresh, outside


@dataclass(frozen=True, slots=True)
class RNN(Recurrence):
    """h_t = φ(W_ih x_t + b_ih + W_hh h_{t−1} + b_hh)."""

    nonlinearity: Literal["tanh", "relu"] = "tanh"

    name: ClassVar[str] = "rnn"
    state_names: ClassVar[tuple[str, ...]] = ("h",)
    gate_bounds: ClassVar = {}

    def weight_shapes(self, input_size: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
        """Those of torch."""
        return stacked_shapes(1, input_size, hidden_size)

    def step(self, weights: Weights, inputs: Tensor, states: States) -> States:
        """One step of the equations."""
        a = linear(inputs, weights["weight_ih"], weights.get("bias_ih"))
        a = a + linear(states[0], weights["weight_hh"], weights.get("bias_hh"))
        return (torch.tanh(a) if self.nonlinearity == "tanh" else torch.relu(a),)

    def trace(self, weights: Weights, inputs: Tensor, initial: States, outputs: Tensor | None = None) -> Trace:
        """The states are all there is to know."""
        states = self.run(weights, inputs, initial) if outputs is None else (outputs,)
        return Trace(inputs, initial, states)

    def derivative(self, h: Tensor) -> Tensor:
        """φ' as a function of φ's value."""
        return 1 - h * h if self.nonlinearity == "tanh" else (h > 0).to(h.dtype)

    def adjoint(self, weights: Weights, trace: Trace, direct: tuple[Tensor | None, ...]) -> Adjoint:
        """δ_t backward through time, one small product a step."""
        (h,) = trace.states
        W_hh, before = weights["weight_hh"], trace.before()
        (from_h,) = outside(direct, (h,))
        grad_h, delta = (fresh(h, *h.shape) for _ in range(2))
        later: Tensor | None = None
        for block in reversed(blocks(h.shape[0], h[0].nbytes)):
            rows = zip(grad_h[block], from_h[block], delta[block], self.derivative(h[block]), strict=True)
            for g, at_h, d, slope in reversed(list(rows)):
                if later is None:
                    copy_or_zero(at_h, g)
                else:
                    add_product(at_h, later, W_hh, g)
                later = torch.mul(g, slope, out=d)
        assert later is not None
        carry = later @ W_hh
        factors: Factors = {"weight_ih": (delta, trace.inputs), "weight_hh": (delta, before)}
        if "bias_ih" in weights:
            factors |= {"bias_ih": (delta, None), "bias_hh": (delta, None)}
        return Adjoint((grad_h,), (carry,), delta @ weights["weight_ih"], factors)

    def jacobian(self, weights: Weights, trace: Trace, before: States) -> BlockJacobian:
        """diag(φ') W_hh at each step."""
        slope = self.derivative(trace.states[0])
        return BlockJacobian(weights["weight_hh"].unsqueeze(0), slope.unsqueeze(-2))
