"""One part as a Parquet file: how it is encoded, read column by column, and checked against damage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gradlab.errors import StoreError
from gradlab.quantities import AXES, TABLES
from gradlab.store.folder import Folder
from gradlab.store.parts import Part
from gradlab.store.schema import SCHEMA_VERSION, arrow_schema, migrate, version_of
from gradlab.store.where import Where, select

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

GROUP_ROWS = 2**17
"""Rows of a row group: a quantity of one is 1 MB, and a condition on an axis skips whole groups."""


def write_part(folder: Folder, part: Part, pieces: Iterable[pa.Table], durable: bool = True) -> int:
    """Write one part from tables that are not empty together; returns its rows.

    Raises OSError when the file system does.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = arrow_schema(part.table)
    encodings = {
        field.name: "BYTE_STREAM_SPLIT" if pa.types.is_floating(field.type) else "DELTA_BINARY_PACKED"
        for field in schema
        if pa.types.is_floating(field.type) or pa.types.is_integer(field.type)
    }
    rows = 0
    with (
        folder.staged(part.key, durable) as file,
        pq.ParquetWriter(
            file,
            schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=[field.name for field in schema if field.name not in encodings],
            column_encoding=encodings,
            write_page_checksum=True,
        ) as writer,
    ):
        for piece in pieces:
            writer.write_table(piece, row_group_size=GROUP_ROWS)
            rows += piece.num_rows
    return rows


def read_part(folder: Folder, part: Part, columns: Sequence[str], where: Where | None = None) -> pa.Table:
    """Columns of one part, in that order; a column that the part does not hold is null.

    Raises:
        FileNotFoundError: when the part is not there (any more).
        StoreError: naming the part, when it is damaged or of a later version.
    """
    where = where or {}
    asked = [*columns, *(key for key in where if key not in columns)]
    with _damage(folder, part) as name, folder.open(part.key, part.size) as source:
        found = _read(source, part.table, asked, where, name)
    return select(found, where).select(list(columns)) if where else found


def check_part(folder: Folder, part: Part, deep: bool = True) -> None:
    """Read every page of a part, or only its footer. Raises like `read_part`."""
    with _damage(folder, part) as name:
        if deep:
            read_part(folder, part, arrow_schema(part.table).names)
        else:
            with folder.open(part.key, part.size) as source:
                _opened(source, part.table, name)


@contextmanager
def _damage(folder: Folder, part: Part) -> Iterator[str]:
    """Tell whatever pyarrow makes of damaged bytes as a StoreError that names the part."""
    import pyarrow as pa

    name = f"{folder.address}/{part.key}"
    try:
        yield name
    except (FileNotFoundError, StoreError):
        raise
    except (OSError, ValueError, KeyError, pa.ArrowException, MemoryError, OverflowError) as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise StoreError(f"{name}: damaged Parquet part, its rows are left out ({reason})") from error


def _opened(source: object, table: str, name: str) -> pq.ParquetFile:
    """The file of a part, its footer checked against the table's schema."""
    import pyarrow.parquet as pq

    file = pq.ParquetFile(source, page_checksum_verification=True)
    held = file.schema_arrow
    if version_of(held, name) == SCHEMA_VERSION:
        migrate(table, held.empty_table(), name)
        missing = [axis for axis in TABLES[table].axes if axis not in held.names]
        if missing:
            raise StoreError(f"{name}: damaged Parquet part, it has no column {missing[0]!r}; its rows are left out")
    return file


def _read(source: object, table: str, columns: Sequence[str], where: Where, name: str) -> pa.Table:
    import pyarrow as pa

    file = _opened(source, table, name)
    if version_of(file.schema_arrow, name) == SCHEMA_VERSION:
        groups = [number for number in range(file.num_row_groups) if _holds_any(file, number, where)]
        wanted = [column for column in columns if column in file.schema_arrow.names]
        found = file.read_row_groups(groups, columns=wanted, use_threads=False)
        rows = sum(file.metadata.row_group(number).num_rows for number in groups)
        if found.num_rows != rows:
            raise StoreError(f"{name}: damaged Parquet part, expected {rows} rows, got {found.num_rows}")
    else:
        found = migrate(table, file.read(use_threads=False), name)
        rows = found.num_rows
    schema = arrow_schema(table)
    arrays = [
        found[column] if column in found.column_names else pa.nulls(rows, schema.field(column).type)
        for column in columns
    ]
    return pa.Table.from_arrays(arrays, schema=pa.schema([schema.field(column) for column in columns]))


def _holds_any(file: pq.ParquetFile, group: int, where: Where) -> bool:
    """Whether a row group holds wanted rows, by its axes.

    They are read for it: Parquet's statistics would be faster, but nothing guards them against flipped bits.
    """
    axes = {name: condition for name, condition in where.items() if name in AXES}
    if not axes or file.num_row_groups == 1:
        return True
    return select(file.read_row_group(group, columns=list(axes), use_threads=False), axes).num_rows > 0
