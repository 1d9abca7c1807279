"""Largest singular value and largest |eigenvalue| of the recurrent matrices over training."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from gradlab.figures.figure import Figure, empty_figure
from gradlab.figures.groups import with_group
from gradlab.figures.marks import level
from gradlab.figures.panels import SPREAD, Panel, panels_figure, spread_over_runs
from gradlab.figures.selection import require
from gradlab.figures.text import number_in_words
from gradlab.figures.theme import Theme, ThemeName, theme_named
from gradlab.quantities import PARAMETERS

TITLE = "Recurrent weights over training"
QUANTITIES = ("spectral_norm", "spectral_radius")
PANELS = tuple(Panel(name, PARAMETERS[name].label, log=True) for name in QUANTITIES)


def recurrent_weights_data(frame: pd.DataFrame, *, by: Sequence[str] = ()) -> pd.DataFrame:
    """Median and spread of σ_max(W) and ρ(W) over the runs and recurrent matrices of each group.

    Args:
        frame: the table `parameters`, of one or more runs.
        by: columns (settings such as `model.cell`, or `parameter`) whose values make a group; all together when
            empty.

    Returns:
        Columns `quantity` (`spectral_norm`, `spectral_radius`), `group`, `step`, `runs` (matrices that count),
        `low` (10 %), `median` and `high` (90 %). Parameters that are no recurrent matrix are left out, and steps at
        which none was decomposed; where the column `weight_norm` says that the weights were lost, NaN stays. Raises
        ValueError when columns are missing.
    """
    columns = ["quantity", "group", "step", "runs", *SPREAD]
    if not require(frame, ("step", "parameter", "spectral_norm"), "parameters"):
        return pd.DataFrame(columns=columns)
    known = frame["spectral_norm"].notna()
    if "weight_norm" in frame.columns:
        # a decomposition is made at some of the recorded steps only: NaN is news where the weights themselves are
        # no longer finite; throughout, it is news of a recurrent matrix, and nothing of a bias
        lost = ~np.isfinite(frame["weight_norm"].to_numpy(dtype=float, na_value=np.nan))
        recurrent = known.groupby(frame["parameter"], observed=True).transform("any")
        if not recurrent.any():
            recurrent = frame["parameter"].astype(str).str.contains("weight_hh")
        known |= recurrent & lost
    # without the weights' norm nothing tells a lost matrix from one that was not decomposed
    frame = frame[known]
    if not len(frame):
        return pd.DataFrame(columns=columns)
    frame = with_group(frame, by).sort_values("step")
    parts = []
    for name in QUANTITIES:
        if name not in frame.columns:
            continue
        # the spectral radius is of square blocks only
        other = frame["spectral_norm"].notna() & frame[name].isna()
        parts.append(spread_over_runs(frame[~other] if other.any() else frame, "step", {name: True}))
    return pd.concat(parts, ignore_index=True)[columns]


def recurrent_weights_figure(data: pd.DataFrame, *, theme: ThemeName | Theme = "light") -> go.Figure:
    """Draw what `recurrent_weights_data` returns."""
    look = theme_named(theme)
    if not len(data):
        return empty_figure(look, TITLE, "No recurrent matrix has been recorded here yet.")
    figure = panels_figure(data, PANELS, "step", look=look, title=TITLE, x_title="training step")
    for number in range(data["quantity"].nunique()):
        suffix = "" if number == 0 else str(number + 1)
        axis = figure.layout[f"yaxis{suffix}"]
        if axis.range[0] < 0 < axis.range[1]:
            level(figure, 1.0, "1", look, log=True, xaxis=f"x{suffix}", yaxis=f"y{suffix}")
    return figure


def recurrent_weights(frame: pd.DataFrame, *, theme: ThemeName | Theme = "light", **selection: Any) -> go.Figure:
    """Largest singular value and spectral radius of the recurrent matrices, one line a group.

    How to read it: without a nonlinearity or gates a step multiplies a gradient by at most σ_max(W), and in the long
    run by ρ(W). Below the dashed 1 it must vanish in a plain RNN; far above it may explode. A line that climbs
    during training says that the net is moving towards explosion.

    Args:
        frame: the table `parameters`.
        theme: `light` or `dark`.
        selection: groups, as in `recurrent_weights_data`.

    Returns:
        A plotly figure; with a message in it where nothing was recorded.
    """
    return recurrent_weights_figure(recurrent_weights_data(frame, **selection), theme=theme)


def describe(data: pd.DataFrame) -> str:
    """What the picture holds, for readers who cannot see it."""
    rows = data[data["quantity"] == "spectral_norm"] if len(data) else data
    if not len(rows):
        return f"{TITLE}: nothing recorded yet."
    ends = rows.astype({"group": str}).sort_values("step").groupby("group").tail(1).to_dict("records")
    words = "; ".join(f"{row['group']}: σ_max ends at {number_in_words(row['median'])}" for row in ends)
    return f"{TITLE}. {words}."


RECURRENT_WEIGHTS = Figure(
    "recurrent_weights",
    TITLE,
    "parameters",
    recurrent_weights_data,
    recurrent_weights_figure,
    recurrent_weights,
    describe,
)
