"""The numbers behind each figure, against values that are known by formula."""

import numpy as np
import pandas as pd
import pytest

from gradlab.figures import (
    clipping_data,
    clipping_figure,
    clipping_share_data,
    gradient_flow_data,
    gradient_flow_figure,
    gradient_profile_data,
    gradient_profile_figure,
    learning_curves_data,
    learning_curves_figure,
)
from tests.figures.frames import DECAY, steps_frame, timesteps_columns, timesteps_frame

CELL = ("model.cell",)


def test_flow_takes_one_run_and_one_layer() -> None:
    frame = pd.concat(
        [
            pd.DataFrame(timesteps_columns([0, 10], 5, 0.5, layers=2)).assign(run="a"),
            pd.DataFrame(timesteps_columns([0, 10], 5, 0.9, layers=2)).assign(run="b"),
        ]
    )
    data = gradient_flow_data(frame, run="b", layer=1)
    assert data.columns.tolist() == ["run", "layer", "direction", "step", "t", "grad_h"]
    assert set(data["run"]) == {"b"} and set(data["layer"]) == {1}
    np.testing.assert_allclose(data["grad_h"], np.tile(0.9 ** np.arange(4.0, -1, -1), 2))
    assert set(gradient_flow_data(frame)["run"]) == {"a"}


def test_flow_names_what_it_has_when_asked_for_something_else() -> None:
    with pytest.raises(ValueError, match=r"expected run to be one of rnn0, .* got 'nosuch'"):
        gradient_flow_data(timesteps_frame(), run="nosuch")
    with pytest.raises(ValueError, match="expected layer to be one of 0, got 3"):
        gradient_flow_data(timesteps_frame(), layer=3)


def test_flow_leaves_out_what_was_never_measured_and_keeps_nan_of_what_was() -> None:
    frame = timesteps_frame(1).assign(grad_c=np.nan, grad_h=np.nan)
    assert gradient_flow_data(frame, quantity="grad_c").empty
    assert len(gradient_flow_data(frame)) == 3 * 40


def test_flow_colours_are_logs_and_specials_stand_apart() -> None:
    frame = timesteps_frame(1, steps=(0, 10), length=4)
    frame = frame[frame["run"] == "rnn0"].assign(grad_h=[1e-3, 1.0, 0.0, np.nan, 10.0, np.inf, 1e-3, 1.0])
    values, *others = gradient_flow_figure(gradient_flow_data(frame)).data
    np.testing.assert_allclose(values.z, [[-3, 0, np.nan, np.nan], [1, np.nan, -3, 0]], equal_nan=True)
    where = {
        hatch.name: np.argwhere(np.asarray(cells.z) == 1).tolist()
        for cells, hatch in zip(others[::2], others[1::2], strict=True)
    }
    assert where == {"exactly 0": [[0, 2]], "NaN": [[0, 3]], "∞": [[1, 1]]}
    assert values.zsmooth is False


def test_flow_coarsens_to_the_worst_of_each_cell() -> None:
    frame = pd.DataFrame(timesteps_columns(list(range(600)), 1000, 1.0))
    frame["grad_h"] = np.where((frame["step"] == 301) & (frame["t"] == 777), np.nan, frame["grad_h"])
    drawn = gradient_flow_figure(gradient_flow_data(frame))
    assert drawn.data[0].z.shape[0] <= 200 and drawn.data[0].z.shape[1] <= 400
    assert [trace.name for trace in drawn.data[1:] if trace.name] == ["NaN"]
    assert (np.asarray(drawn.data[1].z) == 1).sum() == 1


def test_flow_writes_uneven_steps_beside_rows_of_equal_height() -> None:
    frame = pd.DataFrame(timesteps_columns([0, 1, 10, 100, 1000], 5, 0.9))
    drawn = gradient_flow_figure(gradient_flow_data(frame))
    np.testing.assert_array_equal(drawn.data[0].y, range(5))
    assert drawn.layout.yaxis.ticktext == ("0", "1", "10", "100", "1,000")


def test_profile_is_the_median_over_seeds() -> None:
    """Seeds scale the gradient by 1, 2 and 4: the median is 2, the quantiles 2^0.2 and 2^1.8 (geometric)."""
    data = gradient_profile_data(timesteps_frame(3), by=CELL)
    for cell, decay in DECAY.items():
        rows = data[data["group"] == cell]
        np.testing.assert_array_equal(rows["t"], np.arange(40))
        np.testing.assert_allclose(rows["median"], 2 * decay ** (39.0 - rows["t"]))
        np.testing.assert_allclose(rows["low"], 2**0.2 * decay ** (39.0 - rows["t"]))
        np.testing.assert_allclose(rows["high"], 2**1.8 * decay ** (39.0 - rows["t"]))
        assert set(rows["runs"]) == {3}


def test_profile_takes_the_nearest_recorded_step_of_each_run() -> None:
    early = pd.DataFrame(timesteps_columns([0, 30], 3, 0.5)).assign(run="a")
    late = pd.DataFrame(timesteps_columns([0, 100], 3, 0.5, size=9.0)).assign(run="b")
    frame = pd.concat([early, late])
    last = gradient_profile_data(frame)
    assert (set(last["first_step"]), set(last["last_step"])) == ({30}, {100})
    near = gradient_profile_data(frame, step=10)
    assert (set(near["first_step"]), set(near["last_step"])) == ({0}, {0})
    assert "training step 30 to 100" in gradient_profile_figure(last).layout.title.text


