"""How fast a gradient grows or shrinks on its way back: the slope of the logarithm of its norm against the lag."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gradlab.reports.reach import PASS

SKIPPED = 5
"""Lags next to the end that are left out: there the gradient still has the direction that the readout gave it."""
FEWEST = 5
"""Time steps that a line is laid through at least."""


def growth(timesteps: pd.DataFrame, quantity: str = "grad_h") -> pd.DataFrame:
    """Growth of the gradient in every recorded pass of a `timesteps` frame, in nats a step back in time.

    A straight line is laid by least squares through ln of the norm, over all lags beyond the first five at which the
    norm is a positive number; a gradient that has become 0 or infinite says nothing about the slope there. Mean-field
    theory of a random net predicts ½ ln χ (Schoenholz, Gilmer, Ganguli & Sohl-Dickstein 2017, eq. 8, for the squared
    norm).

    Args:
        timesteps: with `t`, the quantity and, where there are several, `run`, `step`, `module`, `call`, `layer`,
            `direction`.
        quantity: which gradient norm.

    Returns:
        One row a pass: those columns, and `growth`; NaN where fewer than five time steps are left.

    Raises:
        ValueError: when a column is missing.
    """
    missing = [name for name in ("t", quantity) if name not in timesteps.columns]
    if missing:
        raise ValueError(f"expected the columns t and {quantity}, got {missing} missing")
    keys = [name for name in PASS if name in timesteps.columns]
    if timesteps.empty:
        return pd.DataFrame(columns=[*keys, "growth"])
    passes = timesteps.groupby(keys, sort=True, observed=True) if keys else [((), timesteps)]
    rows = []
    for values, rows_of_pass in passes:
        backward = "direction" in rows_of_pass.columns and rows_of_pass["direction"].iloc[0] == 1
        rows.append((*values, _slope(rows_of_pass["t"].to_numpy(), rows_of_pass[quantity].to_numpy(), backward)))
    return pd.DataFrame(rows, columns=[*keys, "growth"])


def _slope(t: np.ndarray, norms: np.ndarray, backward: bool) -> float:
    lags = (t - t.min() if backward else t.max() - t).astype("float64")
    norms = norms.astype("float64")
    kept = (lags >= SKIPPED) & np.isfinite(norms) & (norms > 0)
    if kept.sum() < FEWEST:
        return float("nan")
    return float(np.polyfit(lags[kept], np.log(norms[kept]), 1)[0])
