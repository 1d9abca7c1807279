"""`export`: studies as files for other programs and for people: CSV, Parquet, Excel, Markdown, LaTeX, HTML."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from gradlab.errors import StoreError
from gradlab.reports.choose import AnyStore, opened
from gradlab.reports.rows import study_rows
from gradlab.store.faults import told
from gradlab.store.names import encode_name
from gradlab.store.reader import Store

if TYPE_CHECKING:
    from gradlab.reports.contents import Drawing

Format = Literal["csv", "parquet", "md", "xlsx", "tex", "html", "netcdf", "datasets"]
FORMATS: tuple[Format, ...] = get_args(Format)


def export(store: AnyStore, study: str, to: Format = "csv", folder: str | os.PathLike[str] = "reports") -> list[Path]:
    """Write a study's tables, or its report, into a folder, which is made where it is missing.

    `csv` and `parquet` give a file a table, with the run and the settings that vary in front of every row;
    `xlsx` one workbook with a sheet a table; `md`, `tex` and `html` one page: question, claims, findings, runs by
    group, sizes of the tables (`export_page` puts several studies, and figures, on it). `netcdf` gives a file a
    table, its axes as dimensions, and `datasets` a folder a table. Text from study files and runs is data in all of
    them: never a formula, never markup.

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
        if to in ("tex", "html"):
            return [export_page(store, [study], to, folder)]
        if to == "md":
            from gradlab.reports.markdown import write_markdown

            return [write_markdown(store, study, target / f"{name}.md")]
        if to == "xlsx":
            from gradlab.reports.workbook import write_workbook

            return [write_workbook(study_rows(store, study), target / f"{name}.xlsx")]
        return _tables(store, study, to, target, name)


def export_page(
    store: AnyStore,
    studies: Sequence[str],
    to: Format = "html",
    folder: str | os.PathLike[str] = "reports",
    *,
    drawings: Mapping[str, Sequence[Drawing]] | None = None,
    compare: bool = False,
) -> Path:
    """Write studies on one page of HTML, or into one LaTeX document.

    Args:
        store: where they are.
        studies: in the order of the page.
        to: `html` or `tex`.
        folder: is made where it is missing.
        drawings: figures by name of their study, `""` for those of all; of HTML only.
        compare: put the two studies side by side first.

    Raises:
        StoreError: when a study is not there or has no runs, or the file cannot be written.
        ValueError: for another format, or another number of studies than two to compare.
    """
    from gradlab.reports.contents import comparison, contents
    from gradlab.reports.latex import write_latex
    from gradlab.reports.webpage import write_webpage

    if to not in ("html", "tex"):
        raise ValueError(f"expected html or tex for a page, got {to!r}")
    if not studies or (compare and len(studies) != 2):
        raise ValueError(f"expected {'two studies to compare' if compare else 'a study'}, got {len(studies)}")
    store = opened(store)
    for study in studies:
        if not store.runs(study):
            raise StoreError(f"{store.address}: study {study!r} has no runs yet; run it first")
    pages = [contents(store, study) for study in studies]
    compared = comparison(store, *studies) if compare else None
    path = Path(folder) / f"{'+'.join(encode_name(study or 'runs') for study in studies)}.{to}"
    with told("write the report", str(path)):
        path.parent.mkdir(parents=True, exist_ok=True)
        return write_webpage(pages, path, drawings, compared) if to == "html" else write_latex(pages, path, compared)


def _tables(store: Store, study: str, to: Format, target: Path, name: str) -> list[Path]:
    """A file, or a folder, a table."""
    from gradlab.reports import files, other_libraries

    rows = study_rows(store, study)
    if to == "netcdf":
        return [other_libraries.write_netcdf(one, target / f"{name}-{one.table}.nc") for one in rows]
    if to == "datasets":
        return [other_libraries.write_dataset(one, target / f"{name}-{one.table}") for one in rows]
    write = files.write_csv if to == "csv" else files.write_parquet
    return [write(one, target / f"{name}-{one.table}.{to}") for one in rows]
