"""One run, one layer, one sequence out of a table: what a figure of a single pass looks at."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd


def require(frame: pd.DataFrame, columns: Sequence[str], table: str) -> bool:
    """Whether there is anything to draw; raises ValueError when rows are there but columns are not."""
    if not len(frame):
        return False
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise ValueError(
            f"expected a frame of the table {table!r} with the columns {list(columns)}, "
            f"got {list(frame.columns)}; {missing} is missing"
        )
    return True


def one_pass(frame: pd.DataFrame, **chosen: Any) -> pd.DataFrame:
    """The rows of one value of each axis: the chosen one, or the first that the frame holds.

    Args:
        frame: rows of a table; axes that it lacks are left alone.
        chosen: axis → value, None for the first one.

    Returns:
        The rows; raises ValueError for a value that the frame does not hold.
    """
    for axis, value in chosen.items():
        if axis not in frame.columns or not len(frame):
            continue
        known = frame[axis].unique()
        if value is None:
            value = known[0] if axis == "run" else sorted(known)[0]
        elif value not in set(known):
            shown = ", ".join(str(item) for item in list(known)[:8]) + (", …" if len(known) > 8 else "")
            raise ValueError(f"expected {axis} to be one of {shown}, got {value!r}")
        if len(known) > 1:
            frame = frame[frame[axis] == value]
    return frame


def drop_unmeasured_runs(frame: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """Without the runs that never measured the quantity (an RNN has no cell state).

    A run whose hidden gradient is NaN throughout is kept: that one is always measured, so its NaN are news.
    """
    if quantity == "grad_h" or not len(frame):
        return frame
    known = frame[quantity].notna()
    if "run" not in frame.columns:
        return frame if known.any() else frame.iloc[:0]
    return frame[frame["run"].isin(frame.loc[known, "run"].unique())]


def at_step(frame: pd.DataFrame, step: int | None) -> pd.DataFrame:
    """Of every run the rows of one recorded training step: the nearest to the one asked for, or its last."""
    if not len(frame):
        return frame.reset_index(drop=True)
    runs, steps = pd.factorize(frame["run"])[0], frame["step"].to_numpy()
    distance = -steps if step is None else np.abs(steps - step)
    least = np.full(runs.max() + 1, distance.max())
    np.minimum.at(least, runs, distance)
    # of two steps that are as near the one that was recorded first
    nearest = np.flatnonzero(distance == least[runs])
    known, first = np.unique(runs[nearest], return_index=True)
    chosen = np.zeros_like(least)
    chosen[known] = steps[nearest[first]]
    return frame[steps == chosen[runs]].reset_index(drop=True)
