"""Norms and cosines of whole gradients, in float64 and without overflow."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

_SAFE = (1e-140, 1e150)
"""Between them no square has left the range of float64 by much."""


def gradients(parameters: Iterable[Tensor]) -> list[Tensor]:
    """The `.grad` of every parameter that has one with numbers in it; a tensor is a list of one."""
    tensors = [parameters] if isinstance(parameters, Tensor) else parameters
    return [tensor.grad for tensor in tensors if tensor.grad is not None and tensor.grad.numel()]


def total_norm(tensors: Sequence[Tensor]) -> float:
    """Euclidean norm of all numbers together; NaN or infinite when one of them is.

    Squares of float32 overflow from a norm of 1.8e19 on, and then `clip_grad_norm_` silently makes the
    gradient zero: so the squares are summed in float64, and scaled first where even that does not hold them.
    """
    if not tensors:
        return 0.0
    norm = _plain_norm(tensors)
    if norm == 0.0 or not _SAFE[0] < norm < _SAFE[1]:
        largest = _largest(tensors)
        if largest > 0.0 and math.isfinite(largest):
            return largest * _plain_norm([tensor.double() / largest for tensor in tensors])
        return largest
    return norm


def cosine(first: Sequence[Tensor], second: Sequence[Tensor]) -> float:
    """Cosine between two gradients of the same shapes; 1 between zeros, NaN where one is not finite."""
    lengths = total_norm(first), total_norm(second)
    if not all(math.isfinite(length) for length in lengths):
        return math.nan
    if min(lengths) == 0.0:
        return 1.0 if max(lengths) == 0.0 else 0.0
    products = [
        torch.sum((one.double() / lengths[0]) * (two.double() / lengths[1]))
        for one, two in zip(first, second, strict=True)
    ]
    return min(1.0, max(-1.0, float(torch.stack(products).sum())))


@torch.no_grad()
def scale(tensors: Sequence[Tensor], coefficient: float) -> None:
    """Multiply in place, by way of float64 where the coefficient would be a denormal number of float32."""
    for tensor in tensors:
        if coefficient < 1e-30:
            tensor.copy_(tensor.double() * coefficient)
        else:
            tensor.mul_(coefficient)


def _plain_norm(tensors: Sequence[Tensor]) -> float:
    norms = [torch.linalg.vector_norm(tensor.detach(), dtype=torch.float64) for tensor in tensors]
    return float(torch.linalg.vector_norm(torch.stack(norms)))


def _largest(tensors: Sequence[Tensor]) -> float:
    """Largest absolute value; NaN when there is one."""
    return float(torch.stack([tensor.detach().abs().amax().double() for tensor in tensors]).amax())
