"""The user's own time series: a CSV or Parquet file as standardised numbers, and the windows in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from gradlab.tasks.base import Split
from gradlab.tasks.examples import draw

if TYPE_CHECKING:
    import pandas as pd

READERS = (".csv", ".parquet")


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A file as it was read."""

    frame: pd.DataFrame
    sha256: str
    """Of the file."""

    def column(self, name: str) -> pd.Series:
        """A column; ValueError naming those there are when it is not among them."""
        if name not in self.frame.columns:
            raise ValueError(f"expected a column of the file ({', '.join(map(str, self.frame.columns))}), got {name!r}")
        return self.frame[name]

    def numbers(self, names: Sequence[str]) -> np.ndarray:
        """Columns as float64, `row column`; ValueError for one that is not of numbers, or has gaps."""
        columns = []
        for name in names:
            column = self.column(name)
            if not _is_numeric(column):
                raise ValueError(f"expected numbers in the column {name!r}, got values of type {column.dtype}")
            values = column.to_numpy(dtype=np.float64, na_value=np.nan)
            missing = np.flatnonzero(~np.isfinite(values))
            if len(missing):
                raise ValueError(
                    f"expected a number in every row of the column {name!r}, got none in {len(missing)} rows, the "
                    f"first at row {missing[0]} (from 0); fill or drop them"
                )
            columns.append(values)
        return np.stack(columns, axis=1)

    def numeric(self, without: Sequence[str | None]) -> tuple[str, ...]:
        """The names of all columns of numbers but some; ValueError when none is left."""
        names = tuple(name for name in self.frame.columns if name not in without and _is_numeric(self.frame[name]))
        if not names:
            raise ValueError("expected at least one column of numbers to read, got none")
        return names


def _is_numeric(column: pd.Series) -> bool:
    from pandas.api import types

    return bool(types.is_numeric_dtype(column))


def table(path: str) -> Table:
    """A CSV or Parquet file; ValueError for another ending or a file that cannot be understood, OSError for none."""
    file = Path(path)
    if file.suffix not in READERS:
        raise ValueError(f"path: expected a file that ends in {' or '.join(READERS)}, got {path!r}")
    found = file.stat()
    return _read(file, (found.st_size, found.st_mtime_ns))


@lru_cache(maxsize=8)
def _read(file: Path, version: tuple[int, int]) -> Table:
    import pandas as pd

    try:
        frame = pd.read_csv(file) if file.suffix == ".csv" else pd.read_parquet(file)
    except (ValueError, UnicodeDecodeError) as error:
        raise ValueError(f"{file}: expected a table, got what cannot be read: {error}") from error
    frame.columns = frame.columns.map(str)
    return Table(frame, sha256(file.read_bytes()).hexdigest())


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Where windows begin, as rows of the file; none reaches from one series, or split, into another."""

    rows: int
    """Of a window."""
    train: Tensor
    """Every possible beginning, `window`."""
    test: Tensor
    """Beginnings of windows side by side, `window`."""
    training_rows: Tensor
    """All rows that belong to training, `row`."""

    lengths: Tensor | None = None
    """Of whole series, which are no windows: rows of each beginning in `train`, then in `test`."""

    def choose(self, size: int, generator: torch.Generator, split: Split) -> tuple[Tensor, Tensor | None]:
        """Rows of some windows, `row sequence`: anywhere in training, and up to all the different ones in testing.

        With whole series also their lengths; they are aligned at their ends, behind as many repetitions of their first
        row as are needed.
        """
        starts = self.train if split == "train" else self.test
        if split == "train":
            chosen = torch.randint(0, len(starts), (size,), generator=generator)
        else:
            chosen = draw(len(starts), size, generator)
        first = starts[chosen]
        if self.lengths is None:
            return torch.arange(self.rows).unsqueeze(1) + first, None
        lengths = self.lengths[chosen + (0 if split == "train" else len(self.train))]
        before = int(lengths.max()) - lengths
        return first + (torch.arange(int(lengths.max())).unsqueeze(1) - before).clamp_min(0), lengths

    def all_tests(self, without: int = 0) -> Tensor:
        """Rows of all test windows, but for the first ones of each, `row`."""
        lengths = [self.rows] * len(self.test) if self.lengths is None else self.lengths[len(self.train) :].tolist()
        begun = zip(self.test.tolist(), lengths, strict=True)
        return torch.cat([torch.arange(first + without, first + length) for first, length in begun])


def windows(source: Table, series: str | None, rows: int | None, stride: int, held_out: float, least: int) -> Windows:
    """Windows of a file's series, of each of which the last part is for testing; or both parts as a whole.

    Args:
        source: the file, its rows in the order of time.
        series: the column that says which series a row belongs to; None for one series.
        rows: of a window; None for whole parts, whatever their length.
        stride: from one test window to the next.
        held_out: share of each series that is for testing.
        least: rows that make a sequence, of whole parts.

    Raises ValueError when no window fits into either part of any series.
    """
    if rows is None:
        return _wholes(source, series, held_out, least)
    train, test, training = [], [], []
    for first, last in _runs(source, series):
        border = last - int((last - first) * held_out)
        train.append(torch.arange(first, max(first, border - rows + 1)))
        test.append(torch.arange(border, max(border, last - rows + 1), stride))
        training.append(torch.arange(first, border))
    found = Windows(rows, torch.cat(train), torch.cat(test), torch.cat(training))
    for split, starts in (("train", found.train), ("test", found.test)):
        if len(starts) == 0:
            raise ValueError(
                f"expected series of which the part for {split} has at least {rows} rows, got none; take fewer steps, "
                "or another share for held_out"
            )
    return found


def _wholes(source: Table, series: str | None, held_out: float, least: int) -> Windows:
    """Both parts of every series; ValueError for one that is too short to be parted."""
    parts = []
    for first, last in _runs(source, series):
        border = last - int((last - first) * held_out)
        if min(border - first, last - border) < least:
            raise ValueError(
                f"expected series of which both parts have at least {least} rows, got one of {border - first} and "
                f"{last - border} from row {first} on; leave it out, or take another share for held_out"
            )
        parts.append((first, border, last))
    first, border, last = torch.tensor(parts).T
    lengths = torch.cat((border - first, last - border))
    training = torch.cat([torch.arange(begin, end) for begin, end, _ in parts])
    return Windows(int(lengths.max()), first, border, training, lengths)


def _runs(source: Table, series: str | None) -> list[tuple[int, int]]:
    """First and behind-last row of every series; ValueError where the rows of one are torn apart."""
    if series is None:
        return [(0, len(source.frame))]
    names = source.column(series).to_numpy()
    borders = [0, *(np.flatnonzero(names[1:] != names[:-1]) + 1).tolist(), len(names)]
    runs = list(pairwise(borders))
    seen = [names[first] for first, _ in runs]
    if len(set(seen)) < len(seen):
        raise ValueError(f"series: expected the rows of each {series!r} next to each other; sort the file by it")
    return runs


def standardised(numbers: np.ndarray, training_rows: Tensor) -> Tensor:
    """Numbers `row column` minus their mean over deviation, both of the training rows; float32."""
    training = numbers[training_rows.numpy()]
    deviation = training.std(axis=0)
    return torch.from_numpy((numbers - training.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)).float()
