"""How the singular values of all steps are distributed: a histogram of ln σ, an outline a group."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from gradlab.figures.figure import Figure, empty_figure
from gradlab.figures.groups import groups_of, with_group
from gradlab.figures.marks import Scale, once_in_legend
from gradlab.figures.selection import at_step, one_pass, require
from gradlab.figures.text import count_of, formula, number_in_words, plain, short
from gradlab.figures.theme import GROUPS_DRAWN, LineStyle, Theme, ThemeName, new_figure, theme_named
from gradlab.quantities import SPECTRA

TITLE = "Distribution of singular values"
BINS = 60
_SPECIAL = {"−∞": "triangle-left", "∞": "triangle-right", "NaN": "x"}


def spectrum_histogram_data(
    frame: pd.DataFrame,
    *,
    step: int | None = None,
    by: Sequence[str] = (),
    module: str | None = None,
    call: int | None = None,
    layer: int | None = None,
    direction: int | None = None,
) -> pd.DataFrame:
    """Shares of all singular values of all time steps in bins of ln σ, which all groups have in common.

    Args:
        frame: the table `spectra`, of one or more runs.
        step: training step; every run gives its recorded step nearest to it, its last one when not given.
        by: columns whose values make a group; with `step` among them every recorded training step counts.
        module: which recurrent module; the first when not given, as for the other axes.
        call: which unbroken sequence of the training step.
        layer: which layer.
        direction: 0 forward, 1 backward.

    Returns:
        Columns `group`, `kind` (`number`, `−∞`, `∞` or `NaN`), `left` and `right` (edges of the bin; NaN where it
        is no number), `share` (of the group's values; a group's shares sum to 1) and `values` (in the group).
        Raises ValueError for columns or choices that the frame lacks.
    """
    if not require(frame, ("step", "t", "index", "log_sigma"), "spectra"):
        return pd.DataFrame(columns=["group", "kind", "left", "right", "share", "values"])
    frame = with_group(one_pass(frame, module=module, call=call, layer=layer, direction=direction), by)
    if "step" not in by:
        frame = at_step(frame, step)
    values = frame["log_sigma"].to_numpy(dtype=float, na_value=np.nan)
    finite = values[np.isfinite(values)]
    edges = np.histogram_bin_edges(finite, BINS) if len(finite) else np.zeros(0)
    parts = []
    for name, rows in frame.assign(value=values).groupby("group", observed=True)["value"]:
        own = rows.to_numpy()
        counts = np.histogram(own[np.isfinite(own)], edges)[0] if len(edges) else np.zeros(0)
        part = pd.DataFrame({"kind": "number", "left": edges[:-1], "right": edges[1:], "share": counts / len(own)})
        others = {"−∞": own == -np.inf, "∞": own == np.inf, "NaN": np.isnan(own)}
        rest = pd.DataFrame(
            [
                {"kind": kind, "left": np.nan, "right": np.nan, "share": where.mean()}
                for kind, where in others.items()
                if where.any()
            ],
            columns=part.columns,
        ).astype({"left": float, "right": float, "share": float})
        pieces = [piece for piece in (part, rest) if len(piece)]
        parts.append(pd.concat(pieces, ignore_index=True).assign(group=str(name), values=len(own)))
    data = pd.concat(parts, ignore_index=True)
    names = [str(name) for name in frame["group"].cat.categories]
    data["group"] = pd.Categorical(data["group"], categories=names)
    return data[["group", "kind", "left", "right", "share", "values"]]


def spectrum_histogram_figure(data: pd.DataFrame, *, theme: ThemeName | Theme = "light") -> go.Figure:
    """Draw what `spectrum_histogram_data` returns."""
    look = theme_named(theme)
    if not len(data):
        return empty_figure(look, TITLE, "No spectrum has been recorded here yet.")
    figure = new_figure(look, TITLE, 400)
    scale = Scale.fit(data["left"], data["right"], log=False)
    names, note = groups_of(data, GROUPS_DRAWN)
    for index, name in enumerate(names):
        own = data[data["group"].astype(str) == name]
        _draw_group(figure, own, name, look.style(index), scale, index / len(names))
    if scale.low < 0 < scale.high:
        figure.add_vline(x=0, line={"color": look.muted, "dash": "dash", "width": 1.5})
    once_in_legend(figure)
    label = formula(SPECTRA["log_sigma"].label)
    figure.update_xaxes(**scale.axis(label + (f" ({note})" if note else "")))
    figure.update_yaxes(title_text="share of the singular values", rangemode="tozero", tickformat=".1%")
    return figure


def spectrum_histogram(frame: pd.DataFrame, *, theme: ThemeName | Theme = "light", **selection: Any) -> go.Figure:
    """The singular values of all time steps as a histogram of ln σ, an outline a group.

    How to read it: each outline says which share of all singular values lies in a bin of ln σ. Mass to the
    right of the dashed zero is stretched at a step, mass to the left shrunk; a group of values far to the left is
    what the net forgets at once. Marks at the sides give the share that is exactly zero (−∞) or no number.

    Args:
        frame: the table `spectra`.
        theme: `light` or `dark`.
        selection: what to look at, as in `spectrum_histogram_data`.

    Returns:
        A plotly figure; with a message in it where nothing was recorded.
    """
    return spectrum_histogram_figure(spectrum_histogram_data(frame, **selection), theme=theme)


def _draw_group(figure: go.Figure, rows: pd.DataFrame, name: str, style: LineStyle, scale: Scale, lane: float) -> None:
    full = plain(name)
    numbers = rows[rows["kind"] == "number"]
    if len(numbers):
        figure.add_trace(
            go.Scatter(
                x=(numbers["left"] + numbers["right"]).to_numpy() / 2,
                y=numbers["share"].to_numpy(),
                mode="lines",
                line={"color": style.colour, "dash": style.dash, "width": 2.2, "shape": "hvh"},
                fill="tozeroy",
                fillcolor=style.band(0.1),
                name=short(name),
                legendgroup=full,
                hovertemplate=f"{full}<br>ln σ ≈ %{{x:.3g}}: %{{y:.2%}}"
                f"<extra>of {count_of(int(rows['values'].iloc[0]), 'value')}</extra>",
            )
        )
    for kind, share in rows.loc[rows["kind"] != "number", ["kind", "share"]].itertuples(index=False):
        figure.add_trace(
            go.Scatter(
                x=[scale.edge("bottom" if kind == "−∞" else "top", lane)],
                y=[share],
                mode="markers",
                name=kind,
                marker={"symbol": _SPECIAL[kind], "size": 10, "color": style.colour},
                legendgroup=f"special {kind}",
                legendrank=2000,
                hovertemplate=f"{full}: {share:.2%} are {kind}<extra></extra>",
            )
        )


def describe(data: pd.DataFrame) -> str:
    """What the picture holds, for readers who cannot see it."""
    if not len(data):
        return f"{TITLE}: nothing recorded yet."
    words = []
    for name, rows in data.groupby("group", observed=True):
        held = rows[(rows["kind"] == "number") & (rows["share"] > 0)]
        span = (
            f"ln σ from {number_in_words(held['left'].min())} to {number_in_words(held['right'].max())}"
            if len(held)
            else "no finite value"
        )
        words.append(f"{name}: {span}")
    return f"{TITLE}. {'; '.join(words)}."


SPECTRUM_HISTOGRAM = Figure(
    "spectrum_histogram",
    TITLE,
    "spectra",
    spectrum_histogram_data,
    spectrum_histogram_figure,
    spectrum_histogram,
    describe,
)
