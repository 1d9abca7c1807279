"""A chart of one's own in the look of all figures: a few named curves over one axis, theory beside measurement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from gradlab.figures.marks import Scale, band, edge_marks, level, line, once_in_legend
from gradlab.figures.text import formula, plain, short
from gradlab.figures.theme import LineStyle, Theme, ThemeName, new_figure, theme_named

Kind = Literal["line", "points", "theory", "outline"]


@dataclass(frozen=True, slots=True)
class Curve:
    """One curve of a chart, by its name in the legend."""

    name: str
    x: ArrayLike
    """Positions, `points`."""
    y: ArrayLike
    """Values, `points`; NaN, ∞ and, on a logarithmic axis, 0 become marks at the edge."""
    kind: Kind = "line"
    """`line` with marks, `points` alone, `theory` as a dotted line, `outline` of a histogram over its bins' middles."""
    low: ArrayLike | None = None
    """Lower end of the spread, `points`."""
    high: ArrayLike | None = None
    """Upper end of the spread, `points`."""
    like: str = ""
    """Name of the curve whose colour it takes; a theory of none is drawn in the colour of the text."""


def chart(
    curves: Sequence[Curve],
    *,
    title: str,
    x: str,
    y: str,
    log_x: bool = False,
    log_y: bool = False,
    levels: Mapping[str, float] | None = None,
    theme: ThemeName | Theme = "light",
    height: int = 460,
) -> go.Figure:
    """Draw named curves over one axis.

    How to read it: solid lines and marks are measured, dotted lines are theory; bands hold the spread. Marks at the
    upper or lower edge are values that the axis cannot hold: exactly zero, infinite, or NaN.

    Args:
        curves: in the order of the legend.
        title: what the chart shows.
        x: label of the horizontal axis, in plain text; `h_t` is written with its index set low.
        y: label of the value axis, likewise.
        log_x: whether the horizontal axis is logarithmic.
        log_y: whether the value axis is.
        levels: dashed lines across, by their words.
        theme: `light` or `dark`.
        height: in pixels.

    Raises ValueError where there is no curve, a curve's x and y differ in length, or `like` names none.
    """
    look = theme_named(theme)
    if not curves:
        raise ValueError("expected at least one curve, got none")
    known = {curve.name for curve in curves}
    for curve in curves:
        if np.shape(curve.x) != np.shape(curve.y):
            raise ValueError(f"{curve.name}: expected as many x as y, got {np.shape(curve.x)} and {np.shape(curve.y)}")
        if curve.like and curve.like not in known:
            raise ValueError(f"{curve.name}: expected like to be one of {', '.join(sorted(known))}, got {curve.like!r}")
    figure = new_figure(look, plain(title), height)
    ends = [end for curve in curves for end in (curve.y, curve.low, curve.high) if end is not None]
    scale = Scale.fit(*ends, log=log_y, include=tuple((levels or {}).values()))
    styles = _styles(curves, look)
    for place, curve in enumerate(curves):
        figure.add_traces(_drawn(curve, styles[curve.name], scale, place / len(curves)))
    for words, height_of in (levels or {}).items():
        level(figure, height_of, plain(words), look, log=log_y)
    figure.update_xaxes(title_text=formula(x), **({"type": "log", "exponentformat": "power"} if log_x else {}))
    figure.update_yaxes(**scale.axis(formula(y)))
    once_in_legend(figure)
    return figure


def _styles(curves: Sequence[Curve], look: Theme) -> dict[str, LineStyle]:
    """What is measured in the theme's colours, in turn; what belongs to another curve in that one's."""
    own = [curve for curve in curves if not curve.like and curve.kind != "theory"]
    styles = {curve.name: look.style(place) for place, curve in enumerate(own)}
    text = LineStyle(look.text, "dot", "circle")
    return styles | {
        curve.name: styles.get(curve.like, text) for curve in curves if curve.like or curve.kind == "theory"
    }


def _drawn(curve: Curve, style: LineStyle, scale: Scale, lane: float) -> list[go.Scatter]:
    x, y, name = np.asarray(curve.x, dtype=float), np.asarray(curve.y, dtype=float), plain(curve.name)
    if curve.kind == "outline" and len(x) > 1:
        # an outline begins and ends on the ground
        x, y = np.r_[2 * x[0] - x[1], x, 2 * x[-1] - x[-2]], np.r_[0.0, y, 0.0]
    hover = f"{name}<br>%{{x:.4g}}: %{{y:.4g}}<extra></extra>"
    drawn = line(x, y, scale, style, name=short(curve.name), legendgroup=name, hovertemplate=hover)
    traces: list[go.Scatter] = []
    if curve.low is not None and curve.high is not None and curve.kind != "points":
        traces += band(x, curve.low, curve.high, scale, style, legendgroup=name)
    if curve.kind == "points":
        marks = {"symbol": f"{style.symbol}-open", "size": 9, "line": {"width": 2}, "maxdisplayed": 0}
        drawn.update(mode="markers", marker=marks)
        if curve.low is not None and curve.high is not None:
            drawn.error_y = {
                "type": "data", "symmetric": False, "thickness": 1.5, "width": 4,
                "array": np.nan_to_num(_ended(curve.high, scale) - scale.drawable(y)),
                "arrayminus": np.nan_to_num(scale.drawable(y) - _ended(curve.low, scale)),
            }  # fmt: skip
    elif curve.kind == "theory":
        drawn.update(mode="lines", line={"dash": "dot", "width": 2})
    elif curve.kind == "outline":
        drawn.update(mode="lines", line={"shape": "hvh", "dash": "solid"}, fill="tozeroy", fillcolor=style.band(0.12))
    return [*traces, drawn, *edge_marks(x, y, scale, style, name, lane)]


def _ended(values: ArrayLike, scale: Scale) -> np.ndarray:
    """Ends of a bar: one that no axis can hold lies at the edge."""
    values = np.asarray(values, dtype=float)
    low, high = scale.edge("bottom", 1.0), scale.edge("top", 1.0)
    return np.where(np.isfinite(scale.drawable(values)), values, np.where(values > 0, high, low))
