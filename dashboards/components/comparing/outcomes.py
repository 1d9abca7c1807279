"""How groups of runs ended: the median and the spread of their outcome, in a small table."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from dashboards.components.comparing.keys import setting
from dashboards.components.text import write_grid, write_text
from gradlab.figures.groups import with_group
from gradlab.figures.order import quantiles_by
from gradlab.figures.panels import SPREAD
from gradlab.figures.text import number_in_words
from gradlab.store import RunInfo

_LISTED = 40
"""More groups than this are not listed."""


def labels_of(runs: Sequence[RunInfo], by: Sequence[str]) -> "pd.Series[str]":
    """Place of a run → name of its group, in the order of the groups."""
    rows = [{"run": place, **{key: setting(run, key) for key in by}} for place, run in enumerate(runs)]
    return with_group(pd.DataFrame(rows), by).set_index("run")["group"]


def outcomes(runs: Sequence[RunInfo], by: Sequence[str], outcome: str) -> pd.DataFrame:
    """Median and spread of the outcome over the runs of each group that have one."""
    values = pd.to_numeric(pd.Series([run.facts.get(outcome) for run in runs], dtype=object), errors="coerce")
    frame = pd.DataFrame({"group": labels_of(runs, by), "value": values.astype(float)}).dropna(subset=["value"])
    return quantiles_by(frame, ("group",), "value", SPREAD).rename(columns={"count": "runs"})


def write_outcomes(finals: pd.DataFrame, word: str) -> None:
    """What `outcomes` returns, under a heading."""
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
