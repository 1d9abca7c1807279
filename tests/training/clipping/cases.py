"""The list that feeds the contract suite of clippers, and gradients of every kind to try them on."""

import math

import torch
from torch import Tensor

from gradlab.training.clipping import (
    AGClipping,
    AutoClipping,
    Clipping,
    NoClipping,
    Normalising,
    NormClipping,
    ParameterClipping,
    ValueClipping,
    ZClipping,
)

CLIPPINGS: list[Clipping] = [
    NoClipping(),
    NormClipping(threshold=1.0),
    NormClipping(threshold=0.01),
    NormClipping(threshold=1e6),
    ValueClipping(threshold=0.3),
    ParameterClipping(threshold=0.5),
    AGClipping(),
    AGClipping(ratio=0.5, smallest=0.1),
    AutoClipping(),
    AutoClipping(percentile=75),
    ZClipping(warm_up=4),
    ZClipping(warm_up=4, decay=0.5, score=0.1),
    Normalising(),
    Normalising(length=0.01),
]

NORMS = [0.0, 1e-30, 1e-7, 0.5, 0.9999995, 1.0, 1.0000005, 1.7, 300.0, 0.2, 1e6, 1e15, 1e18]
"""Norms of a sequence of steps, with spikes; float32 holds their squares."""

HUGE = [3e19, 1e25, 1e30, 1e37]
"""Norms whose squares float32 does not hold."""

BROKEN = [math.nan, math.inf, -math.inf]


def parameters(norm: float = 1.0, seed: int = 0, dtype: torch.dtype = torch.float32) -> list[Tensor]:
    """Three parameters whose gradients have that norm together, and one that has no gradient."""
    generator = torch.Generator().manual_seed(seed)
    grads = [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in ((4, 3), (5,), ())]
    length = math.sqrt(sum(float(grad.square().sum()) for grad in grads))
    weights = [0.3 * torch.randn(grad.shape, generator=generator, dtype=torch.float64) for grad in grads]
    weights[0][1] = 0.0
    made = [weight.to(dtype).requires_grad_() for weight in weights]
    for parameter, grad in zip(made, grads, strict=True):
        parameter.grad = (grad * (norm / length)).to(dtype)
    return [*made, torch.zeros(2, dtype=dtype, requires_grad=True)]


def grads(given: list[Tensor]) -> list[Tensor]:
    """Copies of the gradients that are there."""
    return [parameter.grad.clone() for parameter in given if parameter.grad is not None]


def slow_norm(tensors: list[Tensor]) -> float:
    """The norm by Python's own `hypot`, which scales: exact to a few ulps over the whole range."""
    return math.hypot(*(float(value) for tensor in tensors for value in tensor.flatten().double()))
