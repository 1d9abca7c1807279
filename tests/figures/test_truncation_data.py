"""Truncation bias and bits per character, against numbers that are known by formula."""

import numpy as np
import pytest

from gradlab.figures import bits, bits_data, truncation, truncation_data
from tests.figures.frames import DECAY, seeds_and_cells, steps_frame, truncation_columns


def test_bias_by_window_and_its_prediction_meet_at_the_smallest_window() -> None:
    frame = seeds_and_cells(lambda decay, size: truncation_columns([0, 100], 60, decay, size))
    data = truncation_data(frame, by=("model.cell",))
    for cell, decay in DECAY.items():
        own = data[data["group"] == cell]
        measured = own[own["quantity"] == "relative_error"].sort_values("window")
        np.testing.assert_allclose(measured["median"][:-1], decay ** measured["window"][:-1].astype(float))
        assert measured["median"].iloc[-1] == 0.0
        predicted = own[own["quantity"] == "predicted_error"].sort_values("window")
        np.testing.assert_allclose(predicted["median"], decay ** predicted["window"].astype(float))
    assert set(data["first_step"]) == {100}
    one = truncation_data(frame, by=("model.cell",), parameter="rnn.weight_hh_l0")
    assert "predicted_error" not in set(one["quantity"])


def test_unknown_parameter_is_told() -> None:
    with pytest.raises(ValueError, match="all, rnn"):
        truncation_data(truncation_columns([0], 60, 0.9), parameter="readout")


def test_wide_windows_stand_on_a_log_axis() -> None:
    assert truncation(truncation_columns([0], 60, 0.9)).layout.xaxis.type == "log"
    assert truncation(truncation_columns([0], 5, 0.9)).layout.xaxis.type != "log"


def test_of_windows_that_stand_close_the_larger_is_named() -> None:
    axis = truncation(truncation_columns([0], 60, 0.9)).layout.xaxis
    assert list(axis.tickvals) == [1, 2, 5, 10, 20, 50, 60]
    assert list(axis.ticktext) == ["1", "2", "5", "10", "20", "", "60"]
    assert axis.tickangle == 0


def test_bits_are_nats_over_ln_2_and_baselines_get_room() -> None:
    frame = steps_frame().assign(loss=np.log(2) * 3, score_loss=np.nan)
    frame.loc[frame["step"] % 50 == 0, "score_loss"] = np.log(2) * 4
    data = bits_data(frame, by=("model.cell",))
    np.testing.assert_allclose(data.loc[data["quantity"] == "loss", "median"], 3)
    np.testing.assert_allclose(data.loc[data["quantity"] == "score_loss", "median"], 4)
    drawn = bits(frame, baselines={"pairs": 4.2, "far away": 400.0})
    words = [note.text for note in drawn.layout.annotations]
    assert "pairs 4.2" in words and not any("far away" in word for word in words)
    assert drawn.layout.yaxis.range[1] > 4.2
