"""What the store holds, as the pages see it: studies, runs, tables; read anew only where something has grown."""

import os
from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from dashboards.components.text import write_notice
from gradlab import reports
from gradlab.errors import StoreError
from gradlab.store import RunInfo, Store, StudyInfo

FIRST_STUDY = "gradlab run studies/digits.yaml"


def store_address() -> str:
    """Where `gradlab dashboard --store …` points."""
    return os.environ.get("GRADLAB_STORE", "runs")


def open_store() -> tuple[Store, list[StudyInfo], list[RunInfo]]:
    """The store with its studies and runs; ends the page with a friendly word when there is nothing in it."""
    store = Store(store_address())
    try:
        studies, runs = store.studies(), store.runs()
    except StoreError as error:
        write_notice("This store cannot be read.", str(error))
        st.stop()
    if any(run.study == "" for run in runs):
        studies.append(StudyInfo("", store.address, "Runs that belong to no study."))
    if not studies:
        write_notice(
            "Nothing has been recorded here yet.",
            f"The store {store_address()} is empty, or not there. Train something with gradlab.watch, or run a "
            "study; its runs appear here while they train. The first one:",
            FIRST_STUDY,
        )
        st.stop()
    return store, studies, runs


def read_table(
    store: Store,
    table: str,
    runs: Sequence[RunInfo],
    columns: Sequence[str],
    settings: Sequence[str] = (),
    where: dict[str, Any] | None = None,
) -> pd.DataFrame:
    """Columns of a table for some runs, with settings as columns; do not change what comes back.

    Args:
        store: the store.
        table: name of the table.
        runs: whose rows.
        columns: which of its columns.
        settings: dotted settings to be joined on.
        where: conditions on columns, as in `gradlab.reports.load`.

    Ends the page with a friendly word when it cannot be read.
    """
    versions = tuple((run.study, run.id, run.fingerprint) for run in runs)
    try:
        conditions = repr(sorted((where or {}).items()))
        return _read(
            store_address(),
            table,
            versions,
            tuple(columns),
            tuple(settings),
            conditions,
            _store=store,
            _runs=runs,
            _where=where,
        )
    except StoreError as error:
        write_notice("A run of this study cannot be read.", str(error))
        st.stop()


@st.cache_resource(max_entries=12, show_spinner="Reading the runs …")
def _read(
    address: str,
    table: str,
    versions: tuple[tuple[str, str, str], ...],
    columns: tuple[str, ...],
    settings: tuple[str, ...],
    conditions: str,
    *,
    _store: Store,
    _runs: Sequence[RunInfo],
    _where: dict[str, Any] | None,
) -> pd.DataFrame:
    """Kept by the runs' fingerprints: a run that has grown has another one."""
    return reports.load(_store, table, runs=_runs, columns=list(columns), where=_where, with_settings=settings)


def common_fact(runs: Sequence[RunInfo], name: str) -> Any:
    """A fact on which all runs that state it agree; None otherwise."""
    values = [run.facts[name] for run in runs if run.facts.get(name) is not None]
    return values[0] if values and all(value == values[0] for value in values) else None


def common_number(runs: Sequence[RunInfo], name: str) -> float | None:
    """A fact on which all runs agree, where it is a number."""
    value = common_fact(runs, name)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def write_problems(store: Store) -> None:
    """Name what could not be read, so that nothing is missing silently."""
    problems = store.problems()
    if not problems:
        return
    count = "One file" if len(problems) == 1 else f"{len(problems):,} files"
    write_notice(
        f"{count} of this store could not be read.",
        "Everything else is shown. gradlab.store.repair mends what can be mended.",
    )
    with st.expander("Which ones"):
        st.dataframe(pd.DataFrame([{"problem": str(problem)} for problem in problems]), hide_index=True)
