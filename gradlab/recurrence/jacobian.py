"""Jacobians in closed form: a sum of diagonal times matrix, with products from both sides and no dense matrix.

J = Σ_k diag(a_k) U_k + diag(d), where the U_k are the recurrent blocks, shared by all steps, and a_k, d belong to a
step. The plain RNN has one block, the GRU three and the diagonal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gradlab.lu import log_abs_det
from gradlab.recurrence.sweep import blocks, fresh


@dataclass(frozen=True, slots=True)
class BlockJacobian:
    """J = Σ_k diag(a_k) U_k + diag(d), at any number of steps."""

    blocks: Tensor
    """U, `block rows columns`."""
    scales: Tensor
    """a, `... block rows`."""
    diagonal: Tensor | None = None
    """d, `... rows`, or None for zero."""

    @property
    def shape(self) -> torch.Size:
        """Leading axes, then rows and columns."""
        return torch.Size((*self.scales.shape[:-2], *self.blocks.shape[1:]))

    def __getitem__(self, index: Any) -> BlockJacobian:
        """Select along the leading axes."""
        diagonal = None if self.diagonal is None else self.diagonal[index]
        return BlockJacobian(self.blocks, self.scales[index], diagonal)

    def to(self, dtype: torch.dtype) -> BlockJacobian:
        """The same in another dtype."""
        diagonal = None if self.diagonal is None else self.diagonal.to(dtype)
        return BlockJacobian(self.blocks.to(dtype), self.scales.to(dtype), diagonal)

    def apply(self, vectors: Tensor) -> Tensor:
        """J @ V for `... columns k`."""
        count, rows, columns = self.blocks.shape
        if count == 1 and self.scales.numel() == rows:  # one step of one sequence: nothing to bring together
            result = (self.blocks[0] @ vectors) * self.scales[..., 0, :].unsqueeze(-1)
            return result if self.diagonal is None else result + self.diagonal.unsqueeze(-1) * vectors
        # Vectors as rows: then all steps together are one product with one matrix.
        moved = (vectors.mT @ self.blocks.reshape(count * rows, columns).mT).unflatten(-1, (count, rows))
        result = (moved * self.scales.unsqueeze(-3)).sum(-2).mT
        return result if self.diagonal is None else result + self.diagonal.unsqueeze(-1) * vectors

    def apply_transpose(self, vectors: Tensor) -> Tensor:
        """Jᵀ @ V for `... rows k`."""
        count, rows, columns = self.blocks.shape
        scaled = (self.scales.unsqueeze(-3) * vectors.mT.unsqueeze(-2)).flatten(-2)
        result = (scaled @ self.blocks.reshape(count * rows, columns)).mT
        return result if self.diagonal is None else result + self.diagonal.unsqueeze(-1) * vectors

    def dense(self) -> Tensor:
        """The matrices themselves, `... rows columns`."""
        if differentiated(self.scales, self.blocks):
            result = (self.scales.unsqueeze(-1) * self.blocks).sum(-3)
            return result if self.diagonal is None else result + torch.diag_embed(self.diagonal)
        result = fresh(self.scales, *self.shape)
        matrices, scales = result.view(-1, *self.shape[-2:]), self.scales.reshape(-1, *self.scales.shape[-2:])
        for part in blocks(len(matrices), self.blocks[0].nbytes):
            fill(matrices[part], scales[part], self.blocks)
        if self.diagonal is not None:
            result.diagonal(dim1=-2, dim2=-1).add_(self.diagonal)
        return result

    def log_abs_det(self) -> Tensor:
        """ln|det J|: Σ ln|a| + ln|det U| for one block without diagonal, else by LU. −∞ where J is singular."""
        if self.blocks.shape[0] == 1 and self.diagonal is None:
            return self.scales[..., 0, :].abs().log().sum(-1) + log_abs_det(self.blocks[0])
        return log_abs_det(self.dense())


def fill(matrices: Tensor, scales: Tensor, terms: Tensor) -> None:
    """Write Σ_k diag(a_k) U_k: `step rows columns` from `step term rows` and `term rows columns`."""
    torch.mul(scales[:, 0].unsqueeze(-1), terms[0], out=matrices)
    for k in range(1, len(terms)):
        matrices.addcmul_(scales[:, k].unsqueeze(-1), terms[k])


def differentiated(*tensors: Tensor) -> bool:
    """Whether autograd or a transform of `torch.func` looks on, so that nothing may be written in place."""
    return any(
        (tensor.requires_grad and torch.is_grad_enabled()) or torch._C._functorch.is_functorch_wrapped_tensor(tensor)
        for tensor in tensors
    )
