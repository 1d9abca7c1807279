"""A long product kept as Q·D·T̃, D in powers of two: products that never under- or overflow.

P = Q · diag(m · 2^e) · T̃ · V with Q orthonormal columns, |m| in [½, 1), e whole numbers, T̃ unit upper
triangular, and V an orthogonal matrix (permutations) that is not kept, since singular values do not depend on
it. Multiplying by J from the left: J Q = Q' R; D' = diag(R) D, signs and all; T̃' = (D'⁻¹ R D)
T̃, where the exponents are subtracted before anything is raised (G. W. Stewart, ETNA 5, 1997, 29–47). Where
R's diagonal loses rank or D falls out of order, R·D·T̃ is factored anew with pivoting by rows and columns,
which also keeps rows of different size accurate (Cox & Higham 1998, Higham 2000, BIT 40).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from gradlab.dynamics.jacobi import log_singular_values_of_rows, rescale

GROWTH_LIMIT = 1e3
"""An entry of T̃ above this means that D is out of order: factor anew, with pivoting."""
FAR = 900.0
"""Differences of exponents are cut here before raising 2 to them, so that 0 · 2^difference stays 0."""


@dataclass(slots=True)
class GradedProduct:
    """A product of matrices `... rows columns`, growing by `multiply`; float64."""

    basis: Tensor
    """Q, `... rows columns`."""
    mantissas: Tensor
    """m, `... columns`, of either sign; 0 for a direction that is lost."""
    exponents: Tensor
    """e, `... columns`."""
    triangle: Tensor
    """T̃, `... columns columns`; its row is 0 for a direction that is lost."""

    @classmethod
    def start(cls, basis: Tensor) -> GradedProduct:
        """The product of no factors, applied to orthonormal columns `... rows columns`."""
        ones = torch.ones_like(basis[..., 0, :])
        identity = torch.diag_embed(ones)
        return cls(basis, ones / 2, ones.clone(), identity)

    @classmethod
    def of(cls, matrix: Tensor) -> GradedProduct:
        """The product of one square matrix `... states states`, with pivoting by rows and columns."""
        zeros = torch.zeros_like(matrix[..., 0])
        return cls(*pivoted_qr(matrix, zeros, judge_rank=True))

    @property
    def alive(self) -> Tensor:
        """Which directions have not been lost exactly, `... columns`."""
        return self.mantissas != 0

    def multiply(self, moved: Tensor, row_norms: Tensor, order: Tensor | None = None) -> None:
        """Multiply by a matrix J from the left, given J Q, `... rows columns`.

        Args:
            moved: J Q, its rows sorted by `order` where that is given.
            row_norms: rank is judged against these, `... rows` like the rows of `moved`, or one number, `...
                1`.
            order: the rows of J from the largest to the smallest, `... rows`: Householder QR then keeps the
                accuracy of small rows, and rows that are exactly zero.
        """
        rows, columns = moved.shape[-2:]
        basis, upper = torch.linalg.qr(moved)
        if order is not None:
            basis = basis.take_along_dim(order.argsort(-1).unsqueeze(-1), -2)
        diagonal = upper.diagonal(dim1=-2, dim2=-1)
        noise = rank_noise(rows) * row_norms[..., :columns]
        lost = diagonal.abs() <= noise
        if bool(lost.any()) and bool((lost := lost & self.alive).any()):
            upper = torch.where(lost.unsqueeze(-1) & (upper.abs() <= noise.unsqueeze(-1)), 0.0, upper)
            self._factor_anew(basis, upper)
            return
        mantissas, shift = torch.frexp(self.mantissas * diagonal)
        exponents = self.exponents + shift
        step = (self.exponents.unsqueeze(-2) - exponents.unsqueeze(-1)).clamp_(max=FAR).exp2_().mul_(upper)
        step.mul_(self.mantissas.unsqueeze(-2)).div_(mantissas.unsqueeze(-1))
        if not bool(self.alive.all()):
            step = torch.where(self.alive.unsqueeze(-1), step, 0.0)
        triangle = step @ self.triangle
        low, high = torch.aminmax(triangle)
        if max(-float(low), float(high)) > GROWTH_LIMIT:
            self._factor_anew(basis, upper)
            return
        self.basis, self.mantissas, self.exponents, self.triangle = basis, mantissas, exponents, triangle

    def _factor_anew(self, basis: Tensor, upper: Tensor) -> None:
        """Bring basis · upper · D · T̃ back into the form, by QR with pivoting."""
        occupied = (upper != 0) & self.alive.unsqueeze(-2)
        largest = torch.where(occupied, self.exponents.unsqueeze(-2), -math.inf).amax(-1)
        largest = torch.where(largest == -math.inf, 0.0, largest)
        raised = torch.exp2(self.exponents.unsqueeze(-2) - largest.unsqueeze(-1))
        weights = torch.where(occupied, upper * raised * self.mantissas.unsqueeze(-2), 0.0)
        rotation, self.mantissas, self.exponents, self.triangle = pivoted_qr(weights @ self.triangle, largest)
        self.basis = basis @ rotation

    def log_singular_values(self) -> Tensor:
        """Logarithms ln σ of the product, `... columns` descending; −∞ for lost directions."""
        return log_singular_values(self.mantissas, self.exponents, self.triangle)


def log_singular_values(mantissas: Tensor, exponents: Tensor, triangle: Tensor) -> Tensor:
    """Logarithms ln σ of diag(m · 2^e) · T̃, `... columns` descending, to the last digits."""
    _, mantissas, exponents, triangle = pivoted_qr(triangle * mantissas.unsqueeze(-1), exponents)
    # T̃ = L V: V does not matter, and L's columns, graded by D, are nearly orthogonal where D is steep.
    lower = torch.linalg.qr(triangle.mT).R.mT
    # Columns of D·L, each with its own exponent, are what Jacobi rotates: σ(D L) = σ((D L)ᵀ).
    occupied = (lower != 0) & (mantissas != 0).unsqueeze(-1)
    largest = torch.where(occupied, exponents.unsqueeze(-1), -math.inf).amax(-2)
    largest = torch.where(largest == -math.inf, 0.0, largest)
    raised = torch.exp2(exponents.unsqueeze(-1) - largest.unsqueeze(-2))
    columns = torch.where(occupied, lower * raised * mantissas.unsqueeze(-1), 0.0)
    return log_singular_values_of_rows(columns.mT, largest)


def rank_noise(rows: int) -> float:
    """Relative size below which an entry of a QR of that many rows is rounding: rank is lost."""
    return max(rows, 10) * torch.finfo(torch.float64).eps


def pivoted_qr(rows: Tensor, exponents: Tensor, *, judge_rank: bool = False) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Householder QR, pivoted by rows and columns, of the square matrix with rows g_i · 2^{e_i}.

    Args:
        rows: g, `... n n`.
        exponents: e, whole numbers in float64, `... n`.
        judge_rank: rows that are left with nothing but rounding, judged by row and by column, count as zero.

    Returns:
        Q `... n n`; mantissas and exponents of D, `... n`, descending; T̃ `... n n`, unit upper triangular
        with entries of at most 1, in permuted columns. Rows beyond the rank are zero in T̃ and mantissas.
    """
    rows, exponents = rescale(rows, exponents)
    size = rows.shape[-1]
    # Rounding in entry (k, j) is relative to the original size of row k and of column j.
    by_column = rank_noise(size) * rows.abs().amax(-2, keepdim=True)
    noise = by_column.expand(rows.shape).clone() if judge_rank else None
    basis = torch.eye(size, dtype=rows.dtype, device=rows.device).expand(rows.shape).clone()
    for i in range(size):
        rest = rows[..., i:, :]
        if noise is not None:
            left = (rest.abs() > noise[..., i:, :])[..., i:].any(-1, keepdim=True)
            rest = torch.where(left, rest, 0.0)
        rest, scales = rescale(rest, exponents[..., i:])
        if noise is not None:
            noise[..., i:, :] *= torch.exp2(exponents[..., i:] - scales).unsqueeze(-1)
        occupied = (rest[..., i:] != 0).any(-1)
        reference = torch.where(occupied, scales, -math.inf).amax(-1, keepdim=True)
        reference = torch.where(reference == -math.inf, 0.0, reference)
        weight = torch.where(occupied, torch.exp2((scales - reference).clamp(max=0.0)), 0.0).unsqueeze(-1)
        column = i + (rest[..., i:] * weight).abs().amax(-2).argmax(-1)
        rows[..., i:, :], exponents[..., i:] = rest, scales
        _swap(rows, i, column, -1)
        if noise is not None:
            _swap(noise, i, column, -1)
        row = i + (rows[..., i:, i] * weight.squeeze(-1)).abs().argmax(-1)
        _swap(rows, i, row, -2)
        if noise is not None:
            _swap(noise, i, row, -2)
        _swap(basis, i, row, -1)
        _swap(exponents, i, row, -1)
        _swap(weight, 0, row - i, -2)
        _reflect(rows, basis, i, weight)
    diagonal = rows.diagonal(dim1=-2, dim2=-1)
    mantissas, shift = torch.frexp(diagonal)
    triangle = torch.where((diagonal != 0).unsqueeze(-1), rows / diagonal.unsqueeze(-1), 0.0).triu()
    return basis, mantissas, exponents + shift, triangle


