"""What heatmaps share: a bar in powers of ten, and cells that no colour can hold, hatched so that they need none."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go

from gradlab.figures.theme import Theme


def colourbar(low: float, high: float, label: str) -> dict[str, Any]:
    """A bar under the picture, labelled in powers of ten."""
    every = max(1, int(np.ceil((high - low) / 6)))
    ticks = np.arange(np.ceil(low / every) * every, high + 1e-9, every)
    if len(ticks) < 2:
        ticks = np.linspace(low, high, 3)
        words = [f"{10**tick:.2g}" for tick in ticks]
    else:
        words = [f"10<sup>{int(tick)}</sup>".replace("-", "−") for tick in ticks]
    return {
        "orientation": "h",
        "x": 0.5,
        "xanchor": "center",
        "y": -0.18,
        "yanchor": "top",
        "thickness": 14,
        "len": 1.0,
        "tickvals": list(ticks),
        "ticktext": words,
        "title": {"text": label, "side": "bottom"},
        "outlinewidth": 0,
    }


def special_cells(
    figure: go.Figure,
    x: np.ndarray,
    y: np.ndarray,
    kinds: Mapping[str, np.ndarray],
    look: Theme,
    row_name: str,
    row_values: np.ndarray,
) -> None:
    """A flat colour and a hatch of marks over the cells of each kind that there is.

    Args:
        figure: to draw on.
        x: centres of the columns; the time step t.
        y: centres of the rows.
        kinds: cells, `row column`, by `exactly 0`, `∞` and `NaN`.
        look: the theme.
        row_name: what a row is, for the hover label.
        row_values: and which one it is.
    """
    looks = {
        "exactly 0": (look.zero, "line-ew-open"),
        "∞": (look.infinite, "triangle-up-open"),
        "NaN": (look.nan, "x-thin-open"),
    }
    for name, where in kinds.items():
        if not where.any():
            continue
        colour, symbol = looks[name]
        figure.add_trace(
            go.Heatmap(
                x=x,
                y=y,
                z=np.where(where, 1.0, np.nan),
                showscale=False,
                hoverongaps=False,
                colorscale=[[0, colour], [1, colour]],
                zsmooth=False,
                customdata=np.broadcast_to(row_values[:, None], where.shape),
                hovertemplate=f"{row_name} %{{customdata}}, t = %{{x}}<br>{name}<extra></extra>",
            )
        )
        marker = {"symbol": symbol, "size": 7, "color": look.text, "line": {"width": 1.4, "color": look.text}}
        mark_cells(figure, x, y, where, name, marker)


def mark_cells(
    figure: go.Figure, x: np.ndarray, y: np.ndarray, where: np.ndarray, name: str, marker: dict[str, Any]
) -> None:
    """Marks over some of the cells, `row column`, which the legend names; enough of them to tell where they are."""
    rows, columns = np.nonzero(hatch(where))
    figure.add_trace(
        go.Scatter(x=x[columns], y=y[rows], mode="markers", name=name, hoverinfo="skip", showlegend=True, marker=marker)
    )


def hatch(where: np.ndarray) -> np.ndarray:
    """A sparse staggered pattern over the cells; every cell when they are few."""
    rows, columns = where.shape
    down, across = max(1, rows // 20), max(1, columns // 36)
    row, column = np.indices((rows, columns))
    pattern = (row % down == 0) & ((column + (row // down % 2) * (across // 2)) % across == 0)
    if where.sum() <= 40 or not (where & pattern).any():
        few = np.zeros_like(pattern)
        few.flat[np.flatnonzero(where)[:: max(1, int(where.sum()) // 400)]] = True
        return few
    return where & pattern
