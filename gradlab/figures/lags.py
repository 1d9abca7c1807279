"""Products of Jacobians by lag: what is left of a direction after so many steps, the weights' bound, the gradient."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from gradlab.figures.figure import Figure, empty_figure
from gradlab.figures.groups import with_group
from gradlab.figures.panels import SPREAD, Panel, panels_figure, spread_over_runs, titled
from gradlab.figures.selection import at_step, one_pass, require
from gradlab.figures.text import number_in_words
from gradlab.figures.theme import Theme, ThemeName, theme_named
from gradlab.quantities import LAGS

TITLE = "Products of Jacobians by lag"
PANELS = (
    Panel("log_sigma_max", LAGS["log_sigma_max"].label, bound="log_bound"),
    Panel("log_sigma_median", LAGS["log_sigma_median"].label),
    Panel("log_sigma_min", LAGS["log_sigma_min"].label),
    Panel("grad_norm", LAGS["grad_norm"].label, log=True),
)


def lags_data(
    frame: pd.DataFrame,
    *,
    step: int | None = None,
    by: Sequence[str] = (),
    module: str | None = None,
    call: int | None = None,
    layer: int | None = None,
    direction: int | None = None,
) -> pd.DataFrame:
    """Median and spread over the runs of each group, of every quantity at every lag.

    Args:
        frame: the table `lags`, of one or more runs.
        step: training step; every run gives its recorded step nearest to it, its last one when not given.
        by: columns (settings such as `model.cell`) whose values make a group; all runs together when empty.
        module: which recurrent module; the first when not given, as for the other axes.
        call: which unbroken sequence of the training step.
        layer: which layer.
        direction: 0 forward, 1 backward.

    Returns:
        Columns `quantity` (of the table; the bound only where it was known), `group`, `lag`, `runs`,
        `first_step`, `last_step`, `low` (10 %), `median` and `high` (90 %). Raises ValueError for columns or
        choices that the frame lacks.
    """
    if not require(frame, ("step", "lag", "log_sigma_max"), "lags"):
        return pd.DataFrame(columns=["quantity", "group", "lag", "runs", "first_step", "last_step", *SPREAD])
    frame = with_group(one_pass(frame, module=module, call=call, layer=layer, direction=direction), by)
    frame = at_step(frame, step)
    data = spread_over_runs(frame, "lag", {quantity.name: quantity.log for quantity in LAGS.quantities})
    # gated cells have no such bound
    return data[(data["quantity"] != "log_bound") | data["median"].notna()].reset_index(drop=True)


def lags_figure(data: pd.DataFrame, *, theme: ThemeName | Theme = "light") -> go.Figure:
    """Draw what `lags_data` returns."""
    look = theme_named(theme)
    if not len(data):
        return empty_figure(look, TITLE, "No product of Jacobians has been recorded here yet.")
    return panels_figure(data, PANELS, "lag", look=look, title=titled(TITLE, data), x_title="lag (steps back)")


def lags(frame: pd.DataFrame, *, theme: ThemeName | Theme = "light", **selection: Any) -> go.Figure:
    """Singular values of the product of Jacobians and the gradient's norm over the lag, one line a group.

    How to read it: the product of all Jacobians over a lag stretches one direction most, by σ_max; where
    ln σ_max falls in a straight line, no gradient can come back from there. The dotted line is the most that the
    weights alone allow; it may leave the picture. Triangles at the lower edge are directions that are lost
    altogether (−∞). The lowest panel shows the gradient that did come back.

    Args:
        frame: the table `lags`.
        theme: `light` or `dark`.
        selection: what to look at, as in `lags_data`.

    Returns:
        A plotly figure; with a message in it where nothing was recorded.
    """
    return lags_figure(lags_data(frame, **selection), theme=theme)


def describe(data: pd.DataFrame) -> str:
    """What the picture holds, for readers who cannot see it."""
    largest = data[data["quantity"] == "log_sigma_max"] if len(data) else data
    if not len(largest):
        return f"{TITLE}: nothing recorded yet."
    ends = largest.astype({"group": str}).sort_values("lag").groupby("group").tail(1)
    words = "; ".join(
        f"{row['group']}: ln σ_max {number_in_words(row['median'])} at lag {row['lag']}"
        for row in ends.to_dict("records")
    )
    return f"{TITLE}. {words}."


LAGS_FIGURE = Figure("lags", TITLE, "lags", lags_data, lags_figure, lags, describe)
