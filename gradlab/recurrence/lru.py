"""The linear recurrent unit (Orvieto et al. 2023, section 3): complex, diagonal, linear.

Indices: t time, b sequence, i input feature, j complex unit. A state of H real numbers is H/2 complex units, laid out
as (Re h, Im h); so is B, whose rows are first the real, then the imaginary parts (`weight_ih`).

    λ_j = exp(−exp(ν_j) + i exp(θ_j))        h_t = λ ∘ h_{t−1} + exp(γ) ∘ (B x_t)        (eqs. 6 and 8)
    adjoint:   dL/dh_{t−1} = direct_{t−1} + conj(λ) ∘ dL/dh_t        δ_t = exp(γ) ∘ dL/dh_t
               with P = Σ dL/dh ∘ conj(h_{t−1}):  dL/dν = −exp(ν) Re(P conj λ),  dL/dθ = exp(θ) Im(P conj λ)
               dL/dγ = Σ exp(γ) Re(dL/dh ∘ conj(B x))
    Jacobian:  [[diag(Re λ), −diag(Im λ)], [diag(Im λ), diag(Re λ)]], the same at every step; ln|det J| = −2 Σ exp(ν)

The paper's output y = Re(C h) + D x has no memory: a real linear map of (Re h, Im h) is exactly Re(C h), and belongs
to the layer around (`gradlab.models.cells`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from gradlab.recurrence.base import Adjoint, Recurrence, States, Trace, Weights, linear
from gradlab.recurrence.diagonal_jacobian import ComplexDiagonalJacobian
from gradlab.recurrence.sweep import arriving


@dataclass(frozen=True, slots=True)
class LRU(Recurrence):
    """h' = λ ∘ h + exp(γ) ∘ B x, complex."""

    smallest_radius: float = 0.0
    """Of |λ| at the start; the paper's r_min."""
    largest_radius: float = 1.0
    """The paper's r_max; the nearer both are to 1, the longer the memory at the start."""

    name: ClassVar[str] = "lru"
    state_names: ClassVar[tuple[str, ...]] = ("h",)
    gate_bounds: ClassVar = {}

    def weight_shapes(self, input_size: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
        """B, and the logarithms ν, θ and γ. Raises ValueError for an odd state."""
        if hidden_size % 2:
            raise ValueError(
                f"expected an even number of hidden units, got {hidden_size}: the state of a linear recurrent unit is "
                "complex, real parts first"
            )
        units = hidden_size // 2
        return {"weight_ih": (hidden_size, input_size), "nu": (units,), "theta": (units,), "gamma": (units,)}

    def initialise(self, weights: Weights, hidden_size: int) -> None:
        """λ uniform on a ring, B of variance 1/(2 input), γ that keeps white input's variance (sections 3.2, 3.4)."""
        B, nu, theta, gamma = (weights[name] for name in ("weight_ih", "nu", "theta", "gamma"))
        inner, outer = self.smallest_radius**2, self.largest_radius**2
        with torch.no_grad():
            B.normal_(std=1 / math.sqrt(2 * B.shape[1]))
            # Keep off 0 and 1, where ln(−ln r²) is infinite.
            squared = nu.uniform_(inner, outer).clamp(1e-6, 1 - 1e-6)
            gamma.copy_(0.5 * torch.log1p(-squared))
            nu.copy_(torch.log(-0.5 * torch.log(squared)))
            theta.uniform_(1e-6, 2 * math.pi).log_()

    def step(self, weights: Weights, inputs: Tensor, states: States) -> States:
        """One step of the equations."""
        a, b = self.eigenvalues(weights)
        re, im = states[0].chunk(2, -1)
        fed = self._scale(weights) * linear(inputs, weights["weight_ih"])
        return (torch.cat([a * re - b * im, b * re + a * im], -1) + fed,)

    def trace(self, weights: Weights, inputs: Tensor, initial: States, outputs: Tensor | None = None) -> Trace:
        """The states are all there is to know."""
        states = self.run(weights, inputs, initial) if outputs is None else (outputs,)
        return Trace(inputs, initial, states)

    def adjoint(self, weights: Weights, trace: Trace, direct: tuple[Tensor | None, ...]) -> Adjoint:
        """A scan with conj(λ), and one product for all times."""
        (grad_h,) = arriving(direct, trace.states)
        a, b = self.eigenvalues(weights)
        carry = torch.zeros_like(grad_h[0])
        for g in reversed(grad_h.unbind()):
            g += carry
            re, im = g.chunk(2, -1)
            carry = torch.cat([a * re + b * im, a * im - b * re], -1)
        (g_re, g_im), (h_re, h_im) = grad_h.chunk(2, -1), trace.before().chunk(2, -1)
        to_re, to_im = g_re * h_re + g_im * h_im, g_im * h_re - g_re * h_im
        delta = self._scale(weights) * grad_h
        to_scale = (delta * linear(trace.inputs, weights["weight_ih"])).unflatten(-1, (2, -1)).sum(-2)
        factors = {
            "weight_ih": (delta, trace.inputs),
            "nu": (-weights["nu"].exp() * (to_re * a + to_im * b), None),
            "theta": (weights["theta"].exp() * (to_im * a - to_re * b), None),
            "gamma": (to_scale, None),
        }
        return Adjoint((grad_h,), (carry,), delta @ weights["weight_ih"], factors)

    def jacobian(self, weights: Weights, trace: Trace, before: States) -> ComplexDiagonalJacobian:
        """λ as a real matrix."""
        a, b = self.eigenvalues(weights)
        leading = (*before[0].shape[:-1], -1)
        return ComplexDiagonalJacobian(a.expand(leading), b.expand(leading))

    @staticmethod
    def eigenvalues(weights: Weights) -> tuple[Tensor, Tensor]:
        """Re λ and Im λ, `units` each."""
        radius, phase = torch.exp(-weights["nu"].exp()), weights["theta"].exp()
        return radius * phase.cos(), radius * phase.sin()

    @staticmethod
    def _scale(weights: Weights) -> Tensor:
        return weights["gamma"].exp().repeat(2)
