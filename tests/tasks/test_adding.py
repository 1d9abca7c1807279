"""The adding problem: positions of the markers, targets and published baselines."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from gradlab.tasks import Adding


@settings(deadline=None, max_examples=40)
@given(steps=st.integers(24, 90), form=st.sampled_from(["le2015", "hochreiter1997"]), seed=st.integers(0, 2**32))
def test_two_marked_numbers_make_the_target(steps: int, form: str, seed: int) -> None:
    batch = Adding(form=form, steps=steps).batch(50, torch.Generator().manual_seed(seed))
    numbers, markers = batch.inputs.unbind(-1)
    for sequence in range(50):
        marked = [t for t in range(steps) if markers[t, sequence] == 1.0]
        assert len(marked) == 2
        total = sum(float(numbers[t, sequence]) for t in marked)
        if form == "le2015":
            assert marked[0] < steps // 2 <= marked[1]
            assert set(markers[:, sequence].tolist()) == {0.0, 1.0}
            expected = total
        else:
            assert min(marked) >= 1 and any(t < 10 for t in marked) and max(marked) < steps // 2 - 1
            assert [t for t in range(steps) if markers[t, sequence] == -1.0] == [0, steps - 1]
            expected = 0.5 + total / 4
        assert float(batch.targets[sequence, 0]) == pytest.approx(expected, abs=1e-6)
    assert float(numbers.min()) >= (0.0 if form == "le2015" else -1.0)
    assert float(numbers.max()) <= 1.0


@pytest.mark.parametrize("form", ["le2015", "hochreiter1997"])
def test_every_allowed_pair_of_positions_comes_up(form: str) -> None:
    batch = Adding(form=form, steps=24).batch(20_000, torch.Generator().manual_seed(0))
    marked = (batch.inputs[..., 1] == 1.0).transpose(0, 1).nonzero()[:, 1].reshape(-1, 2)
    found = {(int(first), int(second)) for first, second in marked}
    if form == "le2015":
        assert found == {(first, second) for first in range(12) for second in range(12, 24)}
    else:
        assert found == {(first, second) for first in range(1, 10) for second in range(first + 1, 11)}


@pytest.mark.parametrize(("form", "published"), [("le2015", 1 / 6), ("hochreiter1997", 1 / 24)])
def test_chance_by_quadrature(form: str, published: float) -> None:
    middles = (np.arange(4000) + 0.5) / 4000
    if form == "hochreiter1997":
        middles = 2 * middles - 1
    total = middles[:, None] + middles[None, :]
    targets, centre = (total, 1.0) if form == "le2015" else (0.5 + total / 4, 0.5)
    chance = Adding(form=form).chance
    assert chance.loss == pytest.approx(published, abs=1e-12)
    assert np.square(targets - centre).mean() == pytest.approx(chance.loss, abs=5e-6)
    assert (np.abs(targets - centre) < 0.04).mean() == pytest.approx(chance.score, abs=5e-4)


def test_too_short_for_its_markers_is_refused() -> None:
    with pytest.raises(ValidationError, match="at least 24 steps for the form 'hochreiter1997', got 23"):
        Adding(form="hochreiter1997", steps=23)


@pytest.mark.parametrize("form", ["le2015", "hochreiter1997"])
def test_demanded_lag_is_the_longest_that_occurs(form: str) -> None:
    task = Adding(form=form, steps=24)
    batch = task.batch(5000, torch.Generator().manual_seed(0))
    earliest = int((batch.inputs[..., 1] == 1.0).any(dim=1).nonzero()[0])
    assert task.demanded_lag == task.length - 1 - earliest
