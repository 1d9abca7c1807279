"""Numbers and figures as files to take along: CSV, Parquet, Excel, HTML, images; no text in them is ever a formula."""

import io
import tempfile
from pathlib import Path
from typing import Literal

import pandas as pd
import plotly.graph_objects as go

from gradlab.reports.rows import Rows
from gradlab.store import Store

TableFormat = Literal["csv", "parquet", "xlsx"]
RUNS_DRAWN = 300
"""Runs of a study up to which its report has figures: they are drawn from all that was recorded."""
FORMATS: dict[TableFormat, tuple[str, str]] = {
    "csv": ("CSV", "text/csv"),
    "parquet": ("Parquet", "application/vnd.apache.parquet"),
    "xlsx": ("Excel", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
}


def as_csv(data: pd.DataFrame) -> bytes:
    """CSV in UTF-8, in which no text can be taken for a formula by a spreadsheet."""
    data = data.copy(deep=False)
    for name in data.columns:
        if not pd.api.types.is_numeric_dtype(data[name]) and not pd.api.types.is_bool_dtype(data[name]):
            data[name] = data[name].astype(object).map(_no_formula)
    data.columns = [_no_formula(str(name)) for name in data.columns]
    return data.to_csv(index=False, na_rep="NaN").encode()


def _no_formula(value: object) -> object:
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return "'" + value
    return value


def table_of_study(store: Store, study: str, table: str, to: TableFormat) -> bytes:
    """One recorded table of all runs of a study, with the settings that vary in front of every row.

    Raises:
        StoreError: when a run cannot be read, or Excel's package is missing.
    """
    from gradlab.reports.files import write_csv, write_parquet
    from gradlab.reports.rows import study_rows
    from gradlab.reports.workbook import write_workbook

    rows: Rows = study_rows(store, study, [table])[0]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"table.{to}"
        if to == "xlsx":
            write_workbook([rows], path)
        else:
            (write_csv if to == "csv" else write_parquet)(rows, path)
        return path.read_bytes()


def study_workbook(store: Store, study: str) -> bytes:
    """All tables of a study as one Excel workbook; raises StoreError as `table_of_study` does."""
    from gradlab.reports.rows import study_rows
    from gradlab.reports.workbook import write_workbook

    with tempfile.TemporaryDirectory() as folder:
        return write_workbook(study_rows(store, study), Path(folder) / "study.xlsx").read_bytes()


def study_report(store: Store, study: str, to: Literal["md", "html"]) -> bytes:
    """The report of a study; on a page with its figures, unless it has more runs than one waits for.

    Raises:
        StoreError: when a run cannot be read.
    """
    from gradlab.cli.drawings import drawings
    from gradlab.reports import export, export_page

    with tempfile.TemporaryDirectory() as folder:
        if to == "md":
            return export(store, study, to, folder)[0].read_bytes()
        drawn = drawings(store, [study]) if len(store.runs(study)) <= RUNS_DRAWN else None
        return export_page(store, [study], to, folder, drawings=drawn).read_bytes()


def as_html(figure: go.Figure) -> bytes:
    """The figure as one page that needs no network."""
    text = io.StringIO()
    figure.write_html(text, include_plotlyjs=True, full_html=True, config={"displaylogo": False})
    return text.getvalue().encode()
