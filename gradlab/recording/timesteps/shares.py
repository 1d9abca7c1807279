"""What each time step contributes to the gradient of the recurrent matrix: G = Σ_t G_t, G_t = Σ_b δ_tb ⊗ h_{t−1,b}."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from gradlab.instrument import Pass
from gradlab.recording.amount import Amount

_SAFE = (1e-12, 1e12)
"""Between these, no float32 square that matters leaves the range of normal numbers."""


def shares(passed: Pass, amount: Amount) -> dict[str, np.ndarray]:
    """‖G_t‖ and ⟨G_t, G⟩/‖G‖² over the measured sequences; the shares sum to 1."""
    if passed.contributions is not None:
        of_steps, of_sum = passed.contributions
        known = {"weight_gradient_norm": np.array(of_steps)}
        return known if of_sum is None else known | {"weight_gradient_share": np.array(of_sum)}
    factors = passed.adjoint.factors.get("weight_hh")
    if factors is None or factors[1] is None:
        return {}
    norm, share = contribution(factors[0], factors[1])
    if passed.lengths is None:
        order = (lambda value: value[::-1]) if passed.direction else (lambda value: value)
        return {"weight_gradient_norm": order(norm), "weight_gradient_share": order(share)}
    # Sequences of unequal length that are read backward put one reading step at several time steps.
    left, right = (passed.in_real_time(factor) for factor in (factors[0], factors[1]))
    norm, share = contribution(left, right)
    return {"weight_gradient_norm": norm, "weight_gradient_share": share}


def contribution(left: Tensor, right: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """‖G_t‖ and ⟨G_t, G⟩/‖G‖² of Σ_b left ⊗ right, for factors `time batch rows` and `time batch columns`.

    Every step is scaled by its own largest row first where that is needed, so that a gradient of 1e−30 does not vanish
    in its square.
    """
    left, right = left.flatten(1, -2), right.flatten(1, -2)  # further axes are further terms of the sum
    scale = torch.linalg.vector_norm(left, dim=-1).amax(1).double()
    if bool(((scale > _SAFE[0]) & (scale < _SAFE[1])).all()):
        scale = torch.ones_like(scale)
    else:
        scale = torch.linalg.vector_norm(left, float("inf"), dim=(1, 2)).double()
        scale = torch.where(scale > 0, scale, 1.0)
        left = (left.double() / scale[:, None, None]).to(left.dtype)
    gram = (left @ left.mT) * (right @ right.mT)
    # NaN passes clamp_min untouched: an explosion stays visible.
    norm = scale * gram.flatten(1).sum(1).double().clamp_min(0).sqrt()
    largest = scale.max()
    weighted = left * (scale / largest).to(left.dtype)[:, None, None] if bool((scale != 1).any()) else left
    total = weighted.flatten(0, 1).T @ right.flatten(0, 1)
    along = torch.linalg.vecdot(left @ total, right).sum(1).double() * (scale / largest)
    share = along / total.double().square().sum()
    return norm.cpu().numpy(), share.cpu().numpy()
