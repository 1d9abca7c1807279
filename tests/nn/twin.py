"""The hand-unrolled twin: one vector at a time, weights of their own at every step, everything kept by autograd."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

SHORT = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")


def step(kind: str, weights: dict[str, Tensor], x: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """One step of one sequence, from the formulas of torch's documentation."""
    h = state[0]
    a = weights["weight_ih"] @ x + weights.get("bias_ih", 0)
    u = weights["weight_hh"] @ h + weights.get("bias_hh", 0)
    if kind == "tanh":
        return (torch.tanh(a + u),)
    if kind == "relu":
        return (torch.relu(a + u),)
    if kind == "gru":
        (a_r, a_z, a_n), (u_r, u_z, u_n) = a.chunk(3), u.chunk(3)
        r, z = torch.sigmoid(a_r + u_r), torch.sigmoid(a_z + u_z)
        return ((1 - z) * torch.tanh(a_n + r * u_n) + z * h,)
    i, f, g, o = (a + u).chunk(4)
    c = torch.sigmoid(f) * state[1] + torch.sigmoid(i) * torch.tanh(g)
    m = torch.sigmoid(o) * torch.tanh(c)
    return (weights["weight_hr"] @ m if "weight_hr" in weights else m), c


def jacobian(kind: str, weights: dict[str, Tensor], x: Tensor, state: tuple[Tensor, ...]) -> Tensor:
    """∂s_t/∂s_{t−1} of one step by jacrev."""
    sizes = [len(part) for part in state]
    weights = {name: weight.detach() for name, weight in weights.items()}
    return torch.func.jacrev(lambda s: torch.cat(step(kind, weights, x.detach(), s.split(sizes))))(
        torch.cat([part.detach() for part in state])
    )


def kind_of(module: nn.Module) -> str:
    if isinstance(module, (nn.LSTM, nn.LSTMCell)):
        return "lstm"
    if isinstance(module, (nn.GRU, nn.GRUCell)):
        return "gru"
    return str(module.nonlinearity)


@dataclass
class Twin:
    """Does what a module does, on `time batch feature` with lengths; call it chunk by chunk, then `backward` once."""

    module: nn.Module
    layers: int
    directions: int
    h: dict = field(default_factory=dict)
    """By (layer, direction), then (t, b): states as tuples, with their gradients after backward."""
    before: dict = field(default_factory=dict)
    inputs: dict = field(default_factory=dict)
    """By layer, then (t, b)."""
    weights: dict = field(default_factory=dict)
    """By (layer, direction), then t: the weights of that time step alone."""
    time: int = 0

    def weights_at(self, place: tuple[int, int], t: int) -> dict[str, Tensor]:
        table = self.weights.setdefault(place, {})
        if t not in table:
            layer, direction = place
            is_cell = isinstance(self.module, nn.RNNCellBase)
            suffix = "" if is_cell else f"_l{layer}" + "_reverse" * direction
            found = {short: getattr(self.module, short + suffix, None) for short in SHORT}
            table[t] = {
                short: _kept(weight.detach().clone().requires_grad_() * 1.0)
                for short, weight in found.items()
                if weight is not None
            }
        return table[t]

    def __call__(self, x: Tensor, lengths: list[int], initial: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Output `time batch directions·hidden`, zero in padding, and final states `layers·directions batch hidden`."""
        T = x.shape[0]
        level = {(t, b): _kept(x[t, b] * 1.0) for b, n in enumerate(lengths) for t in range(n)}
        finals: list[list[tuple[Tensor, ...]]] = []
        for layer in range(self.layers):
            self.inputs.setdefault(layer, {}).update({(t + self.time, b): v for (t, b), v in level.items()})
            after: dict[tuple[int, int], list[Tensor]] = {place: [] for place in level}
            for direction in range(self.directions):
                finals.append([])
                for b, n in enumerate(lengths):
                    state = tuple(part[layer * self.directions + direction, b] for part in initial)
                    for t in reversed(range(n)) if direction else range(n):
                        place, now = (layer, direction), (t + self.time, b)
                        self.before.setdefault(place, {})[now] = state
                        weights = self.weights_at(place, t + self.time)
                        state = tuple(map(_kept, step(kind_of(self.module), weights, level[t, b], state)))
                        self.h.setdefault(place, {})[now] = state
                        after[t, b].append(state[0])
                    finals[-1].append(state)
            level = {place: _kept(torch.cat(parts)) for place, parts in after.items()}
        width = next(iter(level.values())).shape[0]
        zero = x.new_zeros(width)
        output = torch.stack([torch.stack([level.get((t, b), zero) for b in range(len(lengths))]) for t in range(T)])
        final = tuple(
            torch.stack([torch.stack([state[k] for state in row]) for row in finals]) for k in range(len(initial))
        )
        self.time += T
        return output, final

    def grad_states(self, place: tuple[int, int], index: int, batch: int) -> Tensor:
        return self._grid({now: states[index] for now, states in self.h[place].items()}, batch)

    def grad_inputs(self, layer: int, batch: int) -> Tensor:
        return self._grid(self.inputs[layer], batch)

    def _grid(self, tensors: dict[tuple[int, int], Tensor], batch: int) -> Tensor:
        example = next(iter(tensors.values()))
        grid = example.new_zeros(self.time, batch, len(example))
        for (t, b), tensor in tensors.items():
            if tensor.grad is not None:
                grid[t, b] = tensor.grad
        return grid

    def contributions(self, place: tuple[int, int], short: str) -> Tensor:
        """G_t of a weight, `time …`."""
        table = self.weights[place]
        shape = next(iter(table.values()))[short]
        parts = [table[t][short].grad if t in table else None for t in range(self.time)]
        return torch.stack([torch.zeros_like(shape) if part is None else part for part in parts])


def _kept(tensor: Tensor) -> Tensor:
    if tensor.requires_grad:
        tensor.retain_grad()
    return tensor
