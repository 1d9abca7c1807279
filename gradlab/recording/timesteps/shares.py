"""What each time step contributes to the gradient of the recurrent matrix: G = Σ_t G_t, G_t = Σ_b δ_tb ⊗ h_{t−1,b}."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from gradlab.instrument import Pass
from gradlab.recording.amount import Amount


def shares(passed: Pass, amount: Amount) -> dict[str, np.ndarray]:
    """‖G_t‖ and ⟨G_t, G⟩/‖G‖² over the measured sequences; the shares sum to 1."""
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

    Every step is scaled by its own largest entry first, so that a gradient of 1e−30 does not vanish in its square.
    """
    scale = left.abs().amax((1, 2)).to(torch.float64)
    unit = left / torch.where(scale > 0, scale, 1.0).to(left.dtype)[:, None, None]
    gram = (unit @ unit.mT) * (right @ right.mT)
    norm = scale * gram.sum((1, 2), dtype=torch.float64).clamp_min(0).sqrt()
    # NaN passes clamp_min untouched: an explosion stays visible.
    whole = left.flatten(0, 1).T @ right.flatten(0, 1)
    largest = whole.abs().amax().to(torch.float64)
    total = whole / torch.where(largest > 0, largest, 1.0).to(whole.dtype)
    along = torch.linalg.vecdot(unit @ total, right).sum(1, dtype=torch.float64) * scale
    share = along / (largest * total.square().sum(dtype=torch.float64))
    return norm.cpu().numpy(), share.cpu().numpy()
