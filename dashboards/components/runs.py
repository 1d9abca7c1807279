"""What the store holds, as the pages see it: studies, runs, tables; read anew only where something has grown."""

import hashlib
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from weakref import WeakKeyDictionary

import pandas as pd
import streamlit as st

from dashboards.components.text import write_notice
from gradlab import reports
from gradlab.errors import StoreError
from gradlab.store import Problem, RunInfo, Store, StudyInfo

FIRST_STUDY = "gradlab run digits"
LOOKED_THROUGH = 200
"""The files of more runs than this are not all opened to see whether they can be."""
MOST_ROWS = 800_000
"""A page that looks at all of training reads so many rows at most, and leaves out recorded steps evenly."""
_KEPT_FOR = 20.0
"""A listing is used again for so many times as long as it took: a large store is not listed at every click."""
_VERSIONS: "WeakKeyDictionary[RunInfo, str]" = WeakKeyDictionary()


def store_address() -> str:
    """Where `gradlab dashboard --store …` points."""
    return os.environ.get("GRADLAB_STORE", "runs")


def open_store() -> tuple[Store, list[StudyInfo], list[RunInfo]]:
    """The store with its studies and runs; ends the page with a friendly word when there is nothing in it."""
    try:
        listed = _listing(store_address())
    except StoreError as error:
        write_notice("This store cannot be read.", str(error))
        st.stop()
    store, studies, runs = listed.store, list(listed.studies), list(listed.runs)
    if not studies:
        write_notice(
            "Nothing has been recorded here yet.",
            f"The store {store_address()} is empty, or not there. Train something with gradlab.watch, or run a "
            "study; its runs appear here while they train. The pages Playground and New study need no runs. A first "
            "study, on the command line:",
            FIRST_STUDY,
        )
        st.stop()
    return store, studies, runs


@dataclass(slots=True)
class _Listing:
    """Studies and runs of a store as they were a moment ago."""

    store: Store
    studies: list[StudyInfo] = field(default_factory=list)
    runs: list[RunInfo] = field(default_factory=list)
    until: float = 0.0


@st.cache_resource(max_entries=4, show_spinner=False)
def _listings(address: str) -> _Listing:
    return _Listing(Store(address))


def _listing(address: str) -> _Listing:
    """What the store holds; listed anew unless that was done a moment ago. Raises StoreError."""
    listed = _listings(address)
    started = time.monotonic()
    if started < listed.until:
        return listed
    store = Store(address)
    studies, runs = store.everything()
    if any(run.study == "" for run in runs):
        studies.append(StudyInfo("", store.address, "Runs that belong to no study."))
    ended = time.monotonic()
    listed.store, listed.studies, listed.runs = store, studies, runs
    listed.until = ended + _KEPT_FOR * (ended - started)
    return listed


def forget_listing() -> None:
    """List the store anew at the next look: it is known to have changed."""
    _listings(store_address()).until = 0.0


def version_of(run: RunInfo) -> str:
    """Changes when the run has grown; of a run that has ended, when its facts have changed."""
    if run.status == "running":
        return run.fingerprint
    if run not in _VERSIONS:
        _VERSIONS[run] = f"{run.status} {run.variant} {hash(repr(run.facts))}"
    return _VERSIONS[run]


def state_of(runs: Sequence[RunInfo]) -> str:
    """A few letters that change when any of these runs has grown: Streamlit would take long over thousands of names."""
    lines = "\n".join(f"{run.study}/{run.id} {version_of(run)}" for run in runs)
    return hashlib.sha256(lines.encode(errors="surrogatepass")).hexdigest()


def refreshed(run: RunInfo) -> RunInfo:
    """The same run as it is now, without listing its neighbours."""
    found = Store(run.path).runs("")
    return replace(found[0], id=run.id, study=run.study, known_config=run.known_config) if found else run


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
    try:
        conditions = repr(sorted((where or {}).items()))
        return _read(
            store_address(),
            table,
            state_of(runs),
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


@st.cache_resource(max_entries=8, show_spinner="Reading the runs …")
def _read(
    address: str,
    table: str,
    state: str,
    columns: tuple[str, ...],
    settings: tuple[str, ...],
    conditions: str,
    *,
    _store: Store,
    _runs: Sequence[RunInfo],
    _where: dict[str, Any] | None,
) -> pd.DataFrame:
    """Kept by the runs' state: a run that has grown has another one."""
    return reports.load(_store, table, runs=_runs, columns=list(columns), where=_where, with_settings=settings)


def remembered(make: Callable[[], pd.DataFrame], runs: Sequence[RunInfo], *about: object) -> pd.DataFrame:
    """What `make` gives, made once for these runs as they are now; do not change what comes back.

    Args:
        make: the numbers of a figure.
        runs: of which they are made.
        about: everything else that they depend on, such as the figure's name and the groups.
    """
    return _remembered(store_address(), state_of(runs), repr(about), _make=make)


@st.cache_resource(max_entries=64, show_spinner=False)
def _remembered(address: str, state: str, about: str, *, _make: Callable[[], pd.DataFrame]) -> pd.DataFrame:
    return _make()


def steps_to_read(steps: Sequence[int], rows: float) -> list[int]:
    """Recorded training steps, first and last among them, that together hold no more rows than a page can take.

    Args:
        steps: all of them, in order.
        rows: how many rows one of them holds, about.
    """
    if not steps:
        return []
    most = int(max(2, min(len(steps), MOST_ROWS / max(rows, 1))))
    return [steps[round(place * (len(steps) - 1) / max(most - 1, 1))] for place in range(most)]


def common_fact(runs: Sequence[RunInfo], name: str) -> Any:
    """A fact on which all runs that state it agree; None otherwise."""
    values = [run.facts[name] for run in runs if run.facts.get(name) is not None]
    return values[0] if values and all(value == values[0] for value in values) else None


def common_number(runs: Sequence[RunInfo], name: str) -> float | None:
    """A fact on which all runs agree, where it is a number."""
    value = common_fact(runs, name)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


@st.cache_resource(max_entries=8, show_spinner=False)
def _problems(address: str, state: str, *, _store: Store) -> list[Problem]:
    return _store.problems()


def write_problems(store: Store, runs: Sequence[RunInfo]) -> None:
    """Name what could not be read, so that nothing is missing silently; of many runs, what reading has met."""
    problems = store.met() if len(runs) > LOOKED_THROUGH else _problems(store_address(), state_of(runs), _store=store)
    if not problems:
        return
    count = "One file" if len(problems) == 1 else f"{len(problems):,} files"
    write_notice(
        f"{count} of this store could not be read.",
        "Everything else is shown. gradlab.store.repair mends what can be mended.",
    )
    with st.expander("Which ones"):
        st.dataframe(pd.DataFrame([{"problem": str(problem)} for problem in problems]), hide_index=True)
