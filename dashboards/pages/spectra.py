"""Spectra: what do the Jacobians do to a gradient, at a step, over a lag, in the long run?"""

import pandas as pd
import streamlit as st

from dashboards.components.address import choose
from dashboards.components.answers import spectra_answer
from dashboards.components.answers.wording import in_a_row
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
from dashboards.components.runs import open_store, read_table
from dashboards.components.text import write_notice, write_text
from gradlab import figures
from gradlab.store import RunInfo, Store

_PLACES = ["step", "module", "call", "layer", "direction"]
_LAGS = ["lag", "log_sigma_max", "log_sigma_median", "log_sigma_min", "grad_norm", "log_bound"]
_SIGMAS = ["t", "sigma_max", "sigma_min", "mean_log_sigma"]
_KEYS = "record: {preset: full}  # or  record: {tables: [spectra, lags, lyapunov]}"


def main() -> None:
    st.title("Spectra", anchor=False)
    answer = st.container()
    store, studies, runs = open_store()
    controls = st.container(horizontal=True, vertical_alignment="top")
    with controls:
        study, own = choose_study(studies, runs)
        part = choose_part(own)
        by = choose_groups(study, own)
    # the first index or lag stands for all of them: what was recorded is known without reading it
    lags = read_table(store, "lags", part, [*_PLACES, *_LAGS], by) if part else pd.DataFrame()
    exponents = read_table(store, "lyapunov", part, [*_PLACES, "index", "exponent", "standard_error"], by)
    spectra = read_table(store, "spectra", part, _PLACES, where={"index": 0})
    recorded = read_table(store, "timesteps", part, _PLACES, where={"t": 0})
    held = [frame for frame in (lags, exponents, spectra, recorded) if len(frame)]
    if not held:
        with answer:
            write_text("No Jacobian has been recorded here yet.", "answer")
            _write_missing("This study holds no singular values and no exponents.")
        return
    places = pd.concat([frame[_PLACES] for frame in held]).drop_duplicates()
    steps = sorted(places["step"].unique().tolist())
    with controls:
        step = choose("Training step", "step", steps, default=steps[-1], show=lambda n: f"{n:,}", slider=True)
        chosen = choose_pass(places)
    if step is None or None in chosen.values():
        return
    here = {axis: value for axis, value in chosen.items() if value is not None}
    columns, near = ["step", *pass_axes(places), *_SIGMAS], nearest_steps(recorded, step)
    timesteps = read_table(store, "timesteps", part, columns, by, where={"step": near, **here})
    timesteps = timesteps[timesteps["sigma_max"].notna()]
    if not any(len(frame) for frame in (lags, exponents, spectra, timesteps)):
        with answer:
            write_text("No Jacobian has been recorded here yet.", "answer")
            _write_missing("This study holds no singular values and no exponents.")
        return
    data = {
        "lags": figures.lags_data(_here(lags, chosen), step=step, by=by),
        "lyapunov": figures.lyapunov_data(_here(exponents, chosen), step=step, by=by),
        "steps": figures.step_spectrum_data(_here(timesteps, chosen), step=step, by=by),
    }
    with answer:
        write_text(spectra_answer(data["lags"], data["lyapunov"], data["steps"]), "answer")
        write_part(part, own)
    for title, figure, name in (
        ("Over many steps", figures.LAGS_FIGURE, "lags"),
        ("In the long run", figures.LYAPUNOV_FIGURE, "lyapunov"),
        ("At each step", figures.STEP_SPECTRUM, "steps"),
    ):
        if len(data[name]):
            st.subheader(title, anchor=False)
            write_figure(figure, data[name])
    if len(spectra):
        with_spectra = set(spectra["run"].unique())
        st.subheader("One run, all singular values", anchor=False)
        run = choose_run([run for run in part if run.id in with_spectra], naming_keys(study, own))
        if run is not None:
            _write_run(store, run, spectra, step, chosen)
    missing = [
        name for name, frame in (("lags", lags), ("lyapunov", exponents), ("spectra", spectra)) if not len(frame)
    ]
    if missing:
        _write_missing(f"This study did not record {in_a_row(missing, 'or')}.")


def _write_run(store: Store, run: RunInfo, places: pd.DataFrame, step: int, chosen: dict[str, object]) -> None:
    """The fan at one training step, and the histogram there, at the beginning and at the end."""
    steps = sorted(places.loc[places["run"] == run.id, "step"].unique().tolist())
    near = min(steps, key=lambda n: abs(n - step))
    frame = read_table(
        store,
        "spectra",
        [run],
        [*_PLACES, "t", "index", "log_sigma"],
        where={"step": sorted({steps[0], near, steps[-1]})},
    )
    frame = _here(frame, chosen)
    write_figure(figures.SPECTRUM_FAN, figures.spectrum_fan_data(frame, run=run.id, step=near))
    write_figure(figures.SPECTRUM_HISTOGRAM, figures.spectrum_histogram_data(frame, by=["step"]))


def _here(frame: pd.DataFrame, chosen: dict[str, object]) -> pd.DataFrame:
    """The rows of the chosen module, layer, direction and sequence."""
    for axis, value in chosen.items():
        if len(frame):
            frame = frame[frame[axis] == value]
    return frame


def _write_missing(headline: str) -> None:
    write_notice(
        headline,
        "They need the Jacobian of every time step, and are written where the study file, or gradlab.watch, asks for "
        "them with these keys:",
        _KEYS,
    )


main()
