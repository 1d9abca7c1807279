"""Bias of the truncated gradient against its window, with the decay that the largest Lyapunov exponent predicts."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from gradlab.figures.figure import Figure, empty_figure
from gradlab.figures.groups import groups_of, with_group
from gradlab.figures.marks import once_in_legend
from gradlab.figures.panels import SPREAD, Panel, panels_figure, spread_over_runs, titled
from gradlab.figures.selection import at_step, require
from gradlab.figures.text import number_in_words, plain
from gradlab.figures.theme import GROUPS_DRAWN, Theme, ThemeName, theme_named
from gradlab.quantities import TRUNCATION as TABLE

TITLE = "Bias of the truncated gradient"
ALL = "all"
"""The row of all parameters together."""
PREDICTED = "predicted_error"
QUANTITIES = ("relative_error", "cosine", "sign_agreement")
PANELS = tuple(Panel(name, TABLE[name].label, log=TABLE[name].log) for name in QUANTITIES)


def truncation_data(
    frame: pd.DataFrame, *, step: int | None = None, by: Sequence[str] = (), parameter: str = ALL
) -> pd.DataFrame:
    """Median and spread over the runs of each group, of the bias at every window.

    Args:
        frame: the table `truncation`, of one or more runs.
        step: training step; every run gives its measured step nearest to it, its last one when not given.
        by: columns (settings such as `model.cell`) whose values make a group; all runs together when empty.
        parameter: which parameter's gradient; all together when not given.

    Returns:
        Columns `quantity` (`relative_error`, `cosine`, `sign_agreement`, and `predicted_error`, e^{λ₁K}, with its
        unknown factor chosen so that it meets the measured bias at the smallest window), `group`, `window`, `runs`,
        `first_step`, `last_step`, `low` (10 %), `median` and `high` (90 %). Raises ValueError for columns or choices
        that the frame lacks.
    """
    columns = ["quantity", "group", "window", "runs", "first_step", "last_step", *SPREAD]
    if not require(frame, ("step", "parameter", "window", "relative_error"), "truncation"):
        return pd.DataFrame(columns=columns)
    known = frame["parameter"].astype(str)
    if parameter not in set(known):
        raise ValueError(f"expected parameter to be one of {', '.join(sorted(set(known))[:8])}, got {parameter!r}")
    frame = with_group(frame[known == parameter], by)
    quantities = {name: TABLE[name].log for name in (*QUANTITIES, PREDICTED) if name in frame.columns}
    data = spread_over_runs(at_step(frame, step), "window", quantities)
    return _fitted(data).sort_values(["quantity", "group", "window"], ignore_index=True)[columns]


def _fitted(data: pd.DataFrame) -> pd.DataFrame:
    """The prediction, which is known up to a factor, put on the measured bias of the smallest window."""
    kept = data[data["quantity"] != PREDICTED]
    parts = [kept]
    for group, rows in data[data["quantity"] == PREDICTED].groupby("group", observed=True):
        measured = kept[(kept["quantity"] == "relative_error") & (kept["group"] == group)].set_index("window")["median"]
        rows = rows.sort_values("window")
        predicted = rows["median"].to_numpy(dtype=float)
        there = measured.reindex(rows["window"]).to_numpy(dtype=float)
        usable = np.isfinite(predicted) & (predicted > 0) & np.isfinite(there) & (there > 0)
        if usable.any():
            place = int(usable.argmax())
            fitted = predicted * (there[place] / predicted[place])
            parts.append(rows.assign(low=fitted, median=fitted, high=fitted))
    return pd.concat(parts, ignore_index=True)


def truncation_figure(data: pd.DataFrame, *, theme: ThemeName | Theme = "light") -> go.Figure:
    """Draw what `truncation_data` returns."""
    look = theme_named(theme)
    if not len(data):
        return empty_figure(look, TITLE, "No truncation bias has been recorded here yet.")
    figure = panels_figure(
        data, PANELS, "window", look=look, title=titled(TITLE, data), x_title="window K (time steps)"
    )
    names, _ = groups_of(data, GROUPS_DRAWN)
    for index, name in enumerate(names):
        rows = data[(data["quantity"] == PREDICTED) & (data["group"].astype(str) == name)]
        values = rows["median"].to_numpy(dtype=float)
        drawable = np.isfinite(values) & (values > 0)
        if drawable.any():
            figure.add_trace(
                go.Scatter(
                    x=rows["window"].to_numpy()[drawable],
                    y=values[drawable],
                    mode="lines",
                    line={"color": look.style(index).colour, "dash": "dot", "width": 1.5},
                    name="∝ e<sup>λ₁K</sup>",
                    legendgroup="predicted",
                    legendrank=1900,
                    hovertemplate=f"{plain(name)}<br>predicted at K = %{{x}}: %{{y:.3g}}<extra></extra>",
                )
            )
    windows = data["window"].to_numpy(dtype=float)
    if windows.min() > 0 and windows.max() > 20 * windows.min():
        ticks = np.unique(windows)
        apart = 0.07 * np.log(windows.max() / windows.min())
        # of two that would run into each other, the larger; on a phone ticks would else stand on their heads
        named = np.append(np.diff(np.log(ticks)) >= apart, True)
        words = [f"{tick:,.0f}" if shown else "" for tick, shown in zip(ticks, named, strict=True)]
        figure.update_xaxes(type="log", tickvals=ticks, ticktext=words, tickangle=0)
    once_in_legend(figure)
    return figure


def truncation(frame: pd.DataFrame, *, theme: ThemeName | Theme = "light", **selection: Any) -> go.Figure:
    """How wrong a gradient is that was cut off after K steps, one line a group.

    How to read it: uppermost the relative bias, ‖g_K − g‖/‖g‖: at 1 the cut gradient has nothing of the full one, at
    0.1 it is off by a tenth. The dotted line falls as fast as the largest Lyapunov exponent lets it, from the
    smallest window on. Below, the cosine with the full gradient: under 0 training goes the wrong way.

    Args:
        frame: the table `truncation`.
        theme: `light` or `dark`.
        selection: what to look at, as in `truncation_data`.

    Returns:
        A plotly figure; with a message in it where nothing was recorded.
    """
    return truncation_figure(truncation_data(frame, **selection), theme=theme)


def describe(data: pd.DataFrame) -> str:
    """What the picture holds, for readers who cannot see it."""
    rows = data[data["quantity"] == "relative_error"] if len(data) else data
    if not len(rows):
        return f"{TITLE}: nothing recorded yet."
    words = []
    for name, own in rows.astype({"group": str}).sort_values("window").groupby("group"):
        first, last = own.iloc[0], own.iloc[-1]
        words.append(
            f"{name}: {number_in_words(first['median'])} with a window of {first['window']}, "
            f"{number_in_words(last['median'])} with {last['window']}"
        )
    return f"{TITLE}. {'; '.join(words)}."


TRUNCATION_FIGURE = Figure("truncation", TITLE, "truncation", truncation_data, truncation_figure, truncation, describe)
