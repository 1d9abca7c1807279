"""The gradient's profile: ‖∂L/∂h_t‖ over time at one training step, a line a group, with its spread."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from gradlab.figures.figure import Figure, empty_figure
from gradlab.figures.group_lines import draw_groups
from gradlab.figures.groups import with_group
from gradlab.figures.marks import Scale, demand, once_in_legend
from gradlab.figures.panels import SPREAD, spread_over_runs, titled
from gradlab.figures.selection import at_step, drop_unmeasured_runs, one_pass, require
from gradlab.figures.text import count_of, formula
from gradlab.figures.theme import Theme, ThemeName, new_figure, theme_named
from gradlab.quantities import TIMESTEPS

TITLE = "Gradient over the sequence"


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
    return spread_over_runs(at_step(frame, step), "t", {quantity: True})[columns]


def gradient_profile_figure(
    data: pd.DataFrame, *, theme: ThemeName | Theme = "light", demanded_lag: int | None = None
) -> go.Figure:
    """Draw what `gradient_profile_data` returns; `demanded_lag` marks what the task needs."""
    look = theme_named(theme)
    if not len(data):
        return empty_figure(look, TITLE, "No gradient has been recorded here yet.")
    figure = new_figure(look, titled(TITLE, data), 460)
    scale = Scale.fit(data["low"], data["median"], data["high"], log=True)
    note = draw_groups(figure, data, "t", scale, look, hover="t = %{x}: %{y:.3g}")
    if demanded_lag is not None:
        demand(figure, int(data["t"].max()) - demanded_lag, data["t"], look)
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
