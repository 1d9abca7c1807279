"""What the dynamics ask of a family of Jacobians: products from both sides, and a dense form when wanted.

`gradlab.recurrence` gives such operators in closed form; a plain tensor of Jacobians is wrapped by `Dense`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from gradlab.lu import log_abs_det


@runtime_checkable
class JacobianOperator(Protocol):
    """Jacobians ∂s_t/∂s_{t−1} with any leading axes (time first), row the new state, column the old one."""

    @property
    def shape(self) -> torch.Size:
        """Leading axes, then states twice: `time ... states states`."""

    def __getitem__(self, index: Any) -> JacobianOperator:
        """Select along the leading axes."""

    def apply(self, vectors: Tensor) -> Tensor:
        """J @ V for `... states k`."""

    def apply_transpose(self, vectors: Tensor) -> Tensor:
        """Jᵀ @ V for `... states k`."""

    def dense(self) -> Tensor:
        """The matrices themselves, `... states states`."""

    def log_abs_det(self) -> Tensor:
        """ln|det J|, shape of the leading axes; −∞ where J is singular."""


@dataclass(frozen=True, slots=True)
class Dense:
    """Jacobians that are given as a tensor `time ... states states`."""

    matrices: Tensor

    @property
    def shape(self) -> torch.Size:
        """Leading axes, then states twice."""
        return self.matrices.shape

    def __getitem__(self, index: Any) -> Dense:
        """Select along the leading axes."""
        return Dense(self.matrices[index])

    def to(self, dtype: torch.dtype) -> Dense:
        """The same in another dtype."""
        return Dense(self.matrices.to(dtype))

    def apply(self, vectors: Tensor) -> Tensor:
        """J @ V for `... states k`."""
        return self.matrices @ vectors

    def apply_transpose(self, vectors: Tensor) -> Tensor:
        """Jᵀ @ V for `... states k`."""
        return self.matrices.mT @ vectors

    def dense(self) -> Tensor:
        """The matrices themselves."""
        return self.matrices

    def log_abs_det(self) -> Tensor:
        """ln|det J| by LU, shape of the leading axes."""
        return log_abs_det(self.matrices)
