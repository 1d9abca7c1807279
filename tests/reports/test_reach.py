"""How far the gradient reaches, on profiles whose answer is plain to see."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradlab.reports import reach

NAN, INF = math.nan, math.inf


def profile(values, **axes):
    return pd.DataFrame({**axes, "t": np.arange(len(values)), "grad_h": values})


@pytest.mark.parametrize(
    "values, expected",
    [
        ([1, 1, 1, 1], 3),
        ([0, 0, 0, 1], 0),
        ([0.009, 0.01, 0.5, 1], 2),
        ([0.02, 0.001, 0.5, 1], 3),
        ([1, 0, 0, 0], 3),
        ([0, 0, 0, 0], NAN),
        ([NAN, NAN, NAN, NAN], NAN),
        ([1, INF, 2, 3], 2),
        ([1, NAN, 2, 3], 2),
        ([5e-324, 0, 0, 5e-324], 3),
    ],
)
def test_known_profiles(values, expected):
    found = reach(profile(values))
    assert len(found) == 1 and found["length"][0] == 4
    assert found["reach"][0] == expected or (math.isnan(found["reach"][0]) and math.isnan(expected))


def test_backward_direction_counts_from_the_start():
    frame = profile([1, 0.5, 0.001, 0.0001], direction=1)
    assert reach(frame)["reach"].tolist() == [1.0]
    assert reach(frame.assign(direction=0))["reach"].tolist() == [3.0]


def test_a_pass_that_is_nan_throughout_is_told_from_one_that_was_not_measured():
    frame = profile([NAN] * 3)
    assert reach(frame.assign(nonfinite=1.0))["reach"].tolist() == [2.0]
    assert math.isnan(reach(frame.assign(nonfinite=0.0))["reach"][0])


def test_every_pass_is_its_own():
    frame = pd.concat(
        [profile([0.001, 0, 1], run="a", step=0, layer=0), profile([1, 1, 1], run="a", step=0, layer=1),
         profile([0, 1, 1, 1, 1], run="b", step=5, layer=0)]
    ).sample(frac=1, random_state=0)  # fmt: skip
    found = reach(frame)
    assert found[["run", "step", "layer", "reach", "length"]].values.tolist() == [
        ["a", 0, 0, 0.0, 3], ["a", 0, 1, 2.0, 3], ["b", 5, 0, 3.0, 5],
    ]  # fmt: skip


@settings(deadline=None)
@given(st.lists(st.floats(1e-290, 1e30) | st.just(0.0), min_size=1, max_size=30), st.floats(1e-3, 1))
def test_against_the_obvious(values, share):
    obvious = [len(values) - 1 - t for t, value in enumerate(values) if value >= share * max(values) > 0]
    found = reach(profile(values), share)["reach"][0]
    assert found == max(obvious) if obvious else math.isnan(found)


def test_mistakes_and_nothing():
    with pytest.raises(ValueError, match="grad_c"):
        reach(profile([1.0]), quantity="grad_c")
    with pytest.raises(ValueError, match="share"):
        reach(profile([1.0]), share=0)
    assert reach(profile([])).empty
