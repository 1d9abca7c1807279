"""Groups of runs beside each other: medians and spreads over training, at the end, and their settings."""

from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboards.components.address import choose, choose_many
from dashboards.components.answers import comparison_answer
from dashboards.components.comparing.differences import differences, write_differences
from dashboards.components.comparing.keys import QUANTITIES, outcome_of
from dashboards.components.comparing.outcomes import labels_of, outcomes, write_outcomes
from dashboards.components.figure import write_figure
from dashboards.components.runs import read_table, remembered
from dashboards.components.text import write_notice, write_text
from gradlab import figures
from gradlab.figures.groups import short_name
from gradlab.store import RunInfo, Store

_NONE = "nothing"


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
    finals = outcomes(runs, by, outcome.fact)
    with answer:
        write_text(comparison_answer(finals, outcome.word, higher_is_better=outcome.higher_is_better), "answer")
    write_figure(figures.COMPARISON, data)
    if not len(data):
        write_notice(f"The {QUANTITIES[quantity]} was not recorded in these runs.", "Choose another quantity.")
    write_outcomes(finals, outcome.word)
    st.subheader("Where their settings differ", anchor=False)
    write_differences(differences(_members(runs, by)), "They differ in nothing but their seeds.")


def _members(runs: Sequence[RunInfo], by: Sequence[str]) -> dict[str, list[RunInfo]]:
    labels = labels_of(runs, by)
    names = [str(name) for name in labels.cat.categories if (labels == name).any()]
    return {name: [run for run, label in zip(runs, labels, strict=True) if label == name] for name in names}
