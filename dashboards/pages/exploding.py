"""Exploding: where and when does a gradient become too large, or no number at all?"""

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboards.components.address import choose
from dashboards.components.answers import exploding_answer
from dashboards.components.choices import (
    choose_groups,
    choose_part,
    choose_pass,
    choose_run,
    choose_study,
    grouping_keys,
    naming_keys,
    run_label,
    write_part,
)
from dashboards.components.figure import write_figure
from dashboards.components.findings import known_verdict, write_advice
from dashboards.components.runs import open_store, read_table, remembered
from dashboards.components.text import write_grid, write_notice, write_text
from gradlab import figures
from gradlab.diagnosis import Finding
from gradlab.figures.text import number_in_words
from gradlab.store import RunInfo, Store

_TIMES = [
    "step", "module", "call", "layer", "direction", "t", "grad_h", "sigma_max", "state_norm", "nonfinite",
]  # fmt: skip
# of the directions, the one that is carried best is the one that explodes
_LAGS = ["step", "module", "call", "layer", "direction", "lag", "log_sigma_max", "grad_norm", "log_bound"]
# so many training steps before the first number that is none are shown, and two after it
AROUND = 6
_WHERE_KNOWN = ("grad_norm_clipped", "clip_threshold", "learning_rate")
_HEADS = {
    "step": "step", "loss": "loss", "grad_norm": "gradient norm", "grad_norm_clipped": "after clipping",
    "clip_threshold": "threshold", "learning_rate": "learning rate", "first_nonfinite": "first that is no number",
}  # fmt: skip
# what the diagnosis may say of it
_RULES = ("nonfinite", "exploding", "learning_rate", "chaotic", "initial_scale")


def main() -> None:
    st.title("Exploding", anchor=False)
    answer = st.container()
    advice = st.container()
    store, studies, runs = open_store()
    controls = st.container(horizontal=True, vertical_alignment="top")
    with controls:
        study, own = choose_study(studies, runs)
        part = choose_part(own)
    columns = ["step", "loss", "grad_norm", "first_nonfinite"]
    frame = read_table(store, "steps", part, columns, grouping_keys(study, own)) if part else pd.DataFrame()
    if not len(frame):
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
        spikes = remembered(lambda: figures.spikes_data(frame, by=by), part, "spikes", by)
        worst = spikes.groupby("run", sort=False, observed=True)["times"].max()
        first = str(worst.where(~_broken(spikes, worst.index), np.inf).fillna(np.inf).idxmax())
        run = choose_run([run for run in part if run.id in recorded], naming_keys(study, own), first)
    with answer:
        told = st.empty()
        write_part(part, own)
    findings = _findings(part)
    _write_answer(told, spikes, findings)
    write_figure(figures.SPIKES, spikes, run=None if run is None else run.id)
    if run is None:
        return
    st.subheader("One run, layer by layer", anchor=False)
    mine = spikes[spikes["run"] == run.id]
    broken = mine.loc[mine["spike"].astype(bool) & ~np.isfinite(mine["grad_norm"].to_numpy(dtype=float)), "step"]
    _write_places(store, run, mine, int(broken.min()) if len(broken) else None)
    _write_weights(store, run)
    with advice:
        write_advice(store, run, run_label(run, naming_keys(study, own)), _RULES)
    # that was a look at the run: what it has brought must not contradict the answer
    if (now := _findings(part)) != findings:
        _write_answer(told, spikes, now)


def _write_answer(place: DeltaGenerator, spikes: pd.DataFrame, findings: list[Finding]) -> None:
    with place.container():
        write_text(exploding_answer(spikes, findings), "answer")


def _findings(runs: list[RunInfo]) -> list[Finding]:
    """What is known of exploding gradients, of runs that were judged already; none is judged for it."""
    verdicts = [known_verdict(run) for run in runs]
    return [each for verdict in verdicts if verdict for each in verdict.problems if each.name == "exploding"]


def _broken(spikes: pd.DataFrame, runs: pd.Index) -> np.ndarray:
    """Which runs met a norm that is no number."""
    bad = spikes["spike"].astype(bool) & ~np.isfinite(spikes["grad_norm"].to_numpy(dtype=float))
    return np.isin(runs, spikes.loc[bad, "run"].unique())


