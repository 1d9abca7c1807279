"""Vanishing: does the gradient reach as far back as the task demands, and which loss teaches which step?"""

from typing import Any

import pandas as pd
import streamlit as st

from dashboards.components.address import choose
from dashboards.components.answers import vanishing_answer
from dashboards.components.choices import (
    choose_groups,
    choose_part,
    choose_pass,
    choose_run,
    choose_study,
    naming_keys,
    nearest_steps,
    pass_axes,
    run_label,
    write_part,
)
from dashboards.components.figure import write_figure
from dashboards.components.findings import write_advice
from dashboards.components.reaches import group_reaches
from dashboards.components.runs import common_number, open_store, read_table, remembered, steps_to_read
from dashboards.components.text import write_notice, write_text
from gradlab import figures, reports
from gradlab.figures.who_teaches_whom import reach_in_words
from gradlab.store import RunInfo, Store

_PLACES = ["step", "module", "call", "layer", "direction"]
_WORDS = {
    "grad_h": "of the hidden state",
    "grad_c": "of the cell state",
    "weight_gradient_norm": "share in the weights",
}
_KEYS = "record: {tables: [teaching]}  # or  record: {preset: full}"
# what the diagnosis may say of it
_RULES = ("vanishing", "dead_relus", "saturated_units", "saturated_gates", "forget_bias", "initial_scale")


def main() -> None:
    st.title("Vanishing", anchor=False)
    answer = st.container()
    advice = st.container()
    store, studies, runs = open_store()
    controls = st.container(horizontal=True, vertical_alignment="top")
    with controls:
        study, own = choose_study(studies, runs)
        part = choose_part(own)
        by = choose_groups(study, own)
        quantity = choose(
            "Gradient", "gradient", tuple(_WORDS), show=_WORDS.__getitem__,
            help_text="The share in the weights is what each time step adds to the gradient of the recurrent matrix.",
        )  # fmt: skip
    if quantity is None:
        return
    # the first time step stands for all of them: what was recorded is known without reading it
    places = read_table(store, "timesteps", part, _PLACES, where={"t": 0}) if part else pd.DataFrame()
    if not len(places):
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
    demand = common_number(own, "demanded_lag")
    lag = None if demand is None else int(demand)
    near, columns = nearest_steps(places, step), ["step", *pass_axes(places), "t", quantity]
    here = {axis: value for axis, value in chosen.items() if value is not None}
    frame = read_table(store, "timesteps", part, columns, by, where={"step": near, **here})
    if not frame[quantity].notna().any() and quantity != "grad_h":
        with answer:
            write_text("That gradient has not been recorded here.", "answer")
            write_notice("Choose another gradient.", "A plain RNN and a GRU have no cell state, for instance.")
        return
    by_lag = figures.gradient_by_lag_data(frame, step=step, by=by, quantity=quantity, **chosen)
    with answer:
        write_text(vanishing_answer(by_lag, lag, group_reaches(frame, step, by, quantity)), "answer")
        write_part(part, own)
    write_figure(figures.GRADIENT_BY_LAG, by_lag, demanded_lag=lag)
    st.subheader("Over training", anchor=False)
    wanted = _steps_over_training(store, part, places, steps, here)

    def make() -> pd.DataFrame:
        rows = read_table(store, "timesteps", part, columns, by, where={"step": wanted, **here})
        return figures.horizon_data(rows, by=by, quantity=quantity, **chosen)

    write_figure(figures.HORIZON, remembered(make, part, "horizon", by, quantity, chosen), demanded_lag=lag)
    if len(wanted) < len(steps):
        write_text(f"{len(wanted):,} of {len(steps):,} recorded training steps are drawn.", "small")
    reach = reports.reach(frame, quantity=quantity).groupby("run", observed=True)["reach"].min().dropna()
    least = reach.idxmin() if len(reach) else None
    worst = next((run for run in part if run.id == least), None)
    keys = naming_keys(study, own)
    if worst is not None:
        with advice:
            write_advice(store, worst, run_label(worst, keys), _RULES)
    st.subheader("One run over its training", anchor=False)
    # of the hidden state NaN is news, of anything else it says that there is none
    there = frame if quantity == "grad_h" else frame[frame[quantity].notna()]
    recorded = set(there["run"].unique())
    run = choose_run([run for run in part if run.id in recorded], keys, None if worst is None else worst.id)
    if run is None:
        return
    _write_training(store, run, places, here, quantity, columns)
    st.subheader("Who teaches whom", anchor=False)
    _write_teaching(store, run, step, here, pass_axes(places))


def _write_training(
    store: Store, run: RunInfo, places: pd.DataFrame, here: dict[str, Any], quantity: str, columns: list[str]
) -> None:
    """The gradient of one pass of a run, training step by time step."""
    own = places[places["run"] == run.id]
    steps = sorted(own["step"].unique().tolist())
    wanted = _steps_over_training(store, [run], own, steps, here)

    def make() -> pd.DataFrame:
        rows = read_table(store, "timesteps", [run], columns, where={"step": wanted, **here})
        return figures.gradient_flow_data(rows, run=run.id, quantity=quantity)

    write_figure(figures.GRADIENT_FLOW, remembered(make, [run], "flow", quantity, here))
    if len(wanted) < len(steps):
        write_text(f"{len(wanted):,} of {len(steps):,} recorded training steps are drawn.", "small")


def _write_teaching(store: Store, run: RunInfo, step: int, here: dict[str, Any], axes: list[str]) -> None:
    """Which loss teaches which step, in the same pass, at the recorded training step nearest to the chosen one."""
    known = read_table(store, "teaching", [run], ["step"], where=here)["step"].unique().tolist()
    if known:
        near = min(known, key=lambda n: abs(n - step))

        def make() -> pd.DataFrame:
            columns = ["step", *axes, "source", "t", "log_gradient"]
            rows = read_table(store, "teaching", [run], columns, where={"step": near, **here})
            return figures.who_teaches_whom_data(rows, run=run.id)

        # the same numbers again are the same picture, which is drawn once
        data = remembered(make, [run], "teaching", near, here)
        write_text(reach_in_words(data) or f"At training step {near:,}.")
        write_figure(figures.WHO_TEACHES_WHOM, data)
    elif "teaching" in run.tables():
        write_notice(
            "No loss was followed back through this part of the net.",
            "None reaches it, or its state was cut off or mixed with something between the time steps.",
        )
    else:
        write_notice(
            "This run did not record which loss teaches which step.",
            "It is written where the study file, or gradlab.watch, asks for it with this key:",
            _KEYS,
        )


def _steps_over_training(
    store: Store, runs: list[RunInfo], places: pd.DataFrame, steps: list[int], here: dict[str, Any]
) -> list[int]:
    """The recorded training steps that are drawn: all of them, or as many as a page can take."""
    first = [run for run in runs if run.id == places["run"].iloc[0]]
    length = len(read_table(store, "timesteps", first, ["t"], where={"step": int(places["step"].iloc[0]), **here}))
    return steps_to_read(steps, len(places) / max(len(steps), 1) * max(length, 1))


main()
