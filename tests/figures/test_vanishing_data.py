"""Gradient by lag and horizons, against numbers that are known by formula."""

import numpy as np
import pandas as pd
import pytest

from gradlab import reports
from gradlab.figures import gradient_by_lag, gradient_by_lag_data, horizon, horizon_data
from tests.figures.frames import DECAY, timesteps_columns, timesteps_frame

HORIZON = {cell: min(int(np.log(0.01) / np.log(decay)), 39) for cell, decay in DECAY.items()}


def test_share_by_lag_is_the_decay_to_that_power() -> None:
    data = gradient_by_lag_data(timesteps_frame(), step=50, by=("model.cell",))
    for cell, decay in DECAY.items():
        rows = data[data["group"] == cell]
        np.testing.assert_allclose(rows["median"], decay ** rows["lag"].to_numpy(dtype=float), rtol=1e-9)
        assert rows["lag"].tolist() == list(range(40))
        np.testing.assert_array_equal(rows["within"] == 1, rows["lag"] <= HORIZON[cell])
    assert set(data["first_step"]) == {50}


def test_horizon_is_where_a_hundredth_is_left_and_agrees_with_the_report() -> None:
    frame = timesteps_frame()
    data = horizon_data(frame, by=("model.cell",))
    assert {str(group): rows["median"].unique().tolist() for group, rows in data.groupby("group", observed=True)} == {
        cell: [far] for cell, far in HORIZON.items()
    }
    reported = reports.reach(frame).groupby("run")["reach"].unique()
    assert {cell: reported[f"{cell}0"].tolist() for cell in DECAY} == {cell: [far] for cell, far in HORIZON.items()}


def test_backward_direction_counts_from_the_start() -> None:
    columns = pd.DataFrame(timesteps_columns([0], 20, 0.5))
    columns["direction"], columns["t"] = 1, 19 - columns["t"]
    data = gradient_by_lag_data(columns)
    np.testing.assert_allclose(data["median"], 0.5 ** data["lag"].to_numpy(dtype=float))


@pytest.mark.parametrize(("value", "expected"), [(0.0, 0.0), (np.inf, np.nan), (np.nan, np.nan)])
def test_horizon_of_what_is_no_number(value: float, expected: float) -> None:
    frame = timesteps_frame(seeds=1).assign(grad_h=value)
    np.testing.assert_array_equal(horizon_data(frame)["median"], expected)
    shares = gradient_by_lag_data(frame)["median"]
    np.testing.assert_array_equal(shares, value)


def test_what_is_below_the_axis_is_not_called_zero() -> None:
    frame = pd.DataFrame(timesteps_columns([0], 200, 0.5))
    drawn = gradient_by_lag(frame)
    assert "exactly 0" not in {trace.name for trace in drawn.data}
    assert drawn.layout.yaxis.range[0] > -20
    frame.loc[frame["t"] == 0, "grad_h"] = 0.0
    assert "exactly 0" in {trace.name for trace in gradient_by_lag(frame).data}


def test_demand_is_drawn_where_there_is_room_for_it() -> None:
    frame = timesteps_frame(seeds=1)
    texts = [note.text for note in gradient_by_lag(frame, demanded_lag=30).layout.annotations]
    assert "the task needs it to reach here" in texts
    assert len(gradient_by_lag(frame, demanded_lag=300).layout.annotations) == 1
    drawn = horizon(frame, demanded_lag=300)
    assert drawn.layout.yaxis.range[1] > 300
    assert "the task demands 300 steps" in [note.text for note in drawn.layout.annotations]
