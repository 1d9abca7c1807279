"""Gradient flow: how far back in time does the gradient reach?"""

import pandas as pd
import streamlit as st

from dashboards.components.address import choose
from dashboards.components.answers import flow_answer
from dashboards.components.choices import (
    choose_groups,
    choose_part,
    choose_pass,
    choose_run,
    choose_study,
    naming_keys,
    nearest_steps,
    pass_axes,
    write_part,
)
from dashboards.components.figure import write_figure
from dashboards.components.reaches import group_reaches
from dashboards.components.runs import common_number, open_store, read_table, remembered
from dashboards.components.text import write_notice, write_text
from gradlab import figures

_PLACES = ["step", "module", "call", "layer", "direction"]
_QUANTITIES = ("grad_h", "grad_c", "grad_x")
_WORDS = {"grad_h": "hidden state", "grad_c": "cell state", "grad_x": "input"}


def main() -> None:
    st.title("Gradient flow", anchor=False)
    answer = st.container()
    store, studies, runs = open_store()
    controls = st.container(horizontal=True, vertical_alignment="top")
    with controls:
        study, own = choose_study(studies, runs)
        part = choose_part(own)
        by = choose_groups(study, own)
        quantity = choose(
            "Gradient with respect to",
            "quantity",
            _QUANTITIES,
            show=_WORDS.__getitem__,
        )
    if quantity is None:
        return
    # the first time step stands for all of them: what was recorded is known without reading it
    places = read_table(store, "timesteps", part, _PLACES, where={"t": 0}) if part else None
    if places is None or not len(places):
        with answer:
            write_text("No gradient has been recorded here yet.", "answer")
            write_notice(
                "This study is waiting for its first recorded training step.",
                "A run appears here as soon as it has recorded one; reload the page to look again.",
            )
        return
    steps = sorted(places["step"].unique().tolist())
    with controls:
        step = choose("Training step", "step", steps, default=steps[-1], show=lambda n: f"{n:,}", slider=True)
        chosen = choose_pass(places)
    if step is None or None in chosen.values():
        return
    here = {axis: value for axis, value in chosen.items() if value is not None}
    columns = ["step", *pass_axes(places), "t", quantity]
    near = nearest_steps(places, step)
    frame = read_table(store, "timesteps", part, columns, by, where={"step": near, **here})
    profile = figures.gradient_profile_data(frame, step=step, by=by, quantity=quantity, **chosen)
    with answer:
        write_text(flow_answer(profile, group_reaches(frame, step, by, quantity)), "answer")
        write_part(part, own)
    lag = common_number(own, "demanded_lag")
    write_figure(figures.GRADIENT_PROFILE, profile, demanded_lag=None if lag is None else int(lag))

    st.subheader("One run over its training", anchor=False)
    recorded = set(places["run"].unique())
    run = choose_run([run for run in part if run.id in recorded], naming_keys(study, own))
    if run is None:
        return

    def make() -> pd.DataFrame:
        one = read_table(store, "timesteps", [run], columns, where=here)
        return figures.gradient_flow_data(one, run=run.id, quantity=quantity, **chosen)

    write_figure(figures.GRADIENT_FLOW, remembered(make, [run], "flow", quantity, chosen))


main()
