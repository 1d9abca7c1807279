"""Compare: any runs of any studies, side by side."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from dashboards.components.address import choose, choose_many
from dashboards.components.answers import comparison_answer
from dashboards.components.choices import grouping_keys
from dashboards.components.figure import write_figure, write_table
from dashboards.components.runs import common_fact, open_store, read_table, remembered
from dashboards.components.text import write_notice, write_text
from gradlab import figures
from gradlab.figures.groups import short_name, with_group
from gradlab.figures.order import quantiles_by
from gradlab.figures.panels import SPREAD
from gradlab.reports.groups import is_seed, value_text
from gradlab.store import RunInfo, StudyInfo

_QUANTITIES = ("loss", "score", "score_loss", "grad_norm", "clip_coefficient", "learning_rate", "seconds")
_WORDS = {
    "loss": "training loss", "score": "held-out score", "score_loss": "held-out loss", "grad_norm": "gradient norm",
    "clip_coefficient": "clip coefficient", "learning_rate": "learning rate", "seconds": "seconds a step",
}  # fmt: skip
_NONE = "nothing"


def main() -> None:
    st.title("Compare", anchor=False)
    answer = st.container()
    store, studies, runs = open_store()
    ranked = sorted(studies, key=lambda study: study.created, reverse=True)
    with st.container(horizontal=True, vertical_alignment="top"):
        names = choose_many(
            "Studies", "studies", [study.name for study in ranked], default=[ranked[0].name],
            show=lambda name: name or "runs outside any study",
        )  # fmt: skip
        own = [run for run in runs if run.study in names]
        keys = _keys([study for study in ranked if study.name in names], own)
        by = choose_many("Lines by", "by", keys, default=keys[:1], help_text="Runs that agree in these form one line.")
        rest = [key for key in keys if key not in by]
        across = choose("Panels by", "across", (_NONE, *rest), show=short_name)
        quantity = choose("Quantity", "quantity", _QUANTITIES, show=_WORDS.__getitem__)
    if quantity is None or across is None:
        return
    if not own:
        with answer:
            write_text("No run has been chosen.", "answer")
            write_notice("There is nothing to compare.", "Choose a study that has runs.")
        return
    panels = "" if across == _NONE else across
    joined = [*by, *([panels] if panels else [])]
    frame = read_table(store, "steps", own, ["step", quantity], joined)
    data = remembered(
        lambda: figures.comparison_data(frame, quantity=quantity, by=by, across=panels), own, quantity, by, panels
    )
    outcome = "final_score" if any(run.facts.get("final_score") is not None for run in own) else "final_loss"
    finals = _finals(own, by, outcome)
    word = str(common_fact(own, "score_name") or "score") if outcome == "final_score" else "loss"
    with answer:
        better = outcome == "final_score" and common_fact(own, "higher_is_better") is not False
        write_text(comparison_answer(finals, word, higher_is_better=better), "answer")
    write_figure(figures.COMPARISON, data)
    if not len(data):
        write_notice(f"The {_WORDS[quantity]} was not recorded in these runs.", "Choose another quantity.")
    _write_finals(own, by, finals, word)
    _write_differences(own, by)


def _keys(studies: Sequence[StudyInfo], runs: Sequence[RunInfo]) -> list[str]:
    """Settings by which these runs can be told apart; the study first where there are several."""
    if len(studies) == 1:
        return grouping_keys(studies[0], runs)
    own = dict.fromkeys(
        key for study in studies for key in grouping_keys(study, [r for r in runs if r.study == study.name])
    )
    return ["study", *own] if studies else []


def _labels(runs: Sequence[RunInfo], by: Sequence[str]) -> "pd.Series[str]":
    """Run → name of its group, in the order of the groups."""
    rows = [
        {"run": place, **{key: run.study if key == "study" else run.settings.get(key) for key in by}}
        for place, run in enumerate(runs)
    ]
    return with_group(pd.DataFrame(rows), by).set_index("run")["group"]


def _finals(runs: Sequence[RunInfo], by: Sequence[str], outcome: str) -> pd.DataFrame:
    """Median and spread of the outcome over the runs of each group that have one."""
    values = pd.to_numeric(pd.Series([run.facts.get(outcome) for run in runs], dtype=object), errors="coerce")
    frame = pd.DataFrame({"group": _labels(runs, by), "value": values.astype(float)}).dropna(subset=["value"])
    return quantiles_by(frame, ("group",), "value", SPREAD).rename(columns={"count": "runs"})


def _write_finals(runs: Sequence[RunInfo], by: Sequence[str], finals: pd.DataFrame, word: str) -> None:
    st.subheader(f"{word.capitalize()} at the end", anchor=False)
    shown = finals.rename(columns={"low": "10 %", "high": "90 %"})
    st.dataframe(
        shown,
        hide_index=True,
        key="finals",
        alt=f"Final {word} of every group: median and spread over its runs.",
        column_config={name: st.column_config.NumberColumn(format="%.4g") for name in ("10 %", "median", "90 %")},
    )


def _write_differences(runs: Sequence[RunInfo], by: Sequence[str]) -> None:
    """Settings in which the groups differ, a column a group."""
    labels = _labels(runs, by)
    names = [str(name) for name in labels.cat.categories if (labels == name).any()]
    st.subheader("Where their settings differ", anchor=False)
    keys = [key for key in dict.fromkeys(key for run in runs for key in run.settings) if not is_seed(key)]
    members = {name: [run for run, label in zip(runs, labels, strict=True) if label == name] for name in names}
    rows = []
    for key in keys:
        said = {name: _values(members[name], key) for name in names}
        if len(set(said.values())) > 1 or any(", " in value for value in said.values()):
            rows.append({"setting": key, **said})
    if not rows:
        write_text("They differ in nothing but their seeds.", "small")
        return
    frame = pd.DataFrame(rows)
    st.dataframe(frame, hide_index=True, key="differences", alt="Settings that differ between the groups.")
    write_table(frame, "differences")


def _values(runs: Sequence[RunInfo], key: str) -> str:
    """The values that a setting takes in these runs, `–` where it is not set."""
    values = dict.fromkeys(value_text(run.settings[key]) if key in run.settings else "–" for run in runs)
    return ", ".join(list(values)[:6]) + (", …" if len(values) > 6 else "")


main()
