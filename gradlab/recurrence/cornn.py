"""The coupled oscillatory RNN (Rusch & Mishra 2021, eq. 3, explicit in the damping as in the authors' experiments).

Indices: t time, b sequence, i input feature, j k oscillator. Δ is `step_size`, γ `frequency`, ε `damping`. The state is
(y, z), position and velocity; `weight_hh` is [W, 𝒲], `hidden 2·hidden`, in this order.

    n_tj = tanh(W_jk y_{t−1},k + 𝒲_jk z_{t−1},k + V_ji x_ti + b_j)
    z_t = z_{t−1} + Δ (n_t − γ y_{t−1} − ε z_{t−1})        y_t = y_{t−1} + Δ z_t
    adjoint:   dz += Δ dy        δ = Δ (1−n²) dz
               dL/dy_{t−1} = direct + dy − Δγ dz + Wᵀ δ        dL/dz_{t−1} = direct + (1 − Δε) dz + 𝒲ᵀ δ
    Jacobian:  ∂z'/∂y = diag(Δ(1−n²)) W − Δγ I        ∂z'/∂z = diag(Δ(1−n²)) 𝒲 + (1 − Δε) I
               ∂y'/∂y = I + Δ ∂z'/∂y        ∂y'/∂z = Δ ∂z'/∂z        det J = det ∂z'/∂z
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from gradlab.recurrence.base import Adjoint, Factors, Recurrence, States, Trace, Weights, linear
from gradlab.recurrence.jacobian import BlockJacobian
from gradlab.recurrence.sweep import arriving, tanh_slope


@dataclass(frozen=True, slots=True)
class CoRNN(Recurrence):
    """z' = z + Δ (tanh(W y + 𝒲 z + V x + b) − γ y − ε z), y' = y + Δ z'."""

    step_size: float = 0.042
    """Δ."""
    frequency: float = 2.7
    """γ: stiffness of each oscillator."""
    damping: float = 4.7
    """ε."""

    name: ClassVar[str] = "cornn"
    state_names: ClassVar[tuple[str, ...]] = ("y", "z")
    gate_bounds: ClassVar = {"n": (-1.0, 1.0)}

    def weight_shapes(self, input_size: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
        """V, [W, 𝒲] and b."""
        H = hidden_size
        return {"weight_ih": (H, input_size), "weight_hh": (H, 2 * H), "bias": (H,)}

    def step(self, weights: Weights, inputs: Tensor, states: States) -> States:
        """One step of the equations."""
        y, z = states
        a = linear(inputs, weights["weight_ih"], weights.get("bias"))
        return self._moved(torch.tanh(a + linear(torch.cat([y, z], -1), weights["weight_hh"])), y, z)

    def trace(self, weights: Weights, inputs: Tensor, initial: States, outputs: Tensor | None = None) -> Trace:
        """Everything but 𝒲 z is one product for all times where the positions are known; z runs through time."""
        y_all = self.run(weights, inputs, initial)[0] if outputs is None else outputs
        W, W_z = weights["weight_hh"].chunk(2, -1)
        a = linear(inputs, weights["weight_ih"], weights.get("bias"))
        before = Trace(inputs, (initial[0],), (y_all,)).before()
        a = a + before @ W.mT
        z, velocities = initial[1], []
        for t, y in enumerate(before):
            a[t] = torch.tanh(torch.addmm(a[t], z, W_z.mT))
            z = self._moved(a[t], y, z)[1]
            velocities.append(z)
        return Trace(inputs, initial, (y_all, torch.stack(velocities)), {"n": a})

    def adjoint(self, weights: Weights, trace: Trace, direct: tuple[Tensor | None, ...]) -> Adjoint:
        """One product a step, for both matrices."""
        grad_y, grad_z = arriving(direct, trace.states)
        step, matrix = self.step_size, weights["weight_hh"]
        slope = tanh_slope(torch.full_like(grad_z, step), trace.gates["n"])
        delta = torch.empty_like(grad_z)
        carry_y, carry_z = torch.zeros_like(grad_y[0]), torch.zeros_like(grad_z[0])
        for t in reversed(range(grad_y.shape[0])):
            g_y, g_z = grad_y[t], grad_z[t]
            g_y += carry_y
            g_z += carry_z + step * g_y
            torch.mul(g_z, slope[t], out=delta[t])
            to_y, to_z = (delta[t] @ matrix).chunk(2, -1)
            carry_y = g_y - step * self.frequency * g_z + to_y
            carry_z = (1 - step * self.damping) * g_z + to_z
        before = torch.cat([trace.before(0), trace.before(1)], -1)
        factors: Factors = {"weight_ih": (delta, trace.inputs), "weight_hh": (delta, before)}
        if "bias" in weights:
            factors["bias"] = (delta, None)
        return Adjoint((grad_y, grad_z), (carry_y, carry_z), delta @ weights["weight_ih"], factors)

    def jacobian(self, weights: Weights, trace: Trace, before: States) -> CoRNNJacobian:
        """Of the full state (y, z)."""
        slope = tanh_slope(torch.full_like(trace.gates["n"], self.step_size), trace.gates["n"]).unsqueeze(-2)
        W, W_z = (part.unsqueeze(0) for part in weights["weight_hh"].chunk(2, -1))
        pull = torch.full_like(slope[..., 0, :], -self.step_size * self.frequency)
        keep = torch.full_like(pull, 1 - self.step_size * self.damping)
        return CoRNNJacobian(BlockJacobian(W, slope, pull), BlockJacobian(W_z, slope, keep), self.step_size)

    def _moved(self, n: Tensor, y: Tensor, z: Tensor) -> States:
        z = z + self.step_size * (n - self.frequency * y - self.damping * z)
        return y + self.step_size * z, z


@dataclass(frozen=True, slots=True)
class CoRNNJacobian:
    """∂(y', z')/∂(y, z) = [[I + Δ F, Δ G], [F, G]] at any number of steps."""

    velocity_by_position: BlockJacobian
    """F = ∂z'/∂y."""
    velocity_by_velocity: BlockJacobian
    """G = ∂z'/∂z."""
    step_size: float
    """Δ."""

    @property
    def shape(self) -> torch.Size:
        """Leading axes, then states twice."""
        *leading, rows, _ = self.velocity_by_velocity.shape
        return torch.Size((*leading, 2 * rows, 2 * rows))

    def __getitem__(self, index: Any) -> CoRNNJacobian:
        """Select along the leading axes."""
        F, G = self.velocity_by_position, self.velocity_by_velocity
        return CoRNNJacobian(F[index], G[index], self.step_size)

    def to(self, dtype: torch.dtype) -> CoRNNJacobian:
        """The same in another dtype."""
        F, G = self.velocity_by_position, self.velocity_by_velocity
        return CoRNNJacobian(F.to(dtype), G.to(dtype), self.step_size)

    def apply(self, vectors: Tensor) -> Tensor:
        """J @ V for `... states k`."""
        y, z = vectors.chunk(2, -2)
        moved = self.velocity_by_position.apply(y) + self.velocity_by_velocity.apply(z)
        return torch.cat([y + self.step_size * moved, moved], -2)

    def apply_transpose(self, vectors: Tensor) -> Tensor:
        """Jᵀ @ V for `... states k`."""
        y, z = vectors.chunk(2, -2)
        inner = z + self.step_size * y
        to_y = y + self.velocity_by_position.apply_transpose(inner)
        return torch.cat([to_y, self.velocity_by_velocity.apply_transpose(inner)], -2)

    def dense(self) -> Tensor:
        """The matrices themselves, `... states states`, in the order (y, z)."""
        lower = torch.cat([self.velocity_by_position.dense(), self.velocity_by_velocity.dense()], -1)
        upper = self.step_size * lower
        upper.diagonal(dim1=-2, dim2=-1).add_(1)
        return torch.cat([upper, lower], -2)

    def log_abs_det(self) -> Tensor:
        """ln|det ∂z'/∂z|, because y' is y and a multiple of z'; −∞ where J is singular."""
        return self.velocity_by_velocity.log_abs_det()
