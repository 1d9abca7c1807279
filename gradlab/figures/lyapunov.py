"""Lyapunov exponents by index, with their standard errors, the spread over runs, and theory where there is one."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from gradlab.figures.figure import Figure, empty_figure
from gradlab.figures.group_lines import draw_groups
from gradlab.figures.groups import groups_of, with_group
from gradlab.figures.marks import Scale, line, once_in_legend
from gradlab.figures.order import quantiles_by
from gradlab.figures.panels import SPREAD, spread_over_runs, titled
from gradlab.figures.selection import at_step, one_pass, require
from gradlab.figures.text import formula, number_in_words, plain
from gradlab.figures.theme import GROUPS_DRAWN, LineStyle, Theme, ThemeName, new_figure, theme_named
from gradlab.quantities import LYAPUNOV

TITLE = "Lyapunov exponents"
_BARS = 400
"""At most so many error bars a group."""


def lyapunov_data(
    frame: pd.DataFrame,
    *,
    step: int | None = None,
    by: Sequence[str] = (),
    module: str | None = None,
    call: int | None = None,
    layer: int | None = None,
    direction: int | None = None,
) -> pd.DataFrame:
    """Median and spread of every exponent over the runs of each group.

    Args:
        frame: the table `lyapunov`, of one or more runs.
        step: training step; every run gives its recorded step nearest to it, its last one when not given.
        by: columns (settings such as `model.cell`) whose values make a group; all runs together when empty.
        module: which recurrent module; the first when not given, as for the other axes.
        call: which unbroken sequence of the training step.
        layer: which layer.
        direction: 0 forward, 1 backward.

    Returns:
        Columns `group`, `index` (0 is the largest), `runs`, `first_step`, `last_step`, `low` (10 %), `median`,
        `high` (90 %) and `standard_error` (median over the runs), in nats a step. Raises ValueError for columns
        or choices that the frame lacks.
    """
    columns = ["group", "index", "runs", "first_step", "last_step", *SPREAD, "standard_error"]
    if not require(frame, ("step", "index", "exponent", "standard_error"), "lyapunov"):
        return pd.DataFrame(columns=columns)
    frame = with_group(one_pass(frame, module=module, call=call, layer=layer, direction=direction), by)
    frame = at_step(frame, step)
    data = spread_over_runs(frame, "index", {"exponent": False})
    errors = quantiles_by(frame, ("group", "index"), "standard_error", {"standard_error": 0.5})
    data["standard_error"] = errors["standard_error"]
    return data[columns]


def lyapunov_figure(
    data: pd.DataFrame, *, theme: ThemeName | Theme = "light", theory: Sequence[float] | None = None
) -> go.Figure:
    """Draw what `lyapunov_data` returns; `theory` is a line of exponents by index, in nats a step."""
    look = theme_named(theme)
    if not len(data):
        return empty_figure(look, TITLE, "No Lyapunov exponent has been recorded here yet.")
    figure = new_figure(look, titled(TITLE, data), 460)
    expected = np.asarray([] if theory is None else theory, dtype=float)
    scale = Scale.fit(data["low"], data["median"], data["high"], expected, log=False, include=(0.0,))
    names, note = groups_of(data, GROUPS_DRAWN)
    figure.add_hline(y=0, line={"color": look.muted, "dash": "dash", "width": 1.5})
    for place, name in enumerate(names):
        figure.add_traces(_error_bars(data[data["group"].astype(str) == name], look.style(place), plain(name)))
    draw_groups(figure, data, "index", scale, look, hover="index %{x}: %{y:.4g} nats/step", names=names)
    if len(expected):
        style = LineStyle(look.text, "longdash", "circle")
        drawn = line(np.arange(len(expected)), expected, scale, style, name="theory", width=1.8)
        drawn.mode = "lines"
        figure.add_trace(drawn)
    once_in_legend(figure)
    figure.update_xaxes(title_text="index, from the largest" + (f" ({note})" if note else ""))
    figure.update_yaxes(**scale.axis(formula(LYAPUNOV["exponent"].label)))
    return figure


def lyapunov(
    frame: pd.DataFrame,
    *,
    theme: ThemeName | Theme = "light",
    theory: Sequence[float] | None = None,
    **selection: Any,
) -> go.Figure:
    """All Lyapunov exponents in order, one line a group, with standard errors.

    How to read it: exponents are rates in nats a step; above the dashed zero a direction grows and small changes
    spread, below it is forgotten, e-fold every 1/|λ| steps. Lines are medians of a group's runs, bands the middle
    80 % of them, the upright bars one standard error of a single run.

    Args:
        frame: the table `lyapunov`.
        theme: `light` or `dark`.
        theory: exponents by index to lay over, for instance `MeanField(…).exponents_of(states)`.
        selection: what to look at, as in `lyapunov_data`.

    Returns:
        A plotly figure; with a message in it where nothing was recorded.
    """
    return lyapunov_figure(lyapunov_data(frame, **selection), theme=theme, theory=theory)


def _error_bars(rows: pd.DataFrame, style: LineStyle, owner: str) -> list[go.Scatter]:
    """One upright stroke an exponent, all in one trace; none where the error is not known."""
    index, median, error = (rows[name].to_numpy(dtype=float) for name in ("index", "median", "standard_error"))
    places = np.flatnonzero(np.isfinite(median) & np.isfinite(error))
    if not len(places):
        return []
    places = places[np.unique(np.linspace(0, len(places) - 1, min(len(places), _BARS)).astype(int))]
    gap = np.full(len(places), np.nan)
    return [
        go.Scatter(
            x=np.column_stack((index[places], index[places], gap)).ravel(),
            y=np.column_stack((median[places] - error[places], median[places] + error[places], gap)).ravel(),
            mode="lines",
            line={"color": style.colour, "width": 1.2},
            hoverinfo="skip",
            showlegend=False,
            legendgroup=owner,
        )
    ]


def describe(data: pd.DataFrame) -> str:
    """What the picture holds, for readers who cannot see it."""
    if not len(data):
        return f"{TITLE}: nothing recorded yet."
    largest = data.sort_values("index").astype({"group": str}).groupby("group").head(1).to_dict("records")
    words = "; ".join(f"{row['group']}: largest {number_in_words(row['median'])} nats a step" for row in largest)
    return f"{TITLE}. {words}."


LYAPUNOV_FIGURE = Figure("lyapunov", TITLE, "lyapunov", lyapunov_data, lyapunov_figure, lyapunov, describe)
