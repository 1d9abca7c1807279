"""The parts that reverse sweeps share: what arrives, blocks of time that fit in cache, and local slopes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from gradlab.recurrence.base import States

_BLOCK_BYTES = 1 << 20
"""Half of a usual second-level cache: what a block of time steps may take in the widest array."""


_NUMPY = {torch.float32: np.float32, torch.float64: np.float64}


def arriving(direct: tuple[Tensor | None, ...], states: States) -> States:
    """Fresh arrays `time batch hidden` that start from what arrives from outside; zeros where nothing does."""
    direct = direct + (None,) * (len(states) - len(direct))
    return tuple(
        torch.zeros_like(state, memory_format=torch.contiguous_format)
        if gradient is None
        else gradient.clone(memory_format=torch.contiguous_format)
        for gradient, state in zip(direct, states, strict=True)
    )


def outside(direct: tuple[Tensor | None, ...], states: States) -> tuple[Sequence[Tensor | None], ...]:
    """What arrives at each step from outside, untouched: one row a step, or None at every step."""
    direct = direct + (None,) * (len(states) - len(direct))
    return tuple(
        (None,) * len(state) if gradient is None else gradient.unbind()
        for gradient, state in zip(direct, states, strict=True)
    )


def copy_or_zero(row: Tensor | None, out: Tensor) -> None:
    """What arrives from outside at the last step, behind which nothing comes."""
    out.zero_() if row is None else out.copy_(row)


def add_product(row: Tensor | None, delta: Tensor, matrix: Tensor, out: Tensor) -> None:
    """`row + delta @ matrix`, with nothing for a row that is None."""
    torch.mm(delta, matrix, out=out) if row is None else torch.addmm(row, delta, matrix, out=out)


def add_scaled(row: Tensor | None, gradient: Tensor, factor: Tensor, out: Tensor) -> None:
    """`row + gradient ∘ factor`, with nothing for a row that is None."""
    torch.mul(gradient, factor, out=out) if row is None else torch.addcmul(row, gradient, factor, out=out)


def fresh(like: Tensor, *shape: int) -> Tensor:
    """An array not yet written to, of the dtype and device of another.

    numpy asks the system for large pages, torch does not: on a CPU the first write to 65 MB is twice as fast.
    """
    if like.device.type != "cpu" or like.dtype not in _NUMPY:
        return like.new_empty(shape)
    return torch.from_numpy(np.empty(shape, _NUMPY[like.dtype]))


def blocks(T: int, bytes_per_step: int) -> list[slice]:
    """Slices of time, in order, each small enough to stay in cache."""
    size = max(1, _BLOCK_BYTES // max(1, bytes_per_step))
    return [slice(start, min(T, start + size)) for start in range(0, T, size)]


def sigmoid_slope(factor: Tensor, value: Tensor, out: Tensor | None = None) -> Tensor:
    """`factor · y (1 − y)`, where y is the sigmoid's value."""
    if out is None:
        return torch.ops.aten.sigmoid_backward(factor, value)
    return torch.ops.aten.sigmoid_backward.grad_input(factor, value, grad_input=out)


def tanh_slope(factor: Tensor, value: Tensor, out: Tensor | None = None) -> Tensor:
    """`factor · (1 − y²)`, where y is the tanh's value."""
    if out is None:
        return torch.ops.aten.tanh_backward(factor, value)
    return torch.ops.aten.tanh_backward.grad_input(factor, value, grad_input=out)


def sweep(total: Tensor, slope: Tensor, matrix: Tensor, keep: Tensor | float) -> tuple[Tensor, Tensor]:
    """The reverse sweep where J_t = diag(slope_t) U + diag(keep_t), with one product a step.

    `total` starts as what arrives from outside and ends as dL/dh_t, `time batch hidden`; `slope` is
    `time batch hidden`, U `hidden hidden`, `keep` a number or `time batch hidden`. Returns slope_t dL/dh_t,
    and the gradient of the state before the first step.
    """
    delta, carry = torch.empty_like(total), torch.zeros_like(total[0])
    kept = keep.unbind() if isinstance(keep, Tensor) else (keep,) * total.shape[0]
    rows = zip(total, slope, delta, kept, strict=True)
    for g, to, d, stays in reversed(list(rows)):
        g += carry
        torch.mul(g, to, out=d)
        carry = torch.addmm(g * stays, d, matrix)
    return delta, carry


def scan(total: Tensor, keep: Tensor) -> Tensor:
    """The reverse sweep where J_t = diag(keep_t); as `sweep`, but it returns only the gradient at the start."""
    carry = torch.zeros_like(total[0])
    for g, stays in reversed(list(zip(total, keep, strict=True))):
        g += carry
        carry = g * stays
    return carry
