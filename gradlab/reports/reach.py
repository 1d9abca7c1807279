"""How far back a gradient reaches: the largest lag at which it is not small against its greatest value."""

from __future__ import annotations

import numpy as np
import pandas as pd

SHARE = 0.01
"""Of the largest gradient norm of the sequence; below it a time step has practically no say in the update."""

PASS = ("run", "step", "module", "call", "layer", "direction")
"""What tells one recorded pass from another."""


def reach(timesteps: pd.DataFrame, share: float = SHARE, quantity: str = "grad_h") -> pd.DataFrame:
    """Reach of the gradient in every recorded pass of a `timesteps` frame.

    The lag of a time step is counted from the last one that the layer reads: the end of the sequence, or its
    start where the direction is backward. The reach is the largest lag at which the gradient is at least
    `share` of its maximum over the sequence. An infinite or NaN gradient counts as larger than every finite
    one; a pass without any gradient, or none measured, has the reach NaN.

    Args:
        timesteps: with `t`, the quantity and, where there are several, `run`, `step`, `module`, `call`,
            `layer`, `direction`; `nonfinite` tells a NaN that was measured from one that was not.
        share: of the maximum, in (0, 1].
        quantity: which gradient norm.

    Returns:
        One row a pass: those columns, `reach`, `length` in time steps, and `maximum`, the largest norm.

    Raises:
        ValueError: when a column is missing or the share is out of range.
    """
    missing = [name for name in ("t", quantity) if name not in timesteps.columns]
    if missing or not 0 < share <= 1:
        raise ValueError(f"expected the columns t and {quantity} and a share in (0, 1], got {missing} missing, {share}")
    keys = [name for name in PASS if name in timesteps.columns]
    columns = [*keys, "reach", "length", "maximum"]
    if timesteps.empty:
        return pd.DataFrame(columns=columns)
    groups = timesteps.groupby(keys, sort=True, observed=True).ngroup().to_numpy() if keys else np.zeros(len(timesteps))
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    each = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(order)))
    rows = timesteps.iloc[order[starts]][keys].reset_index(drop=True)
    t = timesteps["t"].to_numpy(dtype=np.int64)[order]
    first, last = np.minimum.reduceat(t, starts), np.maximum.reduceat(t, starts)
    backward = rows["direction"].to_numpy() == 1 if "direction" in keys else np.zeros(len(rows), dtype=bool)
    lag = np.where(backward[each], t - first[each], last[each] - t)
    size = _magnitude(timesteps, quantity, order, starts, each)
    maximum = np.fmax.reduceat(size, starts)
    with np.errstate(invalid="ignore"):
        reached = (size >= share * maximum[each]) & (maximum[each] > 0)
    reach = np.fmax.reduceat(np.where(reached, lag, np.nan), starts)
    return rows.assign(reach=reach, length=last - first + 1, maximum=maximum)[columns]


def _magnitude(
    timesteps: pd.DataFrame, quantity: str, order: np.ndarray, starts: np.ndarray, each: np.ndarray
) -> np.ndarray:
    """The gradient norms, in the order of the passes, with infinity for a NaN that was measured."""
    size: np.ndarray = timesteps[quantity].to_numpy(dtype=float, na_value=np.nan)[order]
    measured = ~np.isnan(size)
    if "nonfinite" in timesteps.columns:
        measured |= timesteps["nonfinite"].to_numpy(dtype=float, na_value=np.nan)[order] > 0
    return np.where(np.isnan(size) & np.logical_or.reduceat(measured, starts)[each], np.inf, size)
