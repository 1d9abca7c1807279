"""Who teaches whom: how much of the gradient that each loss sends in arrives at every time step before it."""

import math
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from gradlab.figures.figure import Figure, empty_figure
from gradlab.figures.heatmap import colourbar, special_cells
from gradlab.figures.selection import at_step, one_pass, require
from gradlab.figures.text import count_of, formula, number_in_words, plain
from gradlab.figures.theme import SEQUENTIAL, Theme, ThemeName, new_figure, theme_named
from gradlab.quantities import AXES

TITLE = "Who teaches whom"
REACHED = 0.01
"""The share that counts as arriving, as in the reach of a gradient."""
DECADES = 8.0
"""Colours end so many powers of ten from 1: less than that is lost in the rounding of float32 anyway."""
BELOW, AROUND = 52, 210
"""Pixels from the picture to the bar with the colours, and pixels of the height that are not the picture's."""
_NEAR = 300
"""Up to so many powers of ten a number can be written as such."""


def who_teaches_whom_data(
    frame: pd.DataFrame,
    *,
    run: str | None = None,
    step: int | None = None,
    module: str | None = None,
    call: int | None = None,
    layer: int | None = None,
    direction: int | None = None,
) -> pd.DataFrame:
    """What arrives at each time step from each loss, for one pass at one training step.

    Args:
        frame: the table `teaching`, of one or more runs.
        run: which run; the first when not given.
        step: training step, the recorded one nearest to it; the last when not given.
        module: which recurrent module; the first when not given, as for the other axes.
        call: which unbroken sequence of the training step.
        layer: which layer.
        direction: 0 forward, 1 backward.

    Returns:
        Columns `run`, `step`, `layer`, `direction`, `source`, `t`, `log_gradient` (ln of the norm) and `log_share`: ln
        of its share of the norm at its own time, or, where nothing entered through h itself, of its largest. −∞, ∞
        and NaN as they were recorded. Raises ValueError for columns or choices that the frame lacks.
    """
    columns = ["run", "step", "layer", "direction", "source", "t", "log_gradient", "log_share"]
    if not require(frame, ("step", "source", "t", "log_gradient"), "teaching"):
        return pd.DataFrame(columns=columns)
    if "run" not in frame.columns:
        frame = frame.assign(run="this run")
    frame = one_pass(frame, run=run, module=module, call=call, layer=layer, direction=direction)
    kept = at_step(frame, step).sort_values(["source", "t"], ignore_index=True)
    logs = kept["log_gradient"].to_numpy(dtype=float, na_value=np.nan)
    finite = pd.Series(np.where(np.isfinite(logs), logs, np.nan))
    own = finite.where(kept["source"] == kept["t"]).groupby(kept["source"]).transform("max")
    largest = finite.groupby(kept["source"]).transform("max")
    base = own.fillna(largest).fillna(0.0).to_numpy()
    kept = kept.assign(log_gradient=logs, log_share=logs - base)
    return kept[[name for name in columns if name in kept.columns]]


def who_teaches_whom_figure(data: pd.DataFrame, *, theme: ThemeName | Theme = "light") -> go.Figure:
    """Draw what `who_teaches_whom_data` returns."""
    look = theme_named(theme)
    if not len(data):
        return empty_figure(look, TITLE, "Which loss teaches which step has not been recorded here yet.")
    sources, times, shares, norms = _matrices(data)
    even = len(sources) < 3 or bool(np.ptp(np.diff(sources)) <= 1)
    rows = sources if even else np.arange(len(sources))
    height = int(min(500, 300 + 14 * len(sources)))
    figure = new_figure(look, _title(data), height)
    _draw_shares(figure, times, rows, sources, shares, norms)
    # as far below the axis in a low picture as in a high one
    figure.update_traces(colorbar_y=-BELOW / (height - AROUND), selector={"name": "value"})
    broken = np.isnan(norms) & _written(data, sources, times)
    kinds = {"exactly 0": np.isneginf(norms), "∞": np.isposinf(norms), "NaN": broken}
    special_cells(figure, times, rows, kinds, look, "loss at s =", sources)
    _draw_reach(figure, data, dict(zip(sources.tolist(), rows.tolist(), strict=True)), look)
    figure.update_xaxes(title_text=AXES["t"].label, showgrid=False, range=[times[0] - 0.5, times[-1] + 0.5])
    figure.update_yaxes(title_text=AXES["source"].label, showgrid=False, **_source_axis(sources, rows, even))
    return figure


