"""How wrong truncation makes the gradient: each window's against the longest one's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gradlab.training.bptt.nested import WindowGradient
from gradlab.training.clipping.measure import total_norm

ALL = "all"
"""Stands for all parameters together in the table's axis."""


def ladder(least: int, steps: int, others: Sequence[int] = ()) -> list[int]:
    """Windows to look at: powers of two times the shortest, some others, and the whole; ascending."""
    powers = [least * 2**power for power in range(max(0, math.ceil(math.log2(max(steps / least, 1)))))]
    return sorted({window for window in (*powers, *others) if least <= window <= steps} | {steps})


@dataclass(frozen=True, slots=True)
class Comparison:
    """A gradient beside the true one; of parts of both the whole can be had without going through them again."""

    length: float
    """‖g‖, in float64."""
    truth: float
    """‖full‖."""
    wrong: float
    """‖g − full‖."""
    cosine: float
    """Between them; 1 between zeros, 0 where one is zero, NaN where one is not finite."""
    right: int
    """Numbers whose sign is that of the full gradient, of those that are not zero in it."""
    asked: int
    """Numbers that are not zero in the full gradient."""

    @property
    def relative_error(self) -> float:
        """‖g − full‖/‖full‖; 0 between zeros, NaN where one is not finite."""
        if self.truth == 0.0:
            return 0.0 if self.wrong == 0.0 else math.inf
        return self.wrong / self.truth

    @property
    def sign_agreement(self) -> float:
        """Share of the right signs; NaN where none is asked for."""
        return self.right / self.asked if self.asked else math.nan


def compare(gradient: Tensor, full: Tensor) -> Comparison:
    """One parameter's gradients, both in float64."""
    lengths = total_norm([gradient]), total_norm([full])
    asked = full != 0
    product = math.nan
    if min(lengths) == 0.0:
        product = 1.0 if max(lengths) == 0.0 else 0.0
    elif all(map(math.isfinite, lengths)):
        product = float(torch.dot((gradient / lengths[0]).flatten(), (full / lengths[1]).flatten()))
    right = int(((gradient.sign() == full.sign()) & asked).sum())
    return Comparison(*lengths, total_norm([gradient - full]), product, right, int(asked.sum()))


def together(parts: Sequence[Comparison]) -> Comparison:
    """The comparison of all parameters as one long vector."""
    length, truth, wrong = (
        math.hypot(*(getattr(part, name) for part in parts)) for name in ("length", "truth", "wrong")
    )
    product = math.nan
    if min(length, truth) == 0.0:
        product = 1.0 if max(length, truth) == 0.0 else 0.0
    elif math.isfinite(length) and math.isfinite(truth):
        shares = (part.cosine * (part.length / length) * (part.truth / truth) for part in parts)
        product = math.fsum(shares)
    return Comparison(length, truth, wrong, product, sum(part.right for part in parts), sum(p.asked for p in parts))


@torch.no_grad()
def bias_columns(found: Sequence[WindowGradient], exponent: float = math.nan) -> dict[str, np.ndarray]:
    """Columns of the table `truncation` but for its step: every parameter, and all together, at every window.

    Args:
        found: what `nested_gradients` gave; the longest window counts as the truth.
        exponent: λ₁ along the same steps, from `leading_exponent`; NaN where it is not known.
    """
    full = max(found, key=lambda one: one.window)
    truth = {name: gradient.double() for name, gradient in full.gradients.items()}
    rows: list[dict[str, Any]] = []
    for one in found:
        parts = {
            name: compare(one.gradients[name].double() if name in one.gradients else torch.zeros_like(true), true)
            for name, true in truth.items()
        }
        for name, part in {ALL: together(list(parts.values())), **parts}.items():
            row: dict[str, Any] = {
                "parameter": name,
                "window": one.window,
                "cosine": min(1.0, max(-1.0, part.cosine)) if part.cosine == part.cosine else math.nan,
                "relative_error": part.relative_error,
                "sign_agreement": part.sign_agreement,
                "grad_norm": part.length,
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
