"""The numbers behind the figures of Jacobians, products, exponents and theory, against values known by formula."""

import numpy as np
import pandas as pd
import pytest

from gradlab.dynamics.mean_field import MeanField
from gradlab.figures import (
    lags_data,
    lags_figure,
    lyapunov_data,
    lyapunov_figure,
    mean_field_data,
    spectrum_fan_data,
    spectrum_fan_figure,
    spectrum_histogram_data,
    step_spectrum_data,
)
from tests.figures.frames import (
    DECAY,
    lags_columns,
    lyapunov_columns,
    seeds_and_cells,
    spectra_columns,
    timesteps_columns,
)

CELL = ("model.cell",)


def test_lags_are_medians_over_seeds_with_the_bound_beside_them() -> None:
    """Seeds shift ln σ_max by 0, ln 2 and ln 4."""
    frame = seeds_and_cells(lambda decay, size: lags_columns([0, 10], 20, decay, size))
    data = lags_data(frame, by=CELL)
    for cell, decay in DECAY.items():
        rows = data[(data["group"] == cell) & (data["quantity"] == "log_sigma_max")]
        np.testing.assert_allclose(rows["median"], np.log(decay) * rows["lag"] + np.log(2))
        np.testing.assert_allclose(rows["high"] - rows["low"], 1.6 * np.log(2))
    assert set(data["last_step"]) == {10}
    bound = [trace for trace in lags_figure(data).data if trace.legendgroup == "bound"]
    np.testing.assert_allclose(bound[0].y, 0.3 * np.arange(1, 21))
    without = lags_data(frame.assign(log_bound=np.nan))
    assert "log_bound" not in set(without["quantity"])


def test_a_bound_never_takes_more_than_half_of_the_panel() -> None:
    data = lags_data(lags_columns([0], 10, 0.5).assign(log_bound=1e6))
    low, high = lags_figure(data).layout.yaxis.range
    assert high - low < 2.5 * 9 * np.log(2)


def test_lost_directions_are_marked_at_the_edge() -> None:
    data = lags_data(lags_columns([0], 10, 0.5).assign(log_sigma_min=-np.inf))
    marks = [trace for trace in lags_figure(data).data if trace.name == "−∞"]
    assert len(marks) == 1 and len(marks[0].x) == 10


def test_exponents_with_errors_and_theory() -> None:
    frame = seeds_and_cells(lambda decay, size: lyapunov_columns([0, 10], 6, decay, size))
    data = lyapunov_data(frame, by=CELL)
    rows = data[data["group"] == "rnn"]
    np.testing.assert_allclose(rows["median"], np.log(0.7) * np.arange(1, 7) + np.log(2) / 100)
    np.testing.assert_allclose(rows["standard_error"], 0.01)
    drawn = lyapunov_figure(data, theory=[-0.1, -0.2])
    line = next(trace for trace in drawn.data if trace.name == "theory")
    np.testing.assert_array_equal(line.y, [-0.1, -0.2])
    bars = next(trace for trace in drawn.data if trace.legendgroup == "rnn" and trace.line.width == 1.2)
    np.testing.assert_allclose(bars.y[1] - bars.y[0], 0.02)


def test_step_spectrum_leaves_out_steps_whose_jacobian_was_not_taken() -> None:
    frame = seeds_and_cells(lambda decay, size: pd.DataFrame(timesteps_columns([0], 9, decay, size)))
    frame.loc[(frame["run"] == "rnn0") & (frame["t"] == 4), "sigma_max"] = np.nan
    data = step_spectrum_data(frame, by=CELL)
    rows = data[(data["group"] == "rnn") & (data["quantity"] == "sigma_max")]
    assert rows["t"].tolist() == [0, 2, 4, 6, 8]
    np.testing.assert_allclose(rows["median"], 1.25 * 0.7)
    assert rows["high"].isna().tolist() == [False, False, True, False, False], "a NaN that was measured counts"


def test_fan_is_the_quantiles_of_one_pass() -> None:
    frame = pd.concat([spectra_columns([0, 10], 4, decay).assign(run=str(decay)) for decay in (0.5, 0.9)])
    data = spectrum_fan_data(frame, run="0.9", step=9)
    assert data["step"].tolist() == [10] * 4 and set(data["count"]) == {10}
    np.testing.assert_allclose(data["smallest"], 9 * np.log(0.9))
    np.testing.assert_allclose(data["median"], 4.5 * np.log(0.9))
    np.testing.assert_allclose(data["largest"], 0.0, atol=1e-15)
    lost = frame.assign(log_sigma=np.where(frame["index"] == 9, -np.inf, frame["log_sigma"]))
    drawn = spectrum_fan_figure(spectrum_fan_data(lost, run="0.9"))
    assert [trace.name for trace in drawn.data if trace.legendgroup] == ["−∞"]


def test_histogram_counts_every_value_once() -> None:
    frame = spectra_columns([0, 10], 4, 0.5)
    frame.loc[frame["index"] == 9, "log_sigma"] = -np.inf
    data = spectrum_histogram_data(frame, by=("step",))
    assert data["group"].cat.categories.tolist() == ["step=0", "step=10"]
    np.testing.assert_allclose(data.groupby("group", observed=True)["share"].sum(), 1.0)
    np.testing.assert_allclose(data.loc[data["kind"] == "−∞", "share"], 0.1)
    assert (data.loc[data["share"] > 0, "values"] == 40).all()


def test_mean_field_measures_the_slope_and_brings_theory() -> None:
    """The synthetic gradient shrinks by its decay at every step back: the measured growth is ln decay exactly."""
    frame = seeds_and_cells(
        lambda decay, size: pd.DataFrame(timesteps_columns([0], 80, decay, size)).assign(sigma_w=2 * decay, units=64)
    )
    data = mean_field_data(frame, injected_variance=0.25)
    measured = data[data["group"] != "theory"]
    np.testing.assert_allclose(measured["sigma_w"], sorted(2 * decay for decay in DECAY.values()))
    for name in ("low", "median", "high"):
        np.testing.assert_allclose(measured[name], np.log(measured["sigma_w"] / 2))
    field = MeanField(1.4, 0.25)
    assert measured["theory"].iloc[0] == pytest.approx(field.exponent)
    assert measured["finite_size"].iloc[0] == pytest.approx(field.finite_size_correction(64))
    theory = data[data["group"] == "theory"]
    assert len(theory) == 200 and theory["median"].isna().all() and (np.diff(theory["theory"]) > 0).all()


def test_mean_field_keeps_what_is_no_number() -> None:
    rows = pd.DataFrame(timesteps_columns([0], 40, 0.9)).assign(sigma_w=1.0)
    assert mean_field_data(rows.assign(grad_h=0.0))["median"].iloc[0] == -np.inf
    assert np.isnan(mean_field_data(rows.assign(grad_h=np.nan))["median"].iloc[0])
