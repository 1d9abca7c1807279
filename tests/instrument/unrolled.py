"""The truth for the instrument: torch's cells, unrolled by hand in a Python loop, with every state's gradient kept."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

CELL = {nn.RNN: nn.RNNCell, nn.LSTM: nn.LSTMCell, nn.GRU: nn.GRUCell}


def cells_of(module: nn.Module) -> list[list[nn.Module]]:
    """One cell per layer and direction, with the module's own values as weights that need a gradient."""
    kind = next(kind for kind in CELL if isinstance(module, kind))
    layers = []
    for layer in range(module.num_layers):
        row = []
        for suffix in ("", "_reverse")[: 2 if module.bidirectional else 1]:
            weight = getattr(module, f"weight_ih_l{layer}{suffix}")
            options = {"nonlinearity": module.nonlinearity} if kind is nn.RNN else {}
            cell = CELL[kind](weight.shape[1], module.hidden_size, bias=module.bias, dtype=weight.dtype, **options)
            with torch.no_grad():
                for name, parameter in cell.named_parameters():
                    parameter.copy_(getattr(module, f"{name}_l{layer}{suffix}"))
            row.append(cell)
        layers.append(row)
    return layers


class Unrolled:
    """A pass through a layered module, step by step; `states[layer][direction][t]` are tuples with `.grad`."""

    def __init__(self, module: nn.Module, inputs: Tensor, lengths: list[int] | None = None, seed: int | None = None):
        self.cells = cells_of(module)
        self.inputs = [x.detach().clone().requires_grad_() for x in inputs]
        T, B = inputs.shape[:2]
        lengths = lengths or [T] * B
        self.states: list[list[list[tuple[Tensor, ...]]]] = []
        self.layers: list[Tensor] = []
        """What each layer hands upward, before dropout; their `.grad` is what comes from above."""
        if seed is not None:
            torch.manual_seed(seed)
        x = list(self.inputs)
        for layer, row in enumerate(self.cells):
            outputs, finals = [], []
            self.states.append([])
            for direction, cell in enumerate(row):
                passed, final = self._run(cell, x, lengths, direction)
                self.states[-1].append(passed)
                outputs.append(torch.stack([state[0] for state in passed]))
                finals.append(final)
            stacked = torch.cat(outputs, -1)
            stacked.retain_grad()
            self.layers.append(stacked)
            if layer < len(self.cells) - 1 and module.dropout > 0 and module.training:
                stacked = functional.dropout(stacked, module.dropout, True)
            x = list(stacked)
            self.final = finals if layer == 0 else self.final + finals
        self.output = stacked

    @staticmethod
    def _run(cell, x, lengths, direction):
        T, B = len(x), x[0].shape[0]
        parts = 2 if isinstance(cell, nn.LSTMCell) else 1
        state = tuple(x[0].new_zeros(B, cell.hidden_size) for _ in range(parts))
        passed: list = [None] * T
        for t in range(T) if direction == 0 else reversed(range(T)):
            given = state if parts == 2 else state[0]
            new = cell(x[t], given)
            new = new if isinstance(new, tuple) else (new,)
            # Beyond the end of a sequence the state stands still; its output there is zero.
            real = torch.tensor([[t < length] for length in lengths])
            for part in new:
                part.retain_grad()
            passed[t] = new
            state = tuple(torch.where(real, a, b) for a, b in zip(new, state, strict=True))
        return passed, state

    def gradients(self, layer: int, direction: int, part: int) -> Tensor:
        """The gradient of one part of the state at every time step, `time batch hidden`."""
        parts = [state[part] for state in self.states[layer][direction]]
        return torch.stack([torch.zeros_like(p) if p.grad is None else p.grad for p in parts])
