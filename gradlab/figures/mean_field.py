"""Measurement on theory: the gradient's growth per step in random tanh nets over σ_w, and ½ ln χ."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from gradlab.figures.figure import Figure, empty_figure
from gradlab.figures.groups import groups_of, with_group
from gradlab.figures.marks import Scale, edge_marks, line, once_in_legend
from gradlab.figures.order import quantiles_by
from gradlab.figures.selection import at_step, one_pass, require
from gradlab.figures.text import count_of, number_in_words, plain, short
from gradlab.figures.theme import GROUPS_DRAWN, LineStyle, Theme, ThemeName, new_figure, theme_named

TITLE = "Growth of the gradient per step: random nets and mean-field theory"
SETTLING = 30
"""Time steps at either end that are left out: the state settles after the start, the gradient's direction before
the end."""
THEORY_POINTS = 200
SPREAD = {"low": 0.0, "median": 0.5, "high": 1.0}
_COLUMNS = ["group", "sigma_w", "runs", *SPREAD, "theory", "finite_size"]


def mean_field_data(
    frame: pd.DataFrame,
    *,
    sigma_w: str = "sigma_w",
    injected_variance: float = 0.25,
    by: Sequence[str] = (),
    units: str = "units",
    settling: int = SETTLING,
) -> pd.DataFrame:
    """The measured growth of ln‖∂L/∂h_t‖ per step back, and the exponent of an infinitely wide net.

    Args:
        frame: the table `timesteps` of nets with Gaussian weights W_ij ~ N(0, σ_w²/N), driven by independent
            Gaussian input, with a loss of the last state only.
        sigma_w: column that holds σ_w.
        injected_variance: s², what inputs and biases add to each pre-activation.
        by: columns (such as `units`) whose values make a group; all runs together when empty.
        units: column that holds N, for the correction of first order in 1/N; it may be missing.
        settling: time steps left out at either end, at most a quarter of the sequence each.

    Returns:
        Columns `group`, `sigma_w`, `runs`, `low` (smallest), `median`, `high` (largest) of the measurements in
        nats a step, `theory`, ½ ln χ, and `finite_size`, what theory adds to it at N units (NaN where N is not
        known). The rows of the group `theory` are a fine grid, without measurement.
        Raises ValueError for columns that the frame lacks.
    """
    # scipy is loaded with it, which takes longer than all figures together
    from gradlab.dynamics.mean_field import MeanField, exponent_line

    if not require(frame, ("step", "t", "grad_h", sigma_w), "timesteps"):
        return pd.DataFrame(columns=_COLUMNS)
    frame = with_group(one_pass(frame, module=None, call=None, layer=None, direction=None), by)
    growth = _growth(at_step(frame, None), sigma_w, settling)
    if not len(growth):
        return pd.DataFrame(columns=_COLUMNS)
    measured = quantiles_by(growth, ("group", "sigma_w"), "growth", SPREAD).rename(columns={"count": "runs"})
    names = [*(str(name) for name in frame["group"].cat.categories if str(name) != "theory"), "theory"]
    places = growth["sigma_w"].to_numpy()
    fine = pd.DataFrame({"group": "theory", "sigma_w": np.linspace(places.min(), places.max(), THEORY_POINTS)})
    data = pd.concat([measured.astype({"group": str}), fine], ignore_index=True)
    data["runs"] = data["runs"].fillna(0).astype(int)
    data["theory"] = exponent_line(data["sigma_w"].to_numpy(dtype=float), injected_variance)
    sizes = (
        frame.groupby(frame["group"].astype(str))[units].first() if units in frame.columns else pd.Series(dtype=float)
    )
    data["finite_size"] = [
        MeanField(sigma, injected_variance).finite_size_correction(int(sizes[group])) if group in sizes else np.nan
        for group, sigma in zip(data["group"], data["sigma_w"], strict=True)
    ]
    data["group"] = pd.Categorical(data["group"], categories=names)
    return data[_COLUMNS]


def mean_field_figure(data: pd.DataFrame, *, theme: ThemeName | Theme = "light") -> go.Figure:
    """Draw what `mean_field_data` returns: both above, their difference below."""
    look = theme_named(theme)
    if not len(data):
        return empty_figure(look, TITLE, "No sequence long enough to measure a growth has been recorded here yet.")
    figure = new_figure(look, TITLE, 640)
    theory, measured = data[data["group"] == "theory"], data[data["group"] != "theory"]
    error = {name: measured[name] - measured["theory"] for name in SPREAD}
    upper = Scale.fit(*(measured[name] for name in SPREAD), theory["theory"], log=False)
    lower = Scale.fit(*error.values(), measured["finite_size"], log=False, include=(0.0,))
    names, note = groups_of(measured, GROUPS_DRAWN)
    x, y = theory["sigma_w"].to_numpy(), theory["theory"].to_numpy()
    drawn = line(x, y, upper, LineStyle(look.text, "solid", "circle"), name="½ ln χ, N → ∞")
    figure.add_trace(drawn.update(mode="lines", line_width=1.8, hovertemplate="½ ln χ = %{y:.4f}<extra>theory</extra>"))
    for axis in ("y", "y2"):
        figure.add_shape(
            type="line", xref="paper", x0=0, x1=1, yref=axis, y0=0, y1=0,
            line={"color": look.muted, "dash": "dash", "width": 1.5},
        )  # fmt: skip
    for index, name in enumerate(names):
        own = measured[measured["group"].astype(str) == name]
        style, lane = look.style(index), index / len(names)
        _draw_points(figure, own, own[list(SPREAD)], name, style, upper, lane, {"xaxis": "x", "yaxis": "y"})
        difference = own[list(SPREAD)].sub(own["theory"], axis=0)
        _draw_correction(figure, own, name, style)
        _draw_points(figure, own, difference, name, style, lower, lane, {"xaxis": "x2", "yaxis": "y2"})
    figure.layout.yaxis = {**upper.axis("growth of ln ‖∂L/∂h<sub>t</sub>‖ [nats/step]"), "domain": (0.42, 1.0)}
    figure.layout.yaxis2 = {**lower.axis("measured − theory"), "domain": (0.0, 0.34), "anchor": "x2"}
    figure.layout.xaxis = {"anchor": "y"}
    words = "standard deviation σ<sub>w</sub> of the recurrent weights × √N"
    figure.layout.xaxis2 = {"anchor": "y2", "matches": "x", "title": {"text": words + (f" ({note})" if note else "")}}
    once_in_legend(figure)
    return figure


def mean_field(frame: pd.DataFrame, *, theme: ThemeName | Theme = "light", **selection: Any) -> go.Figure:
    """The gradient's growth per step in random tanh nets over σ_w, on the line that mean-field theory gives.

    How to read it: the line is ½ ln χ of an infinitely wide net, the marks are medians over random nets and their
    bars reach from the smallest to the largest. Below the dashed zero gradients vanish, above they explode; the
    line crosses it at the edge of chaos. The lower panel shows how far measurement and theory differ; dotted, what
    theory expects of nets of this width.

    Args:
        frame: the table `timesteps`, with a column for σ_w.
        theme: `light` or `dark`.
        selection: what to look at, as in `mean_field_data`.

    Returns:
        A plotly figure; with a message in it where nothing was recorded.
    """
    return mean_field_figure(mean_field_data(frame, **selection), theme=theme)


def _growth(frame: pd.DataFrame, sigma_w: str, settling: int) -> pd.DataFrame:
    """For every run the mean change of ln‖∂L/∂h_t‖ per step back; no row for a sequence of one step."""
    rows = []
    for (group, run), own in frame.groupby(["group", "run"], observed=True):
        own = own.sort_values("t")
        cut = min(settling, len(own) // 4)
        t = own["t"].to_numpy()[cut : len(own) - cut]
        gradient = own["grad_h"].to_numpy(dtype=float, na_value=np.nan)[cut : len(own) - cut]
        if len(t) < 2:
            continue
        # ∞ − ∞ is NaN, and a gradient of exactly zero has lost everything: −∞
        with np.errstate(divide="ignore", invalid="ignore"):
            first, last = np.log(gradient[0]), np.log(gradient[-1])
            growth = -np.inf if first == last == -np.inf else (first - last) / (t[-1] - t[0])
        rows.append({"group": group, "run": run, "sigma_w": float(own[sigma_w].iloc[0]), "growth": growth})
    growth = pd.DataFrame(rows, columns=["group", "run", "sigma_w", "growth"])
    growth["group"] = pd.Categorical(growth["group"], categories=frame["group"].cat.categories)
    return growth


def _draw_correction(figure: go.Figure, rows: pd.DataFrame, name: str, style: LineStyle) -> None:
    """What theory itself expects of the difference, to first order in 1/N."""
    if rows["finite_size"].isna().all():
        return
    figure.add_trace(
        go.Scatter(
            x=rows["sigma_w"].to_numpy(),
            y=rows["finite_size"].to_numpy(),
            mode="lines",
            line={"color": style.colour, "dash": "dot", "width": 1.8},
            name="theory to first order in 1/N",
            legendgroup="finite size",
            legendrank=1900,
            hovertemplate=f"{plain(name)}<br>expected %{{y:.4f}}<extra></extra>",
            xaxis="x2",
            yaxis="y2",
        )
    )


def _draw_points(
    figure: go.Figure,
    rows: pd.DataFrame,
    values: pd.DataFrame,
    name: str,
    style: LineStyle,
    scale: Scale,
    lane: float,
    axes: dict[str, str],
) -> None:
    full = plain(name)
    sigma, median = rows["sigma_w"].to_numpy(), values["median"].to_numpy(dtype=float)
    low, high = (
        scale.drawable(values["low"].to_numpy(dtype=float)),
        scale.drawable(values["high"].to_numpy(dtype=float)),
    )
    centre = scale.drawable(median)
    figure.add_trace(
        go.Scatter(
            x=sigma,
            y=centre,
            mode="markers",
            # open, so that one group does not hide another
            marker={"symbol": f"{style.symbol}-open", "size": 10, "color": style.colour, "line": {"width": 2}},
            error_y={
                "type": "data",
                "symmetric": False,
                "array": np.nan_to_num(high - centre),
                "arrayminus": np.nan_to_num(centre - low),
                "thickness": 1.5,
                "width": 4,
            },
            name=short(name),
            legendgroup=full,
            hovertemplate=f"{full}<br>σ_w = %{{x:.3g}}: %{{y:.4f}} nats/step"
            f"<extra>median of {count_of(rows['runs'].max(), 'run')}</extra>",
            **axes,
        )
    )
    figure.add_traces(edge_marks(sigma, median, scale, style, full, lane, **axes))


def describe(data: pd.DataFrame) -> str:
    """What the picture holds, for readers who cannot see it."""
    measured = data[data["group"] != "theory"] if len(data) else data
    if not len(measured):
        return f"{TITLE}: nothing recorded yet."
    words = []
    for name, rows in measured.astype({"group": str}).groupby("group"):
        error = (rows["median"] - rows["theory"]).abs()
        words.append(f"{name}: at most {number_in_words(error.max())} nats a step from theory")
    return f"{TITLE}, σ_w from {measured['sigma_w'].min():g} to {measured['sigma_w'].max():g}. {'; '.join(words)}."


MEAN_FIELD = Figure("mean_field", TITLE, "timesteps", mean_field_data, mean_field_figure, mean_field, describe)
