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
    frame = timesteps[keys].copy() if keys else pd.DataFrame(index=timesteps.index)
    groups = frame.groupby(keys, sort=True, observed=True).ngroup() if keys else pd.Series(0, index=frame.index)
    size = _magnitude(timesteps, quantity, groups)
    t = timesteps["t"].astype("int64")
    grouped_t = t.groupby(groups)
    first, last = grouped_t.transform("min"), grouped_t.transform("max")
    backward = timesteps["direction"] == 1 if "direction" in timesteps.columns else False
    lag = (last - t).where(~pd.Series(backward, index=t.index), t - first)
    maximum = size.groupby(groups).transform("max")
    reached = (size >= share * maximum) & (maximum > 0)
    result = frame.assign(
        reach=lag.astype("float64").where(reached), length=(last - first + 1).astype("int64"), maximum=maximum
    )
    rows = result.groupby(groups).agg({**dict.fromkeys(keys, "first"), "reach": "max", "length": "first"})
    return rows.assign(maximum=maximum.groupby(groups).first())[columns].reset_index(drop=True)


def _magnitude(timesteps: pd.DataFrame, quantity: str, groups: pd.Series) -> pd.Series:
    """The gradient norms, with infinity for a NaN that was measured."""
    size = timesteps[quantity].astype("float64")
    measured = size.notna()
    if "nonfinite" in timesteps.columns:
        measured |= timesteps["nonfinite"] > 0
    return size.where(size.notna() | ~measured.groupby(groups).transform("any"), np.inf)