def _write_places(store: Store, run: RunInfo, mine: pd.DataFrame, broken: int | None) -> None:
    """Gradient, Jacobian and state of every layer at the step that is worst, or another; the flight recorder."""
    places = read_table(store, "timesteps", [run], ["step"], where={"t": 0})
    if not len(places):
        write_notice("No gradient over time has been recorded in this run.", "Only its norm is known.")
        return
    steps = sorted(places["step"].unique().tolist())
    times = mine["times"].to_numpy(dtype=float)
    worst = int(mine["step"].iloc[int(np.nanargmax(times))]) if np.isfinite(times).any() else steps[-1]
    target = worst if broken is None else broken
    default = max((step for step in steps if step <= target), default=steps[0])
    step = choose("Recorded training step", "at", steps, default=default, show=lambda n: f"{n:,}", slider=True)
    if step is None:
        return
    frame = read_table(store, "timesteps", [run], _TIMES, where={"step": step})
    write_figure(figures.LAYERS, figures.layers_data(frame, run=run.id, step=step))
    _write_lags(store, run, step)
    if broken is not None:
        _write_flight(store, run, broken, steps)


def _write_lags(store: Store, run: RunInfo, step: int) -> None:
    """What the steps do to a gradient together, where that was measured: the recorded step nearest to the chosen."""
    frame = read_table(store, "lags", [run], _LAGS)
    if len(frame):
        st.subheader("What many steps back do to it", anchor=False)
        passes = choose_pass(frame)
        if None not in passes.values():
            write_figure(figures.LAGS_FIGURE, figures.lags_data(frame, step=step, **passes))


def _write_flight(store: Store, run: RunInfo, broken: int, steps: list[int]) -> None:
    """The last steps before the first number that is none, row by row."""
    st.subheader("The last steps before it broke", anchor=False)
    rows = read_table(
        store, "steps", [run],
        ["step", "loss", "grad_norm", "grad_norm_clipped", "clip_threshold", "learning_rate", "first_nonfinite"],
        where={"step": slice(broken - AROUND, broken + 3)},
    )  # fmt: skip
    told = rows.drop(columns=[name for name in rows.columns if name in _WHERE_KNOWN and rows[name].isna().all()])
    told = told.assign(first_nonfinite=told["first_nonfinite"].fillna(""))
    same = [name for name in (*_WHERE_KNOWN, "first_nonfinite") if _says_nothing(told, name)]
    # a table of Streamlit's would leave NaN and infinity empty
    write_grid(
        pd.DataFrame({
            _HEADS[name]: told[name] if name == "first_nonfinite" else told[name].map(_number)
            for name in _HEADS if name in told.columns and name not in same
        }),
        "The training steps around the first number that is not finite.",
    )  # fmt: skip
    near = [step for step in steps if broken - AROUND <= step <= broken + 2]
    if not near:
        write_text(
            "The gradient over time was not recorded at any of these steps; with record.flight: 5 in the study file "
            "the steps before an explosion are kept and written in full.",
            "read",
        )
        return
    frame = read_table(store, "timesteps", [run], _TIMES, where={"step": near})
    write_figure(figures.GRADIENT_FLOW, figures.gradient_flow_data(frame, run=run.id))


def _says_nothing(rows: pd.DataFrame, name: str) -> bool:
    """Whether a column is the same at all these steps, or that of the norm before clipping."""
    if name not in rows.columns:
        return True
    if name == "first_nonfinite":
        return not rows[name].astype(bool).any()
    values = rows[name].to_numpy(dtype=float)
    if name == "grad_norm_clipped":
        return np.array_equal(values, rows["grad_norm"].to_numpy(dtype=float), equal_nan=True)
    return len(np.unique(values)) == 1


def _number(value: float) -> str:
    return f"{int(value):,}" if isinstance(value, int | np.integer) else number_in_words(float(value))


def _write_weights(store: Store, run: RunInfo) -> None:
    columns = ["step", "parameter", "spectral_norm", "spectral_radius", "weight_norm"]
    frame = read_table(store, "parameters", [run], columns)
    if not len(frame):
        return
    data = figures.recurrent_weights_data(frame, by=("parameter",))
    if len(data):
        st.subheader("Its recurrent weights", anchor=False)
        write_figure(figures.RECURRENT_WEIGHTS, data)


main()
