"""Quantiles that keep NaN and infinity: a group's median is a real value only when most of its values are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

_RAGGED = 4
"""A table of all groups may have so many times as many cells as there are values."""


@dataclass(frozen=True, slots=True)
class Groups:
    """Rows with equal keys, found once for all quantities that are to be summed up."""

    codes: np.ndarray
    """Of every row the number of its group, `rows`."""
    order: np.ndarray
    """Places of the rows, group by group, `rows`."""
    starts: np.ndarray
    """Where each group begins in that order, `groups`."""
    counts: np.ndarray
    """Rows of each group, `groups`."""
    keys: pd.DataFrame
    """A row a group, in the order of the keys."""

    @classmethod
    def of(cls, frame: pd.DataFrame, keys: Sequence[str]) -> "Groups":
        """The groups of a frame's rows; NaN is a key like any other."""
        codes = frame.groupby(list(keys), sort=True, observed=True, dropna=False).ngroup().to_numpy()
        # numpy sorts short integers by their digits, which is faster
        order = np.argsort(codes.astype(np.uint16) if len(codes) and codes.max() < 2**16 else codes, kind="stable")
        ordered = codes[order]
        starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(codes) else np.zeros(0, dtype=int)
        counts = np.diff(np.r_[starts, len(codes)])
        return cls(codes, order, starts, counts, frame[list(keys)].iloc[order[starts]].reset_index(drop=True))

    def quantiles(self, values: np.ndarray, quantiles: Mapping[str, float], log: bool = False) -> dict[str, np.ndarray]:
        """Quantiles of the values of every group, as in `quantiles_by`: name → `groups`."""
        ascending, starts = self._ascending(values)
        found = {}
        for name, quantile in quantiles.items():
            place = quantile * (self.counts - 1)
            below = ascending[starts + np.floor(place).astype(int)]
            above = ascending[starts + np.ceil(place).astype(int)]
            found[name] = _between(below, above, place - np.floor(place), log)
        return found

    def _ascending(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The values of each group in ascending order, NaN last, and where each group begins."""
        most = int(self.counts.max(initial=0))
        if most * len(self.counts) > _RAGGED * len(values):
            return values[np.lexsort((values, self.codes))], self.starts
        # a row a group, filled up with NaN, which comes last; much faster than to sort all values at once
        table = np.full((len(self.counts), most), np.nan)
        row = np.repeat(np.arange(len(self.counts)), self.counts)
        table[row, np.arange(len(values)) - self.starts[row]] = values[self.order]
        table.sort(axis=1)
        return table.ravel(), np.arange(len(self.counts)) * most


def quantiles_by(
    frame: pd.DataFrame, keys: Sequence[str], value: str, quantiles: Mapping[str, float], *, log: bool = False
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
    groups = Groups.of(frame, keys)
    found = groups.quantiles(frame[value].to_numpy(dtype=float, na_value=np.nan), quantiles, log)
    return groups.keys.assign(count=groups.counts, **found)


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
