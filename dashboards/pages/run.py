"""Run: how is this one run doing, while it trains and afterwards?"""

from functools import partial

import pandas as pd
import streamlit as st

from dashboards.components.answers import run_answer
from dashboards.components.choices import choose_run, choose_study, latest_run, naming_keys, run_label
from dashboards.components.figure import write_figure, write_table
from dashboards.components.findings import diagnosis_of, findings_frame, write_findings
from dashboards.components.runs import forget_listing, open_store, read_table, refreshed, version_of
from dashboards.components.text import write_notice, write_text
from gradlab import figures
from gradlab.diagnosis import Diagnosis
from gradlab.store import RunInfo, Store

# a run that trains is looked at anew so often
SECONDS = 3.0
_STEPS = [
    "step", "loss", "score", "grad_norm", "grad_norm_clipped", "clip_coefficient", "clip_fired", "clip_threshold",
]  # fmt: skip
_HIDDEN = {"schema", "opened"}


def main() -> None:
    st.title("Run", anchor=False)
    answer = st.container()
    store, studies, runs = open_store()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        study, own = choose_study(studies, runs)
        if not own:
            with answer:
                write_text("No run of this study has started yet.", "answer")
                write_notice("There is nothing to show yet.", "A run appears here as soon as it has started.")
            return
        run = choose_run(own, naming_keys(study, own), latest_run(own))
        if run is None:
            return
        live = run.status == "running" and st.toggle(
            "Live", value=True, key="live", help=f"Look anew every {SECONDS:.0f} seconds, until the run has ended."
        )
    every = SECONDS if live else None
    with answer:
        st.fragment(partial(write_state, store, run), run_every=every)()
    st.fragment(partial(write_run, store, run, run_label(run, naming_keys(study, own))), run_every=every)()


def write_state(store: Store, run: RunInfo) -> None:
    """The sentence on top; ends the live view when the run has ended."""
    now = refreshed(run) if run.status == "running" else run
    steps = read_table(store, "steps", [now], ["step", "loss"])
    write_text(run_answer(now, steps, _judged(store, now)), "answer")
    if now.status != run.status:
        forget_listing()
        st.rerun()


def write_run(store: Store, run: RunInfo, label: str) -> None:
    """Figures, findings, settings; the run is called by its label."""
    now = refreshed(run) if run.status == "running" else run
    steps = read_table(store, "steps", [now], _STEPS)
    if not len(steps) and now.status == "running":
        write_notice(
            "This run is waiting for its first training step.",
            "Its figures appear here as soon as it has done one, without reloading the page.",
        )
    elif not len(steps):
        write_notice(
            "There is no training step of this run to be read.",
            "It ended before its first one, or its files are damaged: the page Overview names those.",
        )
    else:
        write_figure(figures.LEARNING_CURVES, _curves(now, steps.assign(run=label)), live=run.id)
        _write_more(store, now, steps)
    _write_about(now)


def _write_more(store: Store, run: RunInfo, steps: pd.DataFrame) -> None:
    """Findings, flow or norms: what the reader has opened; the address keeps which, and the others cost nothing."""
    findings, flow, norms = st.tabs(["Findings", "Gradient flow", "Gradient norm"], key="about", bind="query-params")
    if findings.open:
        with findings:
            diagnosis = _judged(store, run)
            write_findings(diagnosis)
            table = findings_frame(diagnosis)
            if len(table):
                write_table(table, "findings", fold="The findings as a table")
    if flow.open:
        with flow:
            _write_flow(store, run)
    if norms.open:
        with norms:
            write_figure(figures.CLIPPING, figures.clipping_data(steps, run=run.id), live=run.id)


def _judged(store: Store, run: RunInfo) -> Diagnosis | None:
    """The findings; of a run that trains, those of its last look a few seconds ago are good enough."""
    kept = st.session_state.get("judged")
    version = version_of(run)
    if run.status == "running" and kept and kept[0] == run.id and kept[1] != version and kept[3] > 0:
        st.session_state["judged"] = (*kept[:3], kept[3] - 1)
        return kept[2]
    if kept and kept[:2] == (run.id, version):
        return kept[2]
    found = diagnosis_of(store, run)
    st.session_state["judged"] = (run.id, version, found, 6)
    return found


def _curves(run: RunInfo, steps: pd.DataFrame) -> pd.DataFrame:
    facts = run.facts
    return figures.learning_curves_data(
        steps,
        chance_loss=facts.get("chance_loss"),
        chance_score=facts.get("chance_score"),
        score_name=str(facts.get("score_name") or "score"),
    )


def _write_flow(store: Store, run: RunInfo) -> None:
    frame = read_table(store, "timesteps", [run], ["step", "module", "call", "layer", "direction", "t", "grad_h"])
    if not len(frame):
        write_notice("No gradient has been recorded here yet.", "The run records one every few training steps.")
        return
    write_figure(figures.GRADIENT_FLOW, figures.gradient_flow_data(frame, run=run.id), live=run.id)


def _write_about(run: RunInfo) -> None:
    settings, system = st.columns(2)
    with settings, st.expander("Settings", expanded=False):
        frame = pd.DataFrame({"setting": list(run.settings), "value": [_word(each) for each in run.settings.values()]})
        st.dataframe(frame, hide_index=True, key="settings", alt="All settings of this run.")
    with system, st.expander("System and outcome", expanded=False):
        facts = {"run": run.id, "status": run.status, "folder": run.path}
        facts |= {name: value for name, value in run.facts.items() if name not in _HIDDEN | {"traceback", "status"}}
        frame = pd.DataFrame({"fact": list(facts), "value": [_word(each) for each in facts.values()]})
        st.dataframe(frame, hide_index=True, key="facts", alt="Where, when and with what the run was made.")
    if run.facts.get("traceback"):
        with st.expander("Why it failed"):
            st.code(str(run.facts["traceback"]), language=None)


def _word(value: object) -> str:
    return "none" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


main()
