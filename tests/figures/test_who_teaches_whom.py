"""Who teaches whom: shares, marks and colours against a gradient that decays by a known factor."""

import numpy as np
import pandas as pd
import pytest

from gradlab.figures import who_teaches_whom_data, who_teaches_whom_figure
from gradlab.figures.who_teaches_whom import DECADES, describe, reach_in_words
from tests.figures.frames import teaching_columns


def traces(frame: pd.DataFrame) -> dict[str, object]:
    """Heatmaps of special cells carry no name; theirs is that of the hatch behind them."""
    drawn = list(who_teaches_whom_figure(who_teaches_whom_data(frame)).data)
    return {one.name or f"cells of {drawn[place + 1].name}": one for place, one in enumerate(drawn)}


def test_shares_are_relative_to_the_loss_itself() -> None:
    data = who_teaches_whom_data(teaching_columns([0, 10], 20, 0.7, size=5.0))
    assert set(data["step"]) == {10}
    np.testing.assert_allclose(data["log_share"], (data["source"] - data["t"]) * np.log(0.7), atol=1e-12)
    np.testing.assert_allclose(data["log_gradient"] - data["log_share"], np.log(5.0))


def test_takes_the_nearest_step_of_one_run_and_pass() -> None:
    parts = [
        teaching_columns([0, 30], 5, decay).assign(run=run, layer=layer)
        for run, decay in (("a", 0.5), ("b", 0.9))
        for layer in (0, 1)
    ]
    data = who_teaches_whom_data(pd.concat(parts), run="b", step=12, layer=1)
    assert set(data["run"]) == {"b"} and set(data["step"]) == {0} and set(data["layer"]) == {1}
    assert data["log_share"].min() == pytest.approx(4 * np.log(0.9))
    with pytest.raises(ValueError, match="expected run to be one of a, b"):
        who_teaches_whom_data(pd.concat(parts), run="c")


def test_what_enters_past_h_is_relative_to_its_largest() -> None:
    """A loss of the cell state alone: at its own time the gradient of h is exactly zero."""
    frame = teaching_columns([0], 4, 0.5, losses=1)
    frame.loc[frame["t"] == 3, "log_gradient"] = -np.inf
    shares = who_teaches_whom_data(frame).set_index("t")["log_share"]
    np.testing.assert_allclose(shares.loc[[0, 1, 2]], [2 * np.log(0.5), np.log(0.5), 0.0])
    assert shares.loc[3] == -np.inf


def test_special_cells_stand_apart_from_those_that_have_no_row() -> None:
    frame = teaching_columns([0], 4, 0.5).set_index(["source", "t"])
    frame.loc[[(3, 0), (3, 1), (2, 0)], "log_gradient"] = [-np.inf, np.nan, np.inf]
    drawn = traces(frame.reset_index())
    found = {
        name: np.argwhere(np.asarray(drawn[f"cells of {name}"].z) == 1).tolist() for name in ("exactly 0", "∞", "NaN")
    }
    assert found == {"exactly 0": [[3, 0]], "NaN": [[3, 1]], "∞": [[2, 0]]}
    logs = np.asarray(drawn["value"].z)
    later = np.triu_indices(4, 1)
    assert np.isnan(logs[later]).all() and np.isnan(logs[[3, 3, 2], [0, 1, 0]]).all()
    np.testing.assert_allclose(logs[3, 2:], [np.log10(0.5), 0.0], rtol=1e-6)
    assert drawn["value"].zsmooth is False and drawn["value"].hoverongaps is False


def test_circles_stand_where_the_last_hundredth_arrives() -> None:
    circles = traces(teaching_columns([0], 32, 0.5))["1 % of it arrives as far as this"]
    np.testing.assert_array_equal(circles.y, np.arange(32))
    np.testing.assert_array_equal(circles.x, np.maximum(np.arange(32) - 6, 0))


def test_colours_end_where_rounding_begins_and_say_so() -> None:
    steep, flat = (traces(teaching_columns([0], 32, decay))["value"] for decay in (0.1, 0.99))
    assert (steep.zmin, steep.zmax) == (-DECADES, 0.0)
    assert (steep.colorbar.ticktext[0], steep.colorbar.ticktext[-1]) == ("≤10<sup>−8</sup>", "1")
    assert (flat.zmin, flat.zmax) == (-1.0, 0.0) and "≤" not in "".join(flat.colorbar.ticktext)
    growing = traces(teaching_columns([0], 32, 10.0))["value"]
    assert (growing.zmin, growing.zmax) == (-1.0, DECADES)
    assert growing.colorbar.ticktext[-1].startswith("≥")


def test_hover_writes_numbers_that_no_float_holds() -> None:
    drawn = traces(teaching_columns([0], 1000, 0.1))["value"]
    assert drawn.customdata[-1][0][1] == "10<sup>−999</sup>"
    assert drawn.customdata[-1][-1][1] == "1"


def test_uneven_loss_times_have_rows_of_equal_height() -> None:
    frame = teaching_columns([0], 50, 0.9)
    frame = frame[frame["source"].isin([3, 5, 49])]
    drawn = who_teaches_whom_figure(who_teaches_whom_data(frame))
    np.testing.assert_array_equal(drawn.data[0].y, [0, 1, 2])
    assert drawn.layout.yaxis.ticktext == ("3", "5", "49")


def test_says_how_far_the_longest_way_is_gone() -> None:
    data = who_teaches_whom_data(teaching_columns([7], 32, 0.5))
    assert (
        reach_in_words(data)
        == "At training step 7, what the loss at time 31 sends back falls below 1 % beyond 6 steps."
    )
    assert describe(data).startswith("Who teaches whom: heatmap of 32 loss times by 32 time steps. At training step 7")
    far = reach_in_words(who_teaches_whom_data(teaching_columns([7], 32, 0.99)))
    assert far.endswith("is still at least 1 % at the far end, 31 steps away.")
    frame = teaching_columns([7], 32, 0.5)
    backward = frame.assign(direction=1, source=31 - frame["source"], t=31 - frame["t"])
    assert "the loss at time 0 sends back falls below 1 % beyond 6 steps" in reach_in_words(
        who_teaches_whom_data(backward)
    )
    assert reach_in_words(who_teaches_whom_data(frame.assign(log_gradient=-np.inf))) == ""
    frame.loc[(frame["source"] == 31) & (frame["t"] < 3), "log_gradient"] = [np.nan, np.nan, np.inf]
    assert reach_in_words(who_teaches_whom_data(frame)).endswith("sends back is NaN or ∞ at 3 of 32 time steps.")
