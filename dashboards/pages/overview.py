"""Overview: which studies are there, how far are they, and what have they learned?"""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboards.components.answers import finding_answer, overview_answer
from dashboards.components.choices import choose_groups, choose_part, choose_study, naming_keys, write_part
from dashboards.components.figure import write_figure
from dashboards.components.findings import known_verdict
from dashboards.components.judging import write_judging
from dashboards.components.runs import common_fact, common_number, open_store, read_table, remembered, write_problems
from dashboards.components.studies import minute, verdict_counts, verdicts, write_studies
from dashboards.components.text import write_list, write_notice, write_text
from gradlab import figures, reports
from gradlab.errors import StoreError
from gradlab.figures.groups import short_name, with_group
from gradlab.figures.selection import at_step
from gradlab.figures.text import count_of
from gradlab.store import LAST, RunInfo, Store, StudyInfo

# more than this are summed up in words only when asked for
SUMMED = 30
_PLAIN = re.compile(r"[A-Za-z0-9.]+").fullmatch


def main() -> None:
    st.title("Overview", anchor=False)
    store, studies, runs = open_store()
    expected = sum(len(study.expected) for study in studies)
    known = {(study.name, run) for study in studies for run in study.expected}
    extra = sum((run.study, run.id) not in known for run in runs)
    status = overview_answer([run.status for run in runs], expected + extra, len(studies))
    top, trouble = st.container(), st.container()
    if len(studies) > 1:
        write_studies(studies, runs)
    with st.container(horizontal=True, vertical_alignment="top"):
        study, own = choose_study(studies, runs)
        by = choose_groups(study, own)
        shown = choose_part(own)
    with top:
        named = f"{study.name}: " if len(studies) > 1 and study.name else ""
        write_text(f"{named}{study.question or 'This study states no question.'}", "question")
        finding = find(store, shown, by)
        write_text(finding or status, "answer")
        if finding:
            write_part(shown, own)
            write_text(status, "small")
        if own:
            write_judging(store, study.name, shown, _groups(shown, by), _chosen())
    write_progress(study, own)
    if not own:
        write_notice("No run of this study has started yet.", "Its runs appear here as soon as they do.")
        with trouble:
            write_problems(store, runs)
        return
    steps = read_table(store, "steps", shown, ["step", "loss", "score"], by)
    write_curves(steps, shown, by)
    if len(shown) < len(own):
        write_text(f"{len(shown):,} of {len(own):,} runs are drawn; the table below holds all.", "small")
    # looks at every file of a store of few runs, which takes longer than the answer and the first figure
    with trouble:
        write_problems(store, runs)
    write_findings(store, study, own)
    write_runs(study, own, steps)


def _chosen() -> dict[str, str]:
    """What was chosen here, as the address says it: it holds on every page."""
    return {name: st.query_params[name] for name in ("study", "by", "part") if name in st.query_params}


def write_progress(study: StudyInfo, runs: list[RunInfo]) -> None:
    done = sum(run.status == "finished" for run in runs)
    total = max(len(study.expected), len(runs), 1)
    if done < total:
        st.progress(done / total, text=f"{done:,} of {total:,} runs finished")
    if study.claims:
        told = ", ".join(f"{count:,} {word}" for word, count in verdict_counts(study).items())
        found = verdicts(study)
        with st.expander(f"{count_of(len(study.claims), 'claim')}: {told}"):
            write_list(_claim_in_words(claim, found.get(claim)) for claim in study.claims)


def _claim_in_words(claim: str, verdict: Mapping[str, Any] | None) -> str:
    if verdict is None:
        return f"Not yet decided: {claim}"
    return f"{str(verdict.get('verdict', '')).capitalize()}: {claim} ({verdict.get('told', '')})"


def find(store: Store, runs: list[RunInfo], by: tuple[str, ...]) -> str:
    """The finding that the page opens with; empty while no run has finished."""
    done = [run for run in runs if run.status == "finished"]
    if not done:
        return ""
    outcome = "final_score" if any(run.facts.get("final_score") is not None for run in done) else "final_loss"
    facts = {run.id: run.facts.get(outcome) for run in done}
    group = _groups(done, by)
    finals = pd.Series({run: np.nan if value is None else float(value) for run, value in facts.items()})
    reaches, longest, broken, silent = _reaches(store, done, group)
    score = outcome == "final_score"
    return finding_answer(
        reaches,
        longest,
        {str(name): float(value) for name, value in finals.groupby(group, observed=True).median().items()},
        word=str(common_fact(done, "score_name") or "score") if score else "loss",
        chance=common_number(done, "chance_score" if score else "chance_loss"),
        broken=broken,
        silent=silent,
    )


