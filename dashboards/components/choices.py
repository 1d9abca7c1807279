"""The choices that several pages offer: which study, which run, what makes a group, which layer."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from dashboards.components.address import choose, choose_many
from dashboards.components.runs import state_of, store_address
from dashboards.components.text import write_text
from gradlab import reports
from gradlab.figures.groups import short_name
from gradlab.reports.groups import is_seed
from gradlab.store import RunInfo, StudyInfo

DRAWN = 300
"""Of more runs than this a page reads and draws an even selection, or the stretch of them that the reader asks for."""
_EVENLY = "evenly"
_MOST_GROUPINGS = 6
_LAYER_AXES: dict[str, tuple[str, Any]] = {
    "module": ("Module", str),
    "layer": ("Layer", lambda layer: f"layer {layer}"),
    "direction": ("Direction", lambda direction: "backward" if direction else "forward"),
    "call": ("Sequence", lambda call: f"sequence {call}"),
}


def choose_study(studies: Sequence[StudyInfo], runs: Sequence[RunInfo]) -> tuple[StudyInfo, list[RunInfo]]:
    """A study and its runs; the latest one first. Ends the page while the address names one that is not there."""
    ranked = sorted(studies, key=lambda study: study.created, reverse=True)
    names = [study.name for study in ranked]
    name = choose("Study", "study", names, show=lambda name: name or "runs outside any study")
    if name is None:
        st.stop()
    study = next(study for study in ranked if study.name == name)
    return study, [run for run in runs if run.study == name]


def choose_part(runs: Sequence[RunInfo]) -> list[RunInfo]:
    """The runs that a page looks at: all of them, unless they are thousands; `write_part` says so."""
    if len(runs) <= DRAWN:
        return list(runs)
    stretches = {f"{start + 1}-{min(start + DRAWN, len(runs))}": start for start in range(0, len(runs), DRAWN)}
    picked = choose(
        "Runs", "part", (_EVENLY, *stretches),
        show=lambda text: f"{DRAWN:,} of {len(runs):,}, evenly picked" if text == _EVENLY else text.replace("-", "–"),
        help_text="In the order of the study's grid; so many at a time are read and drawn.",
    )  # fmt: skip
    if picked is None or picked == _EVENLY:
        return [runs[place * len(runs) // DRAWN] for place in range(DRAWN)]
    return list(runs[stretches[picked] : stretches[picked] + DRAWN])


def write_part(part: Sequence[RunInfo], runs: Sequence[RunInfo]) -> None:
    """Below an answer: of which runs it speaks, where it is not all of them."""
    if len(part) < len(runs):
        told = f"This is about {len(part):,} of {len(runs):,} runs; “Runs” chooses others."
        write_text(told, "small")


def grouping_keys(study: StudyInfo, runs: Sequence[RunInfo]) -> list[str]:
    """Settings that tell groups of runs apart, seeds left out, none that says what the ones before it said."""
    return _grouping_keys(store_address(), study.name, study.axes, state_of(runs), _runs=runs)


@st.cache_resource(max_entries=16, show_spinner=False)
def _grouping_keys(
    address: str, study: str, axes: tuple[str, ...], state: str, *, _runs: Sequence[RunInfo]
) -> list[str]:
    keys: list[str] = []
    parts: set[tuple[str, ...]] = {()}
    for key in reports.grouping(_runs, axes).keys:
        finer = {tuple(repr(run.settings.get(each)) for each in (*keys, key)) for run in _runs}
        if len(finer) > len(parts):
            keys.append(key)
            parts = finer
    return keys[:_MOST_GROUPINGS]


def naming_keys(study: StudyInfo, runs: Sequence[RunInfo]) -> list[str]:
    """Settings that tell every run from its neighbours: those of the groups, and the seeds."""
    return [*grouping_keys(study, runs), *_seeds(store_address(), study.name, state_of(runs), _runs=runs)]


@st.cache_resource(max_entries=16, show_spinner=False)
def _seeds(address: str, study: str, state: str, *, _runs: Sequence[RunInfo]) -> list[str]:
    seeds = sorted(key for key in {key for run in _runs for key in run.settings} if is_seed(key))
    return [key for key in seeds if len({run.settings.get(key) for run in _runs}) > 1]


def choose_groups(study: StudyInfo, runs: Sequence[RunInfo]) -> tuple[str, ...]:
    """Which settings make a group."""
    return choose_many(
        "Compare by",
        "by",
        grouping_keys(study, runs),
        help_text="Runs that agree in these settings form one line.",
    )


def choose_run(runs: Sequence[RunInfo], keys: Sequence[str], default: str | None = None) -> RunInfo | None:
    """One run, the one of the id `default` at first; None while the address names one that is not there."""
    by_id = {run.id: run for run in runs}
    chosen = choose("Run", "run", list(by_id), default=default, show=lambda run: run_label(by_id[run], keys))
    return by_id[chosen] if chosen is not None else None


def run_label(run: RunInfo, keys: Sequence[str]) -> str:
    """What tells a run from its neighbours: its settings, the beginning of its id, its status."""
    words = []
    for key in keys:
        value = run.settings.get(key)
        if value in ("none", None):
            words.append(f"no {short_name(key)}")
        else:
            words.append(value if isinstance(value, str) else f"{short_name(key)} {value}")
    status = "" if run.status == "finished" else f", {run.status}"
    return f"{' · '.join(words)} ({run.id[:8]}{status})" if words else f"{run.id}{status}"


def latest_run(runs: Sequence[RunInfo]) -> str | None:
    """The run that is worth a first look: one that is training, or else the one that was started last."""
    if not runs:
        return None
    chosen = max(runs, key=lambda run: (run.status == "running", str(run.facts.get("created", ""))))
    return chosen.id


def pass_axes(places: pd.DataFrame) -> list[str]:
    """Those of module, layer, direction and sequence that must be read to tell passes apart, or where a pass ends."""
    several = [axis for axis in _LAYER_AXES if axis in places.columns and places[axis].nunique() > 1]
    backward = "direction" in places.columns and "direction" not in several and bool(places["direction"].max() > 0)
    return [*several, "direction"] if backward else several


def nearest_steps(places: pd.DataFrame, step: int) -> list[int]:
    """The recorded training steps that are, of some run, the nearest to this one."""
    distance = (places["step"] - step).abs()
    return sorted(set(places.loc[distance.groupby(places["run"], observed=True).idxmin(), "step"].tolist()))


def choose_pass(frame: pd.DataFrame) -> dict[str, Any]:
    """Module, layer, direction and sequence, each only where there is more than one."""
    chosen: dict[str, Any] = {}
    several = {axis: sorted(frame[axis].unique().tolist()) for axis in _LAYER_AXES if axis in frame.columns}
    several = {axis: values for axis, values in several.items() if len(values) > 1}
    for axis, values in several.items():
        label, show = _LAYER_AXES[axis]
        chosen[axis] = choose(label, axis, values, show=show)
    return chosen
