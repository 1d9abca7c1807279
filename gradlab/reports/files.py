"""Tables of a study as CSV and as Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gradlab.reports.rows import Rows

if TYPE_CHECKING:
    import pyarrow as pa

_FORMULA = r"^([=+\-@\t\r])"


def write_csv(rows: Rows, path: Path) -> Path:
    """Write a table as CSV: `nan`, `inf` and `-inf` as such, nothing for what was not measured.

    Text that a spreadsheet would take for a formula (beginning with = + - @) is given an apostrophe in front.
    """
    import pyarrow as pa
    import pyarrow.csv

    names = [f"'{name}" if name[:1] in "=+-@\t\r" else name for name in rows.schema.names]
    schema = pa.schema([field.with_name(name) for field, name in zip(rows.schema, names, strict=True)])
    with path.open("wb") as file, pyarrow.csv.CSVWriter(file, schema) as writer:
        for piece in rows.pieces():
            writer.write_table(_harmless(piece).rename_columns(names).cast(schema))
    return path


def write_parquet(rows: Rows, path: Path) -> Path:
    """Write a table as one Parquet file; units and meanings stand in the metadata of its fields."""
    import pyarrow.parquet as pq

    with path.open("wb") as file, pq.ParquetWriter(file, rows.schema, compression="zstd") as writer:
        for piece in rows.pieces():
            writer.write_table(piece)
    return path


def _harmless(table: pa.Table) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    def columns() -> Iterator[pa.ChunkedArray]:
        for column in table.columns:
            text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
            yield pc.replace_substring_regex(column, _FORMULA, r"'\1") if text else column

    return pa.Table.from_arrays(list(columns()), schema=table.schema)
