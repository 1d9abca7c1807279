"""The cliff: the loss along the raw and the clipped step, and on the plane through both."""

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from gradlab.figures.figure import Figure, empty_figure
from gradlab.figures.marks import Scale, edge_marks, line, once_in_legend
from gradlab.figures.selection import at_step, one_pass, require
from gradlab.figures.text import number_in_words
from gradlab.figures.theme import SEQUENTIAL, Theme, ThemeName, new_figure, theme_named

TITLE = "The loss around one training step"
_COLUMNS = ["path", "point", "along", "across", "fraction", "loss"]
_PATHS = {"raw": ("the raw step", 1, "solid"), "clipped": ("the clipped step", 0, "dash")}


def cliff_data(frame: pd.DataFrame, *, run: str | None = None, step: int | None = None) -> pd.DataFrame:
    """The loss where one step would have led, and around it.

    Args:
        frame: the table `cliff`, of one or more runs.
        run: which run; the first when not given.
        step: training step, the recorded one nearest to it; the last when not given.

    Returns:
        Columns `run`, `step`, `path` (`raw`, `clipped` or `plane`), `point`, `along`, `across`, `fraction` and
        `loss`. Raises ValueError for columns or choices that the frame lacks.
    """
    columns = ["run", "step", *_COLUMNS]
    if not require(frame, ("step", "path", "point", "loss"), "cliff"):
        return pd.DataFrame(columns=columns)
    frame = one_pass(frame if "run" in frame.columns else frame.assign(run="this run"), run=run)
    return at_step(frame, step)[columns].sort_values(["path", "point"], ignore_index=True)


def cliff_figure(data: pd.DataFrame, *, theme: ThemeName | Theme = "light") -> go.Figure:
    """Draw what `cliff_data` returns."""
    look = theme_named(theme)
    if not len(data):
        return empty_figure(look, TITLE, "No cliff has been recorded here yet.")
    figure = new_figure(look, f"{TITLE} (training step {int(data['step'].iloc[0]):,})", 720)
    finite = data["loss"].to_numpy(dtype=float)
    finite = finite[np.isfinite(finite) & (finite > 0)]
    log = len(finite) > 0 and finite.max() > 30 * finite.min()
    lines = data[data["path"].isin(list(_PATHS))]
    scale = Scale.fit(lines["loss"], log=log)
    for name, (words, place, dash) in _PATHS.items():
        own, style = lines[lines["path"] == name], look.style(place)
        style = type(style)(style.colour, dash, style.symbol)
        x, y = own["fraction"].to_numpy(dtype=float), own["loss"].to_numpy(dtype=float)
        figure.add_trace(
            line(
                x,
                y,
                scale,
                style,
                name=words,
                legendgroup=name,
                hovertemplate=f"%{{x:.2f}} of {words}: loss %{{y:.4g}}<extra></extra>",
            )
        )
        figure.add_traces(edge_marks(x, y, scale, style, words, place / 2))
    for at, words in ((0.0, "before"), (1.0, "the whole step")):
        figure.add_shape(
            type="line",
            xref="x",
            x0=at,
            x1=at,
            yref="y domain",
            y0=0,
            y1=1,
            line={"color": look.muted, "dash": "dot", "width": 1.2},
        )
        figure.add_annotation(
            text=words,
            x=at,
            xref="x",
            y=1,
            yref="y domain",
            yanchor="bottom",
            showarrow=False,
            font={"color": look.muted, "size": 13},
        )
    _draw_plane(figure, data[data["path"] == "plane"], lines, look, log)
    figure.update_layout(
        xaxis={"anchor": "y", "title": {"text": "fraction of the step"}},
        yaxis={**scale.axis("loss"), "domain": [0.66, 0.98]},
        xaxis2={"anchor": "y2", "title": {"text": "along the raw step"}, "showgrid": False},
        yaxis2={"domain": [0.0, 0.5], "anchor": "x2", "title": {"text": "across it"}, "showgrid": False},
    )
    plane = data[data["path"] == "plane"]
    if len(plane) and lines["along"].abs().max() > 3 * plane["along"].abs().max():
        # a raw step that leads far away leaves the picture: the plane is what there is to see
        figure.layout.xaxis2.range = [float(plane["along"].min()), float(plane["along"].max())]
    once_in_legend(figure)
    return figure


