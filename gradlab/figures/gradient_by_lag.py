"""How much of the gradient is left so many steps back: a line a group, and the lag that the task demands."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from gradlab.figures.figure import Figure, empty_figure
from gradlab.figures.group_lines import draw_groups
from gradlab.figures.groups import with_group
from gradlab.figures.marks import Scale, demand, level, once_in_legend
from gradlab.figures.panels import SPREAD, spread_over_runs, titled
from gradlab.figures.selection import at_step, drop_unmeasured_runs, one_pass, require
from gradlab.figures.text import count_of, number_in_words
from gradlab.figures.theme import Theme, ThemeName, new_figure, theme_named

TITLE = "What is left of the gradient, by lag"
SHARE = 0.01
"""Of the largest gradient: below it a time step has practically no say in the update."""
DECADES = 16
"""So far down the axis reaches at most: float64 has no more digits."""
_KEYS = ["run", "step", "module", "call", "layer", "direction"]


def relative_gradient(frame: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """The rows with `lag`, counted from where the layer reads last, and `share` of the pass's largest finite gradient.

    Zero stays zero, also where all of them are; infinity and NaN stay what they are.
    """
    keys = [name for name in _KEYS if name in frame.columns]
    t = frame["t"].to_numpy(dtype=np.int64)
    size = frame[quantity].to_numpy(dtype=float, na_value=np.nan)
    frame = frame[keys + ["group"]].assign(t=t, size=size, known=np.where(np.isfinite(size), size, 0.0))
    passes = frame.groupby(keys, observed=True, sort=False)
    backward = frame["direction"].to_numpy() == 1 if "direction" in keys else np.zeros(len(t), dtype=bool)
    frame["lag"] = np.where(backward, t - passes["t"].transform("min"), passes["t"].transform("max") - t)
    largest = passes["known"].transform("max").to_numpy()
    with np.errstate(invalid="ignore"):
        frame["share"] = np.where(size == 0, 0.0, size / np.where(largest > 0, largest, 1.0))
    return frame.drop(columns=["known"])


def gradient_by_lag_data(
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
    """Median and spread over the runs of each group, of the gradient at every lag over the pass's largest.

    Args:
        frame: the table `timesteps`, of one or more runs.
        step: training step; every run gives its recorded step nearest to it, its last one when not given.
        by: columns (settings such as `model.cell`) whose values make a group; all runs together when empty.
        module: which recurrent module; the first when not given, as for the other axes.
        call: which unbroken sequence of the training step.
        layer: which layer.
        direction: 0 forward, 1 backward.
        quantity: `grad_h`, `grad_c` or `weight_gradient_norm`.

    Returns:
        Columns `group`, `lag` (steps back from where the layer reads last), `runs`, `first_step`, `last_step`,
        `low` (10 %), `median`, `high` (90 %), `within`, the share of the group's runs that still have a hundredth
        there, and `quantity`. Raises ValueError for columns or choices that the frame lacks.
    """
    columns = ["group", "lag", "runs", "first_step", "last_step", *SPREAD, "within", "quantity"]
    if not require(frame, ("step", "t", quantity), "timesteps"):
        return pd.DataFrame(columns=columns)
    frame = drop_unmeasured_runs(frame, quantity)
    frame = with_group(one_pass(frame, module=module, call=call, layer=layer, direction=direction), by)
    shares = relative_gradient(at_step(frame, step), quantity)
    data = spread_over_runs(shares, "lag", {"share": True})
    within = (shares["share"] >= SHARE).groupby([shares["group"], shares["lag"]], observed=True).mean()
    data["within"] = within.reindex(pd.MultiIndex.from_frame(data[["group", "lag"]])).to_numpy()
    data["quantity"] = quantity
    return data[columns]


def gradient_by_lag_figure(
    data: pd.DataFrame, *, theme: ThemeName | Theme = "light", demanded_lag: int | None = None
) -> go.Figure:
    """Draw what `gradient_by_lag_data` returns; `demanded_lag` marks what the task needs."""
    look = theme_named(theme)
    if not len(data):
        return empty_figure(look, TITLE, "No gradient has been recorded here yet.")
    figure = new_figure(look, titled(TITLE, data), 500)
    scale = _scale(data)
    told = "%{x} steps back: %{y:.3g} of the largest"
    note = draw_groups(figure, _floored(data, scale.position(scale.low)), "lag", scale, look, hover=told)
    level(figure, SHARE, "a hundredth of the largest", look, log=True, side="left")
    if demanded_lag is not None:
        demand(figure, demanded_lag, data["lag"], look)
    once_in_legend(figure)
    figure.update_xaxes(title_text="lag (steps back from the end)" + (f" ({note})" if note else ""))
    figure.update_yaxes(**scale.axis("share of the largest gradient"))
    return figure


def gradient_by_lag(
    frame: pd.DataFrame,
    *,
    theme: ThemeName | Theme = "light",
    demanded_lag: int | None = None,
    **selection: Any,
) -> go.Figure:
    """The gradient over how far back it was sent, as a share of its largest value, one line a group.

    How to read it: at the left the gradient has just left the loss, to the right it goes back in time. A straight
    fall on this axis is a gradient that shrinks by the same factor at every step: it vanishes. Where a line passes
    below the dashed hundredth, what happened there is practically not learned from; a line that is still above it
    at the upright mark reaches as far as the task demands.

    Args:
        frame: the table `timesteps`.
        theme: `light` or `dark`.
        demanded_lag: how many steps back the task needs the gradient; drawn as a line.
        selection: what to look at, as in `gradient_by_lag_data`.

    Returns:
        A plotly figure; with a message in it where nothing was recorded.
    """
    return gradient_by_lag_figure(gradient_by_lag_data(frame, **selection), theme=theme, demanded_lag=demanded_lag)


def _scale(data: pd.DataFrame) -> Scale:
    """All values, but no further down than floats can say; what is below stands at the edge."""
    fitted = Scale.fit(data["low"], data["median"], data["high"], log=True, include=(SHARE, 1.0))
    return Scale(True, max(fitted.low, -DECADES), fitted.high)


def _floored(data: pd.DataFrame, floor: float) -> pd.DataFrame:
    """What is below the axis is no line; at the edge is marked only what is truly zero, infinite or NaN."""
    median = data["median"].to_numpy(dtype=float)
    below = {name: data[name].where(~(data[name] < floor), 0.0) for name in SPREAD}
    return data.assign(**below, marked=np.where((median > 0) & (median < floor), 1.0, median))


def describe(data: pd.DataFrame) -> str:
    """What the picture holds, for readers who cannot see it."""
    if not len(data):
        return f"{TITLE}: nothing recorded yet."
    ends = data.astype({"group": str}).sort_values("lag").groupby("group").tail(1).to_dict("records")
    words = "; ".join(
        f"{row['group']}: {number_in_words(row['median'])} of the largest after {count_of(row['lag'], 'step')}"
        for row in ends
    )
    return f"{TITLE}. {words}."


GRADIENT_BY_LAG = Figure(
    "gradient_by_lag", TITLE, "timesteps", gradient_by_lag_data, gradient_by_lag_figure, gradient_by_lag, describe
)
