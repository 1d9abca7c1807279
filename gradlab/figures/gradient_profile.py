"""The gradient's profile: ‖∂L/∂h_t‖ over time at one training step, a line a group, with its spread."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from gradlab.figures.figure import Figure, empty_figure
from gradlab.figures.groups import groups_of, with_group
from gradlab.figures.marks import Scale, band, edge_marks, line, once_in_legend, upright
from gradlab.figures.order import quantiles_by
from gradlab.figures.selection import at_step, drop_unmeasured_runs, one_pass, require
from gradlab.figures.text import count_of, formula, plain, short
from gradlab.figures.theme import GROUPS_DRAWN, LineStyle, Theme, ThemeName, new_figure, theme_named
from gradlab.quantities import TIMESTEPS

TITLE = "Gradient over the sequence"
SPREAD = {"low": 0.1, "median": 0.5, "high": 0.9}


def gradient_profile_data(
    frame: pd.DataFrame,
    *,
    step: int | None = None,
    by: Sequence[str] = (),
    module: str | None = None,
    call: int | None = None,
    layer: int | None = None,
    direction: int | None = None,
    quantity: str = "grad_h",
) -> pd.DataFrame:
    """Median and spread over the runs of each group, at every time step.

    Args:
        frame: the table `timesteps`, of one or more runs.
        step: training step; every run gives its recorded step nearest to it, its last one when not given.
        by: columns (settings such as `model.cell`) whose values make a group; all runs together when empty.
        module: which recurrent module; the first when not given, as for the other axes.
        call: which unbroken sequence of the training step.
        layer: which layer.
        direction: 0 forward, 1 backward.
        quantity: `grad_h`, `grad_c`, `grad_x` or `weight_gradient_norm`.

    Returns:
        Columns `group`, `t`, `runs`, `first_step` and `last_step` (of the runs in the group), `low` (10 %),
        `median`, `high` (90 %) and `quantity`. NaN counts as larger than everything. Raises ValueError for
        columns or choices that the frame lacks.
    """
    columns = ["group", "t", "runs", "first_step", "last_step", *SPREAD, "quantity"]
    if not require(frame, ("step", "t", quantity), "timesteps"):
        return pd.DataFrame(columns=columns)
    frame = drop_unmeasured_runs(frame, quantity)
    frame = with_group(one_pass(frame, module=module, call=call, layer=layer, direction=direction), by)
    frame = at_step(frame, step)
    data = quantiles_by(frame, ("group", "t"), quantity, SPREAD, log=True).rename(columns={"count": "runs"})
    steps = frame.groupby("group", observed=True)["step"].agg(["min", "max"])
    data["first_step"] = data["group"].map(steps["min"]).astype(int)
    data["last_step"] = data["group"].map(steps["max"]).astype(int)
    data["quantity"] = quantity
    return data[columns]


def gradient_profile_figure(
    data: pd.DataFrame, *, theme: ThemeName | Theme = "light", demanded_lag: int | None = None
) -> go.Figure:
    """Draw what `gradient_profile_data` returns; `demanded_lag` marks what the task needs."""
    look = theme_named(theme)
    if not len(data):
        return empty_figure(look, TITLE, "No gradient has been recorded here yet.")
    figure = new_figure(look, _title(data), 460)
    scale = Scale.fit(data["low"], data["median"], data["high"], log=True)
    names, note = groups_of(data, GROUPS_DRAWN)
    for index, name in enumerate(names):
        _draw_group(figure, data[data["group"].astype(str) == name], name, look.style(index), scale, index / len(names))
    if demanded_lag is not None:
        _draw_demand(figure, int(data["t"].max()) - demanded_lag, data, look)
    once_in_legend(figure)
    figure.update_xaxes(title_text="time step t" + (f" ({note})" if note else ""))
    figure.update_yaxes(**scale.axis(formula(TIMESTEPS[str(data["quantity"].iloc[0])].label)))
    return figure


def gradient_profile(
    frame: pd.DataFrame,
    *,
    theme: ThemeName | Theme = "light",
    demanded_lag: int | None = None,
    **selection: Any,
) -> go.Figure:
    """The gradient over time at one training step, one line a group.

    How to read it: the loss sits at the right end and the gradient travels to the left; each line is the
    median of a group's runs, its band holds the middle 80 % of them. A line that falls to the left by a
    factor at every step is a vanishing gradient, one that rises is an exploding one, and a level one carries
    the signal all the way.

    Args:
        frame: the table `timesteps`.
        theme: `light` or `dark`.
        demanded_lag: how many steps back the task needs the gradient; drawn as a line.
        selection: what to look at, as in `gradient_profile_data`.

    Returns:
        A plotly figure; with a message in it where nothing was recorded.
    """
    return gradient_profile_figure(gradient_profile_data(frame, **selection), theme=theme, demanded_lag=demanded_lag)


def _draw_group(figure: go.Figure, rows: pd.DataFrame, name: str, style: LineStyle, scale: Scale, lane: float) -> None:
    full = plain(name)
    t, median = rows["t"].to_numpy(), rows["median"].to_numpy(dtype=float)
    figure.add_traces(band(t, rows["low"], rows["high"], scale, style, legendgroup=full))
    figure.add_trace(
        line(
            t,
            median,
            scale,
            style,
            name=short(name),
            legendgroup=full,
            hovertemplate=f"{full}<br>t = %{{x}}: %{{y:.3g}}"
            f"<extra>median of {count_of(rows['runs'].max(), 'run')}</extra>",
        )
    )
    figure.add_traces(edge_marks(t, median, scale, style, full, lane))


def _draw_demand(figure: go.Figure, t: int, data: pd.DataFrame, look: Theme) -> None:
    """A line at the time step that the task needs."""
    first, last = data["t"].min(), data["t"].max()
    if first <= t <= last:
        upright(figure, t, "the task needs it to reach here", look, right=t > (first + last) / 2)


def _title(data: pd.DataFrame) -> str:
    first, last = int(data["first_step"].min()), int(data["last_step"].max())
    return f"{TITLE} (training step {first:,}{f' to {last:,}' if last != first else ''})"


def describe(data: pd.DataFrame) -> str:
    """What the picture holds, for readers who cannot see it."""
    if not len(data):
        return f"{TITLE}: nothing recorded yet."
    ends = data.sort_values("t").groupby("group", observed=True)["median"].agg(["first", "last"])
    words = "; ".join(
        f"{name}: {first:.2g} at the start, {last:.2g} at the end" for name, first, last in ends.itertuples()
    )
    return f"{TITLE}, {count_of(int(np.size(np.unique(data['t']))), 'time step')}. {words}."


GRADIENT_PROFILE = Figure(
    "gradient_profile",
    TITLE,
    "timesteps",
    gradient_profile_data,
    gradient_profile_figure,
    gradient_profile,
    describe,
)