def _reflect(rows: Tensor, basis: Tensor, i: int, weight: Tensor) -> None:
    """One Householder step in place: clear column i; `weight` brings rows i… to a common exponent."""
    own = rows[..., i:, i : i + 1].clone()
    vector = own * weight
    norm = torch.linalg.vector_norm(vector, dim=-2, keepdim=True)
    head = vector[..., :1, :]
    sign = torch.where(head < 0, -1.0, 1.0).to(rows.dtype)
    vector = torch.cat([head + sign * norm, vector[..., 1:, :]], -2)
    # The same vector in each row's own scale; the pivot row's weight is never small.
    safe = torch.where(weight[..., :1, :] > 0, weight[..., :1, :], 1.0)
    own = torch.cat([vector[..., :1, :] / safe, own[..., 1:, :]], -2)
    square = vector.square().sum(-2, keepdim=True)
    factor = torch.where(square > 0, 2 / square, 0.0)
    rows[..., i:, i:] -= own * (factor * (vector.mT @ (rows[..., i:, i:] * weight)))
    rows[..., i + 1 :, i] = 0.0
    part = basis[..., i:]
    basis[..., i:] = part - (part @ vector) * (factor * vector.mT)


def _swap(tensor: Tensor, i: int, other: Tensor, dim: int) -> None:
    """Swap entry i with entry `other` (one per batch) along a dimension from the end, in place."""
    size = tensor.shape[dim]
    batch = other.dim()
    order = torch.arange(size, device=tensor.device).expand(*other.shape, size).clone()
    order.scatter_(-1, other.unsqueeze(-1), i)
    order[..., i] = other
    index = order.reshape(*order.shape, *([1] * (-dim - 1)))
    if dim == -1 and tensor.dim() > batch + 1:
        index = order.unsqueeze(-2)
    tensor.copy_(tensor.take_along_dim(index, dim))
