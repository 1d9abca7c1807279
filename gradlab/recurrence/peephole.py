"""The long short-term memory with peepholes (Gers & Schmidhuber 2000): gates that see the cell state.

Gates in torch's order i, f, g, o; the state is (h, c). The peepholes p_i, p_f, p_o are one weight each per unit, and
stacked in `weight_ch`; i and f look at the old cell state, o at the new one. Squashing is tanh, as in torch.

    i, f = σ(W x + b + U h + b' + p ∘ c)        g = tanh(W_g x + b_g + U_g h + b'_g)
    c' = f ∘ c + i ∘ g        o = σ(W_o x + b_o + U_o h + b'_o + p_o ∘ c')        h' = o ∘ tanh c'
    adjoint:   δo = dh' tanh(c') o(1−o)        dc' += dh' o (1 − tanh² c') + p_o δo
               δi = dc' g i(1−i)   δf = dc' c f(1−f)   δg = dc' i (1−g²)
               dL/dc = direct + f dc' + p_i δi + p_f δf        dL/dh = direct + Uᵀ δ
    Jacobian:  as for the LSTM, with ∂c'/∂c = diag(f + p_f c f(1−f) + p_i g i(1−i)) in the place of diag(f),
               and ∂h'/∂c' = diag(o (1 − tanh² c') + p_o tanh(c') o(1−o))
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from gradlab.recurrence.base import Adjoint, Factors, Recurrence, States, Trace, Weights, linear, stacked_shapes
from gradlab.recurrence.lstm import LSTMJacobian
from gradlab.recurrence.sweep import arriving, sigmoid_slope, tanh_slope


@dataclass(frozen=True, slots=True)
class PeepholeLSTM(Recurrence):
    """c' = f ∘ c + i ∘ g, h' = o ∘ tanh c', with gates that read c."""

    name: ClassVar[str] = "peephole_lstm"
    state_names: ClassVar[tuple[str, ...]] = ("h", "c")
    gate_bounds: ClassVar = {"i": (0.0, 1.0), "f": (0.0, 1.0), "g": (-1.0, 1.0), "o": (0.0, 1.0)}
    recurrent_blocks: ClassVar[tuple[str, ...]] = ("i", "f", "g", "o")

    def weight_shapes(self, input_size: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
        """Those of the LSTM, and the peepholes of i, f and o."""
        return stacked_shapes(4, input_size, hidden_size) | {"weight_ch": (3 * hidden_size,)}

    def step(self, weights: Weights, inputs: Tensor, states: States) -> States:
        """One step of the equations."""
        gates, c = self._gates(weights, self._preactivation(weights, inputs, states[0]), states[1])
        return gates[3] * torch.tanh(c), c

    def trace(self, weights: Weights, inputs: Tensor, initial: States, outputs: Tensor | None = None) -> Trace:
        """All products for all times at once where h is known; the gates run through time with the cell state."""
        h = self.run(weights, inputs, initial)[0] if outputs is None else outputs
        a = self._preactivation(weights, inputs, Trace(inputs, initial[:1], (h,)).before())
        c, cells, gates = initial[1], [], []
        for row in a:
            now, c = self._gates(weights, row, c)
            gates.append(torch.stack(now))
            cells.append(c)
        by_name = dict(zip("ifgo", torch.stack(gates, 1), strict=True))
        return Trace(inputs, initial, (h, torch.stack(cells)), by_name)

    def adjoint(self, weights: Weights, trace: Trace, direct: tuple[Tensor | None, ...]) -> Adjoint:
        """One product a step."""
        grad_h, grad_c = arriving(direct, trace.states)
        U, (p_i, p_f, _) = weights["weight_hh"], weights["weight_ch"].chunk(3)
        before, c_before, c = trace.before(0), trace.before(1), trace.states[1]
        slopes, through_cell, _ = self._slopes(weights, trace, c_before)
        f = trace.gates["f"]
        delta = torch.empty_like(slopes)
        carry_h, carry_c = torch.zeros_like(grad_h[0]), torch.zeros_like(grad_c[0])
        for t in reversed(range(c.shape[0])):
            g_h, g_c = grad_h[t], grad_c[t]
            g_h += carry_h
            g_c.add_(carry_c).addcmul_(g_h, through_cell[t])
            torch.mul(slopes[t, :, :3], g_c.unsqueeze(1), out=delta[t, :, :3])
            torch.mul(slopes[t, :, 3], g_h, out=delta[t, :, 3])
            carry_h = delta[t].flatten(1) @ U
            carry_c = f[t] * g_c + p_i * delta[t, :, 0] + p_f * delta[t, :, 1]
        flat = delta.flatten(-2)
        seen = torch.cat([delta[..., 0, :] * c_before, delta[..., 1, :] * c_before, delta[..., 3, :] * c], -1)
        factors: Factors = {"weight_ih": (flat, trace.inputs), "weight_hh": (flat, before), "weight_ch": (seen, None)}
        if "bias_ih" in weights:
            factors |= {"bias_ih": (flat, None), "bias_hh": (flat, None)}
        return Adjoint((grad_h, grad_c), (carry_h, carry_c), flat @ weights["weight_ih"], factors)

    def jacobian(self, weights: Weights, trace: Trace, before: States) -> LSTMJacobian:
        """The LSTM's, with the peepholes on the two diagonals."""
        slopes, through_cell, carried = self._slopes(weights, trace, before[1])
        return LSTMJacobian(torch.stack(weights["weight_hh"].chunk(4)), slopes, carried, through_cell)

    @staticmethod
    def _preactivation(weights: Weights, inputs: Tensor, h: Tensor) -> Tensor:
        a = linear(inputs, weights["weight_ih"], weights.get("bias_ih"))
        return a + linear(h, weights["weight_hh"], weights.get("bias_hh"))

    @staticmethod
    def _gates(weights: Weights, a: Tensor, c: Tensor) -> tuple[tuple[Tensor, Tensor, Tensor, Tensor], Tensor]:
        """i, f, g, o and the new cell state from pre-activations without peepholes."""
        p_i, p_f, p_o = weights["weight_ch"].chunk(3)
        a_i, a_f, a_g, a_o = a.chunk(4, -1)
        i, f, g = torch.sigmoid(a_i + p_i * c), torch.sigmoid(a_f + p_f * c), torch.tanh(a_g)
        c = f * c + i * g
        return (i, f, g, torch.sigmoid(a_o + p_o * c)), c

    @staticmethod
    def _slopes(weights: Weights, trace: Trace, c_before: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """∂c'/∂a of i, f, g and ∂h'/∂a of o (`time batch gate hidden`); ∂h'/∂c' and ∂c'/∂c (`time batch hidden`)."""
        i, f, g, o = (trace.gates[name] for name in "ifgo")
        p_i, p_f, p_o = weights["weight_ch"].chunk(3)
        tanh_c = trace.states[1].tanh()
        by_gate = (sigmoid_slope(g, i), sigmoid_slope(c_before, f), tanh_slope(i, g), sigmoid_slope(tanh_c, o))
        through_cell = tanh_slope(o, tanh_c) + p_o * by_gate[3]
        return torch.stack(by_gate, -2), through_cell, f + p_f * by_gate[1] + p_i * by_gate[0]
