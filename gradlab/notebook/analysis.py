"""`gradlab.analyse`: one pass of a model, all tables, no training loop."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, Literal

from torch import Tensor, nn

from gradlab.instrument import Cell
from gradlab.notebook.html import html_of
from gradlab.recording.amount import TABLES
from gradlab.recording.analyse import record_once

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

_OVER_MANY = ("gradient_flow", "mean_field")
"""Figures of tables that are there, but drawn over training steps or runs: there is one of each here."""


def analyse(
    model: nn.Module,
    inputs: Any,
    loss: Callable[[Any], Tensor],
    *,
    cells: Mapping[Any, Cell] | None = None,
    sequences: int | Literal["all"] = "all",
    jacobian_times: int | Literal["all"] = "all",
    jacobian_sequences: int = 2,
    tables: Collection[str] = TABLES,
) -> Analysis:
    """Run a model forward and backward once, record everything, and leave the model as it was.

    Weights, `.grad`, buffers, modes, hooks and random states are afterwards what they were; nothing accumulates in the
    inputs or anywhere else. Works in training and in eval mode, and says what the backward pass does in that mode.

    Args:
        model: any module that holds nn.RNN, nn.LSTM, nn.GRU, their cells, or what `cells` names.
        inputs: what the model is called with: a tuple or list of positional arguments, a mapping of keyword
            arguments, or anything else as the one argument.
        loss: makes one number of the model's output, such as `lambda output: criterion(output, targets)`.
        cells: recurrences that are not torch's, as in `gradlab.watch`.
        sequences: members of the batch for the quantities per time step.
        jacobian_times: time steps, evenly spread, at which the state Jacobian's singular values are taken. All of
            them cost T times the cube of the number of states: bound it for large nets.
        jacobian_sequences: members of the batch for everything that is made of Jacobians.
        tables: which of `spectra`, `lags`, `lyapunov` and `teaching` are made as well; they need the Jacobian of every
            step.

    Raises:
        UnsupportedError: the model holds no recurrence that is known, or uses one in a way that cannot be recorded.
        InstrumentError: what was recorded contradicts autograd.
        ValueError: the loss is not one number that depends on the model's parameters, or an argument is out of range.
    """
    recorder = record_once(
        model, inputs, loss, cells=cells, sequences=sequences, jacobian_times=jacobian_times,
        jacobian_sequences=jacobian_sequences, tables=tables,
    )  # fmt: skip
    return Analysis(type(model).__name__, recorder.frames())


class Analysis:
    """All tables of one pass; in a notebook it shows a summary and the gradient over the sequence."""

    def __init__(self, name: str, frames: Mapping[str, pd.DataFrame]) -> None:
        self.name = name
        self._frames = dict(frames)

    @property
    def loss(self) -> float:
        """The loss of the pass."""
        return float(self._frames["steps"]["loss"].iloc[0])

    @property
    def closure_error(self) -> float:
        """The instrument's own error: how far rebuilt weight gradients are from autograd's, relative, at most."""
        return float(self._frames["parameters"]["closure_error"].max())

    def frames(self) -> dict[str, pd.DataFrame]:
        """All tables, by the names of the catalogue (`gradlab.quantities`)."""
        return dict(self._frames)

    def frame(self, table: str) -> pd.DataFrame:
        """One table. Raises ValueError for one that is not there."""
        if table not in self._frames:
            raise ValueError(f"table: expected one of {', '.join(self._frames)}, got {table!r}")
        return self._frames[table]

    @property
    def figures(self) -> dict[str, go.Figure]:
        """Every figure of `gradlab.figures` that has something to show for a single pass, by name.

        Each is of the first module, sequence, layer and direction; the functions of `gradlab.figures` take these as
        arguments, with a table of `frames()`.
        """
        from gradlab.figures import FIGURES

        drawn = {}
        for figure in FIGURES:
            if figure.table in self._frames and figure.table != "steps" and figure.name not in _OVER_MANY:
                drawn[figure.name] = figure.call(self._frames[figure.table])
        return drawn

    def __repr__(self) -> str:
        tables = ", ".join(f"{name} ({len(frame)})" for name, frame in self._frames.items())
        return f"Analysis of {self.name}: loss {self.loss:.6g}; tables (rows): {tables}"

    def _repr_html_(self) -> str:
        return html_of(self._frames, self.name)
