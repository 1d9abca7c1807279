"""The minimal gated unit (Zhou, Wu, Zhang & Zhou 2016, eqs. 7 to 9): a GRU with one gate for both tasks.

Indices: t time, b sequence, i input feature, j k hidden unit. Blocks of the weights in the order f, n.

    f = σ(W_f x + U_f h + b_f)        n = tanh(W_n x + U_n (f ∘ h) + b_n)        h' = (1 − f) ∘ h + f ∘ n
    adjoint:   δn = dh' f (1−n²)        p = U_nᵀ δn        δf = [dh' (n − h) + p h] f(1−f)
               dL/dh = direct + (1 − f) dh' + f p + U_fᵀ δf
    Jacobian:  J = diag(1−f) + diag((n−h) f(1−f)) U_f + diag(f (1−n²)) U_n [diag(f) + diag(h f(1−f)) U_f]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from gradlab.lu import log_abs_det
from gradlab.recurrence.base import Adjoint, Factors, Recurrence, States, Trace, Weights, linear
from gradlab.recurrence.sweep import arriving, sigmoid_slope, tanh_slope


@dataclass(frozen=True, slots=True)
class MGU(Recurrence):
    """h' = (1 − f) ∘ h + f ∘ n."""

    name: ClassVar[str] = "mgu"
    state_names: ClassVar[tuple[str, ...]] = ("h",)
    gate_bounds: ClassVar = {"f": (0.0, 1.0), "n": (-1.0, 1.0)}
    recurrent_blocks: ClassVar[tuple[str, ...]] = ("f", "n")

    def weight_shapes(self, input_size: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
        """Two blocks each of W, U and b."""
        rows = 2 * hidden_size
        return {"weight_ih": (rows, input_size), "weight_hh": (rows, hidden_size), "bias": (rows,)}

    def step(self, weights: Weights, inputs: Tensor, states: States) -> States:
        """One step of the equations."""
        (h,) = states
        f, n = self._gates(weights, inputs, h)
        return ((1 - f) * h + f * n,)

    def trace(self, weights: Weights, inputs: Tensor, initial: States, outputs: Tensor | None = None) -> Trace:
        """The gates of all times in three products."""
        states = self.run(weights, inputs, initial) if outputs is None else (outputs,)
        f, n = self._gates(weights, inputs, Trace(inputs, initial, states).before())
        return Trace(inputs, initial, states, {"f": f, "n": n})

    def adjoint(self, weights: Weights, trace: Trace, direct: tuple[Tensor | None, ...]) -> Adjoint:
        """Two products a step, because the gate acts in front of a matrix."""
        (grad_h,) = arriving(direct, trace.states)
        f, n, h = trace.gates["f"], trace.gates["n"], trace.before()
        U_f, U_n = weights["weight_hh"].chunk(2)
        delta = grad_h.new_empty(*grad_h.shape[:-1], 2, grad_h.shape[-1])
        slope_n, slope_f = tanh_slope(f, n), sigmoid_slope(torch.ones_like(f), f)
        carry = torch.zeros_like(grad_h[0])
        for t in reversed(range(grad_h.shape[0])):
            g, (to_f, to_n) = grad_h[t], delta[t].unbind(-2)
            g += carry
            to_n.copy_(g * slope_n[t])
            p = to_n @ U_n
            to_f.copy_((g * (n[t] - h[t]) + p * h[t]) * slope_f[t])
            carry = (1 - f[t]) * g + f[t] * p + to_f @ U_f
        # Each block has a right factor of its own: two outer products, each in its half of the rows.
        flat = delta.flatten(-2)
        nothing = torch.zeros_like(grad_h)
        halves = torch.stack(
            [torch.cat([delta[..., 0, :], nothing], -1), torch.cat([nothing, delta[..., 1, :]], -1)], -2
        )
        factors: Factors = {
            "weight_ih": (flat, trace.inputs),
            "weight_hh": (halves, torch.stack([h, f * h], -2)),
        }
        if "bias" in weights:
            factors["bias"] = (flat, None)
        return Adjoint((grad_h,), (carry,), flat @ weights["weight_ih"], factors)

    def jacobian(self, weights: Weights, trace: Trace, before: States) -> MGUJacobian:
        """Two blocks, one behind the other along one path."""
        U_f, U_n = weights["weight_hh"].chunk(2)
        f, n, h = trace.gates["f"], trace.gates["n"], before[0]
        return MGUJacobian(U_f, U_n, f, tanh_slope(f, n), sigmoid_slope(n - h, f), sigmoid_slope(h, f))

    @staticmethod
    def _gates(weights: Weights, inputs: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        U_f, U_n = weights["weight_hh"].chunk(2)
        x_f, x_n = linear(inputs, weights["weight_ih"], weights.get("bias")).chunk(2, -1)
        f = torch.sigmoid(x_f + linear(h, U_f))
        return f, torch.tanh(x_n + linear(f * h, U_n))


@dataclass(frozen=True, slots=True)
class MGUJacobian:
    """J = diag(1−f) + diag(a) U_f + diag(s) U_n [diag(f) + diag(p) U_f], at any number of steps."""

    U_f: Tensor
    """`hidden hidden`."""
    U_n: Tensor
    """`hidden hidden`."""
    f: Tensor
    """The gate, `... hidden`."""
    to_n: Tensor
    """s = f (1−n²), `... hidden`."""
    to_f: Tensor
    """a = (n−h) f(1−f), `... hidden`."""
    product: Tensor
    """p = h f(1−f), `... hidden`."""

    @property
    def shape(self) -> torch.Size:
        """Leading axes, then states twice."""
        return torch.Size((*self.f.shape, self.f.shape[-1]))

    def __getitem__(self, index: Any) -> MGUJacobian:
        """Select along the leading axes."""
        parts = (part[index] for part in (self.f, self.to_n, self.to_f, self.product))
        return MGUJacobian(self.U_f, self.U_n, *parts)

    def to(self, dtype: torch.dtype) -> MGUJacobian:
        """The same in another dtype."""
        parts = (self.U_f, self.U_n, self.f, self.to_n, self.to_f, self.product)
        return MGUJacobian(*(part.to(dtype) for part in parts))

    def apply(self, vectors: Tensor) -> Tensor:
        """J @ V for `... states k`."""
        f, s, a, p = (part.unsqueeze(-1) for part in (self.f, self.to_n, self.to_f, self.product))
        along_gate = self.U_f @ vectors
        return (1 - f) * vectors + a * along_gate + s * (self.U_n @ (f * vectors + p * along_gate))

    def apply_transpose(self, vectors: Tensor) -> Tensor:
        """Jᵀ @ V for `... states k`."""
        f, s, a, p = (part.unsqueeze(-1) for part in (self.f, self.to_n, self.to_f, self.product))
        inner = self.U_n.mT @ (s * vectors)
        return (1 - f) * vectors + f * inner + self.U_f.mT @ (a * vectors + p * inner)

    def dense(self) -> Tensor:
        """The matrices themselves, `... states states`."""
        s, a = self.to_n.unsqueeze(-1), self.to_f.unsqueeze(-1)
        inner = self.U_n * self.f.unsqueeze(-2) + (self.U_n * self.product.unsqueeze(-2)) @ self.U_f
        result = a * self.U_f + s * inner
        result.diagonal(dim1=-2, dim2=-1).add_(1 - self.f)
        return result

    def log_abs_det(self) -> Tensor:
        """ln|det J| by LU, shape of the leading axes; −∞ where J is singular."""
        return log_abs_det(self.dense())
