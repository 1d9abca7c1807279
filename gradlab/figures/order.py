"""Quantiles that keep NaN and infinity: a group's median is a real value only when most of its values are."""

from collections.abc import Sequence

import numpy as np
import pandas as pd


def quantiles_by(
    frame: pd.DataFrame, keys: Sequence[str], value: str, quantiles: dict[str, float], *, log: bool = False
) -> pd.DataFrame:
    """Quantiles of a column in every group of equal keys.

    NaN counts as larger than everything, infinity included. Between two finite neighbours the quantile is
    interpolated (geometrically when `log` and both are positive); next to a value that is not a number it is
    the larger neighbour, never a mixture.

    Args:
        frame: rows to group; all of them count.
        keys: columns that name the group.
        value: numeric column.
        quantiles: name of the resulting column → quantile in [0, 1].
        log: whether the quantity lives on a logarithmic axis.

    Returns:
        One row a group in the order of its keys: the keys, `count`, and one column a quantile.
    """
    values = frame[value].to_numpy(dtype=float, na_value=np.nan)
    codes = frame.groupby(list(keys), sort=True, observed=True, dropna=False).ngroup().to_numpy()
    order = np.lexsort((values, codes))  # NaN sorts last within its group
    values, codes = values[order], codes[order]
    starts = np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]]) if len(codes) else np.zeros(0, dtype=int)
    counts = np.diff(np.r_[starts, len(codes)])
    result = frame[list(keys)].iloc[order[starts]].reset_index(drop=True)
    result["count"] = counts
    for name, quantile in quantiles.items():
        place = quantile * (counts - 1)
        below = values[starts + np.floor(place).astype(int)] if len(starts) else np.zeros(0)
        above = values[starts + np.ceil(place).astype(int)] if len(starts) else np.zeros(0)
        result[name] = _between(below, above, place - np.floor(place), log)
    return result


def _between(below: np.ndarray, above: np.ndarray, weight: np.ndarray, log: bool) -> np.ndarray:
    """Interpolation where both ends are numbers, the upper end elsewhere."""
    plain = np.isfinite(below) & np.isfinite(above)
    if log:
        plain &= below > 0
    low, high, share = below[plain], above[plain], weight[plain]
    result = np.where(weight == 0, below, above)
    if log:
        result[plain] = np.exp((1 - share) * np.log(low) + share * np.log(high))
    else:
        result[plain] = (1 - share) * low + share * high
    exact = weight == 0
    result[exact] = below[exact]
    return result
