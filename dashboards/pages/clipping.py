"""Clipping: how often does it fire, and how much does it take away?"""

import math

import pandas as pd
import streamlit as st

from dashboards.components.address import choose
from dashboards.components.answers import clipping_answer, threshold_answer
from dashboards.components.choices import (
    choose_groups,
    choose_part,
    choose_run,
    choose_study,
    grouping_keys,
    naming_keys,
    run_label,
    write_part,
)
from dashboards.components.comparing.keys import outcome_of
from dashboards.components.comparing.outcomes import outcomes, write_outcomes
from dashboards.components.figure import write_figure
from dashboards.components.findings import write_advice
from dashboards.components.runs import open_store, read_table, remembered
from dashboards.components.text import write_notice, write_text
from gradlab import figures
from gradlab.store import RunInfo, Store

_COLUMNS = ["step", "grad_norm", "grad_norm_clipped", "clip_coefficient", "clip_fired", "clip_threshold"]
_STRATEGIES = ["step", "strategy", "setting", "coefficient", "cosine", "fired"]
# more marks than this in each of twenty rows say less than one
GROUPS_APART = 3
# what the diagnosis may say of it
_RULES = ("clipping_threshold", "clipping_always", "clipping_never", "learning_rate")


def main() -> None:
    st.title("Clipping", anchor=False)
    answer = st.container()
    advice = st.container()
    store, studies, runs = open_store()
    controls = st.container(horizontal=True, vertical_alignment="top")
    with controls:
        study, own = choose_study(studies, runs)
        part = choose_part(own)
    frame = read_table(store, "steps", part, _COLUMNS, grouping_keys(study, own)) if part else None
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
        shares = remembered(lambda: figures.clipping_share_data(frame, by=by), part, "shares", by)
        run = choose_run([run for run in part if run.id in recorded], naming_keys(study, own), _most_clipped(shares))
    with answer:
        write_text(clipping_answer(shares), "answer")
        write_part(part, own)
    if shares["clips"].astype(bool).any():
        write_figure(figures.CLIPPING_SHARE, shares)
    if run is not None:
        st.subheader("One run", anchor=False)
        write_figure(figures.CLIPPING, figures.clipping_data(frame, run=run.id))
    _write_others(store, part, by, frame, run)
    outcome = outcome_of(part)
    write_outcomes(outcomes(part, by, outcome.fact), outcome.word)
    if run is not None:
        with advice:
            write_advice(store, run, run_label(run, naming_keys(study, own)), _RULES)


def _write_others(
    store: Store, runs: list[RunInfo], by: tuple[str, ...], frame: pd.DataFrame, run: RunInfo | None
) -> None:
    """What might have been: side by side, since under each other they are four screens."""
    strategies = read_table(store, "clipping", runs, _STRATEGIES, by)
    walks = read_table(store, "cliff", [run] if run else [], ["step"], where={"path": "raw", "point": 0})
    st.subheader("What else might have been done", anchor=False)
    names = ["Another threshold"] + ["Other strategies"] * bool(len(strategies)) + ["The cliff"] * bool(len(walks))
    tabs = dict(zip(names, st.tabs(names, key="others"), strict=True))
    with tabs["Another threshold"]:
        _write_thresholds(frame, runs, by)
    if "Other strategies" in tabs:
        with tabs["Other strategies"]:
            _write_strategies(strategies, runs, by)
    if run is not None and "The cliff" in tabs:
        with tabs["The cliff"]:
            _write_cliff(store, run, sorted(walks["step"].unique().tolist()))


def _write_thresholds(frame: pd.DataFrame, runs: list[RunInfo], by: tuple[str, ...]) -> None:
    """What any other threshold on the norm would have done; the reader moves it."""
    data = remembered(lambda: figures.thresholds_data(frame, by=by), runs, "thresholds", by)
    places = sorted(data["threshold"].unique())
    used = frame["clip_threshold"].dropna()
    near = min(places, key=lambda place: abs(math.log(place / (used.median() if len(used) else 1.0) or 1.0)))
    options = [float(f"{place:.3g}") for place in places]
    threshold = choose(
        "Threshold on the norm", "threshold", tuple(dict.fromkeys(options)), default=float(f"{near:.3g}"),
        slider=True, show=lambda place: f"{place:g}",
    )  # fmt: skip
    if threshold is None:
        return
    place = min(places, key=lambda each: abs(math.log(each / threshold)))
    write_text(threshold_answer(data[data["threshold"] == place], threshold))
    write_figure(figures.THRESHOLDS_FIGURE, data, threshold=threshold)


def _write_strategies(rows: pd.DataFrame, runs: list[RunInfo], by: tuple[str, ...]) -> None:
    """Other strategies, as they were held against the same gradients during training."""
    data = remembered(lambda: figures.strategies_data(rows, by=by), runs, "strategies", by)
    groups = data["group"].nunique()
    if groups > GROUPS_APART:
        write_text(f"All runs together: {groups} groups in one row could not be told apart.", "small")
        data = remembered(lambda: figures.strategies_data(rows), runs, "strategies")
    write_figure(figures.STRATEGIES, data)


def _write_cliff(store: Store, run: RunInfo, known: list[int]) -> None:
    step = choose("Training step", "at", known, default=known[0], show=lambda n: f"{n:,}", slider=True)
    if step is not None:
        columns = ["step", "path", "point", "along", "across", "fraction", "loss"]
        frame = read_table(store, "cliff", [run], columns, where={"step": step})
        write_figure(figures.CLIFF_FIGURE, figures.cliff_data(frame, run=run.id, step=step))


def _most_clipped(shares: pd.DataFrame) -> str | None:
    """The run in which clipping fired most often: the one that is worth a first look."""
    clipped = shares[shares["clips"].astype(bool)]
    return str(clipped.sort_values("share")["run"].iloc[-1]) if len(clipped) else None


main()
