"""What the figures are made of: quantiles with NaN, thinning, groups, text."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gradlab.figures.decimation import coarsen, thin, thin_marks
from gradlab.figures.groups import with_group
from gradlab.figures.order import quantiles_by
from gradlab.figures.panels import whole_steps
from gradlab.figures.selection import at_step
from gradlab.figures.text import formula, number_in_words, plain, short


@given(hnp.arrays(float, st.integers(1, 40), elements=st.floats(-1e6, 1e6)), st.floats(0, 1))
def test_quantiles_equal_numpy_on_finite_values(values: np.ndarray, quantile: float) -> None:
    frame = pd.DataFrame({"g": 0, "v": values})
    result = quantiles_by(frame, ("g",), "v", {"q": quantile})
    np.testing.assert_allclose(result["q"], np.quantile(values, quantile), rtol=1e-9, atol=1e-9)


@given(hnp.arrays(float, st.integers(1, 12), elements=st.sampled_from([0.0, 1.0, 8.0, np.inf, np.nan])))
def test_log_quantiles_never_mix_a_number_with_what_is_none(values: np.ndarray) -> None:
    result = quantiles_by(pd.DataFrame({"g": 0, "v": values}), ("g",), "v", {"q": 0.5}, log=True)["q"].iloc[0]
    ordered = np.sort(values)  # NaN last
    below, above = ordered[(len(values) - 1) // 2], ordered[len(values) // 2]
    if np.isfinite([below, above]).all() and below > 0:
        assert result == pytest.approx(np.sqrt(below * above))
    else:
        np.testing.assert_equal(result, above)


def test_quantiles_keep_groups_apart_and_in_order() -> None:
    frame = pd.DataFrame({"g": ["b", "a", "b", "a"], "t": [0, 0, 0, 1], "v": [3.0, 1.0, 5.0, 2.0]})
    result = quantiles_by(frame, ("g", "t"), "v", {"low": 0.0, "high": 1.0})
    assert result.to_dict("list") == {
        "g": ["a", "a", "b"], "t": [0, 1, 0], "count": [1, 1, 2], "low": [1, 2, 3], "high": [1, 2, 5],
    }  # fmt: skip


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.sampled_from([0.0, 1.0, -2.0, np.inf, -np.inf, np.nan])), min_size=1))
def test_quantiles_of_many_groups_are_those_of_each_alone(rows: list[tuple[int, float]]) -> None:
    """Groups of much the same size are sorted in another way than those of which one is far larger."""
    for extra in (0, 300):
        frame = pd.DataFrame([*rows, *[(99, 3.0)] * extra], columns=["g", "v"])
        result = quantiles_by(frame, ("g",), "v", {"q": 0.3, "most": 1.0}).set_index("g")
        for group, values in frame.groupby("g")["v"]:
            alone = quantiles_by(values.to_frame().assign(g=0), ("g",), "v", {"q": 0.3, "most": 1.0})
            np.testing.assert_array_equal(result.loc[group, ["q", "most"]], alone[["q", "most"]].iloc[0])
            assert result.loc[group, "count"] == len(values)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9)), max_size=30), st.none() | st.integers(-2, 12))
def test_every_run_gives_the_step_that_is_nearest(rows: list[tuple[str, int]], step: int | None) -> None:
    frame = pd.DataFrame(rows, columns=["run", "step"]).astype({"step": int}).assign(place=range(len(rows)))
    expected = []
    for run, own in frame.groupby("run")["step"]:
        # of two that are as near the one that was recorded first
        nearest = max(own) if step is None else min(own, key=lambda each: abs(each - step))
        expected += frame.index[(frame["run"] == run) & (frame["step"] == nearest)].tolist()
    assert at_step(frame, step)["place"].tolist() == sorted(expected)


@given(hnp.arrays(float, st.integers(1, 400), elements=st.floats(-9, 9) | st.just(np.nan)), st.integers(12, 60))
def test_thinning_keeps_extremes_gaps_and_order(values: np.ndarray, limit: int) -> None:
    x = np.arange(len(values))
    kept_x, kept = thin(x, values, limit)
    assert len(kept) <= max(limit, 3) and (np.diff(kept_x) > 0).all()
    np.testing.assert_array_equal(kept, values[kept_x])
    if not np.isnan(values).all():
        assert np.nanmax(kept) == np.nanmax(values) and np.nanmin(kept) == np.nanmin(values)
    assert np.isnan(kept).any() == np.isnan(values).any()


def test_a_single_spike_survives_thinning() -> None:
    values = np.ones(100_000)
    values[12_345], values[54_321] = 1e9, np.nan
    x, kept = thin(np.arange(100_000), values)
    assert len(kept) <= 2000
    assert kept[x == 12_345] == [1e9] and np.isnan(kept[x == 54_321])


def test_thinned_marks_keep_both_ends() -> None:
    marks = thin_marks(np.arange(1000), 7)
    assert len(marks) <= 7 and marks[0] == 0 and marks[-1] == 999


def test_coarse_cells_hold_the_worst() -> None:
    matrix = np.array([[1.0, 2, -np.inf, -np.inf], [np.nan, 1, 3, np.inf]])
    coarse, rows, columns = coarsen(matrix, 1, 2)
    np.testing.assert_array_equal(coarse, [[np.nan, np.inf]])
    assert rows.tolist() == [0] and columns.tolist() == [0, 2]
    np.testing.assert_array_equal(coarsen(matrix, 5, 5)[0], matrix)


def test_groups_are_named_by_what_needs_a_name_and_ordered_by_value() -> None:
    frame = pd.DataFrame(
        {
            "run": list("abcd"), "model.cell": ["rnn", "gru", "rnn", "rnn"], "model.hidden": [100, 20, 20, 20],
            "clipping.name": ["norm", "norm", "none", "norm"], "clipping.max": [1.0, 1.0, None, 0.5],
        }
    )  # fmt: skip
    assert with_group(frame, ["model.hidden"])["group"].cat.categories.tolist() == ["hidden=20", "hidden=100"]
    by_two = with_group(frame, ["model.cell", "clipping.name"])["group"].cat.categories.tolist()
    assert by_two == ["gru · norm", "rnn · no clipping", "rnn · norm"]
    assert with_group(frame, ["clipping.max"])["group"].cat.categories.tolist() == ["max=0.5", "max=1", "max=none"]
    named = with_group(frame, ["clipping.name", "clipping.max"])["group"].cat.categories.tolist()
    assert named == ["no clipping", "norm · max=0.5", "norm · max=1"]
    assert set(with_group(frame, [])["group"]) == {"all runs"}
    assert set(with_group(frame.iloc[:1], [])["group"]) == {"a"}
    with pytest.raises(ValueError, match="with_settings"):
        with_group(frame, ["model.cel"])


def test_text() -> None:
    assert plain("<b>$x$</b>") == "&lt;b&gt;&#36;x&#36;&lt;/b&gt;"
    assert formula("‖∂L/∂h_t‖ & σ_max") == "‖∂L/∂h<sub>t</sub>‖ &amp; σ<sub>max</sub>"
    assert formula("‖∂L/∂h_{T−lag}‖") == "‖∂L/∂h<sub>T−lag</sub>‖"
    assert short("<" * 50, 5) == "&lt;&lt;&lt;&lt;…"
    words = {0.0: "0", 2.302585: "2.3", 1234.6: "1,235", 4.2e-9: "4.2·10⁻⁹", -0.5: "−0.5", np.nan: "NaN", np.inf: "∞"}
    assert {number: number_in_words(number) for number in words} == words


@pytest.mark.parametrize(
    ("places", "ticks"),
    [([40], {"dtick": 1}), ([3, 4, 8], {"dtick": 1}), ([0, 6], {}), ([0, 500], {}), ([0.5, 1.0], {}), ([], {})],
)
def test_an_axis_of_few_steps_has_no_ticks_between_them(places: list[float], ticks: dict[str, int]) -> None:
    """Lags, time steps and training steps are whole; a threshold is not."""
    assert whole_steps(np.array(places)) == ticks
