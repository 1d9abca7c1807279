"""What other clipping would have done is what it does."""

import math

import numpy as np
import pytest
import torch

from gradlab.training.clipping import CLIPPERS, NoClipping
from gradlab.training.clipping.alternatives import STANDARD, Alternatives, setting
from tests.training.clipping.cases import BROKEN, CLIPPINGS, NORMS, grads, parameters, slow_norm


def test_every_strategy_gets_what_its_own_clipper_reports() -> None:
    """Over a whole sequence of steps, those with a memory included, though only every third step is measured."""
    looking = Alternatives(CLIPPINGS)
    clippers = [clipping.start() for clipping in CLIPPINGS]
    for step, norm in enumerate(NORMS):
        given = parameters(norm, step)
        before = grads(given)
        reports = [clipper(parameters(norm, step)) for clipper in clippers]
        if step % 3:
            looking.remember(slow_norm(before))
            continue
        columns = looking.measure(given)
        for one, two in zip(before, grads(given), strict=True):
            assert torch.equal(one, two), "the gradient is left alone"
        for name, values in (("coefficient", "coefficient"), ("cosine", "cosine"), ("threshold", "threshold")):
            expected = [getattr(report, values) for report in reports]
            assert columns[name] == pytest.approx(expected, rel=1e-9, nan_ok=True), name
        assert list(columns["fired"]) == [report.fired for report in reports]


def test_memories_continue() -> None:
    first, second = Alternatives(STANDARD), Alternatives(STANDARD)
    for step, norm in enumerate(NORMS * 3):
        first.remember(slow_norm(grads(parameters(norm, step))))
    second.restore(first.state())
    one, two = (looking.measure(parameters(3.0)) for looking in (first, second))
    assert {name: repr(column) for name, column in one.items()} == {name: repr(column) for name, column in two.items()}


@pytest.mark.parametrize("value", BROKEN)
def test_a_broken_gradient_is_told_as_it_is(value: float) -> None:
    given = parameters(5.0)
    given[0].grad[0, 0] = value  # type: ignore[index]
    columns = Alternatives(STANDARD).measure(given)
    assert not columns["fired"].any() and np.isnan(columns["cosine"]).all()


def test_the_axes_tell_all_standard_ones_apart() -> None:
    rows = [(clipping.name, setting(clipping)) for clipping in STANDARD]
    assert len(set(rows)) == len(rows)
    assert all(math.isfinite(value) for _, value in rows)
    assert math.isnan(setting(NoClipping()))
    assert {clipping.name for clipping in STANDARD} >= {
        kind.model_fields["name"].default for kind in CLIPPERS
    } - {"none", "normalised"}  # fmt: skip