def _draw_plane(figure: go.Figure, plane: pd.DataFrame, lines: pd.DataFrame, look: Theme, log: bool) -> None:
    """The loss on the plane through both steps, and where they would have led."""
    if len(plane):
        grid = plane.pivot_table(index="across", columns="along", values="loss", dropna=False, aggfunc="first")
        values = grid.to_numpy(dtype=float)
        shown = np.isfinite(values) & ((values > 0) if log else True)
        logs = np.log10(np.where(shown, values, np.nan)) if log else np.where(shown, values, np.nan)
        low, high = (np.nanmin(logs), np.nanmax(logs)) if shown.any() else (0.0, 1.0)
        figure.add_trace(
            go.Heatmap(
                x=grid.columns.to_numpy(),
                y=grid.index.to_numpy(),
                z=logs,
                zmin=low,
                zmax=max(high, low + 1e-9),
                colorscale=SEQUENTIAL,
                hoverongaps=False,
                xaxis="x2",
                yaxis="y2",
                customdata=values,
                colorbar={"title": {"text": "log₁₀ loss" if log else "loss"}, "len": 0.5, "y": 0.25, "thickness": 12},
                hovertemplate="along %{x:.3g}, across %{y:.3g}: loss %{customdata:.4g}<extra></extra>",
            )
        )
        bad = np.argwhere(~shown)
        if len(bad):
            figure.add_trace(
                go.Scatter(
                    x=grid.columns.to_numpy()[bad[:, 1]],
                    y=grid.index.to_numpy()[bad[:, 0]],
                    mode="markers",
                    name="∞ or NaN",
                    xaxis="x2",
                    yaxis="y2",
                    marker={"symbol": "x-thin-open", "size": 8, "color": look.nan, "line": {"width": 1.5}},
                )
            )
    for name, (words, place, _) in _PATHS.items():
        end = lines[(lines["path"] == name) & np.isclose(lines["fraction"].to_numpy(dtype=float), 1.0)]
        if len(end):
            figure.add_trace(
                go.Scatter(
                    x=[0.0, float(end["along"].iloc[0])],
                    y=[0.0, float(end["across"].iloc[0])],
                    mode="lines+markers",
                    name=words,
                    legendgroup=name,
                    xaxis="x2",
                    yaxis="y2",
                    line={"color": look.style(place).colour, "width": 2.5},
                    marker={"symbol": ["circle-open", "circle"], "size": 10, "color": look.style(place).colour},
                    hovertemplate=f"{words}<extra></extra>",
                )
            )


def cliff(frame: pd.DataFrame, *, theme: ThemeName | Theme = "light", **selection: Any) -> go.Figure:
    """The loss along the raw and the clipped step, and on the plane through both.

    How to read it: above, the loss of the step's own batch while it is made; a wall before the whole raw step is a
    cliff, and where the dashed line stays low, clipping has saved the step. Below, the same from above: bright is a
    high loss, and each line leads from the weights of now to where that step ends; a raw step that is far longer than
    the clipped one leaves the picture.

    Args:
        frame: the table `cliff`.
        theme: `light` or `dark`.
        selection: run and step, as in `cliff_data`.

    Returns:
        A plotly figure; with a message in it where nothing was recorded.
    """
    return cliff_figure(cliff_data(frame, **selection), theme=theme)


def describe(data: pd.DataFrame) -> str:
    """What the picture holds, for readers who cannot see it."""
    words = []
    for name, (said, _, _) in _PATHS.items():
        own = data[data["path"] == name] if len(data) else data
        whole = own[np.isclose(own["fraction"].to_numpy(dtype=float), 1.0)] if len(own) else own
        if len(whole):
            words.append(f"after {said} the loss is {number_in_words(float(whole['loss'].iloc[0]))}")
    return f"{TITLE}: {'; '.join(words)}." if words else f"{TITLE}: nothing recorded yet."


CLIFF_FIGURE = Figure("cliff", TITLE, "cliff", cliff_data, cliff_figure, cliff, describe)
