"""A comparison that says where two tensors differ most: index, both values, and their ratio."""

from __future__ import annotations

import torch
from torch import Tensor


def assert_close(got: Tensor, expected: Tensor, relative: float, what: str = "tensor") -> None:
    """Equal within a relative error, measured against the largest expected entry."""
    assert got.shape == expected.shape, f"{what}: shape {tuple(got.shape)}, expected {tuple(expected.shape)}"
    if expected.numel() == 0:
        return
    difference = (got - expected).abs()
    scale = expected.abs().max().clamp_min(torch.finfo(expected.dtype).tiny)
    worst = int(difference.argmax())
    if difference.flatten()[worst] > relative * scale or not torch.isfinite(difference).all():
        index = tuple(int(i) for i in torch.unravel_index(torch.tensor(worst), got.shape))
        a, b = got.flatten()[worst].item(), expected.flatten()[worst].item()
        ratio = a / b if b else float("inf")
        raise AssertionError(f"{what}{index}: got {a!r}, expected {b!r}, ratio {ratio:.17g}; allowed {relative:g}")
