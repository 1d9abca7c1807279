"""Other clipping strategies on the same gradients: how much each would have left, and of which direction."""

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from gradlab.figures.clipping import fired
from gradlab.figures.figure import Figure, empty_figure
from gradlab.figures.groups import groups_of, with_group
from gradlab.figures.marks import Scale, once_in_legend, special
from gradlab.figures.order import quantiles_by
from gradlab.figures.selection import require
from gradlab.figures.text import count_of, number_in_words, plain, short
from gradlab.figures.theme import GROUPS_DRAWN, LineStyle, Theme, ThemeName, new_figure, theme_named

TITLE = "What other strategies would have done to the same gradients"
ROWS = 40
"""More strategies than this are no picture; the table holds all."""
_KEYS = ("group", "strategy", "setting")
_LEFT = {"least": 0.0, "left_low": 0.1, "left": 0.5, "left_high": 0.9}
_COSINE = {"cosine_low": 0.1, "cosine": 0.5}
_SPECIAL = {
    "0": ("triangle-left-open", "exactly 0"), "-inf": ("triangle-left", "−∞"), "inf": ("triangle-right", "∞"),
    "nan": ("x", "NaN"),
}  # fmt: skip


def strategies_data(frame: pd.DataFrame, *, by: Sequence[str] = ()) -> pd.DataFrame:
    """What every strategy and setting would have left of the gradient, over the measured steps of each group.

    Args:
        frame: the table `clipping`, of one or more runs.
        by: columns (settings such as `model.cell`) whose values make a group; all runs together when empty.

    Returns:
        One row a group, strategy and setting: `steps` (measured), `fired` (share of them, 0 to 1), of the share of the
        norm that is left `least`, `left_low` (10 %), `left` (median) and `left_high` (90 %), and of the cosine with the
        raw gradient `cosine_low` (10 %) and `cosine` (median). NaN counts as larger than everything. Raises
        ValueError when columns are missing.
    """
    columns = [*_KEYS, "steps", "fired", *_LEFT, *_COSINE]
    if not require(frame, ("step", "strategy", "setting", "coefficient", "cosine", "fired"), "clipping"):
        return pd.DataFrame(columns=columns)
    frame = with_group(frame, by)
    frame = frame.assign(fires=fired(frame["fired"]), strategy=frame["strategy"].astype(str))
    frame["setting"] = frame["setting"].to_numpy(dtype=float, na_value=np.nan)
    data = quantiles_by(frame, _KEYS, "coefficient", _LEFT, log=True).rename(columns={"count": "steps"})
    cosine = quantiles_by(frame, _KEYS, "cosine", _COSINE)
    data[list(_COSINE)] = cosine[list(_COSINE)]
    data["fired"] = frame.groupby(list(_KEYS), observed=True, dropna=False, sort=True)["fires"].mean().to_numpy()
    return data[columns]


def strategies_figure(data: pd.DataFrame, *, theme: ThemeName | Theme = "light") -> go.Figure:
    """Draw what `strategies_data` returns."""
    look = theme_named(theme)
    if not len(data):
        return empty_figure(look, TITLE, "No other strategy has been recorded here yet.")
    labels = [_label(*row) for row in data[["strategy", "setting"]].itertuples(index=False, name=None)]
    rows = list(dict.fromkeys(sorted(labels, key=dict(zip(labels, _order(data), strict=True)).__getitem__)))
    shown = rows[:ROWS]
    names, note = groups_of(data, GROUPS_DRAWN)
    figure = new_figure(look, TITLE, 150 + len(shown) * (12 + 8 * min(len(names), 4)))
    left = Scale.fit(data["left_low"], data["left"], data["left_high"], log=True, include=(1.0,))
    cosine = Scale.fit(data["cosine_low"], data["cosine"], log=False, include=(1.0, 0.9))
    for place, name in enumerate(names):
        own = data[data["group"].astype(str) == name].assign(label=np.array(labels)[data["group"].astype(str) == name])
        own = own[own["label"].isin(shown)]
        heights = own["label"].map(shown.index).to_numpy(dtype=float) + _offset(place, len(names))
        style = look.style(place)
        _draw(figure, own, ("left_low", "left", "left_high"), heights, name, style, left, "x")
        _draw(figure, own, ("cosine_low", "cosine", "cosine"), heights, name, style, cosine, "x2")
    more = f"; {len(shown)} of {len(rows)} strategies, the table holds all" if len(rows) > len(shown) else ""
    words = "norm left" + (f" ({note}{more})" if note or more else "")
    figure.update_layout(
        # on a phone ticks would stand on their heads, and a longer title would run into the next one
        xaxis={**left.axis(words), "domain": [0.0, 0.56], "tickangle": 0, **_wide_ticks(left)},
        xaxis2={**cosine.axis("cosine"), "domain": [0.64, 1.0], "anchor": "y", "nticks": 3, "tickangle": 0},
        yaxis={
            "range": [len(shown) - 0.4, -0.6],
            "tickvals": list(range(len(shown))),
            "ticktext": [short(label, 24) for label in shown],
        },
    )
    for axis, at in (("x", 1.0), ("x2", 1.0)):
        figure.add_shape(
            type="line", xref=axis, x0=at, x1=at, yref="paper", y0=0, y1=1,
            line={"color": look.muted, "dash": "dash", "width": 1.5},
        )  # fmt: skip
    once_in_legend(figure)
    return figure


