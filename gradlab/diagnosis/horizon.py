"""How far back gradients reach, and how they grow or shrink on the way: numbers that several rules share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

SHARE = 0.01
"""Of the largest gradient of the sequence; a step below it has practically no say in the update."""
ROUNDING = 2.0**-24
"""Half the machine epsilon of float32: what is smaller than this share is lost when gradients are summed."""

_PASS = ["step", "module", "call", "layer", "direction"]
_NUMBERS = ["length", "horizon", "lost", "rate", "growth", "tilt"]
_TINY = 1e-30
"""Below it float32 holds no relative accuracy worth a slope."""
_SHORT = 8
"""Windows shorter than this only say which step has the larger loss."""


@dataclass(frozen=True, slots=True)
class Flow:
    """What the gradient does in one layer and direction on its way back, median over recorded passes."""

    module: str
    layer: int
    direction: int
    length: int
    """Time steps of the sequence."""
    horizon: float
    """The largest lag at which the gradient is at least 1 % of its maximum; 0 where there is no gradient at all."""
    lost: float
    """The largest lag at which it is at least half the machine epsilon of float32."""
    rate: float
    """Mean change of ln ‖gradient‖ per step back, nats a step; NaN where it cannot be told."""
    growth: float
    """Largest gradient over the one at the last step read: for losses that are read there alone."""
    tilt: float
    """Largest gradient in the farthest quarter of the sequence over that in the nearest, wherever losses are read."""

    @property
    def name(self) -> str:
        """Layer and direction in words."""
        return f"layer {self.layer}" + (", backward direction" if self.direction else "")


def passes(timesteps: pd.DataFrame) -> pd.DataFrame:
    """One row for every recorded pass and way back (through h, or an LSTM's c): what its gradient does.

    Args:
        timesteps: the table, or rows of it. A NaN among the gradients of a pass counts as infinite.

    Returns:
        `step`, `module`, `call`, `layer`, `direction`, `quantity`, and the numbers of `Flow`.
    """
    lag = timesteps["t"].where(timesteps["direction"] == 1, -timesteps["t"])
    ordered = timesteps.assign(_lag=lag).sort_values([*_PASS, "_lag"], kind="stable")
    ways = [name for name in ("grad_h", "grad_c") if name in ordered.columns and ordered[name].notna().any()]
    found = [_measured(ordered, quantity) for quantity in ways]
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=[*_PASS, "quantity", *_NUMBERS])


def _measured(ordered: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """The numbers of every pass in which the quantity was measured; rows stand by pass and lag."""
    number = ordered.groupby(_PASS, sort=False).ngroup().to_numpy()
    raw = ordered[quantity].to_numpy(dtype=float)
    known = np.bincount(number, ~np.isnan(raw)) > 0
    rows = known[number]
    ordered, number, raw = ordered[rows], number[rows], raw[rows]
    starts = np.flatnonzero(np.diff(number, prepend=-1))
    lengths = np.diff(np.append(starts, len(raw)))
    lag = np.arange(len(raw)) - np.repeat(starts, lengths)
    values = np.where(np.isnan(raw), np.inf, raw)
    largest = np.maximum.reduceat(values, starts)
    first = values[starts]

    def farthest(where: np.ndarray) -> np.ndarray:
        return np.maximum.reduceat(np.where(where, lag, 0), starts).astype(float)

    spread = np.repeat(largest, lengths)
    last = farthest((values > _TINY) & np.isfinite(values)).astype(int)
    quarter = np.repeat(lengths // 4, lengths)
    near = np.maximum.reduceat(np.where(lag < quarter, values, 0.0), starts)
    far = np.maximum.reduceat(np.where(lag >= np.repeat(lengths, lengths) - quarter, values, 0.0), starts)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        rate = np.log(values[starts + last] / first) / last
        numbers = {
            "length": lengths,
            "horizon": farthest(values >= SHARE * spread),
            "lost": farthest(values >= ROUNDING * spread),
            "rate": np.where((first > _TINY) & np.isfinite(first), rate, np.nan),
            "growth": np.where(np.isinf(largest), np.inf, np.where(first > 0, largest / first, np.nan)),
            "tilt": np.where(np.isinf(far), np.inf, np.where(near > 0, far / near, np.nan)),
        }
    none = largest <= 0  # there is no gradient at all
    for name, value in (("horizon", 0.0), ("lost", 0.0), ("rate", -np.inf), ("growth", np.nan), ("tilt", np.nan)):
        numbers[name] = np.where(none, value, numbers[name])
    numbers["tilt"] = np.where(lengths < _SHORT, np.nan, numbers["tilt"])
    places = ordered[_PASS].iloc[starts].reset_index(drop=True)
    return places.assign(quantity=quantity, **numbers)


def flows(measured: pd.DataFrame) -> list[Flow]:
    """The flow in every layer and direction, from the input upwards, median over some rows of `passes`.

    Of an LSTM the better of the two ways counts for the horizon, and the worse one for growth.
    """
    if measured.empty:
        return []
    ways = measured.groupby(["module", "layer", "direction", "quantity"], sort=True)[_NUMBERS].median().reset_index()
    found = []
    place: Any
    for place, part in ways.groupby(["module", "layer", "direction"], sort=True):
        best = part.sort_values("horizon", kind="stable", ascending=False).iloc[0]
        found.append(
            Flow(
                module=str(place[0]),
                layer=int(place[1]),
                direction=int(place[2]),
                length=int(part["length"].max()),
                horizon=float(best["horizon"]),
                lost=float(best["lost"]),
                rate=float(best["rate"]),
                growth=float(part["growth"].max()),
                tilt=float(part["tilt"].max()),
            )
        )
    return found


def lag_horizon(lags: pd.DataFrame) -> float:
    """The largest recorded lag at which σ_max of the Jacobian product is at least 1 %, in the best layer."""
    best = 0.0
    for _, part in lags.groupby(["module", "layer", "direction"], sort=True):
        by_lag = part.groupby("lag")["log_sigma_max"].median()
        reached = by_lag.index[by_lag.to_numpy(dtype=float) >= math.log(SHARE)]
        best = max(best, float(reached.max()) if len(reached) else 0.0)
    return best


def bound_per_step(timesteps: pd.DataFrame) -> float:
    """Mean ln σ_max(J_t) of the layer where it is largest: no product can grow faster; NaN where not measured."""
    if "sigma_max" not in timesteps.columns or not timesteps["sigma_max"].notna().any():
        return math.nan
    with np.errstate(divide="ignore"):
        logs = pd.Series(np.log(timesteps["sigma_max"].to_numpy(dtype=float)), index=timesteps.index)
    return float(logs.groupby([timesteps["module"], timesteps["layer"], timesteps["direction"]]).mean().max())
