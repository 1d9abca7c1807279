"""What the diagnosis says of a run: cached by the run's state, and written so that it can be believed or not."""

from collections.abc import Collection
from typing import Literal

import pandas as pd
import streamlit as st

from dashboards.components.runs import store_address, version_of
from dashboards.components.text import write_list, write_text
from gradlab import reports
from gradlab.diagnosis import Diagnosis, Finding, diagnose
from gradlab.errors import StoreError
from gradlab.reports.rows import part_sizes
from gradlab.store import RunInfo, Store

TABLES = ("steps", "timesteps", "gates", "parameters", "lags", "lyapunov", "truncation")
"""What the rules look at."""
UNASKED = 50_000
"""Of a run with more rows than this in its largest table a page says what would help when it is asked."""
Verdict = Literal["well", "problem", "unknown"]
_CERTAINTY = {"strong": "surely", "likely": "probably", "weak": "perhaps"}


def diagnosis_of(store: Store, run: RunInfo) -> Diagnosis | None:
    """All findings of a run as it is now; None where its tables cannot be read or judged."""
    return _diagnosis(store_address(), run.study, run.id, version_of(run), _store=store, _run=run)


@st.cache_resource(max_entries=64, show_spinner=False)
def _diagnosis(address: str, study: str, run: str, version: str, *, _store: Store, _run: RunInfo) -> Diagnosis | None:
    try:
        recorded = _run.tables()
        frames = {name: reports.load(_store, name, runs=[_run]) for name in TABLES if name in recorded}
        # a table whose files are damaged says nothing, and least of all that all is well
        frames = {name: frame for name, frame in frames.items() if len(frame)}
        if not frames:
            return None
        return diagnose({**frames, "runs": reports.load(_store, "runs", runs=[_run])})
    except (StoreError, ValueError):
        return None


@st.cache_resource
def _verdicts() -> dict[tuple[str, str, str, str], str]:
    """What was said of every run that was judged, by its state; small, so that it is never thrown away."""
    return {}


def known_verdict(store: Store, run: RunInfo, *, judge: bool) -> str | None:
    """A word or two on a run; None where it was not judged yet and shall not be now."""
    key = (store_address(), run.study, run.id, version_of(run))
    known = _verdicts()
    if key not in known and judge:
        known[key] = verdict_of(diagnosis_of(store, run))
    return known.get(key)


def verdict_of(diagnosis: Diagnosis | None) -> str:
    """A word or two for a table of runs."""
    if diagnosis is None:
        return "not judged"
    if diagnosis.is_well:
        return "well"
    return ", ".join(dict.fromkeys(finding.name.replace("_", " ") for finding in diagnosis.problems))


def write_findings(diagnosis: Diagnosis | None) -> None:
    """Every finding behind a fold of its own, problems first; then what could not be judged."""
    if diagnosis is None:
        write_text("Nothing has been recorded that could be judged.", "small")
        return
    if not diagnosis.findings:
        write_text("Nothing is wrong, as far as this was recorded.")
    for place, finding in enumerate(diagnosis):
        _write_finding(finding, opened=place == 0 and finding.weight == "problem")
    if diagnosis.unjudged:
        with st.expander(f"What could not be judged ({len(diagnosis.unjudged)})"):
            write_list(str(each) for each in diagnosis.unjudged)


def write_advice(store: Store, run: RunInfo, label: str, about: Collection[str]) -> None:
    """What would help a run against one of these troubles, the weightiest; nothing where it has none of them.

    Args:
        store: that holds the run.
        run: whose tables are judged.
        label: what the page calls it.
        about: names of rules.
    """
    if known_verdict(store, run, judge=False) is None:
        if not _is_small(run) and not st.button(
            "What would help?", key=f"advice:{run.id}", help="Reads all tables of this run."
        ):
            return
        known_verdict(store, run, judge=True)
    diagnosis = diagnosis_of(store, run)
    found = next((finding for finding in diagnosis or () if finding.name in about), None)
    if found is None:
        return
    write_text(f"{label}: {found.title.rstrip('.')}. What would help: {found.advice.words}", "help")
    if found.advice.yaml:
        with st.expander("As keys of a study file"):
            st.code(found.advice.yaml, language="yaml")


def _is_small(run: RunInfo) -> bool:
    """Whether it is judged in no time."""
    try:
        return part_sizes([run], "timesteps")[0] <= UNASKED
    except (OSError, StoreError):
        # what cannot be read takes no time either
        return True


def _write_finding(finding: Finding, *, opened: bool) -> None:
    sign = "Problem" if finding.weight == "problem" else "Note"
    # a title is written by the rules, but may hold a module's name: what Markdown reads as more is taken out
    with st.expander(_without_markdown(f"{sign}, {_CERTAINTY[finding.certainty]}: {finding.title}"), expanded=opened):
        if str(finding.where):
            write_text(f"Where: {finding.where}.")
        write_list(finding.evidence)
        write_text(f"What would help: {finding.advice.words}", "help")
        for label, text, language in (
            ("In a study file", finding.advice.yaml, "yaml"),
            ("In Python", finding.advice.code, "python"),
        ):
            if text:
                write_text(label, "small")
                st.code(text, language=language)
        write_text(f"Threshold: {finding.threshold} Source: {finding.source}.", "read")


def _without_markdown(text: str) -> str:
    return "".join(f"\\{letter}" if letter in r"\`*_{}[]<>()#+-!|$:~" else letter for letter in text)


def findings_frame(diagnosis: Diagnosis | None) -> pd.DataFrame:
    """The findings as a table to take along."""
    return pd.DataFrame() if diagnosis is None else diagnosis.frame()