def _wide_ticks(scale: Scale) -> dict[str, int]:
    """Of many decades every second or third is labelled."""
    decades = scale.high - scale.low
    return {"dtick": max(1, math.ceil(decades / 4))} if scale.log and decades > 1.5 else {}


def strategies(frame: pd.DataFrame, *, theme: ThemeName | Theme = "light", **selection: Any) -> go.Figure:
    """What clipping strategies that only looked on would have left of the gradient, a row a strategy and setting.

    How to read it: a mark at the dashed 1 would have left the gradient alone. At the left the share of its norm that is
    left, as the median over the measured steps, with the middle 80 % of them as a line. At the right the direction: a
    cosine below 1 says that the strategy would have turned it, as those do that look at single numbers.

    Args:
        frame: the table `clipping`.
        theme: `light` or `dark`.
        selection: groups, as in `strategies_data`.

    Returns:
        A plotly figure; with a message in it where nothing was recorded.
    """
    return strategies_figure(strategies_data(frame, **selection), theme=theme)


def _label(strategy: str, setting: float) -> str:
    return strategy if np.isnan(setting) else f"{strategy} {number_in_words(setting)}"


def _order(data: pd.DataFrame) -> list[tuple[str, float]]:
    """By strategy, then by setting; what has none first."""
    settings = data["setting"].to_numpy(dtype=float)
    return [(name, -np.inf if np.isnan(at) else at) for name, at in zip(data["strategy"], settings, strict=True)]


def _offset(place: int, groups: int) -> float:
    """Groups stand beside each other in a row."""
    return 0.0 if groups == 1 else 0.56 * (place / (groups - 1) - 0.5)


def _draw(
    figure: go.Figure,
    rows: pd.DataFrame,
    columns: tuple[str, str, str],
    heights: np.ndarray,
    name: str,
    style: LineStyle,
    scale: Scale,
    xaxis: Literal["x", "x2"],
) -> None:
    """A mark a row with its spread, and a mark at the side for what the axis cannot hold."""
    full = plain(name)
    low, middle, high = (scale.drawable(rows[column].to_numpy(dtype=float)) for column in columns)
    hover = [
        f"{full}, {plain(_label(str(strategy), setting))}: fires at {share:.0%} of {count_of(int(steps), 'step')}"
        for strategy, setting, share, steps in rows[["strategy", "setting", "fired", "steps"]].itertuples(index=False)
    ]
    figure.add_trace(
        go.Scatter(
            x=middle,
            y=heights,
            mode="markers",
            marker={"symbol": style.symbol, "size": 8, "color": style.colour},
            error_x={
                "type": "data", "symmetric": False, "thickness": 2, "width": 0, "color": style.band(0.6),
                "array": np.nan_to_num(high - middle), "arrayminus": np.nan_to_num(middle - low),
            },
            name=short(name),
            legendgroup=full,
            text=hover,
            hovertemplate="%{text}<br>%{x:.4g}<extra></extra>",
            xaxis=xaxis,
        )
    )  # fmt: skip
    values = rows[columns[1]].to_numpy(dtype=float)
    for kind, where in special(values, scale.log).items():
        if not where.any():
            continue
        symbol, word = _SPECIAL[kind]
        side = scale.edge("bottom" if kind in ("0", "-inf") else "top", 0.0)
        figure.add_trace(
            go.Scatter(
                x=np.full(int(where.sum()), side),
                y=heights[where],
                mode="markers",
                marker={"symbol": symbol, "size": 9, "color": style.colour},
                name=word,
                legendgroup=f"special {kind}",
                legendrank=2000,
                hovertemplate=f"{full}: {word}<extra></extra>",
                xaxis=xaxis,
            )
        )


def describe(data: pd.DataFrame) -> str:
    """What the picture holds, for readers who cannot see it."""
    if not len(data):
        return f"{TITLE}: nothing recorded yet."
    words = [
        f"{_label(strategy, setting)}: leaves {number_in_words(left)}, cosine {number_in_words(cosine)}"
        for strategy, setting, left, cosine in data[["strategy", "setting", "left", "cosine"]]
        .drop_duplicates(["strategy", "setting"])
        .head(ROWS)
        .itertuples(index=False, name=None)
    ]
    return f"{TITLE}. {'; '.join(words)}."


STRATEGIES = Figure("strategies", TITLE, "clipping", strategies_data, strategies_figure, strategies, describe)
