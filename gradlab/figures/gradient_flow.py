"""The gradient-flow heatmap: ‖∂L/∂h_t‖ at every time step over training, for one run and layer."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from gradlab.figures.decimation import coarsen
from gradlab.figures.figure import Figure, empty_figure
from gradlab.figures.heatmap import colourbar, mark_cells, special_cells
from gradlab.figures.selection import drop_unmeasured_runs, one_pass, require
from gradlab.figures.text import count_of, formula, plain
from gradlab.figures.theme import SEQUENTIAL, Theme, ThemeName, new_figure, theme_named
from gradlab.quantities import TIMESTEPS

TITLE = "Gradient flow over training"
_ROWS, _COLUMNS = 200, 400
_TAIL = 0.02
"""So small a share of the cells at either end may lie outside the colours; they are marked."""


def gradient_flow_data(
    frame: pd.DataFrame,
    *,
    run: str | None = None,
    module: str | None = None,
    call: int | None = None,
    layer: int | None = None,
    direction: int | None = None,
    quantity: str = "grad_h",
) -> pd.DataFrame:
    """The gradient of one pass at every recorded training step and time step.

    Args:
        frame: the table `timesteps`, of one or more runs (column `run`, as `gradlab.reports.load` gives it).
        run: which run; the first one when not given.
        module: which recurrent module; the first when not given, as for the other axes.
        call: which unbroken sequence of the training step.
        layer: which layer.
        direction: 0 forward, 1 backward.
        quantity: `grad_h`, `grad_c`, `grad_x` or `weight_gradient_norm`.

    Returns:
        Columns `run` (where there is one), `layer`, `direction`, `step`, `t` and the quantity; zero, infinity
        and NaN as they were recorded. Raises ValueError for columns or choices that the frame lacks.
    """
    columns = ["run", "layer", "direction", "step", "t", quantity]
    if not require(frame, ("step", "t", quantity), "timesteps"):
        return pd.DataFrame(columns=columns)
    frame = drop_unmeasured_runs(one_pass(frame, run=run), quantity)
    frame = one_pass(frame, module=module, call=call, layer=layer, direction=direction)
    kept = frame[[name for name in columns if name in frame.columns]]
    return kept.sort_values(["step", "t"], ignore_index=True)


def gradient_flow_figure(data: pd.DataFrame, *, theme: ThemeName | Theme = "light") -> go.Figure:
    """Draw what `gradient_flow_data` returns."""
    look = theme_named(theme)
    quantity = data.columns[-1]
    if not len(data):
        return empty_figure(look, TITLE, "No gradient has been recorded here yet.")
    grid = _grid(data, quantity)
    figure = new_figure(look, _title(data), 480)
    label = formula(TIMESTEPS[quantity].label)
    _draw_values(figure, grid, label)
    _draw_special(figure, grid, look)
    figure.update_xaxes(title_text="time step t", showgrid=False, constrain="domain")
    figure.update_yaxes(title_text="training step", showgrid=False, **_step_axis(grid))
    return figure


def gradient_flow(frame: pd.DataFrame, *, theme: ThemeName | Theme = "light", **selection: Any) -> go.Figure:
    """Heatmap of the gradient at every time step over training, for one run and layer.

    How to read it: each row is one recorded training step, each column one time step of the sequence, and the
    colour is the size of the gradient that arrives there, in powers of ten; a row that fades to the left is a
    gradient that vanishes on its way back. Dashes, triangles and crosses stand where no colour can: the
    legend says which are exactly zero, ∞, NaN, or numbers beyond either end of the colours.

    Args:
        frame: the table `timesteps`.
        theme: `light` or `dark`.
        selection: what to look at, as in `gradient_flow_data`.

    Returns:
        A plotly figure; with a message in it where nothing was recorded.
    """
    return gradient_flow_figure(gradient_flow_data(frame, **selection), theme=theme)


@dataclass(frozen=True, slots=True)
class _Grid:
    """The heatmap's matrix: largest value a cell; −∞ where nothing was measured."""

    steps: np.ndarray
    times: np.ndarray
    values: np.ndarray
    blocks: tuple[int, int]
    """How many training steps and time steps one cell stands for."""
    even: bool
    """Whether the recorded training steps are evenly spaced, so that the axis can be a number line."""

    @property
    def rows(self) -> np.ndarray:
        return self.steps if self.even else np.arange(len(self.steps))


