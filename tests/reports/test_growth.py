"""Growth of the gradient a step back, on series whose slope is known, and for a linear net."""

import numpy as np
import pandas as pd
import pytest

from gradlab.reports import growth


def series(norms, **axes) -> pd.DataFrame:
    return pd.DataFrame({**axes, "t": np.arange(len(norms)), "grad_h": norms})


@pytest.mark.parametrize("rate", [-0.7, 0.0, 0.12])
def test_an_exponential_has_its_rate(rate: float) -> None:
    lags = np.arange(40)[::-1]
    [row] = growth(series(np.exp(rate * lags))).to_dict("records")
    assert row["growth"] == pytest.approx(rate, abs=1e-12)


def test_a_backward_layer_counts_lags_from_its_other_end() -> None:
    norms = np.exp(-0.3 * np.arange(30))
    frame = pd.concat([series(norms, direction=1), series(norms[::-1], direction=0)])
    assert growth(frame)["growth"].tolist() == pytest.approx([-0.3, -0.3])


def test_what_is_zero_or_infinite_or_next_to_the_end_does_not_count() -> None:
    norms = np.exp(-0.5 * np.arange(40)[::-1])
    norms[:5], norms[7], norms[-5:] = 0.0, np.inf, 17.0
    assert growth(series(norms))["growth"].tolist() == pytest.approx([-0.5])


def test_each_pass_has_its_own_and_too_short_ones_have_none() -> None:
    frame = pd.concat([
        series(np.exp(-0.1 * np.arange(20)[::-1]), run="a", step=0),
        series(np.exp(0.1 * np.arange(20)[::-1]), run="a", step=5),
        series(np.ones(9), run="b", step=0),
    ])  # fmt: skip
    found = growth(frame)
    assert found[["run", "step"]].to_numpy().tolist() == [["a", 0], ["a", 5], ["b", 0]]
    assert found["growth"].tolist() == pytest.approx([-0.1, 0.1, float("nan")], nan_ok=True)


def test_columns_that_are_missing_are_named() -> None:
    with pytest.raises(ValueError, match="grad_h"):
        growth(pd.DataFrame({"t": [0]}))
    assert growth(pd.DataFrame({"run": [], "t": [], "grad_h": []})).columns.tolist() == ["run", "growth"]
