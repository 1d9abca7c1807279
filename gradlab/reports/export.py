"""`export`: a study as files for other programs: CSV, Parquet, Excel, Markdown."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, get_args

from gradlab.errors import StoreError
from gradlab.reports.choose import AnyStore, opened
from gradlab.reports.rows import stored_tables, study_rows
from gradlab.store.faults import told
from gradlab.store.names import encode_name

Format = Literal["csv", "parquet", "md", "xlsx"]
FORMATS: tuple[Format, ...] = get_args(Format)


def export(store: AnyStore, study: str, to: Format = "csv", folder: str | os.PathLike[str] = "reports") -> list[Path]:
    """Write a study's tables, or its report, into a folder, which is made where it is missing.

    `csv` and `parquet` give a file a table, with the run and the settings that vary in front of every row;
    `xlsx` one workbook with a sheet a table; `md` one page: question, claims, findings, runs by group, sizes
    of the tables. Text from study files and runs is data in all of them: never a formula, never markup.

    Returns:
        The files, in the order in which they were written.

    Raises:
        StoreError: when there is no such study, it has no runs, or a file cannot be written.
        ValueError: for an unknown format.
    """
    if to not in FORMATS:
        raise ValueError(f"expected one of {', '.join(FORMATS)}, got {to!r}")
    store = opened(store)
    if not store.runs(study):
        raise StoreError(f"{store.address}: study {study!r} has no runs yet; run it first")
    target, name = Path(folder), encode_name(study or "runs")
    with told("write the report", str(target)):
        target.mkdir(parents=True, exist_ok=True)
        if to == "md":
            from gradlab.reports.markdown import write_markdown

            return [write_markdown(store, study, target / f"{name}.md")]
        if to == "xlsx":
            from gradlab.reports.workbook import write_workbook

            return [write_workbook(study_rows(store, study), target / f"{name}.xlsx")]
        from gradlab.reports.files import write_csv, write_parquet

        write = write_csv if to == "csv" else write_parquet
        return [
            write(rows, target / f"{name}-{rows.table}.{to}")
            for rows in study_rows(store, study, ["runs", *stored_tables(store, study)])
        ]
