"""Several quantities over one axis, a panel each under the other, a line a group with its spread over the runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from gradlab.figures.group_lines import draw_groups
from gradlab.figures.groups import groups_of
from gradlab.figures.marks import Scale, once_in_legend, scatter
from gradlab.figures.order import Groups
from gradlab.figures.text import formula, plain
from gradlab.figures.theme import GROUPS_DRAWN, LineStyle, Theme, new_figure

SPREAD = {"low": 0.1, "median": 0.5, "high": 0.9}
_GAP = 0.07
_FEW = 6


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel: which rows of the data it shows, and on which axis."""

    quantity: str
    label: str
    """Title of the value axis, as the catalogue writes it."""
    log: bool = False
    bound: str = ""
    """Quantity that is laid over it as a dotted line, where the data hold it."""


def spread_over_runs(frame: pd.DataFrame, x: str, quantities: Mapping[str, bool]) -> pd.DataFrame:
    """Median, 10 % and 90 % over the runs of each group, at every place on the axis.

    Args:
        frame: one recorded training step of each run, with the columns `group`, `run`, `step` and `x`.
        x: the axis, such as `lag`.
        quantities: column → whether it lives on a logarithmic axis; those that the frame lacks are left out.

    Returns:
        Columns `quantity`, `group`, `x`, `runs`, `first_step`, `last_step`, `low`, `median`, `high`.
    """
    places = Groups.of(frame, ("group", x))
    parts = []
    for quantity, log in quantities.items():
        if quantity in frame.columns:
            spread = places.quantiles(frame[quantity].to_numpy(dtype=float, na_value=np.nan), SPREAD, log)
            parts.append(places.keys.assign(runs=places.counts, **spread, quantity=quantity))
    data = pd.concat(parts, ignore_index=True)
    steps = frame.groupby("group", observed=True)["step"].agg(["min", "max"])
    data["first_step"] = data["group"].map(steps["min"]).astype(int)
    data["last_step"] = data["group"].map(steps["max"]).astype(int)
    return data[["quantity", "group", x, "runs", "first_step", "last_step", *SPREAD]]


def titled(title: str, data: pd.DataFrame) -> str:
    """The title with the training steps that the data stand for."""
    first, last = int(data["first_step"].min()), int(data["last_step"].max())
    return f"{title} (training step {first:,}{f' to {last:,}' if last != first else ''})"


def panels_figure(
    data: pd.DataFrame, panels: Sequence[Panel], x: str, *, look: Theme, title: str, x_title: str
) -> go.Figure:
    """Draw what `spread_over_runs` returns: the panels whose quantity is there, from the top."""
    present = set(data["quantity"])
    panels = [panel for panel in panels if panel.quantity in present]
    figure = new_figure(look, title, 160 + 210 * len(panels))
    names, note = groups_of(data, GROUPS_DRAWN)
    height = (1 - _GAP * (len(panels) - 1)) / len(panels)
    for number, panel in enumerate(panels):
        suffix = "" if number == 0 else str(number + 1)
        axes = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
        rows, bounds = data[data["quantity"] == panel.quantity], data[data["quantity"] == panel.bound]
        scale = _scale(rows, bounds, panel.log)
        draw_groups(figure, rows, x, scale, look, hover=f"{x} %{{x}}: %{{y:.4g}}", names=names, **axes)
        bound_of = {str(name): own for name, own in bounds.groupby("group", observed=True)}
        for index, name in enumerate(names):
            if name in bound_of:
                _draw_bound(figure, bound_of[name], x, name, look.style(index), axes)
        top = 1 - number * (height + _GAP)
        figure.layout[f"yaxis{suffix}"] = {
            **scale.axis(formula(panel.label)),
            "domain": (max(top - height, 0.0), top),
            "anchor": axes["xaxis"],
        }
        shared = {"anchor": axes["yaxis"], "matches": "x" if number else None}
        figure.layout[f"xaxis{suffix}"] = shared | whole_steps(data[x].to_numpy())
    figure.layout[f"xaxis{suffix}"].title = {"text": x_title + (f" ({note})" if note else "")}
    once_in_legend(figure)
    return figure


def whole_steps(places: np.ndarray) -> dict[str, int]:
    """For an axis of steps or lags: no ticks between them, however few they are."""
    few = len(places) and places.max() - places.min() < _FEW and (places == places.round()).all()
    return {"dtick": 1} if few else {}


def _scale(rows: pd.DataFrame, bounds: pd.DataFrame, log: bool) -> Scale:
    """Room for all values, and for a bound as far as it leaves the values half of the panel."""
    scale = Scale.fit(rows["low"], rows["median"], rows["high"], log=log)
    allowed = bounds["median"].to_numpy(dtype=float)
    allowed = allowed[np.isfinite(allowed)]
    if not len(allowed):
        return scale
    return Scale(log, scale.low, min(max(scale.high, float(allowed.max())), scale.high + (scale.high - scale.low)))


def _draw_bound(
    figure: go.Figure, rows: pd.DataFrame, x: str, name: str, style: LineStyle, axes: dict[str, str]
) -> None:
    values = rows["median"].to_numpy(dtype=float)
    known = np.isfinite(values)
    if not known.any():
        return
    places, values = rows[x].to_numpy(dtype=float)[known], values[known]
    kept = np.unique(np.linspace(0, len(places) - 1, min(len(places), 1000)).astype(int))
    figure.add_trace(
        scatter(
            x=places[kept],
            y=values[kept],
            mode="lines",
            line={"color": style.colour, "dash": "dot", "width": 1.5},
            name="bound by the weights",
            legendgroup="bound",
            legendrank=1900,
            hovertemplate=f"{plain(name)}<br>bound at {x} %{{x}}: %{{y:.4g}}<extra></extra>",
            **axes,
        )
    )
