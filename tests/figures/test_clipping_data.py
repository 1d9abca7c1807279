"""Other thresholds and the cliff, against numbers that are known by formula; colours that one row cannot stretch."""

import numpy as np
import pandas as pd
import pytest

from gradlab.figures import cliff, cliff_data, gradient_flow, thresholds, thresholds_data
from tests.figures.frames import cliff_columns, steps_frame, timesteps_columns


@pytest.mark.parametrize("bad", [None, np.nan, np.inf])
def test_other_thresholds_do_what_clipping_does(bad: float | None) -> None:
    """Held against the sum over all steps of min(1, θ/‖g‖), one threshold at a time."""
    norms = np.random.default_rng(0).lognormal(0, 2, 200)
    if bad is not None:
        norms[[3, 77]] = bad
    data = thresholds_data(pd.DataFrame({"step": range(200), "grad_norm": norms}))
    for quantity, truth in (
        ("share", lambda theta: np.mean(~(norms <= theta))),
        ("left", lambda theta: np.minimum(1, theta / np.where(np.isfinite(norms), norms, np.inf)).mean()),
    ):
        rows = data[data["quantity"] == quantity]
        np.testing.assert_allclose(rows["median"], [truth(theta) for theta in rows["threshold"]], atol=1e-12)


def test_chosen_threshold_is_marked_on_the_log_axis() -> None:
    drawn = thresholds(steps_frame(), threshold=0.5)
    assert [shape.x0 for shape in drawn.layout.shapes if shape.x0 == shape.x1] == [0.5]
    assert drawn.layout.annotations[-1].x == pytest.approx(np.log10(0.5))


def test_cliff_draws_both_steps_and_marks_what_is_no_number() -> None:
    frame = cliff_columns([5, 7], 0, 0.9, size=100.0)
    assert set(cliff_data(frame)["step"]) == {7}
    drawn = cliff(frame, step=5)
    assert drawn.layout.yaxis.type == "log"
    ends = [trace for trace in drawn.data if trace.type == "scatter" and trace.xaxis == "x2"]
    assert [(trace.x[1], trace.y[1]) for trace in ends] == [(3.0, 0.0), (1.0, 0.2)]
    frame.loc[(frame["path"] == "plane") & (frame["along"] > 1.5), "loss"] = np.inf
    assert "∞ or NaN" in {trace.name for trace in cliff(frame).data}


def test_one_tiny_row_does_not_stretch_the_colours() -> None:
    frame = pd.DataFrame(timesteps_columns(list(range(0, 600, 10)), 40, 0.9))
    plain = gradient_flow(frame).data[0]
    frame.loc[frame["step"] == 300, "grad_h"] = 1e-200
    drawn = gradient_flow(frame)
    assert drawn.data[0].zmin > plain.zmin - 1.5
    assert {trace.name for trace in drawn.data} == {"value", "below the colours"}
    vanishing = gradient_flow(pd.DataFrame(timesteps_columns([0, 10], 100, 0.5))).data[0]
    assert vanishing.zmin == pytest.approx(99 * np.log10(0.5), abs=0.3), "a steady fall over decades is all shown"
