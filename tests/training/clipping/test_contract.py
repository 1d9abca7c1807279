"""What every clipper promises, on gradients of every size."""

import math

import pytest
import torch

from gradlab.training.clipping import CLIPPERS, Clipping
from gradlab.training.clipping.measure import cosine
from tests.training.clipping.cases import BROKEN, CLIPPINGS, HUGE, NORMS, grads, parameters, slow_norm

ALL = pytest.mark.parametrize("clipping", CLIPPINGS, ids=str)


def test_every_strategy_is_tested_here() -> None:
    assert {type(clipping) for clipping in CLIPPINGS} == set(CLIPPERS)


@ALL
def test_the_report_tells_what_happened(clipping: Clipping) -> None:
    clipper = clipping.start()
    for seed, norm in enumerate(NORMS + HUGE):
        given = parameters(norm, seed)
        before = grads(given)
        report = clipper(given)
        after = grads(given)
        assert report.norm_before == pytest.approx(slow_norm(before), rel=1e-12)
        assert report.norm_after == pytest.approx(slow_norm(after), rel=3e-7)
        assert report.cosine == pytest.approx(cosine(before, after), abs=1e-6)
        changed = any(not torch.equal(one, two) for one, two in zip(before, after, strict=True))
        assert changed <= report.fired
        assert report.coefficient == pytest.approx(
            report.norm_after / report.norm_before if report.fired else 1.0, rel=1e-12
        )
        assert all(grad.isfinite().all() for grad in after)


@ALL
def test_a_finite_gradient_never_becomes_zero(clipping: Clipping) -> None:
    clipper = clipping.start()
    for norm in NORMS[1:] + HUGE:
        given = parameters(norm)
        clipper(given)
        assert slow_norm(grads(given)) > 0, norm


@ALL
@pytest.mark.parametrize("value", BROKEN)
def test_a_broken_gradient_is_left_as_it_is_and_reported(clipping: Clipping, value: float) -> None:
    clipper = clipping.start()
    clipper(parameters(2.0))
    given = parameters(5.0)
    given[1].grad[2] = value  # type: ignore[index]
    before = grads(given)
    report = clipper(given)
    for one, two in zip(before, grads(given), strict=True):
        assert torch.equal(one.view(torch.int32), two.view(torch.int32))
    assert not report.fired and report.coefficient == 1.0
    assert math.isnan(report.norm_before) if math.isnan(value) else report.norm_before == math.inf
    assert math.isnan(report.cosine)


@ALL
def test_parameters_may_come_as_a_generator_or_alone(clipping: Clipping) -> None:
    given = parameters(3.0)
    whole = clipping.start()(parameter for parameter in given)
    assert whole.norm_before == pytest.approx(3.0, rel=1e-6)
    alone = parameters(3.0)[0]
    expected = slow_norm(grads([alone]))
    assert clipping.start()(alone).norm_before == pytest.approx(expected, rel=1e-12)


@ALL
def test_without_any_gradient_there_is_nothing_to_do(clipping: Clipping) -> None:
    report = clipping.start()([torch.zeros(3, requires_grad=True)])
    assert (report.norm_before, report.norm_after, report.fired) == (0.0, 0.0, False)


@ALL
def test_its_memory_can_be_kept_and_taken_up(clipping: Clipping) -> None:
    first = clipping.start()
    for seed, norm in enumerate(NORMS):
        first(parameters(norm, seed))
    second = clipping.start()
    second.restore(first.state())
    for seed, norm in enumerate(NORMS):
        one, two = parameters(norm, seed), parameters(norm, seed)
        assert repr(first(one)) == repr(second(two))
        assert all(torch.equal(a, b) for a, b in zip(grads(one), grads(two), strict=True))
