"""Lines and bands with room for what no axis can hold: zero on a log axis, infinity, NaN."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from gradlab.figures.decimation import POINTS, thin, thin_marks
from gradlab.figures.text import number_in_words
from gradlab.figures.theme import LineStyle, Theme


@dataclass(frozen=True, slots=True)
class Scale:
    """A value axis: its range in axis units (log10 if log), with a margin at both ends for the marks."""

    log: bool
    low: float
    high: float

    @classmethod
    def fit(cls, *arrays: ArrayLike, log: bool, include: tuple[float, ...] = ()) -> "Scale":
        """The scale that holds all drawable values; one around 1 when there is none."""
        values = np.concatenate([_floats(array).ravel() for array in (*arrays, include)])
        values = np.log10(values[values > 0]) if log else values
        values = values[np.isfinite(values)]
        if not len(values):
            return cls(log, -1.0, 1.0)
        low, high = float(values.min()), float(values.max())
        if high - low < 1e-9 * max(1.0, abs(high)):
            pad = 0.5 if log else max(abs(high) * 0.1, 0.5)
            return cls(log, low - pad, high + pad)
        return cls(log, low, high)

    @property
    def _margin(self) -> float:
        return 0.1 * (self.high - self.low)

    def drawable(self, values: np.ndarray) -> np.ndarray:
        """The values with NaN wherever a line must break."""
        usable = np.isfinite(values) & ((values > 0) if self.log else True)
        return np.where(usable, values, np.nan)

    def position(self, coordinate: float) -> float:
        """From axis units back to a value."""
        return float(10.0**coordinate) if self.log else coordinate

    def edge(self, side: Literal["bottom", "top"], lane: float) -> float:
        """Where marks stand beyond every value: below for zero and −∞, above for ∞ and NaN; lane from 0 to 1."""
        out = (0.3 + 0.5 * lane) * self._margin
        return self.position(self.low - out if side == "bottom" else self.high + out)

    def axis(self, title: str) -> dict[str, Any]:
        """Layout of the axis: whole decades on a log axis, at most about eight of them labelled."""
        span = [self.low - self._margin, self.high + self._margin]
        axis: dict[str, Any] = {"title": {"text": title}, "range": span}
        if self.log:
            decades = span[1] - span[0]
            axis |= {"type": "log", "exponentformat": "power"}
            if decades > 1.5:
                axis["dtick"] = max(1, int(np.ceil(decades / 8)))
            elif decades > 0.6:
                # plotly would write 0.5 as a small 5
                axis |= _few_ticks(span[0], span[1])
            else:
                axis["nticks"] = 6
        return axis


def _few_ticks(low: float, high: float) -> dict[str, Any]:
    """Ticks at 1, 2 and 5 of each decade between two powers of ten."""
    ticks = [
        mantissa * 10.0**power
        for power in range(int(np.floor(low)), int(np.ceil(high)) + 1)
        for mantissa in (1, 2, 5)
        if low <= np.log10(mantissa) + power <= high
    ]
    return {"tickvals": ticks, "ticktext": [number_in_words(tick) for tick in ticks]}


def _floats(values: ArrayLike) -> np.ndarray:
    return np.asarray(values, dtype=float)


def scatter(**trace: Any) -> go.Scatter:
    """A trace that plotly checks when it joins a figure, and not already here: checks are most of what it costs."""
    return go.Scatter(**trace, _validate=False)


def line(x: np.ndarray, y: np.ndarray, scale: Scale, style: LineStyle, **trace: Any) -> go.Scatter:
    """One line, thinned, broken where a value cannot be drawn, with marks for eyes without colour."""
    x, y = thin(np.asarray(x), scale.drawable(np.asarray(y, dtype=float)))
    known = ~np.isnan(y)
    # a value between two gaps is a line of no length: only its mark shows it
    lonely = known & ~np.r_[False, known[:-1]] & ~np.r_[known[1:], False]
    marker: dict[str, Any] = {"symbol": style.symbol, "size": 7, "color": style.colour}
    if len(x) > 30 and not lonely.any():
        marker["maxdisplayed"] = 12
    width = trace.pop("width", 2.4)
    return scatter(
        x=x,
        y=y,
        mode="lines+markers",
        line={"color": style.colour, "dash": style.dash, "width": width},
        marker=marker,
        connectgaps=False,
        **trace,
    )


def band(
    x: ArrayLike, low: ArrayLike, high: ArrayLike, scale: Scale, style: LineStyle, **trace: Any
) -> list[go.Scatter]:
    """The spread, filled, one polygon a stretch; an end that cannot be drawn lies on the edge."""
    low, high = _floats(low), _floats(high)
    floor, ceiling = scale.position(scale.low - scale._margin), scale.position(scale.high + scale._margin)
    there = np.isfinite(scale.drawable(low)) | np.isfinite(scale.drawable(high))
    with np.errstate(invalid="ignore"):
        low = np.where(np.isfinite(scale.drawable(low)), low, floor)
        high = np.where(np.isfinite(high), high, ceiling)
    xs: list[np.ndarray] = []
    ys: list[np.ndarray] = []
    edges = np.flatnonzero(np.diff(np.r_[False, there, False].astype(int)))
    stretches = list(zip(edges[::2], edges[1::2], strict=True))
    limit = max(POINTS // (2 * max(len(stretches), 1)) - 1, 2)
    for start, stop in stretches:
        if np.array_equal(low[start:stop], high[start:stop]):
            continue
        here = np.asarray(x, dtype=float)[start:stop]
        below_x, below = thin(here, low[start:stop], limit)
        above_x, above = thin(here, high[start:stop], limit)
        xs.append(np.r_[below_x, above_x[::-1], np.nan])  # NaN closes the polygon
        ys.append(np.r_[below, above[::-1], np.nan])
    if not xs:
        return []
    return [
        scatter(
            x=np.concatenate(xs)[:-1],
            y=np.concatenate(ys)[:-1],
            fill="toself",
            mode="lines",
            line={"width": 0},
            fillcolor=style.band(),
            hoverinfo="skip",
            showlegend=False,
            **trace,
        )
    ]


_MARKS = {
    "0": ("triangle-down-open", "exactly 0"),
    "-inf": ("triangle-down", "−∞"),
    "inf": ("triangle-up", "∞"),
    "nan": ("x", "NaN"),
}


def special(values: np.ndarray, log: bool) -> dict[str, np.ndarray]:
    """Which entries a line leaves out: zero (on a log axis, also what is below), −∞, ∞, NaN."""
    values = np.asarray(values, dtype=float)
    zero = (values <= 0) & np.isfinite(values) if log else np.zeros(len(values), dtype=bool)
    return {"0": zero, "-inf": values == -np.inf, "inf": values == np.inf, "nan": np.isnan(values)}


def edge_marks(
    x: np.ndarray, y: np.ndarray, scale: Scale, style: LineStyle, owner: str, lane: float = 0.0, **trace: Any
) -> list[go.Scatter]:
    """Marks at the edges for every value that the axis cannot hold.

    Args:
        x: positions, `points`.
        y: values, `points`.
        scale: the value axis.
        style: of the line that the values belong to.
        owner: escaped name of that line, for the hover text.
        lane: 0 to 1, so that the marks of several lines stand beside each other.
        trace: passed on to the traces (`xaxis`, `yaxis`).

    Returns:
        At most four traces, one for each kind that occurs.
    """
    traces = []
    for kind, where in special(y, scale.log).items():
        if not where.any():
            continue
        symbol, word = _MARKS[kind]
        at = thin_marks(np.asarray(x)[where], 100)
        height = scale.edge("bottom" if kind in ("0", "-inf") else "top", lane)
        marker = {"symbol": symbol, "size": 8, "color": style.colour, "line": {"width": 1.5, "color": style.colour}}
        traces.append(
            scatter(
                x=at,
                y=np.full(len(at), height),
                mode="markers",
                name=word,
                marker=marker,
                legendgroup=f"special {kind}",
                legendrank=2000,
                hovertemplate=f"{owner}: {word} at %{{x}}<extra></extra>",
                **trace,
            )
        )
    return traces


def once_in_legend(figure: go.Figure) -> None:
    """Show every legend group once, however many panels and groups draw it."""
    seen: set[str] = set()
    for trace in figure.data:
        if not trace.legendgroup or trace.showlegend is False:
            continue
        trace.showlegend = trace.legendgroup not in seen
        seen.add(trace.legendgroup)


def level(
    figure: go.Figure,
    height: float,
    words: str,
    look: Theme,
    *,
    log: bool,
    xaxis: str = "x",
    yaxis: str = "y",
    side: Literal["left", "right"] = "right",
) -> None:
    """A dashed line across a panel, named at one end: above it at the right, below it at the left."""
    figure.add_shape(
        type="line",
        xref=f"{xaxis} domain",
        x0=0,
        x1=1,
        yref=yaxis,
        y0=height,
        y1=height,
        line={"color": look.muted, "dash": "dash", "width": 1.5},
    )
    figure.add_annotation(
        text=words,
        xref=f"{xaxis} domain",
        x=1 if side == "right" else 0.01,
        xanchor=side,
        yref=yaxis,
        y=np.log10(height) if log else height,
        yanchor="bottom" if side == "right" else "top",
        yshift=3 if side == "right" else -2,
        showarrow=False,
        font={"color": look.muted, "size": 13},
        # lines may run behind it
        bgcolor=LineStyle(look.surface, "", "").band(0.7),
        borderpad=0,
    )


def upright(figure: go.Figure, place: float, words: str, look: Theme, *, right: bool) -> None:
    """A dashed upright line, its words above the panel, where no curve can run through them."""
    figure.add_vline(x=place, line={"color": look.muted, "dash": "dash", "width": 1.5})
    figure.add_annotation(
        text=words,
        font={"color": look.muted, "size": 13},
        showarrow=False,
        x=place,
        xanchor="right" if right else "left",
        yref="paper",
        y=1,
        yanchor="bottom",
    )
    figure.update_layout(legend_y=1.08)


def demand(figure: go.Figure, place: float, places: ArrayLike, look: Theme) -> None:
    """An upright line where the task needs the gradient, if it lies within the positions that are drawn."""
    first, last = float(np.min(places)), float(np.max(places))
    if first <= place <= last:
        upright(figure, place, "the task needs it to reach here", look, right=place > (first + last) / 2)
