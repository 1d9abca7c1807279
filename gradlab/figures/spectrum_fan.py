"""The fan of all singular values: how ln σ of each step's Jacobian is spread, over the sequence."""

from typing import Any

import pandas as pd
import plotly.graph_objects as go

from gradlab.figures.figure import Figure, empty_figure
from gradlab.figures.marks import Scale, band, edge_marks, line, once_in_legend
from gradlab.figures.order import quantiles_by
from gradlab.figures.selection import at_step, one_pass, require
from gradlab.figures.text import formula, number_in_words
from gradlab.figures.theme import LineStyle, Theme, ThemeName, new_figure, theme_named
from gradlab.quantities import SPECTRA

TITLE = "All singular values over the sequence"
FAN = {"smallest": 0.0, "p10": 0.1, "p25": 0.25, "median": 0.5, "p75": 0.75, "p90": 0.9, "largest": 1.0}


def spectrum_fan_data(
    frame: pd.DataFrame,
    *,
    run: str | None = None,
    step: int | None = None,
    module: str | None = None,
    call: int | None = None,
    layer: int | None = None,
    direction: int | None = None,
) -> pd.DataFrame:
    """Quantiles of ln σ over the singular values, at every time step of one pass.

    Args:
        frame: the table `spectra`, of one or more runs.
        run: which run; the first when not given.
        step: training step, the recorded one nearest to it; the last when not given.
        module: which recurrent module; the first when not given, as for the other axes.
        call: which unbroken sequence of the training step.
        layer: which layer.
        direction: 0 forward, 1 backward.

    Returns:
        Columns `run`, `step`, `t`, `count` (of singular values), and the quantiles `smallest`, `p10`, `p25`,
        `median`, `p75`, `p90`, `largest`. Raises ValueError for columns or choices that the frame lacks.
    """
    columns = ["run", "step", "t", "count", *FAN]
    if not require(frame, ("step", "t", "index", "log_sigma"), "spectra"):
        return pd.DataFrame(columns=columns)
    if "run" not in frame.columns:
        frame = frame.assign(run="this run")
    frame = one_pass(frame, run=run, module=module, call=call, layer=layer, direction=direction)
    return quantiles_by(at_step(frame, step), ("run", "step", "t"), "log_sigma", FAN)[columns]


def spectrum_fan_figure(data: pd.DataFrame, *, theme: ThemeName | Theme = "light") -> go.Figure:
    """Draw what `spectrum_fan_data` returns."""
    look = theme_named(theme)
    if not len(data):
        return empty_figure(look, TITLE, "No spectrum has been recorded here yet.")
    figure = new_figure(look, f"{TITLE} (training step {int(data['step'].iloc[0]):,})", 420)
    scale = Scale.fit(*(data[name] for name in FAN), log=False, include=(0.0,))
    colour = look.categorical[0]
    t = data["t"].to_numpy(dtype=float)
    figure.add_hline(y=0, line={"color": look.muted, "dash": "dash", "width": 1.5})
    style = LineStyle(colour, "solid", "circle")
    for low, high in (("smallest", "largest"), ("p10", "p90"), ("p25", "p75")):
        figure.add_traces(band(t, data[low], data[high], scale, style))
    for lane, (name, words, dash) in enumerate(
        (("largest", "largest", "dash"), ("median", "median", "solid"), ("smallest", "smallest", "dot"))
    ):
        style = LineStyle(colour, dash, "circle")
        values = data[name].to_numpy(dtype=float)
        drawn = line(
            t,
            values,
            scale,
            style,
            name=words,
            width=2.4 if name == "median" else 1.4,
            hovertemplate=f"{words} ln σ at t = %{{x}}: %{{y:.4g}}<extra></extra>",
        )
        figure.add_trace(drawn)
        figure.add_traces(edge_marks(t, values, scale, style, words, lane / 3))
    once_in_legend(figure)
    figure.update_xaxes(title_text="time step t")
    figure.update_yaxes(**scale.axis(formula(SPECTRA["log_sigma"].label)))
    return figure


def spectrum_fan(frame: pd.DataFrame, *, theme: ThemeName | Theme = "light", **selection: Any) -> go.Figure:
    """All singular values of each step's Jacobian in one run, as a fan of quantiles.

    How to read it: at each time step the fan spans from the smallest to the largest ln σ; its darker parts hold
    the middle 80 % and the middle half. What lies above the dashed zero is stretched by that step, what lies
    below is shrunk; triangles at the lower edge are directions that a step erases (σ = 0).

    Args:
        frame: the table `spectra`.
        theme: `light` or `dark`.
        selection: what to look at, as in `spectrum_fan_data`.

    Returns:
        A plotly figure; with a message in it where nothing was recorded.
    """
    return spectrum_fan_figure(spectrum_fan_data(frame, **selection), theme=theme)


def describe(data: pd.DataFrame) -> str:
    """What the picture holds, for readers who cannot see it."""
    if not len(data):
        return f"{TITLE}: nothing recorded yet."
    return (
        f"{TITLE}, {len(data):,} time steps of {int(data['count'].max()):,} values: "
        f"ln σ from {number_in_words(data['smallest'].min())} to {number_in_words(data['largest'].max())}."
    )


SPECTRUM_FAN = Figure("spectrum_fan", TITLE, "spectra", spectrum_fan_data, spectrum_fan_figure, spectrum_fan, describe)