def _grid(data: pd.DataFrame, quantity: str) -> _Grid:
    steps, row = np.unique(data["step"].to_numpy(), return_inverse=True)
    times, column = np.unique(data["t"].to_numpy(), return_inverse=True)
    matrix = np.full((len(steps), len(times)), -np.inf)
    measured = data[quantity].to_numpy(dtype=float, na_value=np.nan)
    matrix[row, column] = np.maximum(measured, 0.0)  # of a norm nothing is below zero; maximum hands NaN on
    values, row_starts, column_starts = coarsen(matrix, _ROWS, _COLUMNS)
    gaps = np.diff(steps[row_starts])
    blocks = (-(-len(steps) // _ROWS), -(-len(times) // _COLUMNS))
    even = len(gaps) < 2 or bool(gaps.max() <= 1.5 * gaps.min())
    return _Grid(steps[row_starts], times[column_starts], values, blocks, even)


def _title(data: pd.DataFrame) -> str:
    where = [f"layer {data['layer'].iloc[0]}"] if "layer" in data.columns else []
    if "direction" in data.columns and data["direction"].iloc[0] == 1:
        where.append("backward in time")
    if "run" in data.columns:
        where.append(f"run {plain(data['run'].iloc[0])}")
    return TITLE + (f" ({', '.join(where)})" if where else "")


def _draw_values(figure: go.Figure, grid: _Grid, label: str) -> None:
    usable = np.isfinite(grid.values) & (grid.values > 0)
    logs = np.log10(np.where(usable, grid.values, np.nan))
    low, high = _colour_range(logs[usable])
    steps = np.broadcast_to(grid.steps[:, None], grid.values.shape)
    largest = " (largest of its cell)" if max(grid.blocks) > 1 else ""
    figure.add_trace(
        go.Heatmap(
            x=grid.times,
            y=grid.rows,
            z=logs.astype(np.float32),
            zmin=float(low),
            zmax=float(high),
            zsmooth=False,
            name="value",
            customdata=np.dstack([np.where(usable, grid.values, np.nan), steps]),
            hoverongaps=False,
            colorscale=SEQUENTIAL,
            colorbar=colourbar(float(low), float(high), label),
            hovertemplate="training step %{customdata[1]}, t = %{x}<br>"
            + f"{label} = %{{customdata[0]:.3g}}{largest}<extra></extra>",
        )
    )


def _colour_range(logs: np.ndarray) -> tuple[float, float]:
    """Where the colours begin and end, in powers of ten: a few cells that stand far off do not stretch them."""
    if not len(logs):
        return -1.0, 1.0
    low, high = np.quantile(logs, [_TAIL, 1 - _TAIL])
    room = max(0.25 * (high - low), 0.5)
    low, high = max(float(logs.min()), low - room), min(float(logs.max()), high + room)
    if high - low < 0.5:  # a nearly even picture should not shout
        return (low + high) / 2 - 0.25, (low + high) / 2 + 0.25
    return float(low), float(high)


def _draw_special(figure: go.Figure, grid: _Grid, look: Theme) -> None:
    """Cells that no colour scale can hold."""
    _draw_outside(figure, grid, look)
    kinds = {"exactly 0": grid.values == 0, "∞": grid.values == np.inf, "NaN": np.isnan(grid.values)}
    special_cells(figure, grid.times, grid.rows, kinds, look, "training step", grid.steps)


def _draw_outside(figure: go.Figure, grid: _Grid, look: Theme) -> None:
    """Marks on cells that are numbers beyond either end of the colours; their colour is that of the end."""
    usable = np.isfinite(grid.values) & (grid.values > 0)
    logs = np.log10(np.where(usable, grid.values, 1.0))
    low, high = _colour_range(logs[usable])
    # half a step of float32, in which the picture is drawn
    for name, where, symbol in (
        ("below the colours", usable & (logs < low - 1e-6), "triangle-down"),
        ("above the colours", usable & (logs > high + 1e-6), "triangle-up"),
    ):
        if where.any():
            marker = {"symbol": symbol, "size": 6, "color": look.surface, "line": {"width": 1, "color": look.text}}
            mark_cells(figure, grid.times, grid.rows, where, name, marker)


def _step_axis(grid: _Grid) -> dict[str, Any]:
    """A number line for even steps; otherwise rows of equal height, with the step beside them."""
    if len(grid.steps) == 1:
        return {"tickvals": [grid.rows[0]], "ticktext": [f"{grid.steps[0]:,}"]}
    if grid.even and len(grid.steps) > 8:
        return {}
    if grid.even:
        return {"tickvals": list(grid.steps), "ticktext": [f"{step:,}" for step in grid.steps]}
    chosen = np.unique(np.linspace(0, len(grid.steps) - 1, min(9, len(grid.steps))).astype(int))
    return {"tickvals": list(chosen), "ticktext": [f"{grid.steps[i]:,}" for i in chosen]}


def describe(data: pd.DataFrame) -> str:
    """What the picture holds, for readers who cannot see it."""
    if not len(data):
        return f"{TITLE}: nothing recorded yet."
    return (
        f"{TITLE}: heatmap of {count_of(data['step'].nunique(), 'recorded training step')} "
        f"by {count_of(data['t'].nunique(), 'time step')}."
    )


GRADIENT_FLOW = Figure(
    "gradient_flow", TITLE, "timesteps", gradient_flow_data, gradient_flow_figure, gradient_flow, describe
)
