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


def flows(timesteps: pd.DataFrame) -> list[Flow]:
    """The flow in every layer and direction of some rows of `timesteps`, from the input upwards.

    Of an LSTM the better of the two ways counts: through h or through c.
    """
    found = []
    place: Any
    for place, part in timesteps.groupby(["module", "layer", "direction"], sort=True):
        module, layer, direction = place
        ways = []
        for quantity in ("grad_h", "grad_c"):
            if quantity in part.columns and part[quantity].notna().any():
                profiles = [profile(rows, quantity) for _, rows in part.groupby(_PASS, sort=False)]
                ways.append([measured(each) for each in profiles if len(each)])
        if not ways or not ways[0]:
            continue
        medians = [np.median(np.array(way, dtype=float), axis=0) for way in ways]
        best = max(medians, key=lambda way: way[0])
        growth, tilt = (max(float(way[number]) for way in medians) for number in (3, 4))
        length = int(part.groupby(_PASS, sort=False).size().max())
        found.append(
            Flow(
                str(module),
                int(layer),
                int(direction),
                length,
                horizon=float(best[0]),
                lost=float(best[1]),
                rate=float(best[2]),
                growth=growth,
                tilt=tilt,
            )
        )
    return found


def profile(rows: pd.DataFrame, quantity: str) -> np.ndarray:
    """Gradient norms of one pass by lag, from the last step that the layer reads; NaN that was measured is infinite."""
    ordered = rows.sort_values("t", ascending=bool((rows["direction"] == 1).any()))
    values = ordered[quantity].to_numpy(dtype=float)
    return np.where(np.isnan(values), np.inf, values)


def measured(gradients: np.ndarray) -> tuple[float, float, float, float, float]:
    """Horizon, lag lost in rounding, rate, growth and tilt of one profile by lag."""
    largest = float(gradients.max())
    if not largest > 0:
        return 0.0, 0.0, -math.inf, math.nan, math.nan
    reached = np.flatnonzero(gradients >= SHARE * largest)
    held = np.flatnonzero(gradients >= ROUNDING * largest)
    start = gradients[0]
    growth = math.inf if math.isinf(largest) else largest / start if start > 0 else math.nan
    return float(reached[-1]), float(held[-1]), _rate(gradients), float(growth), _tilt(gradients)


def _tilt(gradients: np.ndarray) -> float:
    """The farthest quarter over the nearest; NaN in short windows, where it says which step has the larger loss."""
    quarter = len(gradients) // 4
    if quarter < 2:
        return math.nan
    near, far = float(gradients[:quarter].max()), float(gradients[-quarter:].max())
    return math.inf if math.isinf(far) else far / near if near > 0 else math.nan


def _rate(gradients: np.ndarray) -> float:
    """Slope between lag 0 and the farthest gradient that float32 still holds well."""
    usable = np.flatnonzero((gradients > 1e-30) & np.isfinite(gradients))
    if not len(usable) or usable[0] != 0 or usable[-1] == 0:
        return math.nan
    last = int(usable[-1])
    return float(np.log(gradients[last] / gradients[0]) / last)


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