def _groups(runs: list[RunInfo], by: tuple[str, ...]) -> "pd.Series[str]":
    """Run → name of its group."""
    settings = pd.DataFrame([{"run": run.id, **{key: run.settings.get(key) for key in by}} for run in runs])
    return with_group(settings, by).set_index("run")["group"].astype(str)


def _reaches(
    store: Store, runs: list[RunInfo], group: "pd.Series[str]"
) -> tuple[dict[str, float], int, list[str], list[str]]:
    """Median reach of every group at its runs' last recorded step, in the first layer; and the longest possible.

    Then the groups with a gradient that is no number there, and those with one that is zero.
    """
    first = {"layer": 0, "direction": 0, "call": 0}

    def make() -> pd.DataFrame:
        columns = ["step", "module", "t", "grad_h", "nonfinite"]
        frame = read_table(store, "timesteps", runs, columns, where={"step": LAST, **first})
        return reports.reach(at_step(frame, None)).drop_duplicates("run").set_index("run")

    found = remembered(make, runs, "reach")
    if not len(found):
        return {}, 0, [], []
    maximum, label = found["maximum"], group.reindex(found.index)
    medians = found["reach"].where(maximum != np.inf).groupby(label, observed=True).median()
    return (
        {str(name): float(value) for name, value in medians.items()},
        int(found["length"].max()) - 1,
        list(dict.fromkeys(label[maximum == np.inf])),
        list(dict.fromkeys(label[maximum == 0])),
    )


def write_findings(store: Store, study: StudyInfo, runs: list[RunInfo]) -> None:
    if not any(run.status == "finished" for run in runs):
        return
    with st.expander("What was found, in words"):
        if len(runs) > SUMMED and not st.toggle("Read all of their tables", key="words"):
            write_text(f"{count_of(len(runs), 'run')} take a while to read.", "small")
            return
        try:
            found = remembered(lambda: pd.DataFrame({"said": reports.summary(store, study.name)}), runs, "summary")
            write_list(found["said"])
        except StoreError as error:
            write_notice("The summary could not be computed.", str(error))


def write_curves(frame: pd.DataFrame, runs: list[RunInfo], by: tuple[str, ...]) -> None:
    def make() -> pd.DataFrame:
        return figures.learning_curves_data(
            frame,
            by=by,
            chance_loss=common_number(runs, "chance_loss"),
            chance_score=common_number(runs, "chance_score"),
            score_name=str(common_fact(runs, "score_name") or "score"),
        )

    write_figure(figures.LEARNING_CURVES, remembered(make, runs, "curves", by))


def write_runs(study: StudyInfo, runs: list[RunInfo], steps: pd.DataFrame) -> None:
    """A row a run: what it is, what the diagnosis says, course of the loss, outcome."""
    st.subheader("Runs", anchor=False)
    rows = []
    keys = naming_keys(study, runs)
    courses = _courses(steps)
    for run in runs:
        settings = {key: run.settings.get(key) for key in keys}
        facts = {name: run.facts.get(name) for name in ("final_score", "final_loss", "steps", "seconds", "created")}
        facts["created"] = minute(str(facts["created"] or ""))
        verdict = known_verdict(run)
        course = {"finding": "not judged yet" if verdict is None else verdict.words, "course": courses.get(run.id)}
        rows.append({**settings, "status": run.status, **course, **facts, "run": run.id})
    score = str(common_fact(runs, "score_name") or "score")
    frame = pd.DataFrame(rows).dropna(axis="columns", how="all")
    st.dataframe(
        frame,
        hide_index=True,
        key="runs",
        alt="All runs of the study with status, findings and outcome.",
        column_config={
            # help is read as Markdown
            **{key: st.column_config.Column(short_name(key), help=key if _PLAIN(key) else None) for key in keys},
            "course": st.column_config.LineChartColumn("loss", width="small"),
            "finding": st.column_config.TextColumn("finding", help="What the diagnosis says; details on the page Run."),
            "final_score": st.column_config.NumberColumn(f"final {score}", format="%.4g"),
            "final_loss": st.column_config.NumberColumn("final loss", format="%.4g"),
            "seconds": st.column_config.NumberColumn(format="%.1f"),
        },
    )


def _courses(steps: pd.DataFrame) -> dict[str, list[float]]:
    """The loss of every run at a few evenly picked steps, until it is no number for the first time."""
    found = {}
    for run, rows in steps.groupby("run", sort=False, observed=True):
        loss = rows["loss"].to_numpy(dtype=float, na_value=np.nan)
        picked = loss[np.unique(np.linspace(0, len(loss) - 1, min(len(loss), 40)).astype(int))]
        broken = ~np.isfinite(picked)
        found[str(run)] = picked[: int(broken.argmax()) if broken.any() else len(picked)].tolist()
    return found


main()
