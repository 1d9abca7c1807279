"""Singular values of long products of Jacobians, in logs and to full relative accuracy.

These are ln σ of one matrix, ∂s_T/∂s_0 = J_T ⋯ J_1. They are not T times the Lyapunov exponents, nor sums of
QR log-diagonals: those differ from ln σ by a constant that does not shrink with T. See
`gradlab.dynamics.lyapunov`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gradlab.dynamics.graded import GradedProduct, log_singular_values
from gradlab.dynamics.inputs import (
    STRETCH_ENTRIES,
    Jacobians,
    JacobianStream,
    as_operator,
    in_dtype,
    stretches,
)
from gradlab.dynamics.norms import euclidean_norm
from gradlab.dynamics.operator import JacobianOperator

GRADED = 1e-3
"""Rows (columns) whose norms differ by more than this factor are treated each by its own size."""
CACHED_ENTRIES = 2**17
"""Matrix entries that are looked over at a time: 1 MiB, so that they stay in cache."""
OVERSAMPLE = 8
MAX_PASSES = 24
WORTHWHILE = 8
"""Subspace iteration is used where it carries fewer than one column in this many."""


@torch.no_grad()
def log_singular_values_of_product(
    jacobians: JacobianStream, k: int | None = None, *, tolerance: float = 1e-11, seed: int = 0
) -> Tensor:
    """Logarithms ln σ of J_T ⋯ J_1, `... k` in float64, descending; never under- or overflowing, whatever T.

    −∞ where rank is lost exactly: where, at some step, a singular value is zero, or cannot be told from the
    rounding of its rows and columns. NaN throughout for a sequence with a Jacobian that is not finite. Memory
    does not grow with T if the Jacobians come as a stream.

    Method: the product is kept as Q·D·T̃ (see `gradlab.dynamics.graded`), one QR a step, and one-sided Jacobi
    at the end. With k, subspace iteration between the two ends of the product, at T·N²·k a pass: usually two
    to four passes; where it does not settle, the full product is taken. A stream can be passed only once:
    there all N are computed, and the k largest returned.

    Args:
        jacobians: ∂s_t/∂s_{t−1}, `time ... states states`, as a tensor, an operator, or an iterable of such
            stretches of time.
        k: how many of the largest; all by default.
        tolerance: with k, passes end when no ln σ changes by more than this, relative to max(1, |ln σ|).
        seed: with k, of the starting subspace.

    Raises ValueError for Jacobians of the wrong shape or dtype, and for k out of range.
    """
    if k is not None and isinstance(jacobians, Tensor | JacobianOperator):
        operator = as_operator(jacobians)
        states = operator.shape[-1]
        if not 1 <= k <= states:
            raise ValueError(f"expected 1 ≤ k ≤ {states} singular values, got k = {k}")
        if WORTHWHILE * (k + OVERSAMPLE) < states:
            leading = _leading(operator, k, tolerance, seed)
            if leading is not None:
                return leading
    sweep = Sweep()
    for stretch in stretches(jacobians, entries=CACHED_ENTRIES):
        sweep.advance(stretch.dense())
    found = sweep.log_singular_values()
    if k is not None and not 1 <= k <= found.shape[-1]:
        raise ValueError(f"expected 1 ≤ k ≤ {found.shape[-1]} singular values, got k = {k}")
    return found[..., :k]


@torch.no_grad()
def log_singular_values_by_lag(jacobians: Jacobians, lags: Sequence[int] | None = None) -> Tensor:
    """Logarithms ln σ of ∂s_T/∂s_{T−lag} for every lag, `lag ... states` in float64, from one backward sweep.

    Accuracy, −∞ and NaN as in `log_singular_values_of_product`.

    Args:
        jacobians: ∂s_t/∂s_{t−1}, `time ... states states`.
        lags: which lags, ascending, from 1 to T; all of them by default.

    Raises ValueError for Jacobians of the wrong shape or dtype, and for lags out of range or order.
    """
    operator = as_operator(jacobians)
    steps = operator.shape[0]
    wanted = list(range(1, steps + 1)) if lags is None else list(lags)
    if not wanted or wanted != sorted(set(wanted)) or wanted[0] < 1 or wanted[-1] > steps:
        raise ValueError(f"expected ascending lags between 1 and {steps}, got {wanted}")
    together = max(1, STRETCH_ENTRIES // max(1, operator.shape[1:].numel()))
    found: list[Tensor] = []
    kept: list[tuple[Tensor, Tensor, Tensor]] = []
    sweep = Sweep()
    for matrices in _single_steps_back(operator, wanted[-1]):
        sweep.advance(matrices.mT)
        if sweep.steps not in wanted[len(found) + len(kept) : len(found) + len(kept) + 1]:
            continue
        product = sweep.product
        kept.append((product.mantissas, product.exponents, product.triangle))
        if len(kept) == together or sweep.steps == wanted[-1]:
            found.extend(log_singular_values(*(torch.stack(part) for part in zip(*kept, strict=True))))
            kept.clear()
    result = torch.stack(found)
    # A lag that reaches back over a Jacobian that is not finite is NaN; shorter ones are right.
    for position, lag in enumerate(wanted):
        result[position] = result[position].masked_fill((sweep.first_bad <= lag).unsqueeze(-1), torch.nan)
    return result


@dataclass(slots=True)
class Sweep:
    """A product that grows by dense stretches of time; sequences that are not finite are set aside as NaN."""

    steps: int = 0
    _product: GradedProduct | None = None
    _first_bad: Tensor | None = None

    @property
    def product(self) -> GradedProduct:
        """The product so far."""
        assert self._product is not None
        return self._product

    @property
    def first_bad(self) -> Tensor:
        """The step, from 1, at which each sequence was not finite first; a huge number for never."""
        assert self._first_bad is not None
        return self._first_bad

    def advance(self, matrices: Tensor) -> None:
        """Multiply by J_1, J_2, … from the left: `time ... states states`, dense, float64."""
        finite = matrices.isfinite().all(-1).all(-1)
        if self._first_bad is None:
            self._first_bad = torch.full(matrices.shape[1:-2], torch.iinfo(torch.int64).max, device=matrices.device)
        if not bool(finite.all()):
            identity = torch.eye(matrices.shape[-1], dtype=matrices.dtype, device=matrices.device)
            matrices = torch.where(finite[..., None, None], matrices, identity)
            first = self.steps + 1 + (~finite).int().argmax(0)
            self._first_bad = torch.where(finite.all(0), self._first_bad, self._first_bad.minimum(first))
        self.steps += len(matrices)
        if self._product is None:
            self._product, matrices = GradedProduct.of(matrices[0]), matrices[1:]
        if len(matrices):
            self._multiply(matrices)

    def log_singular_values(self) -> Tensor:
        """Logarithms ln σ of the product so far, `... states`; NaN for sequences that were not finite."""
        return self.product.log_singular_values().masked_fill((self.first_bad <= self.steps).unsqueeze(-1), torch.nan)

    def _multiply(self, matrices: Tensor) -> None:
        row_norms, column_norms = euclidean_norm(matrices, -1), euclidean_norm(matrices, -2)
        graded_rows, graded_columns = _graded(row_norms), _graded(column_norms)
        frobenius = euclidean_norm(row_norms, -1).unsqueeze(-1)
        for t, matrix in enumerate(matrices):
            if graded_columns[t]:
                # Columns of different size: first scale the rows of Q, then multiply by what remains.
                scale = column_norms[t]
                self._multiply_sorted(torch.diag_embed(scale))
                self._multiply_sorted(matrix / torch.where(scale > 0, scale, 1.0).unsqueeze(-2))
            elif graded_rows[t]:
                self._multiply_sorted(matrix)
            else:
                self.product.multiply(matrix @ self.product.basis, frobenius[t])

    def _multiply_sorted(self, matrix: Tensor) -> None:
        norms, order = euclidean_norm(matrix, -1).sort(dim=-1, descending=True, stable=True)
        moved = matrix.take_along_dim(order.unsqueeze(-1), -2) @ self.product.basis
        self.product.multiply(moved, norms, order)


def _graded(norms: Tensor) -> list[bool]:
    """Per time, whether norms `time ... n` differ so much that size must be respected."""
    differ = norms.amin(-1) < GRADED * norms.amax(-1)
    found: list[bool] = differ.reshape(len(differ), -1).any(-1).tolist()
    return found


def _single_steps_back(operator: JacobianOperator, count: int) -> Iterator[Tensor]:
    """The last `count` dense Jacobians, one step at a time from the end backward, `1 ... states states`."""
    for stretch in stretches(operator[operator.shape[0] - count :], backward=True):
        matrices = stretch.dense()
        for t in range(len(matrices) - 1, -1, -1):
            yield matrices[t : t + 1]


def _leading(operator: JacobianOperator, k: int, tolerance: float, seed: int) -> Tensor | None:
    """The k largest by subspace iteration between the two ends; None where it does not settle."""
    operator = in_dtype(operator)
    steps, (*batch, states, _) = operator.shape[0], operator.shape[1:]
    generator = torch.Generator().manual_seed(seed)
    start = torch.randn(*batch, states, k + OVERSAMPLE, dtype=torch.float64, generator=generator)
    basis = torch.linalg.qr(start.to(operator[0].dense().device)).Q
    before = None
    bad = torch.zeros(batch, dtype=torch.bool, device=basis.device)
    for sweep in range(MAX_PASSES):
        product = GradedProduct.start(basis)
        forward = sweep % 2 == 0
        for t in range(steps) if forward else range(steps - 1, -1, -1):
            step = operator[t]
            moved = step.apply(product.basis) if forward else step.apply_transpose(product.basis)
            norms = euclidean_norm(moved.flatten(-2), -1).unsqueeze(-1)
            if not bool(norms.isfinite().all()):
                bad |= ~norms.squeeze(-1).isfinite()
                moved = torch.where(bad[..., None, None], product.basis, moved)
            product.multiply(moved, norms)
        basis = product.basis
        found = product.log_singular_values()[..., :k]
        if before is not None:
            same = (found - before).abs() <= tolerance * found.abs().clamp(min=1)
            if bool((same | (found == before) | bad.unsqueeze(-1)).all()):
                return found.masked_fill(bad.unsqueeze(-1), torch.nan)
        before = found
    return None
