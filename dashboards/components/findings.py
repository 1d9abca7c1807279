"""What the diagnosis says of a run: cached by the run's state, and written so that it can be believed or not."""

from collections.abc import Collection
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found in a run, in short."""

    words: str
    """A word or two for a table of runs."""
    problems: tuple[Finding, ...] = ()
    unjudged: frozenset[str] | None = frozenset()
    """Rules that could not be applied; None where none could."""
    version: str = ""
    """State of the run that was judged."""

    def has_judged(self, rule: str) -> bool:
        """Whether the run was recorded well enough for this rule."""
        return self.unjudged is not None and rule not in self.unjudged

    @property
    def is_well(self) -> bool:
        """Whether it was judged and nothing is wrong."""
        return self.unjudged is not None and not self.problems


@st.cache_resource
def _verdicts() -> dict[tuple[str, str, str], Verdict]:
    """What was said of every run that was judged; small, so that it is never thrown away."""
    return {}


def known_verdict(run: RunInfo) -> Verdict | None:
    """What was said of a run; None where it was not judged since it ended. Of one that trains any look will do."""
    kept = _verdicts().get((store_address(), run.study, run.id))
    return kept if kept is not None and (run.status == "running" or kept.version == version_of(run)) else None


def judged(store: Store, run: RunInfo) -> Verdict:
    """What is said of a run as it is now; judged anew where it has grown."""
    known, key, version = _verdicts(), (store_address(), run.study, run.id), version_of(run)
    if key not in known or known[key].version != version:
        known[key] = verdict_of(diagnosis_of(store, run), version)
    return known[key]


def verdict_of(diagnosis: Diagnosis | None, version: str = "") -> Verdict:
    """A diagnosis in short."""
    if diagnosis is None:
        return Verdict("not judged", unjudged=None, version=version)
    unjudged = frozenset(each.name for each in diagnosis.unjudged)
    words = ", ".join(dict.fromkeys(finding.name.replace("_", " ") for finding in diagnosis.problems))
    return Verdict(words or "well", diagnosis.problems, unjudged, version)


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
    if known_verdict(run) is None:
        if not is_small(run) and not st.button(
            "What would help?", key=f"advice:{run.id}", help="Reads all tables of this run."
        ):
            return
        judged(store, run)
    diagnosis = diagnosis_of(store, run)
    found = next((finding for finding in diagnosis or () if finding.name in about), None)
    if found is None:
        return
    write_text(f"{label}: {found.title.rstrip('.')}. What would help: {found.advice.words}", "help")
    if found.advice.yaml:
        with st.expander("As keys of a study file"):
            st.code(found.advice.yaml, language="yaml")


def is_small(run: RunInfo) -> bool:
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
