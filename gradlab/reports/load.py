"""`load`: the recorded tables of many runs as one pandas frame."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from gradlab.quantities import TABLES
from gradlab.reports.choose import AnyStore, Runs, Studies, check_key, chosen, opened, value_of
from gradlab.reports.runs import runs_frame
from gradlab.store.local import LocalFolder
from gradlab.store.run import RunInfo
from gradlab.store.where import Where

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_LOG = logging.getLogger(__name__)
_THREADS = min(8, os.cpu_count() or 1)
_SHARED = 2**14
"""Rows that share the text that stands in all of them."""


def load(
    store: AnyStore,
    table: str = "runs",
    *,
    study: Studies = None,
    runs: Runs = None,
    columns: Sequence[str] | None = None,
    where: Where | None = None,
    with_settings: Sequence[str] = (),
) -> pd.DataFrame:
    """One table of the catalogue over many runs: column `run` first, then its own, one row per measurement.

    In the frame an unmeasured number is NaN like a measured NaN (the Parquet files keep them apart: see
    `RunInfo.read`); counts and flags with unmeasured rows are float64. Rows stand in the order of the
    studies' grids, and within a run in the order of recording.

    Args:
        store: a store or its address.
        table: `runs` gives a row a run: every setting by its dotted key (`model.cell`), and the run's facts.
        study: only the runs of this study, or of these.
        runs: only these runs: ids, unique beginnings of ids, or RunInfo.
        columns: only these columns (and `run`); nothing else is read from disk.
        where: conditions, each a column of the table, a setting or a fact → a value, a list of allowed
            values, or `slice(start, stop)`: start <= value < stop. `{"step": slice(0, 100), "model.cell":
            ["lstm", "gru"]}`. `LAST` (of `gradlab.store`) for the table's first axis: of every run what it
            recorded last.
        with_settings: settings or facts to be joined on to every row.

    Returns:
        The frame. `frame.attrs["problems"]` lists what could not be read, where there is such a thing.

    Raises:
        StoreError: for an unknown study or run.
        ValueError: for an unknown table, column or setting.
    """
    if table not in TABLES:
        raise ValueError(f"expected one of the tables {', '.join(TABLES)}, got {table!r}")
    opened_store = opened(store)
    where = dict(where or {})
    measured = () if table == "runs" else tuple(name for name in TABLES[table].columns if name in where)
    selection = chosen(opened_store, study, runs, {key: where[key] for key in where if key not in measured})
    if table == "runs":
        return _runs(selection, columns, with_settings)
    for key in with_settings:
        check_key(selection, key)
    wanted = None if columns is None else [name for name in columns if name != "run"]
    # Something must be read to know the number of rows.
    asked = wanted if wanted != [] else [TABLES[table].axes[0]]
    pieces = read(selection, table, asked, {key: where[key] for key in measured})
    frame = _joined(selection, pieces, with_settings)
    if wanted == []:
        frame = frame.drop(columns=asked)
    paths = tuple(f"{run.path}/" for run in selection)
    problems = [str(problem) for problem in opened_store.met() if problem.path.startswith(paths)]
    if problems:
        _LOG.warning("%d parts of a store could not be read, the first: %s", len(problems), problems[0])
        frame.attrs["problems"] = problems
    return frame


def read(
    runs: Sequence[RunInfo], table: str, columns: Sequence[str] | None = None, where: Where | None = None
) -> list[pa.Table]:
    """One Arrow table a run, in their order, read in threads."""
    if len(runs) < 2 or _is_little(runs, table, where or {}):
        return [run.read(table, columns, where) for run in runs]
    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(lambda run: run.read(table, columns, where), runs))


def _is_little(runs: Sequence[RunInfo], table: str, where: Where) -> bool:
    """Whether little is read of each run, and from a disk: threads would only wait for each other, at twice the work.

    Of training steps that are named one by one it is mostly known where they stand.
    """
    first = TABLES[table].axes[0]
    return first in where and not isinstance(where[first], slice) and isinstance(runs[0].folder, LocalFolder)


def _runs(runs: list[RunInfo], columns: Sequence[str] | None, with_settings: Sequence[str]) -> pd.DataFrame:
    frame = runs_frame(runs)
    if columns is None:
        return frame
    wanted = list(dict.fromkeys(["run", *columns, *with_settings]))
    unknown = [name for name in wanted if name not in frame.columns]
    if unknown and runs:
        raise ValueError(f"table 'runs': expected columns among {', '.join(frame.columns)}, got {unknown}")
    return frame.reindex(columns=wanted)


def _joined(runs: list[RunInfo], pieces: list[pa.Table], with_settings: Sequence[str]) -> pd.DataFrame:
    """The pieces under each other, with the run and its settings in front of every row."""
    import pandas as pd
    import pyarrow as pa

    if not pieces:
        return pd.DataFrame(columns=["run", *with_settings])
    table = pa.concat_tables(pieces)
    for place, field in enumerate(table.schema):
        if pa.types.is_boolean(field.type) and table.column(place).null_count:
            table = table.set_column(place, field.name, table.column(place).cast(pa.float64()))
    counts = [piece.num_rows for piece in pieces]
    front = {
        key: _repeated([value_of(run, key) for run in runs], counts) for key in dict.fromkeys(["run", *with_settings])
    }
    return pd.concat([pd.DataFrame(front), table.to_pandas()], axis="columns")


def _repeated(values: list[Any], counts: list[int]) -> Any:
    """The value of each row's run; text by way of Arrow, which is ten times faster on millions of rows."""
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    if not all(isinstance(value, str) for value in values):
        return pd.Series(values).take(np.repeat(np.arange(len(values)), counts)).array
    texts = pa.array(values, pa.large_string())
    if sum(counts) < _SHARED * len(values):
        return texts.take(pa.array(np.repeat(np.arange(len(values)), counts))).to_pandas().array
    # On millions of rows the letters of the names alone would be more bytes than the numbers: rows share them.
    chunks = []
    for text, count in zip(texts, counts, strict=True):
        block = pa.repeat(text, min(count, _SHARED))
        chunks += [*[block] * (count // _SHARED), block.slice(0, count % _SHARED)]
    return pa.chunked_array(chunks).to_pandas().array
