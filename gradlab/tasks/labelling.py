"""The user's own time series, to be labelled row by row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from gradlab.tasks.accuracy import cross_entropy, not_looking, right
from gradlab.tasks.base import Baseline, Batch, Reads, Split, Task
from gradlab.tasks.kept import kept
from gradlab.tasks.padded import Padded, mean_over_real
from gradlab.tasks.streams import stream
from gradlab.tasks.time_series import Windows, standardised, table, windows


class Labelling(Task):
    """Columns of a CSV or Parquet file are read, and the label in another column is asked for at every row.

    Rows are time steps in the order of the file; what is read is standardised by the training part. The last part of
    every series is held out; training windows begin anywhere in the first one.
    """

    name: Literal["labelling"] = "labelling"
    title: ClassVar[str] = "Labelling"
    reads: ClassVar[Reads] = "every"

    path: str
    """The file, ending in .csv or .parquet."""
    label: str
    """Column with the labels: text, whole numbers or flags."""
    read: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """Columns that the net reads; null for all others that hold numbers."""
    series: str | None = None
    """Column that says which series a row belongs to; null for a single series."""
    steps: Annotated[int, Field(ge=1)] | None = 50
    """Rows of a sequence; null for whole series (their training parts, and their last parts), of different lengths."""
    held_out: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Share of each series, its end, that is for testing."""

    @property
    def input_size(self) -> int:
        """Columns that are read."""
        return _rows(self).inputs.shape[1]

    @property
    def output_size(self) -> int:
        """Different labels."""
        return len(_rows(self).names)

    @property
    def length(self) -> int:
        """Rows of a sequence, of the longest where lengths differ."""
        return self.steps or _rows(self).windows.rows

    @property
    def demanded_lag(self) -> int:
        """Not known of a user's data."""
        return 0

    @property
    def chance(self) -> Baseline:
        """The frequencies of the labels in the test windows, whatever was read."""
        rows = _rows(self)
        return not_looking(rows.labels[rows.windows.all_tests()], self.output_size)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels, in the order of the logits."""
        return _rows(self).names

    def batch(self, size: int, generator: torch.Generator, split: Split = "train") -> Batch:
        """Inputs `time batch read`, targets `time batch`."""
        rows = _rows(self)
        chosen, lengths = rows.windows.choose(size, stream(generator, split), split)
        inputs = rows.inputs[chosen]
        return Batch(inputs if lengths is None else Padded(inputs, lengths), rows.labels[chosen])

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Cross-entropy in nats a row of the logits `time batch label`."""
        if not isinstance(batch.inputs, Padded):
            return cross_entropy(outputs, batch.targets)
        each = functional.cross_entropy(outputs.flatten(0, 1), batch.targets.flatten(), reduction="none")
        return mean_over_real(each.reshape(batch.targets.shape), batch.inputs)

    def score(self, outputs: Tensor, batch: Batch) -> float:
        """Share of rows whose label is right."""
        return float(mean_over_real(right(outputs, batch.targets).double(), batch.inputs))

    def describe(self) -> dict[str, Any]:
        """With the file's digest."""
        return {**super().describe(), "file_sha256": table(self.path).sha256}


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    inputs: Tensor
    labels: Tensor
    names: tuple[str, ...]
    windows: Windows


def _rows(task: Labelling) -> _Rows:
    return _prepared(task, table(task.path).sha256)


@kept
def _prepared(task: Labelling, version: str) -> _Rows:
    source = table(task.path)
    column = source.column(task.label)
    if column.isna().any():
        missing = int(np.flatnonzero(column.isna().to_numpy())[0])
        raise ValueError(f"expected a label in every row of {task.label!r}, got none in row {missing} (from 0)")
    names, labels = np.unique(column.astype(str).to_numpy(dtype=str), return_inverse=True)
    if not 2 <= len(names) <= len(column) // 2:
        raise ValueError(f"expected a few different labels in the column {task.label!r}, got {len(names)}")
    found = windows(source, task.series, task.steps, task.steps or 1, task.held_out, 1)
    read = task.read or source.numeric([task.series, task.label])
    inputs = standardised(source.numbers(read), found.training_rows)
    return _Rows(inputs, torch.from_numpy(labels.astype(np.int64)), tuple(map(str, names)), found)
