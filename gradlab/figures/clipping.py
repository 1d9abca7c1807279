"""Clipping in one run: the gradient's norm before and after, the threshold, and where it fired."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from gradlab.figures.decimation import thin_marks
from gradlab.figures.figure import Figure, empty_figure
from gradlab.figures.marks import Scale, edge_marks, line, once_in_legend
from gradlab.figures.selection import one_pass, require
from gradlab.figures.text import count_of, plain
from gradlab.figures.theme import Theme, ThemeName, new_figure, theme_named
from gradlab.quantities import STEPS

TITLE = "Gradient norm before and after clipping"
_COLUMNS = ["step", "grad_norm", "grad_norm_clipped", "clip_coefficient", "clip_fired", "clip_threshold"]


def clipping_data(frame: pd.DataFrame, *, run: str | None = None) -> pd.DataFrame:
    """What clipping did at every training step of one run.

    Args:
        frame: the table `steps`, of one or more runs.
        run: which run; the first one when not given.

    Returns:
        Columns `run` (where there is one), `step`, `grad_norm`, `grad_norm_clipped`, `clip_coefficient`,
        `clip_fired` (bool) and `clip_threshold`, in the order of the steps. Raises ValueError for a run or
        columns that the frame lacks.
    """
    if not require(frame, ("step", "grad_norm"), "steps"):
        return pd.DataFrame(columns=["run", *_COLUMNS])
    frame = one_pass(frame, run=run)
    data = frame.reindex(columns=(["run"] if "run" in frame.columns else []) + _COLUMNS)
    data["clip_fired"] = fired(data["clip_fired"])
    for name in ("grad_norm", "grad_norm_clipped", "clip_coefficient", "clip_threshold"):
        data[name] = data[name].to_numpy(dtype=float, na_value=np.nan)
    return data.sort_values("step", ignore_index=True)


def fired(column: pd.Series) -> np.ndarray:
    """The flag as bool, whatever the table kept it as; not measured counts as not fired."""
    return pd.to_numeric(column, errors="coerce").fillna(0).to_numpy(dtype=float) > 0


def clipping_figure(data: pd.DataFrame, *, theme: ThemeName | Theme = "light") -> go.Figure:
    """Draw what `clipping_data` returns."""
    look = theme_named(theme)
    if not len(data):
        return empty_figure(look, TITLE, "No training step has been recorded here yet.")
    clips = bool(data["clip_coefficient"].notna().any() and data["clip_threshold"].notna().any())
    figure = new_figure(look, _title(data), 560 if clips else 420)
    scale = Scale.fit(data["grad_norm"], data["grad_norm_clipped"], data["clip_threshold"], log=True)
    _draw_norms(figure, data, scale, look, clips)
    figure.update_layout(yaxis=scale.axis("gradient norm ‖g‖"), xaxis={"title": {"text": "training step"}})
    if clips:
        _draw_coefficient(figure, data, look)
    once_in_legend(figure)
    return figure


def clipping(frame: pd.DataFrame, *, theme: ThemeName | Theme = "light", run: str | None = None) -> go.Figure:
    """The gradient's norm before and after clipping over training, and the factor by which it was cut.

    How to read it: the solid line is the gradient as backward() left it, the dashed one what the optimiser
    was given; where they part, clipping fired, and the strip of ticks below marks those steps. The lower
    panel is the factor between them: 1 means untouched, 0.01 means that a hundredth was left.

    Args:
        frame: the table `steps`.
        theme: `light` or `dark`.
        run: which run; the first one when not given.

    Returns:
        A plotly figure; with a message in it where nothing was recorded.
    """
    return clipping_figure(clipping_data(frame, run=run), theme=theme)


def _draw_norms(figure: go.Figure, data: pd.DataFrame, scale: Scale, look: Theme, clips: bool) -> None:
    step = data["step"].to_numpy()
    before, after = look.style(1), look.style(0)
    raw = data["grad_norm"].to_numpy(dtype=float)
    hover = "step %{x}: %{y:.3g}<extra>"
    figure.add_trace(
        line(
            step,
            raw,
            scale,
            type(before)(before.colour, "solid", "circle"),
            width=1.6,
            name="before" if clips else "gradient norm",
            legendgroup="before",
            hovertemplate=hover + "before</extra>",
        )
    )
    figure.add_traces(edge_marks(step, raw, scale, before, "before clipping"))
    if not clips:
        return
    clipped = data["grad_norm_clipped"].to_numpy(dtype=float)
    figure.add_trace(
        line(
            step,
            clipped,
            scale,
            type(after)(after.colour, "dash", "square"),
            width=2.0,
            name="after clipping",
            legendgroup="after",
            hovertemplate=hover + "after</extra>",
        )
    )
    threshold = data["clip_threshold"].to_numpy(dtype=float)
    figure.add_trace(
        go.Scatter(
            x=step[[0, -1]] if _constant(threshold) else line(step, threshold, scale, after).x,
            y=threshold[[0, -1]] if _constant(threshold) else line(step, threshold, scale, after).y,
            mode="lines",
            line={"color": look.text, "dash": "dot", "width": 1.5},
            name="threshold",
            legendgroup="threshold",
            hovertemplate=hover + "threshold</extra>",
        )
    )
    ticks = thin_marks(step[data["clip_fired"].to_numpy(dtype=bool)], 1000)
    figure.add_trace(
        go.Scatter(
            x=ticks,
            y=np.full(len(ticks), 1.0),
            yaxis="y3",
            mode="markers",
            name="clipping fired",
            legendgroup="fired",
            hovertemplate="fired at step %{x}<extra></extra>",
            marker={"symbol": "line-ns-open", "size": 10, "color": look.text, "line": {"width": 1}},
        )
    )


def _constant(values: np.ndarray) -> bool:
    return bool(np.isfinite(values).all() and values.min() == values.max())


def _draw_coefficient(figure: go.Figure, data: pd.DataFrame, look: Theme) -> None:
    """The lower panel, and the strip of ticks between the two."""
    step, coefficient = data["step"].to_numpy(), data["clip_coefficient"].to_numpy(dtype=float)
    scale = Scale.fit(coefficient, log=True, include=(1.0,))
    style = look.style(2)
    figure.add_trace(
        line(
            step,
            coefficient,
            scale,
            type(style)(style.colour, "solid", "diamond"),
            width=1.4,
            xaxis="x2",
            yaxis="y2",
            name="clip coefficient",
            legendgroup="coefficient",
            hovertemplate="step %{x}: ×%{y:.3g}<extra>coefficient</extra>",
        )
    )
    figure.add_traces(edge_marks(step, coefficient, scale, style, "clip coefficient", xaxis="x2", yaxis="y2"))
    figure.update_layout(
        yaxis={"domain": [0.4, 1.0]},
        xaxis={"anchor": "y", "title": {"text": ""}, "showticklabels": False},
        xaxis2={"anchor": "y2", "matches": "x", "title": {"text": "training step"}},
        yaxis2={**scale.axis(STEPS["clip_coefficient"].symbol), "domain": [0.0, 0.26], "anchor": "x2"},
        yaxis3={
            "domain": [0.32, 0.37],
            "anchor": "x",
            "visible": False,
            "range": [0.5, 1.5],
            "fixedrange": True,
        },
    )


def _title(data: pd.DataFrame) -> str:
    return TITLE + (f" (run {plain(data['run'].iloc[0])})" if "run" in data.columns else "")


def describe(data: pd.DataFrame) -> str:
    """What the picture holds, for readers who cannot see it."""
    if not len(data):
        return f"{TITLE}: nothing recorded yet."
    return (
        f"{TITLE}: {count_of(len(data), 'training step')}, clipping fired at "
        f"{int(data['clip_fired'].sum()):,}; largest norm {data['grad_norm'].max():.3g}."
    )


CLIPPING = Figure("clipping", TITLE, "steps", clipping_data, clipping_figure, clipping, describe)
