"""A whole table of one run: read while it is written, and merged now and then."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from gradlab.errors import StoreError
from gradlab.quantities import TABLES
from gradlab.store.folder import Folder
from gradlab.store.parquet import GROUP_ROWS, read_end, read_part, write_part
from gradlab.store.parts import Part, Problem, all_parts, gaps, live_parts
from gradlab.store.schema import arrow_schema
from gradlab.store.where import LAST, Where

if TYPE_CHECKING:
    import pyarrow as pa

_ATTEMPTS = 6
_PAUSE_SECONDS = 0.02


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
            Problem(f"{folder.address}/{key}", "the part is missing, its rows are left out") for key in gaps(parts)
        ]
        if problems and attempt < _ATTEMPTS - 1:
            continue
        pieces = []
        try:
            pieces = list(_pieces(folder, parts, columns, where or {}, problems))
        except FileNotFoundError as error:
            problems.append(Problem(str(error.filename or folder.address), "the part vanished while it was read"))
            continue
        break
    if not pieces:
        return pa.schema([schema.field(name) for name in columns]).empty_table(), problems
    return pa.concat_tables(pieces), problems


def _pieces(
    folder: Folder, parts: Sequence[Part], columns: Sequence[str], where: Where, problems: list[Problem]
) -> Iterator[pa.Table]:
    """The wanted rows of each part, in the order of writing; damaged parts join the problems."""
    if where.get(TABLES[parts[0].table].axes[0] if parts else "") is LAST:
        yield from reversed(list(_end(folder, parts, columns, where, problems)))
        return
    for part in parts:
        try:
            yield read_part(folder, part, columns, where)
        except StoreError as error:
            problems.append(Problem(f"{folder.address}/{part.key}", str(error)))


def _end(
    folder: Folder, parts: Sequence[Part], columns: Sequence[str], where: Where, problems: list[Problem]
) -> Iterator[pa.Table]:
    """The wanted rows at the end that share a value of the first axis, the last part first."""
    axis = TABLES[parts[0].table].axes[0]
    for part in reversed(parts):
        try:
            end = read_end(folder, part, columns, where)
        except StoreError as error:
            problems.append(Problem(f"{folder.address}/{part.key}", str(error)))
            continue
        where = {**where, axis: end.value}
        yield end.rows
        if end.is_complete:
            return


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


def _in_groups(pieces: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """The same rows in pieces of a row group each: many small parts do not become many small groups."""
    import pyarrow as pa

    waiting: list[pa.Table] = []
    for piece in pieces:
        waiting.append(piece)
        if sum(table.num_rows for table in waiting) >= GROUP_ROWS:
            yield pa.concat_tables(waiting)
            waiting = []
    if waiting:
        yield pa.concat_tables(waiting)
