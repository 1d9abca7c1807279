"""The long short-term memory of `torch.nn.LSTM`, with or without a projection of its output.

Gates in torch's order i, f, g, o; the state is (h, c).

    i, f, o = σ(W x + b + U h + b')     g = tanh(W_g x + b_g + U_g h + b'_g)
    c' = f ∘ c + i ∘ g                  h' = o ∘ tanh c'      (with a projection: h' = W_hr (o ∘ tanh c'))
    adjoint:   dc' += dh' o (1 − tanh² c')      δi = dc' g i(1−i)   δf = dc' c f(1−f)   δg = dc' i (1−g²)
               δo = dh' tanh(c') o(1−o)         dL/dc = direct + f dc'   dL/dh = direct + Uᵀ δ
    Jacobian:  ∂c'/∂c = diag(f)         A = ∂c'/∂h = diag(c f(1−f)) U_f + diag(g i(1−i)) U_i + diag(i(1−g²)) U_g
               ∂h'/∂c = diag(o(1−tanh² c') f)     ∂h'/∂h = diag(tanh(c') o(1−o)) U_o + diag(o(1−tanh² c')) A
               ln|det J| = Σ ln f + Σ ln|tanh(c') o(1−o)| + ln|det U_o|  (without projection)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from gradlab.recurrence.base import Adjoint, Factors, Recurrence, States, Trace, Weights, linear, stacked_shapes
from gradlab.recurrence.lstm_jacobian import LSTMJacobian
from gradlab.recurrence.sweep import (
    add_product,
    add_scaled,
    blocks,
    copy_or_zero,
    fresh,
    outside,
    sigmoid_slope,
    tanh_slope,
)


@dataclass(frozen=True, slots=True)
class LSTM(Recurrence):
    """c' = f ∘ c + i ∘ g, h' = o ∘ tanh c'."""

    name: ClassVar[str] = "lstm"
    state_names: ClassVar[tuple[str, ...]] = ("h", "c")
    gate_bounds: ClassVar = {"i": (0.0, 1.0), "f": (0.0, 1.0), "g": (-1.0, 1.0), "o": (0.0, 1.0)}
    recurrent_blocks: ClassVar[tuple[str, ...]] = ("i", "f", "g", "o")

    def weight_shapes(self, input_size: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
        """Those of torch, without projection."""
        return stacked_shapes(4, input_size, hidden_size)

    def step(self, weights: Weights, inputs: Tensor, states: States) -> States:
        """One step of the equations."""
        h, c = states
        a = linear(inputs, weights["weight_ih"], weights.get("bias_ih"))
        a = a + linear(h, weights["weight_hh"], weights.get("bias_hh"))
        i, f, g, o = a.chunk(4, -1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        m = torch.sigmoid(o) * torch.tanh(c)
        return (linear(m, weights["weight_hr"]) if "weight_hr" in weights else m), c

    def trace(self, weights: Weights, inputs: Tensor, initial: States, outputs: Tensor | None = None) -> Trace:
        """Gates of many times in one product; only the cell's scan runs through time."""
        h = self.run(weights, inputs, initial)[0] if outputs is None else outputs
        W_ih, W_hh = weights["weight_ih"], weights["weight_hh"]
        (T, B), H = h.shape[:2], W_hh.shape[0] // 4
        bias = weights["bias_ih"] + weights["bias_hh"] if "bias_ih" in weights else None
        gates, cells = fresh(h, T, B, 4 * H), fresh(h, T + 1, B, H)
        # Old and new cell states are two views of one array.
        cells[0], c = initial[1], cells[1:]
        trace = Trace(
            inputs, initial, (h, c), dict(zip("ifgo", gates.split(H, -1), strict=True)), _before={1: cells[:-1]}
        )
        before, c_before = trace.before(), cells[0]
        for block in blocks(T, B * 4 * H * h.element_size()):
            a = gates[block]
            torch.mm(inputs[block].flatten(0, 1), W_ih.mT, out=a.flatten(0, 1))
            a.flatten(0, 1).addmm_(before[block].flatten(0, 1), W_hh.mT)
            if bias is not None:
                a += bias
            a[..., : 2 * H].sigmoid_()
            a[..., 2 * H : 3 * H].tanh_()
            a[..., 3 * H :].sigmoid_()
            i, f, g, _ = a.split(H, -1)
            torch.mul(i, g, out=c[block])
            for now, forget in zip(c[block].unbind(), f.unbind(), strict=True):
                c_before = now.addcmul_(forget, c_before)
        return trace

    def adjoint(self, weights: Weights, trace: Trace, direct: tuple[Tensor | None, ...]) -> Adjoint:
        """Local slopes block by block, so that they stay in cache, then the sweep: one product a step."""
        h, c = trace.states
        T, B, H = c.shape
        W_hh, W_hr = weights["weight_hh"], weights.get("weight_hr")
        before, c_before = trace.before(0), trace.before(1)
        from_h, from_c = outside(direct, (h, c))
        grad_h, grad_c, delta = (fresh(c, T, B, width) for width in (h.shape[-1], H, 4 * H))
        later: tuple[Tensor, Tensor, Tensor] | None = None
        for block in reversed(blocks(T, B * 4 * H * c.element_size())):
            gates = {name: gate[block] for name, gate in trace.gates.items()}
            slopes, through_cell = self._slopes(gates, c_before[block], c[block].tanh())
            deltas = delta[block].unflatten(-1, (4, H))
            rows = zip(
                grad_h[block], grad_c[block], from_h[block], from_c[block], through_cell, gates["f"],
                slopes[:, :, :3], slopes[:, :, 3], deltas[:, :, :3], deltas[:, :, 3], delta[block],
                strict=True,
            )  # fmt: skip
            for g_h, g_c, at_h, at_c, through, f, slope_cell, slope_o, to_cell, to_o, flat in reversed(list(rows)):
                if later is None:
                    copy_or_zero(at_h, g_h)
                    copy_or_zero(at_c, g_c)
                else:
                    add_product(at_h, later[0], W_hh, g_h)
                    add_scaled(at_c, later[1], later[2], g_c)
                g_m = g_h if W_hr is None else g_h @ W_hr
                g_c.addcmul_(g_m, through)
                torch.mul(slope_cell, g_c.unsqueeze(1), out=to_cell)
                torch.mul(slope_o, g_m, out=to_o)
                later = flat, g_c, f
        assert later is not None
        factors: Factors = {"weight_ih": (delta, trace.inputs), "weight_hh": (delta, before)}
        if "bias_ih" in weights:
            factors |= {"bias_ih": (delta, None), "bias_hh": (delta, None)}
        if W_hr is not None:
            factors["weight_hr"] = (grad_h, trace.gates["o"] * c.tanh())
        initial = (later[0] @ W_hh, later[1] * later[2])
        return Adjoint((grad_h, grad_c), initial, delta @ weights["weight_ih"], factors)

    def jacobian(self, weights: Weights, trace: Trace, before: States) -> LSTMJacobian:
        """The Jacobian of the full state (h, c)."""
        slopes, through_cell = self._slopes(trace.gates, before[1], trace.states[1].tanh())
        blocks = torch.stack(weights["weight_hh"].chunk(4))
        return LSTMJacobian(blocks, slopes, trace.gates["f"], through_cell, weights.get("weight_hr"))

    @staticmethod
    def outside_cell_gradient(trace: Trace, grad_h: Tensor, grad_c: Tensor) -> Tensor:
        """The part of a total dL/dc_t that does not come through h_t (without projection), `time batch hidden`."""
        return grad_c - grad_h * tanh_slope(trace.gates["o"], trace.states[1].tanh())

    @staticmethod
    def _slopes(gates: Mapping[str, Tensor], c_before: Tensor, tanh_c: Tensor) -> tuple[Tensor, Tensor]:
        """∂c'/∂a of i, f, g and ∂m/∂a of o (`time batch gate hidden`), and ∂m/∂c' (`time batch hidden`)."""
        i, f, g, o = (gates[name] for name in "ifgo")
        slopes = i.new_empty(*i.shape[:-1], 4, i.shape[-1])
        sigmoid_slope(g, i, slopes[..., 0, :])
        sigmoid_slope(c_before, f, slopes[..., 1, :])
        tanh_slope(i, g, slopes[..., 2, :])
        sigmoid_slope(tanh_c, o, slopes[..., 3, :])
        return slopes, tanh_slope(o, tanh_c)
