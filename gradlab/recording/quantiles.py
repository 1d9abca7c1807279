"""Quantiles over the sequences of a batch, in which NaN counts as larger than everything and padding not at all."""

from __future__ import annotations

import numpy as np

LEVELS = {"": 0.5, "_low": 0.1, "_high": 0.9}
"""Suffix of a quantity's name, and its quantile."""


def over_sequences(values: np.ndarray, real: np.ndarray, level: float) -> np.ndarray:
    """The quantile of each row of `time batch`, linear between neighbours; NaN for a row without a real step."""
    counted = np.sort(np.where(real, np.where(np.isnan(values), np.inf, values), np.inf), axis=1)
    has_nan = (np.isnan(values) & real).sum(1)
    n = real.sum(1)
    position = level * np.maximum(n - 1, 0)
    below, above = np.floor(position).astype(int), np.ceil(position).astype(int)
    rows = np.arange(len(values))
    low, high = counted[rows, below], counted[rows, above]
    with np.errstate(invalid="ignore"):
        result = np.where(low == high, low, low + (position - below) * (high - low))
    # between −∞ (the logarithm of zero) and a number there is nothing
    result = np.where(np.isneginf(low), low, result)
    # Where the upper neighbour is one of the NaNs, or there is nothing to rank, the quantile is NaN.
    return np.where((n == 0) | (above >= n - has_nan), np.nan, result)
