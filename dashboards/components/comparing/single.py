"""Single runs beside each other: what differs, a panel a run with shared axes, and how far their gradients reach."""

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboards.components.address import choose, choose_many
from dashboards.components.answers import runs_answer
from dashboards.components.choices import run_label
from dashboards.components.comparing.differences import differences, write_differences
from dashboards.components.comparing.keys import QUANTITIES, STUDY, Outcome, outcome_of, setting
from dashboards.components.figure import write_figure
from dashboards.components.findings import judged
from dashboards.components.runs import common_number, read_table
from dashboards.components.text import write_grid, write_notice, write_text
from gradlab import figures
from gradlab.figures.groups import short_name
from gradlab.figures.text import number_in_words
from gradlab.reports.groups import is_seed, value_text
from gradlab.store import RunInfo, Store

MOST = 8
"""So many runs can be told apart."""
_PANELS = {"runs": "a panel a run", "one": "all in one panel"}
_AXES = ["step", "module", "call", "layer", "direction", "t"]


def compare_runs(
    store: Store,
    runs: Sequence[RunInfo],
    keys: Sequence[str],
    quantity: str,
    answer: DeltaGenerator,
    controls: DeltaGenerator,
) -> None:
    """Draw the comparison; arguments as in `compare_groups`."""
    by_id = {_address(run): run for run in runs}
    naming = [*keys, *_seeds(runs)]
    outcome = outcome_of(runs)
    row = st.container()
    with controls:
        panels = choose("Panels", "panels", tuple(_PANELS), show=_PANELS.__getitem__)
    with row:
        asked = choose_many(
            "Runs", "runs", list(by_id), default=_first_choice(by_id, outcome), most=MOST,
            show=lambda run: _listed(by_id[run], naming), help_text=f"Up to {MOST}; at first the best and the worst.",
        )  # fmt: skip
    chosen = [by_id[name] for name in asked]
    if not chosen or panels is None:
        with answer:
            write_text("No run has been chosen.", "answer")
            write_notice("There is nothing to compare.", f"Choose two to {MOST} runs.")
        return
    names = _names(chosen, naming)
    with answer:
        write_text(runs_answer(_finals(names, outcome), outcome.word, higher=outcome.higher_is_better), "answer")
    st.subheader("Where their settings differ", anchor=False)
    members = {name: [run] for name, run in names.items()}
    write_differences(differences(members, seeds=True), "Their settings are the same.")
    st.subheader("How they went", anchor=False)
    frame = _of_each(store, "steps", names, ["step", quantity])
    data = figures.comparison_data(frame, quantity=quantity, by=("which",), across="which" if panels == "runs" else "")
    write_figure(figures.COMPARISON, data)
    if not len(data):
        write_notice(f"The {QUANTITIES[quantity]} was not recorded in these runs.", "Choose another quantity.")
    _write_reach(store, names)
    _write_ends(store, names, outcome)


def _address(run: RunInfo) -> str:
    """A run's id; with its study where that is not enough for every store."""
    return f"{run.study}/{run.id}" if run.study else run.id


def _listed(run: RunInfo, keys: Sequence[str]) -> str:
    study = f"{run.study}: " if STUDY in keys and run.study else ""
    return study + run_label(run, [key for key in keys if key != STUDY])


def _seeds(runs: Sequence[RunInfo]) -> list[str]:
    return sorted({key for run in runs for key in run.settings if is_seed(key)})


def _first_choice(by_id: Mapping[str, RunInfo], outcome: Outcome) -> list[str]:
    """The best and the worst, by their outcome; without one the first two."""
    ends = {name: number for name, run in by_id.items() if (number := _number(run, outcome)) == number}
    if len(ends) < 2:
        return list(by_id)[:2]
    ranked = sorted(ends, key=lambda name: ends[name])
    return [ranked[-1], ranked[0]] if outcome.higher_is_better else [ranked[0], ranked[-1]]


def _number(run: RunInfo, outcome: Outcome) -> float:
    value = run.facts.get(outcome.fact)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else float("nan")


def _names(runs: Sequence[RunInfo], keys: Sequence[str]) -> dict[str, RunInfo]:
    """A short name for each: the settings in which these differ, its id where that is not enough."""
    apart = [key for key in keys if len({repr(setting(run, key)) for run in runs}) > 1]
    named = [" · ".join(_said(key, setting(run, key)) for key in apart) for run in runs]
    return {
        (f"{name} ({run.id[:8]})" if named.count(name) > 1 and name else name or run.id): run
        for name, run in zip(named, runs, strict=True)
    }


def _said(key: str, value: object) -> str:
    if value in (None, "none"):
        return f"no {short_name(key)}"
    return value if isinstance(value, str) else f"{short_name(key)} {value_text(value)}"


def _finals(names: Mapping[str, RunInfo], outcome: Outcome) -> dict[str, float]:
    return {name: _number(run, outcome) for name, run in names.items()}


def _of_each(store: Store, table: str, names: Mapping[str, RunInfo], columns: Sequence[str]) -> pd.DataFrame:
    """The rows of all these runs, with a column `which` for the name; `run` is made the name, too."""
    frames = [read_table(store, table, [run], columns).assign(run=name, which=name) for name, run in names.items()]
    frames = [frame for frame in frames if len(frame)]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=["run", "which", *columns])


def _write_reach(store: Store, names: Mapping[str, RunInfo]) -> None:
    """The gradient over the sequence at the last recorded step of each run."""
    last = []
    for name, run in names.items():
        steps = read_table(store, "timesteps", [run], ["step"], where={"t": 0})
        if len(steps):
            where = {"step": int(steps["step"].max())}
            last.append(read_table(store, "timesteps", [run], [*_AXES, "grad_h"], where=where).assign(which=name))
    if not last:
        return
    st.subheader("How far their gradients reach, at the last recorded step", anchor=False)
    data = figures.gradient_profile_data(pd.concat(last, ignore_index=True), by=("which",))
    lag = common_number(list(names.values()), "demanded_lag")
    write_figure(figures.GRADIENT_PROFILE, data, demanded_lag=None if lag is None else int(lag))


def _write_ends(store: Store, names: Mapping[str, RunInfo], outcome: Outcome) -> None:
    st.subheader("How they ended", anchor=False)
    rows = [
        {
            "run": name,
            "status": run.status,
            outcome.word: "–" if (value := _number(run, outcome)) != value else number_in_words(float(f"{value:.4g}")),
            "finding": judged(store, run).words,
        }
        for name, run in names.items()
    ]
    write_grid(pd.DataFrame(rows), "Status, outcome and findings of every run.")
