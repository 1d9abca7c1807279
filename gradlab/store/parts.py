"""The Parquet parts of one table of one run: written once, merged now and then, read while they are written.

A part's name says which writes it holds: `part-000007.parquet` the eighth, `part-000000-000041.parquet` the
first 42, merged. A part that a merged one covers is a leftover and is not read, so a merge can be killed
between any two of its steps without a row lost or read twice. A gap in the numbers means that a part is lost.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gradlab.errors import StoreError
from gradlab.quantities import AXES, TABLES
from gradlab.store.folder import Folder
from gradlab.store.schema import SCHEMA_VERSION, arrow_schema, migrate
from gradlab.store.where import Where, may_hold, select

if TYPE_CHECKING:
    import pyarrow as pa

_NAME = re.compile(r"part-(\d{6,})(?:-(\d{6,}))?\.parquet")
_GROUP_ROWS = 2**17
"""Rows of a row group: a quantity of one is 1 MB, and a condition on an axis skips whole groups."""
_ATTEMPTS = 6
_PAUSE_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Part:
    """One file: the writes `first` to `last` of a table."""

    table: str
    first: int
    last: int
    size: int = -1

    @property
    def key(self) -> str:
        """Path inside the run's folder."""
        numbers = f"{self.first:06d}" + (f"-{self.last:06d}" if self.last > self.first else "")
        return f"{self.table}/part-{numbers}.parquet"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a store that cannot be read, while everything else can."""

    path: str
    message: str

    def __str__(self) -> str:
        return self.message if self.message.startswith(self.path) else f"{self.path}: {self.message}"


def all_parts(folder: Folder, table: str) -> list[Part]:
    """Every part of a table, leftovers of a merge among them, in order."""
    found = []
    for entry in folder.entries(table):
        if match := _NAME.fullmatch(entry.name):
            first = int(match[1])
            found.append(Part(table, first, int(match[2] or first), entry.size))
    return sorted(found, key=lambda part: (part.first, -part.last))


def live_parts(parts: Iterable[Part]) -> list[Part]:
    """The parts that hold the table: those that no other part covers."""
    live: list[Part] = []
    for part in parts:
        if not live or part.last > live[-1].last:
            live.append(part)
    return live


def gaps(parts: Sequence[Part]) -> list[str]:
    """Names of parts that must once have been there: numbers before the last that no part holds."""
    missing, expected = [], 0
    for part in parts:
        missing += [Part(part.table, number, number).key for number in range(expected, part.first)]
        expected = part.last + 1
    return missing


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
            writer.write_table(piece, row_group_size=_GROUP_ROWS)
            rows += piece.num_rows
    return rows


def read_part(folder: Folder, part: Part, columns: Sequence[str], where: Where | None = None) -> pa.Table:
    """Columns of one part, in that order; a column that the part does not hold is null.

    Raises:
        FileNotFoundError: when the part is not there (any more).
        StoreError: naming the part, when it is damaged or of a later version.
    """
    import pyarrow as pa

    where = where or {}
    name = f"{folder.address}/{part.key}"
    try:
        with folder.open(part.key, part.size) as source:
            found = _read(
                source, part.table, [*columns, *(key for key in where if key not in columns)], where, name
            )
    except (FileNotFoundError, StoreError):
        raise
    except (OSError, ValueError, pa.ArrowException, MemoryError, OverflowError) as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise StoreError(f"{name}: damaged Parquet part, its rows are left out ({reason})") from error
    return select(found, where).select(list(columns)) if where else found


def read_table(
    folder: Folder, table: str, columns: Sequence[str] | None = None, where: Where | None = None
) -> tuple[pa.Table, list[Problem]]:
    """All rows of a table of one run in the order of writing, and what could not be read of it.

    May run beside a writer: when a merge takes parts away between the listing and the reading, it starts
    again.
    """
    import pyarrow as pa

    columns = list(TABLES[table].columns if columns is None else columns)
    schema = arrow_schema(table)
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(_PAUSE_SECONDS * attempt)
        parts = live_parts(all_parts(folder, table))
        problems = [
            Problem(f"{folder.address}/{key}", "the part is missing, its rows are left out")
            for key in gaps(parts)
        ]
        if problems and attempt < _ATTEMPTS - 1:
            continue
        pieces = []
        try:
            for part in parts:
                try:
                    pieces.append(read_part(folder, part, columns, where))
                except StoreError as error:
                    problems.append(Problem(f"{folder.address}/{part.key}", str(error)))
        except FileNotFoundError as error:
            problems.append(
                Problem(str(error.filename or folder.address), "the part vanished while it was read")
            )
            continue
        break
    if not pieces:
        return pa.schema([schema.field(name) for name in columns]).empty_table(), problems
    return pa.concat_tables(pieces), problems


def merge_parts(
    folder: Folder, parts: Sequence[Part], last: int, where: Where | None = None, first: int | None = None
) -> Part:
    """Merge the parts into one that covers the numbers up to `last`, keep the wanted rows, remove the rest.

    Parts stay immutable: give a `last` that is higher than any so far when rows are dropped.
    Raises StoreError when a part is damaged, and leaves everything as it was.
    """
    merged = Part(parts[0].table, parts[0].first if first is None else first, last)
    columns = arrow_schema(merged.table).names
    write_part(folder, merged, _in_groups(read_part(folder, part, columns, where) for part in parts))
    for part in parts:
        folder.remove(part.key)
    return merged


def check_part(folder: Folder, part: Part, deep: bool = True) -> None:
    """Read every page of a part, or only its footer. Raises like `read_part`."""
    if deep:
        read_part(folder, part, arrow_schema(part.table).names)
    else:
        axis = TABLES[part.table].axes[0]
        read_part(folder, part, [axis], {axis: slice(0, 0)})


def _read(source: object, table: str, columns: Sequence[str], where: Where, name: str) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = pq.ParquetFile(source, page_checksum_verification=True)
    held = file.schema_arrow
    version = int((held.metadata or {}).get(b"gradlab.schema", b"0"))
    if version == SCHEMA_VERSION:
        migrate(table, held.empty_table(), name)
        missing = [axis for axis in TABLES[table].axes if axis not in held.names]
        if missing:
            raise StoreError(
                f"{name}: damaged Parquet part, it has no column {missing[0]!r}; its rows are left out"
            )
        groups = [number for number in range(file.num_row_groups) if _may_match(file, held, number, where)]
        wanted = [column for column in columns if column in held.names]
        found = file.read_row_groups(groups, columns=wanted, use_threads=False)
        rows = sum(file.metadata.row_group(number).num_rows for number in groups)
        if wanted and found.num_rows != rows:
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


def _may_match(file: object, held: pa.Schema, group: int, where: Where) -> bool:
    """Whether a row group can hold wanted rows, by the smallest and largest values of its axes."""
    metadata = file.metadata.row_group(group)  # type: ignore[attr-defined]
    for name, condition in where.items():
        if name in AXES and AXES[name].kind == "count" and name in held.names:
            statistics = metadata.column(held.names.index(name)).statistics
            if (
                statistics is not None
                and statistics.has_min_max
                and not may_hold(condition, statistics.min, statistics.max)
            ):
                return False
    return True


def _in_groups(pieces: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """The same rows in pieces of a row group each: many small parts do not become many small groups."""
    import pyarrow as pa

    waiting: list[pa.Table] = []
    for piece in pieces:
        waiting.append(piece)
        if sum(table.num_rows for table in waiting) >= _GROUP_ROWS:
            yield pa.concat_tables(waiting)
            waiting = []
    if waiting:
        yield pa.concat_tables(waiting)
