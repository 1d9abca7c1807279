"""How often clipping fired: the share of training steps in every group, a dot for every run."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from gradlab.figures.clipping import fired
from gradlab.figures.figure import Figure, empty_figure
from gradlab.figures.groups import groups_of, with_group
from gradlab.figures.selection import require
from gradlab.figures.text import plain, short
from gradlab.figures.theme import GROUPS_DRAWN, Theme, ThemeName, new_figure, theme_named

TITLE = "How often clipping fired"


def clipping_share_data(frame: pd.DataFrame, *, by: Sequence[str] = ()) -> pd.DataFrame:
    """The share of training steps at which clipping fired, run by run.

    Args:
        frame: the table `steps`, of one or more runs.
        by: columns (settings such as `model.cell`) whose values make a group; all runs together when empty.

    Returns:
        One row a run: `group`, `run`, `steps`, `fired` (how many of them), `share` (0 to 1),
        `smallest_coefficient` and `largest_norm` (NaN or ∞ where the run met one). Raises ValueError when
        columns are missing.
    """
    columns = ["group", "run", "steps", "fired", "share", "clips", "smallest_coefficient", "largest_norm"]
    if not require(frame, ("step", "clip_fired"), "steps"):
        return pd.DataFrame(columns=columns)
    frame = with_group(frame, by)
    frame = frame.assign(fired=fired(frame["clip_fired"]))
    for name in ("clip_coefficient", "clip_threshold", "grad_norm"):
        values = frame[name] if name in frame.columns else pd.Series(np.nan, index=frame.index)
        frame[name] = values.to_numpy(dtype=float, na_value=np.nan)
    data = frame.groupby(["group", "run"], observed=True, sort=True).agg(
        steps=("step", "size"),
        fired=("fired", "sum"),
        clips=("clip_threshold", "count"),
        smallest_coefficient=("clip_coefficient", "min"),
        largest_norm=("grad_norm", lambda norms: norms.max(skipna=False)),
    )
    data["share"] = data["fired"] / data["steps"]
    data["clips"] = (data["clips"] > 0) | (data["fired"] > 0)
    return data.reset_index()[columns]


def clipping_share_figure(data: pd.DataFrame, *, theme: ThemeName | Theme = "light") -> go.Figure:
    """Draw what `clipping_share_data` returns."""
    look = theme_named(theme)
    if not len(data):
        return empty_figure(look, TITLE, "No training step has been recorded here yet.")
    data = data[data["clips"].astype(bool)]
    if not len(data):
        return empty_figure(look, TITLE, "No run here clips its gradient.")
    names, note = groups_of(data, GROUPS_DRAWN)
    figure = new_figure(look, TITLE, 130 + 44 * len(names))
    for place, name in enumerate(names):
        rows, style = data[data["group"].astype(str) == name], look.style(place)
        median = float(rows["share"].median())
        figure.add_trace(
            go.Bar(
                x=[median],
                y=[place],
                orientation="h",
                width=0.6,
                showlegend=False,
                marker={"color": style.band(0.45), "line": {"color": style.colour, "width": 1.5}},
                text=[f"{median:.0%}"],
                textposition="auto",
                insidetextanchor="start",
                textfont={"color": look.text},
                cliponaxis=False,
                hovertemplate=f"{plain(name)}: median %{{x:.1%}} of the steps<extra></extra>",
            )
        )
        shown = rows if len(rows) <= 200 else rows.sort_values("share").iloc[:: -(-len(rows) // 200)]
        spread = np.linspace(-0.18, 0.18, len(shown)) if len(shown) > 1 else np.zeros(1)
        figure.add_trace(
            go.Scatter(
                x=shown["share"],
                y=place + spread,
                yaxis="y2",
                mode="markers",
                showlegend=False,
                marker={"symbol": style.symbol, "size": 7, "color": style.colour, "line": {"width": 1}},
                text=[plain(run) for run in shown["run"]],
                hovertemplate="run %{text}: %{x:.1%} of the steps<extra></extra>",
            )
        )
    span = [len(names) - 0.5, -0.5]
    figure.update_layout(
        xaxis={
            "title": {"text": "share of training steps" + (f" ({note})" if note else "")},
            "range": [-0.01, min(1.12, max(0.05, float(data["share"].max()) * 1.15))],
            "tickformat": ".0%",
        },
        yaxis={
            "range": span,
            "showgrid": False,
            "tickvals": list(range(len(names))),
            "ticktext": [short(name, 28) for name in names],
        },
        yaxis2={"range": span, "overlaying": "y", "visible": False, "fixedrange": True},
    )
    return figure


def clipping_share(frame: pd.DataFrame, *, theme: ThemeName | Theme = "light", **selection: Any) -> go.Figure:
    """The share of training steps at which clipping fired, a bar a group and a dot a run.

    How to read it: each bar is the median over a group's runs, each dot one run. Near 0 % the threshold only
    catches rare spikes; near 100 % clipping has become the learning rate, because every step is cut to the
    same length.

    Args:
        frame: the table `steps`.
        theme: `light` or `dark`.
        selection: groups, as in `clipping_share_data`.

    Returns:
        A plotly figure; with a message in it where nothing was recorded.
    """
    return clipping_share_figure(clipping_share_data(frame, **selection), theme=theme)


def describe(data: pd.DataFrame) -> str:
    """What the picture holds, for readers who cannot see it."""
    if not len(data):
        return f"{TITLE}: nothing recorded yet."
    medians = data[data["clips"].astype(bool)].groupby("group", observed=True)["share"].median()
    if not len(medians):
        return f"{TITLE}: no run here clips its gradient."
    return f"{TITLE}: " + "; ".join(f"{name}: {share:.0%} of the steps" for name, share in medians.items()) + "."


CLIPPING_SHARE = Figure(
    "clipping_share", TITLE, "steps", clipping_share_data, clipping_share_figure, clipping_share, describe
)
