"""How far back the gradient reaches over training, a line a group, against the lag that the task demands."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from gradlab.figures.figure import Figure, empty_figure
from gradlab.figures.gradient_by_lag import SHARE, relative_gradient
from gradlab.figures.group_lines import draw_groups
from gradlab.figures.groups import with_group
from gradlab.figures.marks import Scale, level, once_in_legend
from gradlab.figures.order import quantiles_by
from gradlab.figures.panels import SPREAD
from gradlab.figures.selection import drop_unmeasured_runs, one_pass, require
from gradlab.figures.text import count_of, number_in_words
from gradlab.figures.theme import Theme, ThemeName, new_figure, theme_named

TITLE = "Gradient horizon over training"
BUCKETS = 200


def horizon_data(
    frame: pd.DataFrame,
    *,
    by: Sequence[str] = (),
    module: str | None = None,
    call: int | None = None,
    layer: int | None = None,
    direction: int | None = None,
    quantity: str = "grad_h",
) -> pd.DataFrame:
    """Median and spread over the runs of each group, of the largest lag at which the gradient counts.

    A gradient counts from a hundredth of the largest of its sequence. Where every gradient is zero the horizon is
    0; where one is infinite or NaN there is none, and it is NaN.

    Args:
        frame: the table `timesteps`, of one or more runs.
        by: columns (settings such as `model.cell`) whose values make a group; all runs together when empty.
        module: which recurrent module; the first when not given, as for the other axes.
        call: which unbroken sequence of the training step.
        layer: which layer.
        direction: 0 forward, 1 backward.
        quantity: `grad_h`, `grad_c` or `weight_gradient_norm`.

    Returns:
        Columns `group`, `step` (middle of its bucket), `runs`, `low` (10 %), `median`, `high` (90 %), in steps, and
        `longest`, the largest lag there is. Raises ValueError for columns or choices that the frame lacks.
    """
    columns = ["group", "step", "runs", *SPREAD, "longest"]
    if not require(frame, ("step", "t", quantity), "timesteps"):
        return pd.DataFrame(columns=columns)
    frame = drop_unmeasured_runs(frame, quantity)
    frame = with_group(one_pass(frame, module=module, call=call, layer=layer, direction=direction), by)
    shares = relative_gradient(frame, quantity)
    size = shares["share"].to_numpy()
    shares["counts"] = np.where(size >= SHARE, shares["lag"], 0).astype(float)
    shares.loc[~np.isfinite(size), "counts"] = np.nan
    each = shares.groupby(["group", "run", "step"], observed=True)
    reach = each.agg(
        horizon=("counts", "max"), known=("counts", "count"), rows=("counts", "size"), longest=("lag", "max")
    ).reset_index()
    reach["horizon"] = reach["horizon"].where(reach["known"] == reach["rows"])
    width = -(-(int(reach["step"].max()) + 1) // BUCKETS)
    reach["bucket"] = reach["step"] // width
    data = quantiles_by(reach, ("group", "bucket"), "horizon", SPREAD)
    keys = pd.MultiIndex.from_frame(data[["group", "bucket"]])
    cells = reach.groupby(["group", "bucket"], observed=True)
    data["step"] = cells["step"].mean().reindex(keys).to_numpy()
    data["runs"] = cells["run"].nunique().reindex(keys).to_numpy()
    data["longest"] = cells["longest"].max().reindex(keys).to_numpy()
    return data[columns]


def horizon_figure(
    data: pd.DataFrame, *, theme: ThemeName | Theme = "light", demanded_lag: int | None = None
) -> go.Figure:
    """Draw what `horizon_data` returns; `demanded_lag` marks what the task needs."""
    look = theme_named(theme)
    if not len(data):
        return empty_figure(look, TITLE, "No gradient has been recorded here yet.")
    figure = new_figure(look, TITLE, 420)
    demand = () if demanded_lag is None else (float(demanded_lag),)
    scale = Scale.fit(data["low"], data["median"], data["high"], log=False, include=(0.0, *demand))
    note = draw_groups(figure, data, "step", scale, look, hover="training step %{x:.0f}: %{y:.0f} steps back")
    if demanded_lag is not None:
        level(figure, demanded_lag, f"the task demands {count_of(demanded_lag, 'step')}", look, log=False)
    once_in_legend(figure)
    figure.update_xaxes(title_text="training step" + (f" ({note})" if note else ""))
    figure.update_yaxes(**scale.axis("gradient horizon (steps back)"))
    return figure


def horizon(
    frame: pd.DataFrame,
    *,
    theme: ThemeName | Theme = "light",
    demanded_lag: int | None = None,
    **selection: Any,
) -> go.Figure:
    """How many steps back the gradient is still felt, over training, one line a group.

    How to read it: each line says how far back the gradient is at least a hundredth of its largest value, as the
    median of a group's runs, with the middle 80 % of them as its band. A line below the dashed demand cannot learn
    what the task asks for from so far back; one that falls during training is losing its memory. Marks at the
    upper edge are gradients that were infinite or NaN and have no horizon.

    Args:
        frame: the table `timesteps`.
        theme: `light` or `dark`.
        demanded_lag: how many steps back the task needs the gradient; drawn as a line.
        selection: what to look at, as in `horizon_data`.

    Returns:
        A plotly figure; with a message in it where nothing was recorded.
    """
    return horizon_figure(horizon_data(frame, **selection), theme=theme, demanded_lag=demanded_lag)


def describe(data: pd.DataFrame) -> str:
    """What the picture holds, for readers who cannot see it."""
    if not len(data):
        return f"{TITLE}: nothing recorded yet."
    ends = data.astype({"group": str}).sort_values("step").groupby("group").tail(1).to_dict("records")
    words = "; ".join(f"{row['group']}: ends at {number_in_words(row['median'])} steps back" for row in ends)
    return f"{TITLE}. {words}."


HORIZON = Figure("horizon", TITLE, "timesteps", horizon_data, horizon_figure, horizon, describe)
