"""Clipping: how often does it fire, and how much does it take away?"""

import streamlit as st

from dashboards.components.answers import clipping_answer
from dashboards.components.choices import choose_groups, choose_run, choose_study
from dashboards.components.figure import write_figure
from dashboards.components.runs import open_store, read_table
from dashboards.components.text import write_notice, write_text
from gradlab import figures

_COLUMNS = ["step", "grad_norm", "grad_norm_clipped", "clip_coefficient", "clip_fired", "clip_threshold"]


def main() -> None:
    st.title("Clipping", anchor=False)
    answer = st.container()
    store, studies, runs = open_store()
    study, own = choose_study(studies, runs)
    frame = read_table(store, "steps", own, _COLUMNS, study.axes) if own else None
    if frame is None or not len(frame):
        with answer:
            write_text("No training step has been recorded here yet.", "answer")
            write_notice(
                "This study is waiting for its first training step.",
                "A run appears here as soon as it has done one; reload the page to look again.",
            )
        return
    recorded = set(frame["run"].unique())
    left, right = st.columns([3, 2])
    with left:
        run = choose_run([run for run in own if run.id in recorded], study.axes)
    with right:
        by = choose_groups(study, own)
    shares = figures.clipping_share_data(frame, by=by)
    with answer:
        write_text(clipping_answer(shares, bool(frame["clip_threshold"].notna().any())), "answer")
    if run is not None:
        write_figure(figures.CLIPPING, figures.clipping_data(frame, run=run.id))
    st.subheader("All runs of the study", anchor=False)
    write_figure(figures.CLIPPING_SHARE, shares)


main()