@pytest.mark.parametrize(("bad", "median"), [(1, 2.0), (2, np.nan)], ids=["one of three", "two of three"])
def test_profile_is_nan_only_when_most_runs_are(bad: int, median: float) -> None:
    frame = timesteps_frame(3)
    frame = frame[frame["model.cell"] == "lstm"]
    frame.loc[frame["run"].isin([f"lstm{seed}" for seed in (2, 1)[:bad]]), "grad_h"] = np.nan
    at_end = gradient_profile_data(frame).iloc[-1]
    expected = {1: 2.0, 2: np.nan}[bad]
    np.testing.assert_equal(at_end["median"], expected)
    np.testing.assert_equal(at_end["high"], np.nan)


def test_profile_breaks_its_line_and_marks_the_edge() -> None:
    frame = timesteps_frame(1)
    frame = frame[frame["run"] == "rnn0"]
    frame.loc[frame["t"] < 5, "grad_h"] = 0.0
    frame.loc[frame["t"] == 20, "grad_h"] = np.inf
    drawn = gradient_profile_figure(gradient_profile_data(frame))
    curve = next(trace for trace in drawn.data if trace.mode == "lines+markers")
    assert np.isnan(np.asarray(curve.y)[[0, 4, 20]]).all() and curve.connectgaps is False
    marks = {trace.name: list(trace.x) for trace in drawn.data if trace.mode == "markers"}
    assert marks == {"exactly 0": [0, 1, 2, 3, 4], "∞": [20]}


def test_curves_count_every_run_once_a_bucket() -> None:
    frame = steps_frame(seeds=3, count=1000)
    data = learning_curves_data(frame, by=CELL, chance_loss=2.3, chance_score=0.1, score_name="accuracy")
    assert data["panel"].unique().tolist() == ["loss", "accuracy"]
    loss = data[(data["panel"] == "loss") & (data["group"] == "rnn")]
    assert len(loss) == 200 and set(loss["runs"]) == {3} and set(loss["chance"]) == {2.3}
    runs = frame[(frame["model.cell"] == "rnn") & (frame["step"] < 5)].groupby("run")["loss"].median()
    assert loss["median"].iloc[0] == pytest.approx(runs.median())
    assert loss["step"].iloc[0] == 2.0


def test_curves_show_a_broken_run_though_the_median_stands() -> None:
    frame = steps_frame(seeds=3, count=100)
    frame.loc[(frame["run"] == "gru1") & (frame["step"] >= 70), "loss"] = np.nan
    data = learning_curves_data(frame, by=CELL)
    gru = data[(data["panel"] == "loss") & (data["group"] == "gru")]
    assert gru["nonfinite"].tolist() == [0] * 70 + [1] * 30
    assert np.isfinite(gru["median"]).all()
    marks = [trace for trace in learning_curves_figure(data).data if trace.name == "NaN"]
    assert len(marks) == 1 and marks[0].x[0] == 70


def test_curves_without_scores_have_one_panel() -> None:
    data = learning_curves_data(steps_frame().assign(score=np.nan))
    assert data["panel"].unique().tolist() == ["loss"]


def test_clipping_is_what_was_recorded() -> None:
    frame = steps_frame(1, 50)
    data = clipping_data(frame, run="gru0")
    own = frame[frame["run"] == "gru0"]
    np.testing.assert_array_equal(data["grad_norm"], own["grad_norm"])
    assert data["clip_fired"].dtype == bool
    np.testing.assert_allclose(data["grad_norm_clipped"], np.minimum(data["grad_norm"], 1.0))
    ticks = next(trace for trace in clipping_figure(data).data if trace.name == "clipping fired")
    np.testing.assert_array_equal(ticks.x, own.loc[own["clip_fired"], "step"])


def test_clipping_of_a_run_that_does_not_clip_draws_the_norm_alone() -> None:
    drawn = clipping_figure(clipping_data(steps_frame(1, 50, threshold=None)))
    assert {trace.name for trace in drawn.data} == {"gradient norm"}


def test_clipping_share() -> None:
    frame = pd.DataFrame(
        {
            "run": ["a"] * 4 + ["b"] * 4, "step": [0, 1, 2, 3] * 2, "grad_norm": [1.0, 2, 3, np.inf, 1, 1, 1, 1],
            "clip_coefficient": [1.0, 0.5, 0.25, 0.0, 1, 1, 1, 1], "clip_threshold": [1.0] * 4 + [np.nan] * 4,
            "clip_fired": [False, True, True, True] + [False] * 4,
        }
    )  # fmt: skip
    data = clipping_share_data(frame).set_index("run")
    assert data["share"].to_dict() == {"a": 0.75, "b": 0.0}
    assert data["clips"].to_dict() == {"a": True, "b": False}
    assert data["smallest_coefficient"].to_dict() == {"a": 0.0, "b": 1.0}
    assert data["largest_norm"].to_dict() == {"a": np.inf, "b": 1.0}


def test_share_is_the_same_when_flags_came_back_as_numbers_with_gaps() -> None:
    """A table with unmeasured rows gives flags as float64 with NaN."""
    frame = steps_frame(1, 60)
    floats = frame.assign(clip_fired=frame["clip_fired"].astype(float))
    pd.testing.assert_frame_equal(clipping_share_data(frame), clipping_share_data(floats))
    floats.loc[0, "clip_fired"] = np.nan
    assert clipping_share_data(floats)["steps"].eq(60).all()
