"""What every function of Jacobians does: the same suite for all, with the hard cases."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

from gradlab.dynamics import (
    Dense,
    leading_singular_values,
    log_singular_values_by_lag,
    log_singular_values_of_product,
    log_teaching_norms,
    lyapunov_spectrum,
    singular_values,
    smallest_singular_values,
)
from tests.dynamics.nets import RowScaled, agrees, gaussian, tanh_net


def teaching(jacobians: Any) -> Tensor:
    shape = (1, *jacobians.shape[1:-1]) if hasattr(jacobians, "shape") else (1, 2)
    return log_teaching_norms(jacobians, torch.ones(shape, dtype=torch.float64), [jacobians.shape[0] - 1])


@dataclass(frozen=True)
class Case:
    name: str
    function: Callable[[Any], Tensor]
    sequence_axis: int
    tolerance: float = 1e-11


CASES = [
    Case("singular_values", singular_values, 1),
    Case("leading_singular_values", lambda j: leading_singular_values(j, 1).values, 1, 1e-6),
    Case("smallest_singular_values", lambda j: smallest_singular_values(j, 1).values, 1, 1e-6),
    Case("log_singular_values_of_product", log_singular_values_of_product, 0),
    Case("the largest of a product", lambda j: log_singular_values_of_product(j, 1), 0, 1e-9),
    Case("log_singular_values_by_lag", log_singular_values_by_lag, 1),
    Case("lyapunov_spectrum", lambda j: lyapunov_spectrum(j).exponents, 0, 1e-9),
    Case("the leading exponent", lambda j: lyapunov_spectrum(j, 1).exponents, 0, 1e-9),
    Case("log_teaching_norms", teaching, 2),
]


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


def example(states: int = 5, steps: int = 12, sequences: int = 3) -> RowScaled:
    return tanh_net(states, steps, sequences, sigma_w=1.3, injected=0.2)


def test_operator_and_tensor_agree(case: Case) -> None:
    operator = example()
    agrees(case.function(operator), case.function(operator.dense()), case.tolerance)


def test_batch_and_single_sequence_agree(case: Case) -> None:
    jacobians = example().dense()
    found = case.function(jacobians)
    for b in range(3):
        expected = case.function(jacobians[:, b].clone())
        # Starting bases differ from sequence to sequence of a batch: an exponent keeps a trace of that, over T.
        if case.name == "the leading exponent":
            continue
        agrees(found.select(case.sequence_axis, b), expected, case.tolerance)


def test_one_broken_sequence_leaves_the_others_right(case: Case) -> None:
    for bad in (torch.nan, torch.inf):
        jacobians = example().dense()
        clean = case.function(jacobians)
        jacobians[4, 1, 2, 3] = bad
        found = case.function(jacobians)
        for b in (0, 2):
            agrees(found.select(case.sequence_axis, b), clean.select(case.sequence_axis, b), case.tolerance)
        broken = found.select(case.sequence_axis, 1)
        assert broken.isnan().any() or broken.isinf().any()
        if case.sequence_axis == 0:
            assert broken.isnan().all()


def test_float32_is_raised_to_float64(case: Case) -> None:
    jacobians = example().dense().float()
    # singular_values takes a Gram matrix for float32, within the rounding of float32 itself.
    tolerance = 5e-7 if case.name == "singular_values" else case.tolerance
    agrees(case.function(jacobians), case.function(jacobians.double()), tolerance)


def test_layout_does_not_matter(case: Case) -> None:
    jacobians = example().dense()
    spread = jacobians.permute(3, 1, 0, 2).contiguous().permute(2, 1, 3, 0)
    assert not spread.is_contiguous()
    agrees(case.function(spread), case.function(jacobians), case.tolerance)


def test_the_input_stays_as_it_is_and_no_graph_is_built(case: Case) -> None:
    jacobians = example().dense().requires_grad_()
    before = jacobians.detach().clone()
    assert not case.function(jacobians).requires_grad
    assert torch.equal(jacobians.detach(), before)


@pytest.mark.parametrize("states, steps", [(1, 1), (1, 9), (4, 1)])
def test_smallest_sizes(case: Case, states: int, steps: int) -> None:
    jacobians = gaussian(steps, 2, states, states)
    found = case.function(jacobians)
    assert found.isfinite().all()
    if states == steps == 1 and case.name != "log_teaching_norms":
        value = float(found.select(case.sequence_axis, 0).flatten()[0])
        expected = abs(float(jacobians[0, 0]))
        assert value == pytest.approx(math.log(expected) if "singular_values" not in case.name or "log" in case.name
                                      else expected, rel=1e-12)  # fmt: skip


@pytest.mark.parametrize(
    "wrong, message",
    [
        (torch.ones(3, 4, 4, dtype=torch.int64), "real floating"),
        (torch.ones(3, 4, 4, dtype=torch.complex128), "real floating"),
        (torch.ones(4), "expected"),
        (torch.ones(0, 4, 4), "expected"),
        (torch.ones(3, 0, 0), "expected"),
    ],
    ids=["integers", "complex", "vector", "no time", "no states"],
)
def test_wrong_jacobians_are_one_clear_error(case: Case, wrong: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        case.function(wrong)


@pytest.mark.parametrize("shape", [(4, 4), (3, 4, 5)])
def test_not_square_or_without_time(case: Case, shape: tuple[int, ...]) -> None:
    if case.name == "singular_values":
        assert case.function(torch.ones(shape)).shape == (*shape[:-2], 4), "any matrices have singular values"
        return
    with pytest.raises(ValueError, match="expected Jacobians of shape `time"):
        case.function(torch.ones(shape))


def test_streams_say_what_is_wrong() -> None:
    with pytest.raises(ValueError, match="empty stream"):
        lyapunov_spectrum(iter([]))
    with pytest.raises(ValueError, match="every stretch of time"):
        lyapunov_spectrum(iter([torch.ones(2, 3, 3), torch.ones(2, 4, 4)]))


def test_dense_is_what_it_wraps() -> None:
    matrices, vectors = gaussian(4, 3, 3), gaussian(4, 3, 2, seed=1)
    operator = Dense(matrices)
    agrees(operator.apply(vectors), matrices @ vectors, 1e-15)
    agrees(operator.apply_transpose(vectors), matrices.mT @ vectors, 1e-15)
    agrees(operator.log_abs_det(), torch.linalg.det(matrices).abs().log(), 1e-12)
    assert operator.to(torch.float32).dense().dtype == torch.float32
