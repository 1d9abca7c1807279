"""How wrong truncation makes the gradient: each window's against the longest one's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gradlab.training.bptt.nested import WindowGradient
from gradlab.training.clipping.measure import cosine, total_norm

ALL = "all"
"""Stands for all parameters together in the table's axis."""


def ladder(least: int, steps: int, others: Sequence[int] = ()) -> list[int]:
    """Windows to look at: powers of two times the shortest, some others, and the whole; ascending."""
    powers = [least * 2**power for power in range(max(0, math.ceil(math.log2(max(steps / least, 1)))))]
    return sorted({window for window in (*powers, *others) if least <= window <= steps} | {steps})


def relative_error(gradient: Sequence[Tensor], full: Sequence[Tensor]) -> float:
    """‖g − full‖/‖full‖, in float64; 0 between zeros, NaN where one is not finite."""
    length = total_norm(full)
    wrong = total_norm([one.double() - other.double() for one, other in zip(gradient, full, strict=True)])
    if length == 0.0:
        return 0.0 if wrong == 0.0 else math.inf
    return wrong / length


def sign_agreement(gradient: Sequence[Tensor], full: Sequence[Tensor]) -> float:
    """Share of the numbers whose sign is that of the full gradient, of those that are not zero in it; NaN if none."""
    right = sum(
        int(((one.sign() == other.sign()) & (other != 0)).sum()) for one, other in zip(gradient, full, strict=True)
    )
    asked = sum(int((other != 0).sum()) for other in full)
    return right / asked if asked else math.nan


@torch.no_grad()
def bias_columns(found: Sequence[WindowGradient], exponent: float = math.nan) -> dict[str, np.ndarray]:
    """Columns of the table `truncation` but for its step: every parameter, and all together, at every window.

    Args:
        found: what `nested_gradients` gave; the longest window counts as the truth.
        exponent: λ₁ along the same steps, from `leading_exponent`; NaN where it is not known.
    """
    full = max(found, key=lambda one: one.window)
    rows: list[dict[str, Any]] = []
    for one in found:
        for name in (ALL, *full.gradients):
            names = tuple(full.gradients) if name == ALL else (name,)
            truth = [full.gradients[each] for each in names]
            mine = [one.gradients.get(each, torch.zeros_like(full.gradients[each])) for each in names]
            row: dict[str, Any] = {
                "parameter": name,
                "window": one.window,
                "cosine": cosine(mine, truth),
                "relative_error": relative_error(mine, truth),
                "sign_agreement": sign_agreement(mine, truth),
                "grad_norm": total_norm(mine),
            }
            if name == ALL and one.state_gradients:
                row["state_gradient"] = float(one.state_norms.median())
            if name == ALL and not math.isnan(exponent):
                row["predicted_error"] = _exponential(exponent * one.window)
            rows.append(row)
    return _columns(rows)


def _exponential(value: float) -> float:
    return math.exp(value) if value < 700 else math.inf


def _columns(rows: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    columns: dict[str, np.ndarray] = {
        "parameter": np.array([row["parameter"] for row in rows], dtype=object),
        "window": np.array([row["window"] for row in rows], dtype=np.int64),
    }
    for name in ("cosine", "relative_error", "sign_agreement", "grad_norm", "state_gradient", "predicted_error"):
        absent = [name not in row for row in rows]
        values = [row.get(name, 0.0) for row in rows]
        columns[name] = np.ma.array(values, mask=absent, dtype=np.float64)
    return columns
