"""Where recorded numbers go: the interface that the recorder writes to, and the sink that keeps them in memory.

`gradlab.store.RunWriter` is the other sink; it fits this interface without being imported here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from gradlab.quantities import TABLES

if TYPE_CHECKING:
    import pandas as pd

Columns = Mapping[str, np.ndarray]
"""Equally long one-dimensional arrays by column name.

What was not measured is absent, or masked in a `numpy.ma.MaskedArray`: null, and not to be confused with NaN."""


@runtime_checkable
class Sink(Protocol):
    """What a recorder writes to. Rows are appended, never changed."""

    def write(self, table: str, columns: Columns) -> None:
        """Append rows to a table of the catalogue. All axes must be there; missing quantities become null."""

    def annotate(self, **facts: Any) -> None:
        """Add or replace facts about the run: JSON values, such as status, seconds or the model's shape."""

    def flush(self) -> None:
        """Make everything written so far durable and visible to readers."""

    def close(self, status: str) -> None:
        """Flush and end: `finished`, `stopped` or `failed`. Writing afterwards is an error; closing twice is not."""


@runtime_checkable
class ReadableSink(Sink, Protocol):
    """A sink that gives its rows back, so that a recorder can be asked for its tables."""

    def tables(self) -> tuple[str, ...]:
        """Names of the tables that have rows which were flushed."""

    def frame(self, table: str) -> pd.DataFrame:
        """All rows of one table that were flushed; what was not measured is NaN, or None in flags and text."""


class MemorySink:
    """Keeps everything in memory and gives it back as pandas frames."""

    def __init__(self) -> None:
        self._parts: dict[str, list[dict[str, np.ndarray]]] = {}
        self.facts: dict[str, Any] = {"status": "running"}

    def write(self, table: str, columns: Columns) -> None:
        """Append rows to a table of the catalogue."""
        check_columns(table, columns)
        self._parts.setdefault(table, []).append(dict(columns))

    def annotate(self, **facts: Any) -> None:
        """Add or replace facts about the run."""
        self.facts.update(facts)

    def flush(self) -> None:
        """Nothing to do: memory is as durable as it gets."""

    def close(self, status: str) -> None:
        """Remember how the run ended."""
        self.facts["status"] = status

    def tables(self) -> tuple[str, ...]:
        """Names of the tables that have rows."""
        return tuple(self._parts)

    def frame(self, table: str) -> pd.DataFrame:
        """All rows of one table so far; every column of the catalogue is there, unmeasured ones as NaN."""
        import pandas as pd

        if table not in TABLES:
            raise ValueError(f"expected one of the tables {', '.join(TABLES)}, got {table!r}")
        declared = TABLES[table]
        parts = [
            pd.DataFrame({name: _filled(column) for name, column in part.items()})
            for part in self._parts.get(table, [])
        ]
        frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
        return frame.reindex(columns=list(declared.columns))


def _filled(column: np.ndarray) -> np.ndarray:
    """Masked entries as NaN, or as None in a column of flags or text."""
    if not isinstance(column, np.ma.MaskedArray):
        return column
    if not np.ma.is_masked(column):
        return column.data
    if column.dtype.kind == "f":
        return column.filled(np.nan)
    values = column.data.astype(object)
    values[np.ma.getmaskarray(column)] = None
    return values


def check_columns(table: str, columns: Columns) -> int:
    """Check that columns fit the catalogue, and return the number of rows.

    Raises ValueError for an unknown table or column, a missing axis, or columns of unequal length.
    """
    if table not in TABLES:
        raise ValueError(f"expected one of the tables {', '.join(TABLES)}, got {table!r}")
    declared = TABLES[table]
    unknown = [name for name in columns if name not in declared.columns]
    missing = [axis for axis in declared.axes if axis not in columns]
    if unknown or missing:
        raise ValueError(
            f"table {table!r}: expected the axes {declared.axes} and quantities of the catalogue; "
            f"got unknown columns {unknown}, missing axes {missing}"
        )
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"table {table!r}: expected columns of one length, got {lengths}")
    return next(iter(lengths.values()))
