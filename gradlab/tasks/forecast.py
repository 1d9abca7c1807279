"""The user's own time series, to be forecast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from gradlab.tasks.base import Baseline, Batch, Reads, Split, Task
from gradlab.tasks.kept import kept
from gradlab.tasks.padded import Padded, mean_over_real
from gradlab.tasks.streams import stream
from gradlab.tasks.time_series import Windows, standardised, table, windows


class Forecast(Task):
    """Columns of a CSV or Parquet file; at every step, what will some of them be `ahead` rows on?

    Rows are time steps in the order of the file. All numbers are standardised by the training part. The last part of
    every series is held out; training windows begin anywhere in the first one.
    """

    name: Literal["forecast"] = "forecast"
    title: ClassVar[str] = "Forecasting"
    reads: ClassVar[Reads] = "every"
    score_name: ClassVar[str] = "skill against the mean"

    path: str
    """The file, ending in .csv or .parquet."""
    read: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """Columns that the net reads; null for all that hold numbers."""
    forecast: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """Columns to be forecast; null for those that are read."""
    series: str | None = None
    """Column that says which series a row belongs to; null for a single series."""
    steps: Annotated[int, Field(ge=1)] | None = 50
    """Rows of a sequence; null for whole series (their training parts, and their last parts), of different lengths."""
    ahead: Annotated[int, Field(ge=1)] = 1
    """How many rows from now the forecast is for."""
    held_out: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Share of each series, its end, that is for testing."""

    @property
    def input_size(self) -> int:
        """Columns that are read."""
        return _numbers(self).inputs.shape[1]

    @property
    def output_size(self) -> int:
        """Columns that are forecast."""
        return _numbers(self).targets.shape[1]

    @property
    def length(self) -> int:
        """Rows of a sequence, of the longest where lengths differ."""
        return self.steps or _numbers(self).windows.rows - self.ahead

    @property
    def demanded_lag(self) -> int:
        """Not known of a user's data."""
        return 0

    @property
    def chance(self) -> Baseline:
        """The mean of each column over the test windows, whatever was read."""
        return Baseline(_numbers(self).variance, 0.0, "answers with the mean")

    def batch(self, size: int, generator: torch.Generator, split: Split = "train") -> Batch:
        """Inputs `time batch read`, targets `time batch forecast`."""
        numbers = _numbers(self)
        rows, lengths = numbers.windows.choose(size, stream(generator, split), split)
        inputs = numbers.inputs[rows[: len(rows) - self.ahead]]
        padded = inputs if lengths is None else Padded(inputs, lengths - self.ahead)
        return Batch(padded, numbers.targets[rows[self.ahead :]])

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Mean squared error of `time batch forecast`, in variances of the columns."""
        if not isinstance(batch.inputs, Padded):
            return functional.mse_loss(outputs, batch.targets)
        return mean_over_real((outputs - batch.targets).square().mean(-1), batch.inputs)

    def score(self, outputs: Tensor, batch: Batch) -> float:
        """One minus the squared error over that of the mean, at least 0; 0 for NaN."""
        errors = (outputs.detach() - batch.targets).double().square().mean(-1)
        skill = 1 - float(mean_over_real(errors, batch.inputs)) / _numbers(self).variance
        return max(skill, 0.0) if skill == skill else 0.0

    def describe(self) -> dict[str, Any]:
        """With the file's digest."""
        return {**super().describe(), "file_sha256": table(self.path).sha256}


@dataclass(frozen=True, slots=True, eq=False)
class _Numbers:
    inputs: Tensor
    targets: Tensor
    windows: Windows
    variance: float
    """Of what is to be forecast in the test windows, mean over the columns."""


def _numbers(task: Forecast) -> _Numbers:
    return _prepared(task, table(task.path).sha256)


@kept
def _prepared(task: Forecast, version: str) -> _Numbers:
    source = table(task.path)
    rows = None if task.steps is None else task.steps + task.ahead
    found = windows(source, task.series, rows, task.steps or 1, task.held_out, 1 + task.ahead)
    read = task.read or source.numeric([task.series])
    inputs = standardised(source.numbers(read), found.training_rows)
    targets = standardised(source.numbers(task.forecast or read), found.training_rows)
    asked = targets[found.all_tests(task.ahead)].double()
    variance = float(asked.var(dim=0, correction=0).mean())
    if not variance > 0:
        raise ValueError(f"{task.path}: expected something that changes to forecast, got constants in the test part")
    return _Numbers(inputs, targets, found, variance)