def who_teaches_whom(frame: pd.DataFrame, *, theme: ThemeName | Theme = "light", **selection: Any) -> go.Figure:
    """Heatmap of how much of each loss's gradient arrives at each time step, for one pass of one run.

    How to read it: each row is the gradient that one loss sends into the layer at time s. At t = s it is whole, and to
    the left one sees how much of it is left at earlier steps, in powers of ten. The circles mark how far back 1 % of it
    arrives: what a step left of them did is not learned from that loss. Marked cells are exactly zero, ∞ or NaN;
    empty ones come after the loss.

    Args:
        frame: the table `teaching`.
        theme: `light` or `dark`.
        selection: what to look at, as in `who_teaches_whom_data`.

    Returns:
        A plotly figure; with a message in it where nothing was recorded.
    """
    return who_teaches_whom_figure(who_teaches_whom_data(frame, **selection), theme=theme)


def _matrices(data: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Loss times, time steps, and by both the shares and norms, in powers of ten; NaN where there is no row."""
    sources, row = np.unique(data["source"].to_numpy(dtype=int), return_inverse=True)
    times, column = np.unique(data["t"].to_numpy(dtype=int), return_inverse=True)
    shares, norms = (np.full((len(sources), len(times)), np.nan) for _ in range(2))
    shares[row, column] = data["log_share"].to_numpy(dtype=float) / np.log(10)
    norms[row, column] = data["log_gradient"].to_numpy(dtype=float) / np.log(10)
    return sources, times, shares, norms


def _written(data: pd.DataFrame, sources: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Cells that have a row, whatever is in it."""
    held = np.zeros((len(sources), len(times)), dtype=bool)
    held[np.searchsorted(sources, data["source"]), np.searchsorted(times, data["t"])] = True
    return held


def _title(data: pd.DataFrame) -> str:
    first = data.iloc[0]
    where = [f"layer {first['layer']}"] if "layer" in data.columns else []
    if "direction" in data.columns and first["direction"] == 1:
        where.append("backward in time")
    where += [f"run {plain(first['run'])}", f"training step {int(first['step']):,}"]
    return f"{TITLE} ({', '.join(where)})"


def _draw_shares(
    figure: go.Figure, times: np.ndarray, rows: np.ndarray, sources: np.ndarray, shares: np.ndarray, norms: np.ndarray
) -> None:
    usable = np.isfinite(shares)
    low, high = _colour_range(shares[usable])
    label = "share of the gradient that enters at s"
    bar = colourbar(low, high, label)
    ends = ("≤" if usable.any() and shares[usable].min() < low else "", "≥" if (shares[usable] > high).any() else "")
    bar["ticktext"] = [
        (ends[0] if tick == low else ends[1] if tick == high else "") + ("1" if tick == 0 else text)
        for tick, text in zip(bar["tickvals"], bar["ticktext"], strict=True)
    ]
    told = [
        [[source, _power(share), _power(norm)] for share, norm in zip(*row, strict=True)]
        for source, *row in zip(sources.tolist(), shares.tolist(), norms.tolist(), strict=True)
    ]
    figure.add_trace(
        go.Heatmap(
            x=times,
            y=rows,
            z=np.where(usable, shares, np.nan).astype(np.float32),
            zmin=low,
            zmax=high,
            zsmooth=False,
            name="value",
            customdata=told,
            hoverongaps=False,
            colorscale=SEQUENTIAL,
            colorbar=bar,
            hovertemplate="loss at s = %{customdata[0]}, t = %{x}<br>%{customdata[1]} of what entered"
            + f"<br>{formula('‖∂L_s/∂h_t‖')} = %{{customdata[2]}}<extra></extra>",
        )
    )


def _colour_range(logs: np.ndarray) -> tuple[float, float]:
    """Whole powers of ten that hold the shares, 1 among them, no more than `DECADES` to either side."""
    if not len(logs):
        return -1.0, 0.0
    low, high = np.floor(min(logs.min(), -1.0)), np.ceil(max(logs.max() - 1e-9, 0.0))
    return float(max(low, -DECADES)), float(min(high, DECADES))


def _power(log10: float) -> str:
    """A number by its logarithm, for a hover label; also where no float holds it."""
    if not math.isfinite(log10) or abs(log10) < _NEAR:
        return number_in_words(10.0**log10)
    return f"10<sup>{log10:,.0f}</sup>".replace("-", "−")


def _reaches(data: pd.DataFrame) -> pd.Series:
    """By loss time, the time step farthest from it at which `REACHED` of its gradient arrives."""
    arrives = data[data["log_share"] >= np.log(REACHED) - 1e-12]
    farthest = (arrives["source"] - arrives["t"]).abs().groupby(arrives["source"]).idxmax()
    return arrives.loc[farthest].set_index("source")["t"]


def _draw_reach(figure: go.Figure, data: pd.DataFrame, rows: dict[int, float], look: Theme) -> None:
    """A circle in each row where the last 1 % arrives."""
    reaches = _reaches(data[np.isfinite(data["log_share"])])
    if not len(reaches):
        return
    figure.add_trace(
        go.Scatter(
            x=reaches.to_numpy(dtype=float),
            y=[rows[source] for source in reaches.index],
            mode="markers",
            name="1 % of it arrives as far as this",
            hoverinfo="skip",
            showlegend=True,
            marker={"symbol": "circle", "size": 7, "color": look.surface, "line": {"width": 1.6, "color": look.text}},
        )
    )


def _source_axis(sources: np.ndarray, rows: np.ndarray, even: bool) -> dict[str, Any]:
    """A number line for even times; otherwise rows of equal height, with the time beside them."""
    if even and len(sources) > 8:
        return {}
    chosen = np.unique(np.linspace(0, len(sources) - 1, min(9, len(sources))).astype(int))
    return {"tickvals": rows[chosen].tolist(), "ticktext": [f"{sources[i]:,}" for i in chosen]}


def reach_in_words(data: pd.DataFrame) -> str:
    """How far the loss arrives that has the longest way to go, as a sentence; empty where nothing of it arrives."""
    reaches = _reaches(data[np.isfinite(data["log_share"])])
    backward = "direction" in data.columns and len(data) > 0 and data["direction"].iloc[0] == 1
    source = int((data["source"].min() if backward else data["source"].max()) if len(data) else 0)
    row = data[data["source"] == source]
    norms = row["log_gradient"].to_numpy(dtype=float)
    broken = int((np.isnan(norms) | np.isposinf(norms)).sum())
    if not broken and source not in reaches.index:
        return ""
    sent = f"At training step {int(row['step'].iloc[0]):,}, what the loss at time {source:,} sends back"
    if broken:
        return f"{sent} is NaN or ∞ at {broken:,} of {count_of(len(row), 'time step')}."
    lag = abs(int(reaches[source]) - source)
    if lag == (row["t"] - source).abs().max():
        return f"{sent} is still at least 1 % at the far end, {count_of(lag, 'step')} away."
    return f"{sent} falls below 1 % beyond {count_of(lag, 'step')}."


def describe(data: pd.DataFrame) -> str:
    """What the picture holds, for readers who cannot see it."""
    if not len(data):
        return f"{TITLE}: nothing recorded yet."
    told = f"{TITLE}: heatmap of {count_of(data['source'].nunique(), 'loss time')} by "
    told += f"{count_of(data['t'].nunique(), 'time step')}."
    return f"{told} {reach_in_words(data)}".strip()


WHO_TEACHES_WHOM = Figure(
    "who_teaches_whom",
    TITLE,
    "teaching",
    who_teaches_whom_data,
    who_teaches_whom_figure,
    who_teaches_whom,
    describe,
)
