"""A line a group, with its spread and the marks of what no axis can hold: what most figures are made of."""

import pandas as pd
import plotly.graph_objects as go

from gradlab.figures.groups import groups_of
from gradlab.figures.marks import Scale, band, edge_marks, line
from gradlab.figures.text import count_of, plain, short
from gradlab.figures.theme import GROUPS_DRAWN, LineStyle, Theme


def draw_groups(
    figure: go.Figure,
    data: pd.DataFrame,
    x: str,
    scale: Scale,
    look: Theme,
    *,
    hover: str,
    names: list[str] | None = None,
    **axes: str,
) -> str:
    """Draw every group of some data, as many as can be told apart.

    Args:
        figure: that the lines are added to.
        data: columns `group`, `x`, `runs`, `low`, `median`, `high`; and `marked` where the values that are to be marked
            at the edge are not the medians.
        x: the column of the positions.
        scale: the value axis.
        look: the theme.
        hover: what is told of a point, with `%{x}` and `%{y}`.
        names: groups to draw, in their order; those of the data when not given.
        axes: `xaxis` and `yaxis` of the panel, if not the first.

    Returns:
        A note where there are more groups than were drawn, or nothing.
    """
    shown, note = (names, "") if names is not None else groups_of(data, GROUPS_DRAWN)
    groups = {str(name): rows for name, rows in data.groupby("group", sort=False, observed=True)}
    for place, name in enumerate(shown):
        if name in groups:
            own = groups[name].sort_values(x)
            figure.add_traces(_group(own, x, name, look.style(place), scale, place / len(shown), hover, axes))
    return note


def _group(
    rows: pd.DataFrame,
    x: str,
    name: str,
    style: LineStyle,
    scale: Scale,
    lane: float,
    hover: str,
    axes: dict[str, str],
) -> list[go.Scatter]:
    full = plain(name)
    places, median = rows[x].to_numpy(dtype=float), rows["median"].to_numpy(dtype=float)
    marked = rows["marked"].to_numpy(dtype=float) if "marked" in rows.columns else median
    told = f"{full}<br>{hover}<extra>median of {count_of(rows['runs'].max(), 'run')}</extra>"
    drawn = line(places, median, scale, style, name=short(name), legendgroup=full, hovertemplate=told, **axes)
    return [
        *band(places, rows["low"], rows["high"], scale, style, legendgroup=full, **axes),
        drawn,
        *edge_marks(places, marked, scale, style, full, lane, **axes),
    ]
