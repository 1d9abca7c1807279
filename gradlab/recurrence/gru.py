"""The gated recurrent unit of `torch.nn.GRU` (Cho et al. 2014, with the reset gate behind the matrix, as cuDNN has it).

Gates in torch's order r, z, n. u = W_hn h_{t−1} + b_hn.

    r = σ(W_ir x + b_ir + U_r h + b_hr)    z = σ(W_iz x + b_iz + U_z h + b_hz)
    n = tanh(W_in x + b_in + r ∘ u)        h' = (1 − z) ∘ n + z ∘ h
    adjoint:   δn = dh' (1−z)(1−n²),  δz = dh' (h−n) z(1−z),  δr = δn u r(1−r)
               on the hidden side of n the gradient is r δn;  dL/dh = direct + z dh' + U_rᵀ δr + U_zᵀ δz + U_nᵀ (r δn)
    Jacobian:  J = diag(z) + diag((1−z)(1−n²)) [diag(r) U_n + diag(u r(1−r)) U_r] + diag((h−n) z(1−z)) U_z
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from gradlab.recurrence.base import Adjoint, Factors, Recurrence, States, Trace, Weights, linear, stacked_shapes
from gradlab.recurrence.jacobian import BlockJacobian
from gradlab.recurrence.sweep import add_product, blocks, copy_or_zero, fresh, outside, sigmoid_slope, tanh_slope


@dataclass(frozen=True, slots=True)
class GRU(Recurrence):
    """h' = (1 − z) ∘ n + z ∘ h."""

    name: ClassVar[str] = "gru"
    state_names: ClassVar[tuple[str, ...]] = ("h",)
    gate_bounds: ClassVar = {"r": (0.0, 1.0), "z": (0.0, 1.0), "n": (-1.0, 1.0)}
    recurrent_blocks: ClassVar[tuple[str, ...]] = ("r", "z", "n")

    def weight_shapes(self, input_size: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
        """Those of torch."""
        return stacked_shapes(3, input_size, hidden_size)

    def step(self, weights: Weights, inputs: Tensor, states: States) -> States:
        """One step of the equations."""
        (h,) = states
        x_r, x_z, x_n = linear(inputs, weights["weight_ih"], weights.get("bias_ih")).chunk(3, -1)
        h_r, h_z, u = linear(h, weights["weight_hh"], weights.get("bias_hh")).chunk(3, -1)
        r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
        n = torch.tanh(x_n + r * u)
        return ((1 - z) * n + z * h,)

    def trace(self, weights: Weights, inputs: Tensor, initial: States, outputs: Tensor | None = None) -> Trace:
        """Gates of many times in two products; `u` is kept because the adjoint needs it."""
        (h,) = self.run(weights, inputs, initial) if outputs is None else (outputs,)
        W_ih, W_hh = weights["weight_ih"], weights["weight_hh"]
        (T, B), H = h.shape[:2], h.shape[-1]
        rzn, u = fresh(h, T, B, 3 * H), fresh(h, T, B, H)
        trace = Trace(inputs, initial, (h,), {**dict(zip("rzn", rzn.split(H, -1), strict=True)), "u": u})
        before = trace.before()
        for block in blocks(T, B * 4 * H * h.element_size()):
            a = rzn[block]
            torch.mm(inputs[block].flatten(0, 1), W_ih.mT, out=a.flatten(0, 1))
            from_h = before[block] @ W_hh.mT
            if "bias_ih" in weights:
                a += weights["bias_ih"]
                from_h += weights["bias_hh"]
            rz = a[..., : 2 * H].add_(from_h[..., : 2 * H]).sigmoid_()
            u[block] = from_h[..., 2 * H :]
            a[..., 2 * H :].addcmul_(rz[..., :H], u[block]).tanh_()
        return trace

    def adjoint(self, weights: Weights, trace: Trace, direct: tuple[Tensor | None, ...]) -> Adjoint:
        """Local slopes block by block, so that they stay in cache, then the sweep: one product a step."""
        (h,) = trace.states
        T, B, H = h.shape
        W_hh, before = weights["weight_hh"], trace.before()
        (from_h,) = outside(direct, (h,))
        grad_h, hidden_side, input_side = (fresh(h, T, B, width) for width in (H, 3 * H, 3 * H))
        later: tuple[Tensor, Tensor, Tensor] | None = None
        for block in reversed(blocks(T, B * 4 * H * h.element_size())):
            gates = {name: gate[block] for name, gate in trace.gates.items()}
            slopes, to_n = self._slopes(gates, before[block])
            deltas = hidden_side[block].unflatten(-1, (3, H))
            rows = zip(
                grad_h[block], from_h[block], slopes, deltas, hidden_side[block], gates["z"], strict=True
            )  # fmt: skip
            for g, at_h, slope, to, flat, z in reversed(list(rows)):
                if later is None:
                    copy_or_zero(at_h, g)
                else:
                    add_product(at_h, later[0], W_hh, g)
                    g.addcmul_(later[1], later[2])
                torch.mul(slope, g.unsqueeze(1), out=to)
                later = flat, g, z
            # The same but for n, where only the hidden side carries the factor r.
            input_side[block][..., : 2 * H] = hidden_side[block][..., : 2 * H]
            torch.mul(grad_h[block], to_n, out=input_side[block][..., 2 * H :])
        assert later is not None
        carry = torch.addcmul(later[0] @ W_hh, later[1], later[2])
        factors: Factors = {"weight_ih": (input_side, trace.inputs), "weight_hh": (hidden_side, before)}
        if "bias_ih" in weights:
            factors |= {"bias_ih": (input_side, None), "bias_hh": (hidden_side, None)}
        return Adjoint((grad_h,), (carry,), input_side @ weights["weight_ih"], factors)

    def jacobian(self, weights: Weights, trace: Trace, before: States) -> BlockJacobian:
        """Three blocks in torch's order, and diag(z)."""
        slopes, _ = self._slopes(trace.gates, before[0])
        return BlockJacobian(torch.stack(weights["weight_hh"].chunk(3)), slopes, trace.gates["z"])

    @staticmethod
    def _slopes(gates: Mapping[str, Tensor], before: Tensor) -> tuple[Tensor, Tensor]:
        """∂h'/∂(hidden-side pre-activation) of r, z, n (`time batch gate hidden`), and ∂h'/∂(input side of n)."""
        r, z, n, u = (gates[name] for name in ("r", "z", "n", "u"))
        slopes = r.new_empty(*r.shape[:-1], 3, r.shape[-1])
        to_n = tanh_slope(1 - z, n)
        sigmoid_slope(to_n * u, r, slopes[..., 0, :])
        sigmoid_slope(before - n, z, slopes[..., 1, :])
        torch.mul(to_n, r, out=slopes[..., 2, :])
        return slopes, to_n
