"""Clipping: how often does it fire, and how much does it take away?"""

import pandas as pd
import streamlit as st

from dashboards.components.answers import clipping_answer
from dashboards.components.choices import choose_groups, choose_run, choose_study, grouping_keys, naming_keys
from dashboards.components.figure import write_figure
from dashboards.components.runs import open_store, read_table
from dashboards.components.text import write_notice, write_text
from gradlab import figures

_COLUMNS = ["step", "grad_norm", "grad_norm_clipped", "clip_coefficient", "clip_fired", "clip_threshold"]


def main() -> None:
    st.title("Clipping", anchor=False)
    answer = st.container()
    store, studies, runs = open_store()
    controls = st.container(horizontal=True, vertical_alignment="top")
    with controls:
        study, own = choose_study(studies, runs)
    frame = read_table(store, "steps", own, _COLUMNS, grouping_keys(study, own)) if own else None
    if frame is None or not len(frame):
        with answer:
            write_text("No training step has been recorded here yet.", "answer")
            write_notice(
                "This study is waiting for its first training step.",
                "A run appears here as soon as it has done one; reload the page to look again.",
            )
        return
    recorded = set(frame["run"].unique())
    with controls:
        by = choose_groups(study, own)
        shares = figures.clipping_share_data(frame, by=by)
        run = choose_run([run for run in own if run.id in recorded], naming_keys(study, own), _most_clipped(shares))
    with answer:
        write_text(clipping_answer(shares), "answer")
    if run is not None:
        write_figure(figures.CLIPPING, figures.clipping_data(frame, run=run.id))
    st.subheader("All runs of the study", anchor=False)
    write_figure(figures.CLIPPING_SHARE, shares)


def _most_clipped(shares: pd.DataFrame) -> str | None:
    """The run in which clipping fired most often: the one that is worth a first look."""
    clipped = shares[shares["clips"].astype(bool)]
    return str(clipped.loc[clipped["share"].idxmax(), "run"]) if len(clipped) else None


main()
