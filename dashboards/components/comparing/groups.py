"""Groups of runs beside each other: medians and spreads over training, at the end, and their settings."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboards.components.address import choose, choose_many
from dashboards.components.answers import comparison_answer
from dashboards.components.comparing.differences import differences, write_differences
from dashboards.components.comparing.keys import QUANTITIES, outcome_of, setting
from dashboards.components.figure import write_figure
from dashboards.components.runs import read_table, remembered
from dashboards.components.text import write_grid, write_notice, write_text
from gradlab import figures
from gradlab.figures.groups import short_name, with_group
from gradlab.figures.order import quantiles_by
from gradlab.figures.panels import SPREAD
from gradlab.figures.text import number_in_words
from gradlab.store import RunInfo, Store

_NONE = "nothing"
_LISTED = 40
"""More groups than this are not listed below the figure, but in its table."""


def compare_groups(
    store: Store,
    runs: Sequence[RunInfo],
    keys: Sequence[str],
    quantity: str,
    answer: DeltaGenerator,
    controls: DeltaGenerator,
) -> None:
    """Draw the comparison.

    Args:
        store: that holds the runs.
        runs: all that are compared.
        keys: settings that tell them apart.
        quantity: one of `QUANTITIES`.
        answer: where the page's sentence goes.
        controls: where the reader chooses.
    """
    with controls:
        by = choose_many("Lines by", "by", keys, default=keys[:1], help_text="Runs that agree in these form one line.")
        rest = [key for key in keys if key not in by]
        across = choose("Panels by", "across", (_NONE, *rest), show=short_name)
    if across is None:
        return
    panels = "" if across == _NONE else across
    frame = read_table(store, "steps", runs, ["step", quantity], [*by, *([panels] if panels else [])])
    data = remembered(
        lambda: figures.comparison_data(frame, quantity=quantity, by=by, across=panels), runs, quantity, by, panels
    )
    outcome = outcome_of(runs)
    finals = _finals(runs, by, outcome.fact)
    with answer:
        write_text(comparison_answer(finals, outcome.word, higher_is_better=outcome.higher_is_better), "answer")
    write_figure(figures.COMPARISON, data)
    if not len(data):
        write_notice(f"The {QUANTITIES[quantity]} was not recorded in these runs.", "Choose another quantity.")
    _write_finals(finals, outcome.word)
    st.subheader("Where their settings differ", anchor=False)
    write_differences(differences(_members(runs, by)), "They differ in nothing but their seeds.")


def _labels(runs: Sequence[RunInfo], by: Sequence[str]) -> "pd.Series[str]":
    """Place of a run → name of its group, in the order of the groups."""
    rows = [{"run": place, **{key: setting(run, key) for key in by}} for place, run in enumerate(runs)]
    return with_group(pd.DataFrame(rows), by).set_index("run")["group"]


def _members(runs: Sequence[RunInfo], by: Sequence[str]) -> dict[str, list[RunInfo]]:
    labels = _labels(runs, by)
    names = [str(name) for name in labels.cat.categories if (labels == name).any()]
    return {name: [run for run, label in zip(runs, labels, strict=True) if label == name] for name in names}


def _finals(runs: Sequence[RunInfo], by: Sequence[str], outcome: str) -> pd.DataFrame:
    """Median and spread of the outcome over the runs of each group that have one."""
    values = pd.to_numeric(pd.Series([run.facts.get(outcome) for run in runs], dtype=object), errors="coerce")
    frame = pd.DataFrame({"group": _labels(runs, by), "value": values.astype(float)}).dropna(subset=["value"])
    return quantiles_by(frame, ("group",), "value", SPREAD).rename(columns={"count": "runs"})


def _write_finals(finals: pd.DataFrame, word: str) -> None:
    st.subheader(f"{word.capitalize()} at the end", anchor=False)
    known = finals[finals["median"].notna()]
    if not len(known):
        write_text("No run has stated it yet.", "small")
        return
    shown = known.head(_LISTED)
    numbers = {name: shown[column].map(number_in_words) for name, column in
               (("median", "median"), ("10 %", "low"), ("90 %", "high"))}  # fmt: skip
    write_grid(
        pd.DataFrame({"group": shown["group"].astype(str), "runs": shown["runs"].astype(int), **numbers}),
        f"Final {word} of every group: median and spread over its runs.",
    )
    if len(known) > len(shown):
        write_text(f"The first {len(shown):,} of {len(known):,} groups.", "small")
