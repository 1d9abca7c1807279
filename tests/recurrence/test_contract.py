"""What every recurrence promises: trace, adjoint and Jacobian agree with its step under autograd, in float64."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from gradlab.dynamics.operator import JacobianOperator
from gradlab.recurrence import Trace, project, reference, weight_gradients
from tests.comparison import assert_equal
from tests.recurrence.cases import CASES, Case, Passing, passing

every_case = pytest.mark.parametrize("case", CASES, ids=str)
SHAPES = [
    {},
    {"T": 1},
    {"B": 1},
    {"H": 1},
    {"inputs": 1, "T": 2},
    {"T": 70, "B": 2},
    {"bias": False},
    {"T": 1, "B": 1, "inputs": 1, "H": 1, "bias": False},
]
shapes = pytest.mark.parametrize("sizes", SHAPES, ids=str)


def check_trace(case: Case, p: Passing) -> Trace:
    """The trace by running, and the trace with known outputs, against the equations."""
    slow = case.recurrence.run(p.weights, p.inputs, p.initial)
    running = case.recurrence.trace(p.weights, p.inputs, p.initial)
    known = case.recurrence.trace(p.weights, p.inputs, p.initial, slow[0])
    for trace in (running, known):
        assert len(trace.states) == len(case.recurrence.state_names)
        for name, got, expected in zip(case.recurrence.state_names, trace.states, slow, strict=True):
            assert_equal(got, expected, 1e-13, f"state {name}")
    for name in running.gates:
        assert_equal(known.gates[name], running.gates[name], 1e-13, f"gate {name}")
    for name, (lower, upper) in case.recurrence.gate_bounds.items():
        gate = running.gates[name]
        assert gate.min() >= lower and gate.max() <= upper, f"gate {name} leaves [{lower}, {upper}]"
    return known


def check_adjoint(case: Case, p: Passing, direct: tuple[Tensor | None, ...]) -> None:
    """All gradients against autograd on the unrolled equations."""
    trace = case.recurrence.trace(p.weights, p.inputs, p.initial)
    kept = [None if gradient is None else gradient.clone() for gradient in direct]
    got = case.recurrence.adjoint(p.weights, trace, direct)
    expected, gradients = reference.adjoint(case.recurrence, p.weights, p.inputs, p.initial, direct)
    for before, after in zip(kept, direct, strict=True):
        assert before is None or (after is not None and torch.equal(before, after)), "direct was changed"
    for name, a, b in zip(case.recurrence.state_names, got.states, expected.states, strict=True):
        assert_equal(a, b, 1e-12, f"dL/d{name}_t")
    # The slope of a saturated unit, 1 − h², is rounded as a number near 1: what it lets through of the adjoint that
    # comes in is known to some 1e-16 of that adjoint only, in autograd too (60 digits tell: 6e-12 of a value of 8e-7).
    first = 1e-3 * max(float(states[0].abs().max()) for states in expected.states)
    for name, a, b in zip(case.recurrence.state_names, got.initial, expected.initial, strict=True):
        assert_equal(a, b, 1e-12, f"dL/d{name} before the first step", floor=first)
    assert_equal(got.inputs, expected.inputs, 1e-12, "dL/dx_t")
    rebuilt = weight_gradients(got)
    assert rebuilt.keys() == p.weights.keys()
    probes = torch.randn(64, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    for name, gradient in gradients.items():
        assert_equal(rebuilt[name], gradient, 1e-12, f"dL/d{name}", floor=1e-2)
        if gradient.dim() == 2:
            tried = probes[: gradient.shape[1]]
            assert_equal(project(got, name, tried), gradient @ tried, 1e-11, f"dL/d{name} times probes", floor=1e-2)
        else:
            expected_product = gradient.unsqueeze(1) @ probes[:1]
            assert_equal(
                project(got, name, probes[:1]), expected_product, 1e-12, f"dL/d{name} times probes", floor=1e-2
            )


@every_case
@shapes
def test_the_trace_is_what_the_equations_give(case: Case, sizes: dict) -> None:
    check_trace(case, passing(case, **sizes))


@every_case
@shapes
def test_the_adjoint_is_autograds(case: Case, sizes: dict) -> None:
    p = passing(case, **sizes)
    for present in product([True, False], repeat=len(p.direct)):
        check_adjoint(case, p, tuple(d if here else None for d, here in zip(p.direct, present, strict=True)))


@every_case
def test_time_is_cut_into_blocks_without_a_seam(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gradlab.recurrence.sweep._BLOCK_BYTES", 2048)
    p = passing(case, T=70)
    check_trace(case, p)
    check_adjoint(case, p, p.direct)


@every_case
def test_inputs_need_not_be_contiguous(case: Case) -> None:
    plain = passing(case)
    wide = Passing(
        {name: torch.stack([w, w], -1)[..., 0] for name, w in plain.weights.items()},
        plain.inputs.transpose(0, 1).contiguous().transpose(0, 1),
        tuple(torch.cat([s, s], -1)[:, : s.shape[1]] for s in plain.initial),
        tuple(d.transpose(0, 1).contiguous().transpose(0, 1) for d in plain.direct),
    )
    assert not wide.inputs.is_contiguous() and not wide.direct[0].is_contiguous()
    check_trace(case, wide)
    check_adjoint(case, wide, wide.direct)


@every_case
def test_a_loss_at_the_last_step_alone(case: Case) -> None:
    p = passing(case, T=12)
    direct = tuple(torch.zeros_like(d) for d in p.direct)
    direct[0][-1] = p.direct[0][-1]
    check_adjoint(case, p, direct)


@every_case
@settings(deadline=None, max_examples=12)
@given(
    sizes=st.tuples(st.integers(1, 9), st.integers(1, 4), st.integers(1, 5), st.integers(1, 6)),
    bias=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_any_shape(case: Case, sizes: tuple[int, int, int, int], bias: bool, seed: int) -> None:
    """Time, batch, inputs, hidden."""
    p = passing(case, *sizes, bias=bias, seed=seed)
    check_trace(case, p)
    check_adjoint(case, p, p.direct)
    check_jacobian(case, p)


def check_jacobian(case: Case, p: Passing) -> JacobianOperator:
    """Dense form, products from both sides and determinant against `jacrev` of one step."""
    trace = case.recurrence.trace(p.weights, p.inputs, p.initial)
    before = tuple(trace.before(k) for k in range(len(trace.states)))
    operator = case.recurrence.jacobian(p.weights, trace, before)
    expected = reference.jacobian(case.recurrence, p.weights, p.inputs, before)
    assert operator.shape == expected.shape
    assert_equal(operator.dense(), expected, 1e-12, "J")
    vectors = torch.randn(*expected.shape[:-1], 2, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    assert_equal(operator.apply(vectors), expected @ vectors, 1e-12, "J V")
    assert_equal(operator.apply_transpose(vectors), expected.mT @ vectors, 1e-12, "Jᵀ V")
    shared = vectors[0, 0]
    assert_equal(operator.apply(shared), expected @ shared, 1e-12, "J V with V shared by all steps")
    signs, logs = torch.linalg.slogdet(expected)
    got = operator.log_abs_det()
    assert got.shape == logs.shape
    dead = signs == 0
    assert (got[dead] == -torch.inf).all(), "ln|det J| of a singular Jacobian"
    # LU of a matrix that is singular but for rounding knows only that its determinant is tiny.
    alive = ~dead & (torch.linalg.cond(expected) < 1e10)
    torch.testing.assert_close(got[alive], logs[alive], rtol=1e-9, atol=1e-9)
    return operator


@every_case
@shapes
def test_the_jacobian_is_jacrevs(case: Case, sizes: dict) -> None:
    check_jacobian(case, passing(case, **sizes))


@every_case
def test_a_jacobian_can_be_indexed_and_cast(case: Case) -> None:
    operator = check_jacobian(case, passing(case))
    assert isinstance(operator, JacobianOperator)
    dense = operator.dense()
    for index in (2, -1, slice(1, 4), (3, 1), (slice(None), 0), torch.tensor([0, 2])):
        chosen = operator[index]
        assert chosen.shape == dense[index].shape
        assert_equal(chosen.dense(), dense[index], 1e-14, f"J[{index}]")
        assert_equal(chosen.log_abs_det(), operator.log_abs_det()[index], 1e-9, f"ln|det J[{index}]|")
    single = operator.to(torch.float32)
    assert_equal(single.dense(), dense.float(), 1e-6, "J in float32")
    assert single.apply(torch.ones(dense.shape[-1], 1)).dtype == torch.float32


@every_case
def test_steps_that_stand_side_by_side_know_where_they_started(case: Case) -> None:
    """`started_from` replaces the step before: single steps of one sequence, none the continuation of the last."""
    p = passing(case)
    whole = case.recurrence.trace(p.weights, p.inputs, p.initial)
    generator = torch.Generator().manual_seed(3)
    started = tuple(torch.randn(s.shape, dtype=s.dtype, generator=generator) for s in whole.states)
    folded = case.recurrence.trace(
        p.weights, p.inputs.flatten(0, 1).unsqueeze(0), tuple(s.flatten(0, 1) for s in started)
    )
    apart = Trace(
        p.inputs,
        tuple(s[0] for s in started),
        tuple(s[0].unflatten(0, p.inputs.shape[:2]) for s in folded.states),
        {name: gate[0].unflatten(0, p.inputs.shape[:2]) for name, gate in folded.gates.items()},
        started,
    )
    operator = case.recurrence.jacobian(p.weights, apart, started)
    assert_equal(operator.dense(), reference.jacobian(case.recurrence, p.weights, p.inputs, started), 1e-12, "J")
    times, sequences = torch.tensor([0, 3, 6]), torch.tensor([2, 0])
    for trace, full in ((apart, started), (whole, tuple(map(whole.before, range(len(whole.states)))))):
        selected, before = trace.select(times, sequences)
        for got, expected in zip(before, full, strict=True):
            assert_equal(got, expected[times][:, sequences], 0.0, "state before a selected step")
        small = case.recurrence.jacobian(p.weights, selected, before).dense()
        large = case.recurrence.jacobian(p.weights, trace, full).dense()
        assert_equal(small, large[times][:, sequences], 1e-14, "J of selected steps")


@every_case
def test_one_step_takes_any_leading_axes(case: Case) -> None:
    p = passing(case)
    trace = case.recurrence.trace(p.weights, p.inputs, p.initial)
    before = tuple(map(trace.before, range(len(trace.states))))
    for got, expected in zip(case.recurrence.step(p.weights, p.inputs, before), trace.states, strict=True):
        assert_equal(got, expected, 1e-13, "all steps at once")


@every_case
def test_first_weights_are_finite_and_drawn_from_the_generator(case: Case) -> None:
    H = case.hidden(8)
    shapes = case.recurrence.weight_shapes(3, H)
    drawn = []
    for _ in range(2):
        weights = {name: torch.full(shape, torch.nan) for name, shape in shapes.items()}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(5)
            case.recurrence.initialise(weights, H)
        drawn.append(weights)
    for name, weight in drawn[0].items():
        assert weight.isfinite().all(), name
        assert torch.equal(weight, drawn[1][name]), name
