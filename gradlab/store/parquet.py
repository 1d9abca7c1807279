"""One part as a Parquet file: how it is encoded, read column by column, and checked against damage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from gradlab.errors import StoreError
from gradlab.quantities import TABLES
from gradlab.store import ranges
from gradlab.store.folder import Folder
from gradlab.store.parts import Part
from gradlab.store.schema import SCHEMA_VERSION, arrow_schema, check_fields, migrate, version_of
from gradlab.store.where import LAST, Where, matching

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

GROUP_ROWS = 2**15
"""Rows of a row group: a condition on the training step skips whole groups, and each costs some reading of its own."""
_FITS = ""
"""Name of the column that says which rows meet the conditions; no column of the catalogue is called so."""


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
        StoreError: naming the part, when what was read of it is damaged, or it is of a later version.
    """
    where = where or {}
    with _damage(folder, part) as name:
        file, first = folder.identity(part.key), TABLES[part.table].axes[0]
        groups = ranges.candidates(file, where[first]) if file is not None and first in where else None
        if groups == []:
            return _arranged(None, part.table, columns)
        with folder.open(part.key, part.size) as source:
            opened = _open(source, part.table, name)
            found = _read(opened, columns, where, groups)
        if file is not None and len(opened.ranges) == opened.file.num_row_groups:
            ranges.note(file, opened.ranges)
        return found


@dataclass(frozen=True, slots=True)
class End:
    """What a part holds of the rows that were recorded last."""

    value: Any
    """Which value of the table's first axis they share."""
    rows: pa.Table
    is_complete: bool
    """Whether a row with another value stands before them; otherwise earlier parts may hold more of them."""


def read_end(folder: Folder, part: Part, columns: Sequence[str], where: Where) -> End:
    """The rows at a part's end that share a value of the table's first axis, without reading what is before them.

    Args:
        folder: the run's.
        part: which one.
        columns: which ones, in that order.
        where: further conditions; on the first axis either a value, or LAST for that of the part's last row.

    Raises like `read_part`.
    """
    with _damage(folder, part) as name, folder.open(part.key, part.size) as source:
        opened, axis = _open(source, part.table, name), TABLES[part.table].axes[0]
        if not opened.is_current:
            steps = _read(opened, [axis], {}, None)[axis].to_pylist()
            value = steps[-1] if where[axis] is LAST else where[axis]
            return End(value, _read(opened, columns, {**where, axis: value}, None), {steps[0], steps[-1]} != {value})
        value, kept, is_complete = where[axis], list[int](), False
        for group in reversed(range(opened.file.num_row_groups)):
            column = opened.columns([group], [axis])[axis]
            value = column[-1].as_py() if value is LAST else value
            is_last = column[-1].as_py() == value
            is_complete = not is_last or column[0].as_py() != value
            kept += [group] * is_last
            if is_complete:
                break
        if not kept:
            return End(value, _arranged(None, part.table, columns), is_complete)
        return End(value, opened.matching(sorted(kept), columns, {**where, axis: value}), is_complete)


def check_part(folder: Folder, part: Part, deep: bool = True) -> None:
    """Read every page of a part, or only its footer. Raises like `read_part`."""
    with _damage(folder, part) as name:
        if deep:
            read_part(folder, part, arrow_schema(part.table).names)
        else:
            with folder.open(part.key, part.size) as source:
                _open(source, part.table, name)


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


@cache
def _texts(table: str) -> list[str]:
    """Columns of text: their few different values are read once each, and spelt out for the rows that are wanted."""
    import pyarrow as pa

    return [field.name for field in arrow_schema(table) if pa.types.is_string(field.type)]


