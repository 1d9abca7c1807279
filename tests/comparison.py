"""A comparison that says where two tensors differ most: index, both values, ratio."""

from __future__ import annotations

import torch
from torch import Tensor


def assert_equal(got: Tensor, expected: Tensor, relative: float = 1e-12, what: str = "", floor: float = 1e-300) -> None:
    """Raise AssertionError where two tensors differ by more than `relative` times the largest expected value.

    `floor` stands for that value where everything expected may be zero but for rounding.
    """
    assert got.shape == expected.shape, f"{what}: expected shape {tuple(expected.shape)}, got {tuple(got.shape)}"
    assert got.dtype == expected.dtype, f"{what}: expected {expected.dtype}, got {got.dtype}"
    if not expected.numel():
        return
    finite = expected[expected.isfinite()].abs()
    scale = max(float(finite.max()) if finite.numel() else 0.0, floor)
    wrong = torch.where(got == expected, 0.0, (got - expected).abs() / scale).nan_to_num(nan=torch.inf)
    worst = int(wrong.argmax())
    if float(wrong.flatten()[worst]) > relative:
        index = tuple(int(i) for i in torch.unravel_index(torch.tensor(worst), wrong.shape))
        a, b = float(got[index]), float(expected[index])
        ratio = a / b if b else float("nan")
        raise AssertionError(
            f"{what} at {index}: got {a!r}, expected {b!r}, ratio {ratio!r}; expected values reach {scale:.3g}, "
            f"the error relative to it {float(wrong.flatten()[worst]):.2e} (allowed {relative:g})"
        )
