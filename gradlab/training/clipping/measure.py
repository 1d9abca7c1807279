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


def unit_norms(tensor: Tensor) -> Tensor:
    """Norms of the rows of a tensor, `rows`, float64, without overflow; vectors and scalars are one row.

    In torch's layout a row of a weight matrix holds the weights into one unit, or into one gate of it.
    """
    rows = tensor.detach().double().reshape(len(tensor) if tensor.ndim > 1 else 1, -1)
    largest = rows.abs().amax(dim=1, keepdim=True)
    safe = torch.where(largest > 0, largest, 1.0)
    return largest.squeeze(1) * torch.linalg.vector_norm(rows / safe, dim=1)


def combined(norms: Tensor, coefficients: Tensor) -> tuple[float, float]:
    """Norm of a gradient whose parts were scaled one by one, and its cosine with what it was.

    Args:
        norms: of the parts before, `parts`, float64, not all zero.
        coefficients: what each was multiplied by, `parts`, float64.
    """
    before = norms / norms.amax()  # relative to the largest, so that no square leaves the range
    after = before * (coefficients / coefficients.amax())
    lengths = float(torch.linalg.vector_norm(before)), float(torch.linalg.vector_norm(after))
    cosine = float(torch.dot(before, after)) / (lengths[0] * lengths[1])
    return float(norms.amax()) * float(coefficients.amax()) * lengths[1], min(1.0, cosine)


@torch.no_grad()
def rescale(tensors: Sequence[Tensor], norm: float, target: float) -> None:
    """Multiply in place by target/norm, by way of float64 where float32 would not hold the quotient well."""
    coefficient = target / norm
    for tensor in tensors:
        if 1e-30 < coefficient < 1e30:
            tensor.mul_(coefficient)
        else:
            tensor.copy_(tensor.double() / norm * target)


def _plain_norm(tensors: Sequence[Tensor]) -> float:
    norms = [torch.linalg.vector_norm(tensor.detach(), dtype=torch.float64) for tensor in tensors]
    return float(torch.linalg.vector_norm(torch.stack(norms)))


def _largest(tensors: Sequence[Tensor]) -> float:
    """Largest absolute value; NaN when there is one."""
    return float(torch.stack([tensor.detach().abs().amax().double() for tensor in tensors]).amax())
