"""What each time step contributes to the gradient of the recurrent matrix: G = Σ_t G_t, G_t = Σ_b δ_tb ⊗ h_{t−1,b}."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from gradlab.instrument import Pass
from gradlab.recording.amount import Amount
from gradlab.recurrence.sweep import blocks

_SAFE = (1e-12, 1e12)
"""Between these, no float32 square that matters leaves the range of normal numbers."""


_AGREES = {torch.float32: 1e-4, torch.float64: 1e-10}
"""How far from 1 the shares may sum for autograd's gradient to count as the sum of these very steps."""


def shares(passed: Pass, amount: Amount) -> dict[str, np.ndarray]:
    """‖G_t‖ and ⟨G_t, G⟩/‖G‖² over the measured sequences; the shares sum to 1."""
    if passed.contributions is not None:
        of_steps, of_sum = passed.contributions
        known = {"weight_gradient_norm": np.array(of_steps)}
        return known if of_sum is None else known | {"weight_gradient_share": np.array(of_sum)}
    factors = passed.adjoint.factors.get("weight_hh")
    if factors is None or factors[1] is None:
        return {}
    total = passed.gradients.get("weight_hh")
    if passed.lengths is None:
        order = (lambda value: value[::-1]) if passed.direction else (lambda value: value)
        norm, share = contribution(factors[0], factors[1], total)
        return {"weight_gradient_norm": order(norm), "weight_gradient_share": order(share)}
    # Sequences of unequal length that are read backward put one reading step at several time steps.
    left, right = (passed.in_real_time(factor) for factor in (factors[0], factors[1]))
    norm, share = contribution(left, right, total)
    return {"weight_gradient_norm": norm, "weight_gradient_share": share}


def contribution(left: Tensor, right: Tensor, total: Tensor | None = None) -> tuple[np.ndarray, np.ndarray]:
    """‖G_t‖ and ⟨G_t, G⟩/‖G‖² of Σ_b left ⊗ right, for factors `time batch rows` and `time batch columns`.

    `total`, where it is given and the shares sum to 1 with it, stands in for G = Σ_t G_t, whose product is saved.
    Every step is scaled by its own largest row first where that is needed, so that a gradient of 1e−30 does not vanish
    in its square.
    """
    left, right = left.flatten(1, -2), right.flatten(1, -2)  # further axes are further terms of the sum
    scale = torch.linalg.vector_norm(left, dim=-1).amax(1).double()
    if bool(((scale > _SAFE[0]) & (scale < _SAFE[1])).all()):
        norm = _norms(left, right)
        share = None if total is None else _along(left, right, total)
        if share is None or not abs(float(share.sum()) - 1) < _AGREES.get(left.dtype, 0.0):
            share = _along(left, right, left.flatten(0, 1).T @ right.flatten(0, 1))
        return norm.cpu().numpy(), share.cpu().numpy()
    scale = torch.linalg.vector_norm(left, float("inf"), dim=(1, 2)).double()
    scale = torch.where(scale > 0, scale, 1.0)
    left = (left.double() / scale[:, None, None]).to(left.dtype)
    weight = scale / scale.max()
    weighted = left * weight.to(left.dtype)[:, None, None]
    share = weight * _along(left, right, weighted.flatten(0, 1).T @ right.flatten(0, 1))
    return (scale * _norms(left, right)).cpu().numpy(), share.cpu().numpy()


def _norms(left: Tensor, right: Tensor) -> Tensor:
    """‖Σ_b left ⊗ right‖ at each time, from the two Gram matrices of the sequences."""
    squares = left.new_empty(len(left), dtype=torch.float64)
    for block in blocks(len(left), left[0].nbytes + right[0].nbytes):
        gram = (left[block] @ left[block].mT).mul_(right[block] @ right[block].mT)
        squares[block] = gram.sum((1, 2))
    # NaN passes clamp_min untouched: an explosion stays visible.
    return squares.clamp_min_(0).sqrt_()


def _along(left: Tensor, right: Tensor, total: Tensor) -> Tensor:
    """⟨Σ_b left ⊗ right, total⟩/‖total‖² at each time."""
    along = left.new_empty(len(left), dtype=torch.float64)
    for block in blocks(len(left), left[0].nbytes + right[0].nbytes):
        product = (left[block].flatten(0, 1) @ total).mul_(right[block].flatten(0, 1))
        along[block] = product.view(-1, right[0].numel()).sum(1).double()
    return along / total.double().square().sum()
