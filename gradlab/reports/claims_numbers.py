"""The number that each run gives for a claim: a fact, or recorded rows reduced to one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from gradlab.quantities import TABLES
from gradlab.reports.growth import growth
from gradlab.reports.reach import reach
from gradlab.store.run import RunInfo

_PASS = ("step", "module", "call", "layer", "direction")
REDUCTIONS: dict[str, Callable[[np.ndarray], Any]] = {
    "median": np.median, "mean": np.mean, "min": np.min, "max": np.max, "sum": np.sum,
}  # fmt: skip
SHORT = {
    "reach": "reach",
    "remaining_gradient": "‖∂L/∂h‖ at the far end over its maximum",
    "growth": "growth of ‖∂L/∂h‖ a step back",
}


def meets(settings: Mapping[str, Any], where: Mapping[str, Any]) -> bool:
    """Whether a run with these settings is meant; a list allows each of its values."""
    for key, wanted in where.items():
        allowed = wanted if isinstance(wanted, list | tuple) else [wanted]
        if key not in settings or not any(_equal(settings[key], value) for value in allowed):
            return False
    return True


def number_of(run: RunInfo, measure: Mapping[str, Any]) -> float:
    """What a run gives for a measure; NaN when it has not recorded it or the number is none."""
    table, dot, column = str(measure["quantity"]).rpartition(".")
    if dot or column in SHORT:
        value = _of_rows(run, table, column, measure)
    else:
        fact = run.facts.get(column)
        value = float(fact) if isinstance(fact, int | float) and not isinstance(fact, bool) else math.nan
    for limit, solved in (
        ("at_least", value >= _limit(measure, "at_least")),
        ("at_most", value <= _limit(measure, "at_most")),
    ):
        if measure.get(limit) is not None:
            return float(solved)  # a run without the number, one that broke, has not solved its task
    return value


def _of_rows(run: RunInfo, table: str, column: str, measure: Mapping[str, Any]) -> float:
    at = {"step": "last", **measure.get("at", {})}
    derived = column in SHORT
    axes = list(_PASS) if derived else [name for name in TABLES[table].axes if name != "run"]
    steps = run.read("timesteps" if derived else table, ["step"])["step"].to_numpy() if "step" in axes else None
    if steps is not None:
        if not len(steps):
            return math.nan
        step = {"first": steps.min(), "last": steps.max()}.get(at["step"], at["step"])
        where = {} if step == "all" else {"step": int(step)}
    else:
        where = {}
    if derived:
        frame = _derived(run, column, where)
    else:
        frame = run.read(table, [*axes, column], where).to_pandas()
    for axis, wanted in at.items():
        if axis != "step" and wanted != "all" and not frame.empty:
            value = {"first": frame[axis].min(), "last": frame[axis].max()}.get(wanted, wanted)
            frame = frame[frame[axis] == value]
    values = frame[column].astype("float64").dropna().to_numpy() if len(frame) else np.empty(0)
    return float(REDUCTIONS[measure.get("over", "median")](values)) if len(values) else math.nan


def _derived(run: RunInfo, column: str, where: Mapping[str, int]) -> pd.DataFrame:
    frame = run.read("timesteps", [*_PASS, "t", "grad_h", "nonfinite"], where).to_pandas()
    if column == "growth":
        return growth(frame)
    if column == "reach" or frame.empty:
        return reach(frame)
    # The far end: the first time step that the layer reads.
    passes = frame.groupby(list(_PASS), sort=True)
    ends = passes["t"].transform("min").where(frame["direction"] == 0, passes["t"].transform("max"))
    far = frame[frame["t"] == ends].set_index(list(_PASS))["grad_h"]
    return (far / passes["grad_h"].max()).rename(column).reset_index()


def _limit(measure: Mapping[str, Any], name: str) -> float:
    return math.nan if measure.get(name) is None else float(measure[name])


def _equal(one: Any, other: Any) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)
