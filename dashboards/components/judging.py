"""Judges the runs of a study while the reader reads: a few every second, until all of them are."""

import time
from collections.abc import Mapping, Sequence
from functools import partial

import pandas as pd
import streamlit as st

from dashboards.components.findings import is_small, judged, known_verdict
from dashboards.components.text import write_text
from dashboards.components.troubles import judged_in_words, troubles, write_troubles
from gradlab.figures.text import count_of
from gradlab.store import RunInfo, Store

BUDGET = 0.5
"""Seconds at a time that are spent on judging: a click waits no longer."""
EVERY = 1.0
"""Seconds from one look to the next."""


def write_judging(
    store: Store, study: str, runs: Sequence[RunInfo], groups: "pd.Series[str]", address: Mapping[str, str]
) -> None:
    """What ails these runs, as far as they were judged; the others are judged a few at a time.

    Args:
        store: that holds them.
        study: its name; what the reader asked for holds for this study.
        runs: to be judged.
        groups: run → name of its group.
        address: what the pages behind the cards shall show.
    """
    # the first look, with the page's first figure still to come, is not for judging
    st.session_state["judging"] = False
    waiting = _waiting(runs, study)
    look = partial(_look, store, study, runs, dict(groups), address)
    st.fragment(look, run_every=EVERY if waiting else None)()


def _look(
    store: Store, study: str, runs: Sequence[RunInfo], groups: Mapping[str, str], address: Mapping[str, str]
) -> None:
    if st.session_state.get("judging"):
        _judge_some(store, study, runs)
        if not _waiting(runs, study):
            # the table of runs has the findings too, and looks need no longer be taken
            st.rerun()
    st.session_state["judging"] = True
    verdicts = {run.id: verdict for run in runs if (verdict := known_verdict(run)) is not None}
    write_troubles(troubles(verdicts, groups, len(runs)), address)
    waiting = len(_waiting(runs, study))
    told = judged_in_words(verdicts, len(runs), waiting) if verdicts else ""
    long = len(runs) - len(verdicts) - waiting
    if not verdicts:
        told = f"{count_of(waiting, 'run')} will be judged in a moment." if waiting else ""
    if told:
        write_text(told, "small")
    if long and st.button(
        f"Judge {count_of(long, 'long run')}", help="Reads all of their tables; that may take a while."
    ):
        st.session_state["judge"] = study
        st.rerun()


def _judge_some(store: Store, study: str, runs: Sequence[RunInfo]) -> None:
    until = time.monotonic() + BUDGET
    for run in _waiting(runs, study):
        if _asked(study) or is_small(run):
            judged(store, run)
        else:
            _long().add(run.id)
        if time.monotonic() > until:
            return


def _waiting(runs: Sequence[RunInfo], study: str) -> list[RunInfo]:
    """Runs that are judged unasked, or were asked for, and are not judged yet."""
    left = [run for run in runs if known_verdict(run) is None]
    return left if _asked(study) else [run for run in left if run.id not in _long()]


def _asked(study: str) -> bool:
    return st.session_state.get("judge") == study


def _long() -> set[str]:
    """Runs that turned out to be long."""
    return st.session_state.setdefault("long runs", set())
