"""Nets and maps made by hand, whose Jacobians the tests know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class RowScaled:
    """J_t = diag(d_t) W as a matrix-free operator; knows no other dtype than its own."""

    weight: Tensor
    slopes: Tensor
    """d, `time ... states`."""

    @property
    def shape(self) -> torch.Size:
        return torch.Size((*self.slopes.shape, self.weight.shape[-1]))

    def __getitem__(self, index: Any) -> RowScaled:
        return RowScaled(self.weight, self.slopes[index])

    def apply(self, vectors: Tensor) -> Tensor:
        return self.slopes.unsqueeze(-1) * (self.weight @ vectors)

    def apply_transpose(self, vectors: Tensor) -> Tensor:
        return self.weight.mT @ (self.slopes.unsqueeze(-1) * vectors)

    def dense(self) -> Tensor:
        return self.slopes.unsqueeze(-1) * self.weight

    def log_abs_det(self) -> Tensor:
        return self.slopes.abs().log().sum(-1) + torch.linalg.slogdet(self.weight).logabsdet


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def gaussian(*shape: int, seed: int = 0, scale: float = 1.0) -> Tensor:
    return scale * torch.randn(*shape, dtype=torch.float64, generator=generator(seed))


def numbers(*values: float) -> Tensor:
    """Numbers in float64."""
    return torch.tensor(values, dtype=torch.float64)


def gaussian_jacobians(steps: int, *batch: int, states: int, seed: int = 0) -> Tensor:
    """Independent Gaussian matrices with entries of variance 1/N, `time ... states states`."""
    return gaussian(steps, *batch, states, states, seed=seed, scale=states**-0.5)


def tanh_net(
    states: int, steps: int, sequences: int, *, sigma_w: float, injected: float, seed: int = 0, skip: int = 50
) -> RowScaled:
    """A tanh RNN with Gaussian weights, driven by iid Gaussian input of variance `injected`, after `skip` steps."""
    weight = gaussian(states, states, seed=seed, scale=sigma_w * states**-0.5)
    noise = gaussian(skip + steps, sequences, states, seed=seed + 1, scale=injected**0.5)
    state = gaussian(sequences, states, seed=seed + 2)
    slopes = []
    for x in noise:
        state = torch.tanh(state @ weight.mT + x)
        slopes.append(1 - state**2)
    return RowScaled(weight, torch.stack(slopes[skip:]))


def orbit(step: Callable[[Tensor], Tensor], start: Tensor, steps: int, skip: int = 0) -> Tensor:
    """States before each step of many orbits at once, `time sequences states`."""
    states, state = [], start
    for index in range(skip + steps):
        if index >= skip:
            states.append(state)
        state = step(state)
    return torch.stack(states)


def map_jacobians(step: Callable[[Tensor], Tensor], states: Tensor) -> Tensor:
    """Autograd Jacobians of a map `states -> states` at `time sequences states`, all at once."""
    single = torch.func.jacrev(lambda state: step(state.unsqueeze(0)).squeeze(0))
    found: Tensor = torch.func.vmap(single)(states.flatten(0, 1))
    return found.unflatten(0, states.shape[:2])


def agrees(found: Tensor, expected: Tensor, tolerance: float | Tensor, relative: bool = False) -> None:
    """Assert |found − expected| ≤ tolerance, and say where it is worst: index, both values, ratio."""
    assert found.dtype == expected.dtype == torch.float64, f"{found.dtype} and {expected.dtype}"
    assert found.shape == expected.shape, f"shapes {tuple(found.shape)} and {tuple(expected.shape)}"
    same = (found == expected) | (found.isnan() & expected.isnan())
    allowed = torch.as_tensor(tolerance, dtype=torch.float64) * (expected.abs() if relative else 1.0)
    excess = torch.where(same, 0.0, (found - expected).abs() / allowed).nan_to_num(torch.inf)
    worst = torch.unravel_index(excess.argmax(), excess.shape) if excess.dim() else ()
    assert float(excess[worst]) <= 1, (
        f"at {tuple(int(i) for i in worst)}: {float(found[worst])!r} for {float(expected[worst])!r}, "
        f"ratio {float(found[worst] / expected[worst])}, {float(excess[worst]):.3g} times the tolerance"
    )
