"""Advice on a threshold from recorded norms."""

import math

import numpy as np
import pytest

from gradlab.training.clipping.advice import advise_threshold


def test_it_is_what_the_paper_says_of_the_mean() -> None:
    norms = np.random.default_rng(0).lognormal(0.0, 0.3, 5000)
    advice = advise_threshold(norms)
    mean = norms[norms <= np.quantile(norms, 0.99)].mean()
    assert advice.low == pytest.approx(0.5 * mean, rel=1e-3)
    assert advice.high == pytest.approx(10 * mean, rel=1e-3)
    assert advice.low < advice.threshold < advice.high
    assert advice.share == (norms > advice.threshold).mean() < 0.05
    assert advice.autoclip == np.percentile(norms, 10)
    assert "section 3.2" in str(advice) and f"{advice.share:.0%} of 5000 steps" in str(advice)


def test_explosions_do_not_move_it() -> None:
    norms = np.random.default_rng(1).lognormal(0.0, 0.3, 1000)
    calm = advise_threshold(norms)
    spiked = advise_threshold([*norms, 1e6, 1e12, math.inf, math.nan, 0.0])
    assert spiked.threshold == pytest.approx(calm.threshold, rel=0.02)
    assert spiked.steps == 1002
    assert advise_threshold(norms * 1e-7).threshold == pytest.approx(calm.threshold * 1e-7)


def test_too_little_to_go_by() -> None:
    with pytest.raises(ValueError, match="at least 20 finite gradient norms above zero, got 3"):
        advise_threshold([1.0, 2.0, 3.0, math.nan, math.inf, 0.0] + [0.0] * 50)
