"""Spikes, layers and recurrent weights, against numbers that are known by formula."""

import numpy as np
import pandas as pd

from gradlab.figures import layers_data, recurrent_weights_data, spikes, spikes_data
from tests.figures.frames import DECAY, parameters_columns, seeds_and_cells, timesteps_columns


def norms(values: np.ndarray, **columns: object) -> pd.DataFrame:
    return pd.DataFrame({"step": range(len(values)), "grad_norm": values}).assign(loss=1.0, **columns)


def test_a_leap_over_ten_times_the_median_before_is_a_spike() -> None:
    values = np.ones(200)
    values[100], values[150] = 11.0, 9.9
    data = spikes_data(norms(values))
    assert data.loc[data["spike"], "step"].tolist() == [100]
    assert data["times"].max() == 11.0
    assert data.loc[100, "usual"] == 1.0, "the spike itself is not part of what is usual"


def test_slow_growth_is_no_spike() -> None:
    data = spikes_data(norms(1.05 ** np.arange(200)))
    assert not data["spike"].any()
    assert data["grad_norm"].iloc[-1] > 1000


def test_what_is_no_number_is_a_spike_unless_it_was_not_measured() -> None:
    values = np.ones(30)
    values[[10, 20]] = np.inf, np.nan
    frame = norms(values, first_nonfinite="")
    frame.loc[frame["step"] == 20, "first_nonfinite"] = "loss"
    assert spikes_data(frame).query("spike")["step"].tolist() == [10, 20]
    assert {"∞", "NaN"} <= {trace.name for trace in spikes(frame).data}
    frame["first_nonfinite"] = ""
    assert spikes_data(frame).query("spike")["step"].tolist() == [10]
    names = {trace.name for trace in spikes(frame).data}
    assert "∞" in names and "NaN" not in names


def test_runs_do_not_share_what_is_usual() -> None:
    frame = pd.concat([norms(np.full(50, 1.0)).assign(run="a"), norms(np.full(50, 100.0)).assign(run="b")])
    assert not spikes_data(frame)["spike"].any()


def leaping(runs: int) -> pd.DataFrame:
    """Runs of two groups; run n leaps to n at step 50 and is 1 elsewhere."""
    parts = [
        norms(np.where(np.arange(60) == 50, number, 1.0), run=f"r{number:03}", cell=("gru", "rnn")[number % 2])
        for number in range(1, runs + 1)
    ]
    return pd.concat(parts)


def test_of_many_runs_each_group_is_a_line_and_the_chosen_run_lies_on_top() -> None:
    few, many = (spikes(leaping(runs), by=("cell",), run="r002") for runs in (6, 100))
    lines = [trace for trace in few.data if trace.mode.startswith("lines")]
    assert len(lines) == 6 and lines[-1].opacity == 1.0 and max(lines[-1].y) == 2.0
    lines = [trace for trace in many.data if trace.mode.startswith("lines") and trace.fill is None]
    assert [trace.name for trace in lines] == ["gru", "rnn", "the chosen run"]
    assert max(lines[-1].y) == 2.0
    assert max(lines[0].y) == np.sqrt(50.0 * 52.0), "the median of 2, 4 … 100 on a log axis"
    stars = next(trace for trace in many.data if trace.name == "spike")
    assert len(stars.x) == 90, "every spike of every run"


def test_a_lost_run_among_many_is_marked_and_a_norm_that_was_not_taken_is_not() -> None:
    frame = leaping(20).assign(first_nonfinite="")
    at = (frame["run"] == "r003") & (frame["step"] == 30)
    frame.loc[at, "grad_norm"] = np.nan
    assert "NaN" not in {trace.name for trace in spikes(frame).data}
    frame.loc[at, "first_nonfinite"] = "loss"
    (mark,) = (trace for trace in spikes(frame).data if trace.name == "NaN")
    assert list(mark.x) == [30]


def test_layers_are_told_apart() -> None:
    frame = pd.DataFrame(timesteps_columns([0, 10], 20, 1.5, layers=2))
    frame.loc[frame["layer"] == 1, "grad_h"] *= 7
    data = layers_data(frame, step=0)
    lower, upper = (data[(data["quantity"] == "grad_h") & (data["group"] == f"layer {n}")] for n in (0, 1))
    np.testing.assert_allclose(upper["median"].to_numpy(), 7 * lower["median"].to_numpy())
    np.testing.assert_allclose(lower.sort_values("t")["median"].iloc[0], 1.5**19)
    sigma = data[data["quantity"] == "sigma_max"]
    assert sigma["median"].notna().all() and set(sigma["t"]) == set(range(0, 20, 2))


def test_a_step_without_a_decomposition_is_no_news_unless_the_weights_are_lost() -> None:
    frame = parameters_columns([0, 50, 100, 150], 20, 0.9)
    frame.loc[frame["step"].isin([50, 150]), ["spectral_norm", "spectral_radius"]] = np.nan
    frame.loc[frame["step"] == 150, "weight_norm"] = np.nan
    data = recurrent_weights_data(frame)
    assert data["step"].tolist() == [0, 100, 150] * 2
    assert data["median"].isna().tolist() == [False, False, True] * 2


def test_without_the_norm_of_the_weights_a_step_without_a_decomposition_is_left_out() -> None:
    frame = parameters_columns([0, 50, 100], 20, 0.9).drop(columns="weight_norm")
    frame.loc[frame["step"] == 50, ["spectral_norm", "spectral_radius"]] = np.nan
    data = recurrent_weights_data(frame)
    assert data["step"].tolist() == [0, 100] * 2
    assert np.isfinite(data["median"]).all()


def test_recurrent_matrices_only() -> None:
    frame = seeds_and_cells(lambda decay, size: parameters_columns([0, 100], 40, decay, size))
    data = recurrent_weights_data(frame, by=("model.cell",))
    rows = data[(data["quantity"] == "spectral_norm") & (data["step"] == 100)]
    np.testing.assert_allclose(
        rows.set_index("group")["median"].loc[list(DECAY)], [1.5 * 1.01 * decay for decay in DECAY.values()]
    )
    assert recurrent_weights_data(frame, by=("parameter",))["group"].unique().tolist() == ["rnn.weight_hh_l0"]
