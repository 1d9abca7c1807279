"""Jacobians of recurrences whose units do not mix: diagonal, or a rotation and scaling of each complex unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class DiagonalJacobian:
    """J = diag(d), at any number of steps."""

    diagonal: Tensor
    """d, `... states`."""

    @property
    def shape(self) -> torch.Size:
        """Leading axes, then states twice."""
        return torch.Size((*self.diagonal.shape, self.diagonal.shape[-1]))

    def __getitem__(self, index: Any) -> DiagonalJacobian:
        """Select along the leading axes."""
        return DiagonalJacobian(self.diagonal[index])

    def to(self, dtype: torch.dtype) -> DiagonalJacobian:
        """The same in another dtype."""
        return DiagonalJacobian(self.diagonal.to(dtype))

    def apply(self, vectors: Tensor) -> Tensor:
        """J @ V for `... states k`."""
        return self.diagonal.unsqueeze(-1) * vectors

    def apply_transpose(self, vectors: Tensor) -> Tensor:
        """Jᵀ @ V for `... states k`: the same."""
        return self.apply(vectors)

    def dense(self) -> Tensor:
        """The matrices themselves, `... states states`."""
        return torch.diag_embed(self.diagonal)

    def log_abs_det(self) -> Tensor:
        """Σ ln|d|, shape of the leading axes; −∞ where a unit is dead."""
        return self.diagonal.abs().log().sum(-1)


@dataclass(frozen=True, slots=True)
class ComplexDiagonalJacobian:
    """J = [[diag(Re λ), −diag(Im λ)], [diag(Im λ), diag(Re λ)]] on states that are laid out (Re h, Im h)."""

    real: Tensor
    """Re λ, `... units`."""
    imaginary: Tensor
    """Im λ, `... units`."""

    @property
    def shape(self) -> torch.Size:
        """Leading axes, then twice the units, twice."""
        states = 2 * self.real.shape[-1]
        return torch.Size((*self.real.shape[:-1], states, states))

    def __getitem__(self, index: Any) -> ComplexDiagonalJacobian:
        """Select along the leading axes."""
        return ComplexDiagonalJacobian(self.real[index], self.imaginary[index])

    def to(self, dtype: torch.dtype) -> ComplexDiagonalJacobian:
        """The same in another real dtype."""
        return ComplexDiagonalJacobian(self.real.to(dtype), self.imaginary.to(dtype))

    def apply(self, vectors: Tensor) -> Tensor:
        """J @ V for `... states k`."""
        return self._turned(vectors, self.imaginary)

    def apply_transpose(self, vectors: Tensor) -> Tensor:
        """Jᵀ @ V for `... states k`: the conjugate λ."""
        return self._turned(vectors, -self.imaginary)

    def _turned(self, vectors: Tensor, imaginary: Tensor) -> Tensor:
        re, im = vectors.chunk(2, -2)
        a, b = self.real.unsqueeze(-1), imaginary.unsqueeze(-1)
        return torch.cat([a * re - b * im, b * re + a * im], -2)

    def dense(self) -> Tensor:
        """The matrices themselves, `... states states`."""
        a, b = torch.diag_embed(self.real), torch.diag_embed(self.imaginary)
        return torch.cat([torch.cat([a, -b], -1), torch.cat([b, a], -1)], -2)

    def log_abs_det(self) -> Tensor:
        """2 Σ ln|λ|, shape of the leading axes; −∞ where a unit is dead."""
        return 2 * torch.hypot(self.real, self.imaginary).log().sum(-1)
