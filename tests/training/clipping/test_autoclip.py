"""AutoClip against numpy's percentiles."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradlab.training.clipping import AutoClip
from tests.training.clipping.cases import parameters


@settings(deadline=None)
@given(
    norms=st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=30),
    percentile=st.sampled_from([0.0, 10.0, 37.5, 100.0]),
)
def test_the_threshold_is_numpys_percentile(norms: list[float], percentile: float) -> None:
    clip, seen = AutoClip(percentile), []
    for norm in norms:
        report = clip(parameters(norm))
        seen.append(report.norm_before)
        expected = float(np.percentile(seen, percentile))
        assert report.threshold == pytest.approx(expected, rel=1e-12)
        assert report.norm_after == pytest.approx(min(report.norm_before, expected), rel=1e-12)


def test_what_is_zero_or_broken_is_not_remembered() -> None:
    clip = AutoClip()
    for norm in (0.0, float("nan"), float("inf"), 2.0):
        clip(parameters(norm))
    assert clip.state()["norms"] == pytest.approx([2.0], rel=1e-6)
    assert clip(parameters(0.0)).threshold == pytest.approx(2.0, rel=1e-6)


def test_a_percentile_must_be_one() -> None:
    with pytest.raises(ValueError, match=r"from 0 to 100, got 101\.0"):
        AutoClip(101.0)
