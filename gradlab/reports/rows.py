"""The rows of a study's tables as they are exported: run after run, the varying settings in front."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from gradlab.quantities import TABLES
from gradlab.reports.choose import value_of
from gradlab.reports.groups import grouping, is_seed
from gradlab.reports.runs import runs_frame
from gradlab.store.parts import all_parts, live_parts
from gradlab.store.reader import Store
from gradlab.store.run import RunInfo
from gradlab.store.schema import STORED_TABLES

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


@dataclass(frozen=True)
class Rows:
    """One table of a study, to be written to a file."""

    table: str
    schema: pa.Schema
    pieces: Callable[[], Iterator[pa.Table]]
    """Gives one piece a run; may be called again."""


def stored_tables(runs: Sequence[RunInfo]) -> list[str]:
    """Tables of which any of the runs has recorded something, in the catalogue's order."""
    found: set[str] = set()
    for run in runs:
        # Of thousands of runs, only folders of tables that none of those before had are looked into.
        folders = {entry.name for entry in run.folder.entries() if entry.is_folder} - found
        found |= {table for table in folders.intersection(STORED_TABLES) if all_parts(run.folder, table)}
    return [table for table in TABLES if table in found]


def study_rows(store: Store, study: str, tables: Sequence[str] | None = None) -> list[Rows]:
    """The tables of a study, `runs` first; unless told which, all that have been recorded."""
    import pyarrow as pa

    runs = store.runs(study)
    tables = ["runs", *stored_tables(runs)] if tables is None else tables
    axes = store.study(study).axes if study else ()
    varying = [*grouping(runs, axes).keys, *(key for key in dict.fromkeys(_seeds(runs)))]
    frame = runs_frame(runs)
    found = []
    for table in tables:
        if table == "runs":
            whole = pa.Table.from_pandas(_plain(frame), preserve_index=False)
            found.append(Rows(table, whole.schema, partial(_once, whole)))
            continue
        settings = _settings(runs, ["run", *varying])
        schema = _schema(settings, table)
        found.append(Rows(table, schema, _reader(runs, table, settings, schema)))
    return found


def _once(table: pa.Table) -> Iterator[pa.Table]:
    yield table


def part_sizes(runs: Sequence[RunInfo], table: str) -> tuple[int, int]:
    """Rows and bytes of a table in these runs."""
    rows = sum(run.read(table, [TABLES[table].axes[0]]).num_rows for run in runs)
    size = sum(run.folder.size(part.key) for run in runs for part in live_parts(all_parts(run.folder, table)))
    return rows, size


def _seeds(runs: Sequence[RunInfo]) -> list[str]:
    return [key for run in runs for key in run.settings if is_seed(key)]


def _settings(runs: Sequence[RunInfo], keys: Sequence[str]) -> pa.Table:
    """One row a run; values that are not of one type become text."""
    import pandas as pd
    import pyarrow as pa

    frame = pd.DataFrame({key: pd.Series([value_of(run, key) for run in runs], dtype=object) for key in keys})
    return pa.Table.from_pandas(_plain(frame), preserve_index=False).replace_schema_metadata()


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns of mixed values, such as numbers and words, as text."""
    import pyarrow as pa

    plain: dict[str, pd.Series] = {}
    for name, column in ((str(name), column) for name, column in frame.items()):
        values = [None if value is None or value != value else value for value in column.tolist()]
        try:
            pa.array(values) if column.dtype == object else None
            plain[name] = column
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            plain[name] = column.map(lambda value: value if value is None else str(value))
        if column.dtype == object and any(isinstance(value, tuple) for value in values):
            plain[name] = column.map(lambda value: value if value is None else str(value))
    return frame.assign(**plain)


def _schema(settings: pa.Table, table: str) -> pa.Schema:
    import pyarrow as pa

    from gradlab.store.schema import arrow_schema

    measured = arrow_schema(table)
    front = [field for field in settings.schema if field.name not in measured.names]
    return pa.schema([*front, *measured], metadata=measured.metadata)


def _reader(
    runs: Sequence[RunInfo], table: str, settings: pa.Table, schema: pa.Schema
) -> Callable[[], Iterator[pa.Table]]:
    import pyarrow as pa

    def pieces() -> Iterator[pa.Table]:
        for place, run in enumerate(runs):
            found = run.read(table)
            front = {
                name: pa.repeat(settings.column(name)[place], found.num_rows)
                for name in settings.column_names
                if name not in found.column_names
            }
            columns = [front[name] if name in front else found[name] for name in schema.names]
            yield pa.Table.from_arrays(columns, schema=schema)

    return pieces