@dataclass(frozen=True, slots=True)
class _Opened:
    """A part whose footer has been read."""

    file: pq.ParquetFile
    schema: pa.Schema
    table: str
    name: str
    ranges: dict[int, ranges.Range] = field(default_factory=dict)
    """Of the row groups of which the table's first axis was read."""

    @property
    def is_current(self) -> bool:
        """Whether it needs no migration. Raises StoreError when a later gradlab wrote it."""
        return version_of(self.schema, self.name) == SCHEMA_VERSION

    def columns(self, groups: list[int], names: Iterable[str]) -> pa.Table:
        """Those of the columns that the part holds, of some row groups; text as numbers of a dictionary's entries."""
        wanted = [name for name in names if name in self.schema.names]
        found = self.file.read_row_groups(groups, columns=wanted, use_threads=False)
        rows = sum(self.file.metadata.row_group(group).num_rows for group in groups)
        if found.num_rows != rows:
            raise StoreError(f"{self.name}: damaged Parquet part, expected {rows} rows, got {found.num_rows}")
        self._look_at(groups, found)
        return found

    def _look_at(self, groups: list[int], found: pa.Table) -> None:
        """Note the range of the first axis in every row group."""
        import pyarrow.compute as pc

        axis, start = TABLES[self.table].axes[0], 0
        if axis not in found.column_names:
            return
        for group in groups:
            rows = self.file.metadata.row_group(group).num_rows
            bounds = pc.min_max(found[axis].slice(start, rows)).as_py()
            self.ranges[group] = (bounds["min"], bounds["max"])
            start += rows

    def matching(self, groups: list[int], names: Sequence[str], where: Where) -> pa.Table:
        """The rows of row groups that meet the conditions; of groups without any only the conditions' columns are read.

        Those are read and not judged by Parquet's statistics, which would be faster: nothing guards the statistics
        against flipped bits.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        keys = _spelt_out(self.columns(groups, where))
        keys = keys.append_column(_FITS, matching(_arranged(keys, self.table, list(where)), where))
        kept, parts, start = [], [], 0
        for group in groups:
            part = keys.slice(start, self.file.metadata.row_group(group).num_rows)
            start += part.num_rows
            if pc.any(part[_FITS]).as_py():
                kept.append(group)
                parts.append(part)
        if not kept:
            return _arranged(None, self.table, names)
        keys = pa.concat_tables(parts) if len(kept) < len(groups) else keys
        rest = self.columns(kept, [name for name in names if name not in where])
        both = pa.Table.from_arrays([*keys.columns, *rest.columns], [*keys.column_names, *rest.column_names])
        return _arranged(_spelt_out(both.filter(keys[_FITS])), self.table, names)


def _open(source: object, table: str, name: str) -> _Opened:
    """Read a part's footer, and check its schema against the table's."""
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(source, page_checksum_verification=True, read_dictionary=_texts(table))
    except KeyError:  # a part of earlier days, which has not all of them
        file = pq.ParquetFile(source, page_checksum_verification=True)
    part = _Opened(file, file.schema_arrow, table, name)
    if part.is_current:
        check_fields(table, part.schema, name)
        missing = [axis for axis in TABLES[table].axes if axis not in part.schema.names]
        if missing:
            raise StoreError(f"{name}: damaged Parquet part, it has no column {missing[0]!r}; its rows are left out")
    return part


def _read(part: _Opened, names: Sequence[str], where: Where, groups: list[int] | None) -> pa.Table:
    """The wanted rows of a part, or of some of its row groups."""
    table, groups = part.table, list(range(part.file.num_row_groups)) if groups is None else groups
    if not part.is_current:
        found = migrate(table, _spelt_out(part.file.read(use_threads=False)), part.name)
        found = _arranged(found, table, arrow_schema(table).names)
        return (found.filter(matching(found, where)) if where else found).select(list(names))
    if not where:
        return _arranged(_spelt_out(part.columns(groups, names)), table, names)
    first = TABLES[table].axes[0]
    if first in where and len(where) > 1 and len(groups) > 1:
        # which groups hold such a training step is seen in that column alone
        part.columns(groups, [first])
        groups = [group for group in groups if ranges.may_hold(part.ranges[group], where[first])]
    return part.matching(groups, names, where)


def _spelt_out(found: pa.Table) -> pa.Table:
    """The same table with text in place of numbers of a dictionary's entries, which are checked to be in it."""
    import pyarrow as pa

    for place, column in enumerate(found.schema):
        if pa.types.is_dictionary(column.type):
            values = found.column(place)
            values.validate(full=True)
            plain = column.with_type(column.type.value_type)
            found = found.set_column(place, plain, values.cast(plain.type))
    return found


def _arranged(found: pa.Table | None, table: str, columns: Sequence[str]) -> pa.Table:
    """These columns in the table's schema; null where there is none of the name."""
    import pyarrow as pa

    schema = pa.schema([arrow_schema(table).field(column) for column in columns])
    if found is None:
        return schema.empty_table()
    arrays = [
        found[field.name] if field.name in found.column_names else pa.nulls(found.num_rows, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)
