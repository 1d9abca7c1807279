"""Truncation: how wrong is a gradient that is cut off after so many steps?"""

import pandas as pd
import streamlit as st

from dashboards.components.address import choose
from dashboards.components.answers import truncation_answer
from dashboards.components.choices import choose_groups, choose_part, choose_study, write_part
from dashboards.components.figure import write_figure
from dashboards.components.runs import open_store, read_table
from dashboards.components.text import write_notice, write_text
from gradlab import figures
from gradlab.figures.truncation import ALL

_COLUMNS = ["step", "parameter", "window", "relative_error", "cosine", "sign_agreement", "predicted_error"]
_KEYS = "training:\n  measure: {bias_every: 50}"


def main() -> None:
    st.title("Truncation", anchor=False)
    answer = st.container()
    store, studies, runs = open_store()
    controls = st.container(horizontal=True, vertical_alignment="top")
    with controls:
        study, own = choose_study(studies, runs)
        part = choose_part(own)
        by = choose_groups(study, own)
    frame = read_table(store, "truncation", part, _COLUMNS, by) if part else pd.DataFrame()
    if not len(frame):
        with answer:
            write_text("No truncation bias has been measured here yet.", "answer")
        write_notice(
            "This study did not measure how wrong truncation makes the gradient.",
            "A study file asks for it with these keys; the full gradient is then computed beside the cut ones at "
            "some training steps, and none of them is used.",
            _KEYS,
        )
        return
    steps = sorted(frame["step"].unique().tolist())
    parameters = [ALL, *sorted(set(frame["parameter"].astype(str)) - {ALL})]
    with controls:
        step = choose("Training step", "step", steps, default=steps[-1], show=lambda n: f"{n:,}", slider=True)
        parameter = choose(
            "Gradient of", "parameter", [name for name in parameters if name in set(frame["parameter"].astype(str))],
            show=lambda name: "all parameters" if name == ALL else name,
        )  # fmt: skip
    if step is None or parameter is None:
        return
    data = figures.truncation_data(frame, step=step, by=by, parameter=parameter)
    with answer:
        write_text(truncation_answer(data), "answer")
        write_part(part, own)
    write_figure(figures.TRUNCATION_FIGURE, data)
    lengths = read_table(store, "windows", part, ["step", "length", "log_decay", "bias_bound"])
    if len(lengths):
        st.subheader("Windows that adaptive truncation chose", anchor=False)
        st.dataframe(lengths, hide_index=True, key="windows", alt="Length of the windows over training.")


main()
