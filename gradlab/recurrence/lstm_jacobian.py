"""The Jacobian of the LSTM's full state (h, c) in closed form, and its inverse, without a dense matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gradlab.lu import log_abs_det
from gradlab.recurrence.jacobian import BlockJacobian, differentiated, fill
from gradlab.recurrence.sweep import blocks, fresh


@dataclass(frozen=True, slots=True)
class LSTMJacobian:
    """∂(h', c')/∂(h, c) at any number of steps, without the dense matrix until it is asked for."""

    blocks: Tensor
    """U_i, U_f, U_g, U_o: `gate hidden output`."""
    slopes: Tensor
    """∂c'/∂a of i, f, g and ∂m/∂a of o: `... gate hidden`."""
    forget: Tensor
    """f: `... hidden`."""
    through_cell: Tensor
    """o (1 − tanh² c'): `... hidden`."""
    projection: Tensor | None = None
    """W_hr: `output hidden`."""

    @property
    def shape(self) -> torch.Size:
        """Leading axes, then states twice."""
        states = self.blocks.shape[2] + self.blocks.shape[1]
        return torch.Size((*self.forget.shape[:-1], states, states))

    def __getitem__(self, index: Any) -> LSTMJacobian:
        """Select along the leading axes."""
        return LSTMJacobian(
            self.blocks, self.slopes[index], self.forget[index], self.through_cell[index], self.projection
        )

    def to(self, dtype: torch.dtype) -> LSTMJacobian:
        """The same in another dtype."""
        projection = None if self.projection is None else self.projection.to(dtype)
        return LSTMJacobian(
            self.blocks.to(dtype),
            self.slopes.to(dtype),
            self.forget.to(dtype),
            self.through_cell.to(dtype),
            projection,
        )

    @property
    def cell(self) -> BlockJacobian:
        """A = ∂c'/∂h."""
        return BlockJacobian(self.blocks[:3], self.slopes[..., :3, :])

    @property
    def _output(self) -> BlockJacobian:
        """∂m/∂h along the output gate alone, m = o tanh c'."""
        return BlockJacobian(self.blocks[3:], self.slopes[..., 3:, :])

    def apply(self, vectors: Tensor) -> Tensor:
        """J @ V for `... states k`."""
        v_h, v_c = vectors.split((self.blocks.shape[2], self.blocks.shape[1]), -2)
        c = self.cell.apply(v_h) + self.forget.unsqueeze(-1) * v_c
        m = self._output.apply(v_h) + self.through_cell.unsqueeze(-1) * c
        return torch.cat([m if self.projection is None else self.projection @ m, c], -2)

    def apply_transpose(self, vectors: Tensor) -> Tensor:
        """Jᵀ @ V for `... states k`."""
        v_h, v_c = vectors.split((self.blocks.shape[2], self.blocks.shape[1]), -2)
        m = v_h if self.projection is None else self.projection.mT @ v_h
        c = v_c + self.through_cell.unsqueeze(-1) * m
        h = self._output.apply_transpose(m) + self.cell.apply_transpose(c)
        return torch.cat([h, self.forget.unsqueeze(-1) * c], -2)

    def dense(self) -> Tensor:
        """The matrices themselves, `... states states`, in the order (h, c)."""
        P = self.blocks.shape[2]
        if self.projection is not None or differentiated(self.slopes, self.blocks):
            return self._assembled()
        result = fresh(self.forget, *self.shape)
        matrices, slopes, forget, through = (
            part.reshape(-1, *part.shape[axis:])
            for part, axis in ((result, -2), (self.slopes, -2), (self.forget, -1), (self.through_cell, -1))
        )
        for part in blocks(len(matrices), matrices[0].nbytes):
            hidden, cell = matrices[part, :P], matrices[part, P:]
            fill(cell[..., :P], slopes[part, :3], self.blocks[:3])
            fill(hidden[..., :P], slopes[part, 3:], self.blocks[3:])
            hidden[..., :P].addcmul_(through[part].unsqueeze(-1), cell[..., :P])
            for carried, diagonal in ((hidden, through[part] * forget[part]), (cell, forget[part])):
                carried[..., P:].zero_().diagonal(dim1=-2, dim2=-1).copy_(diagonal)
        return result

    def _assembled(self) -> Tensor:
        """The same from whole parts, nothing in place."""
        cell = self.cell.dense()
        hidden = self._output.dense() + self.through_cell.unsqueeze(-1) * cell
        upper = torch.cat([hidden, torch.diag_embed(self.through_cell * self.forget)], -1)
        lower = torch.cat([cell, torch.diag_embed(self.forget)], -1)
        return torch.cat([upper if self.projection is None else self.projection @ upper, lower], -2)

    def inverse(self) -> InverseLSTMJacobian | None:
        """J⁻¹ in closed form; None with a projection, and where some J has no finite inverse."""
        if self.projection is not None:
            return None
        inverse_output, failed = torch.linalg.inv_ex(self.blocks[3])
        smallest = torch.minimum(self.slopes[..., 3, :].abs().amin(), self.forget.amin())
        tiny = torch.finfo(self.forget.dtype).tiny / torch.finfo(self.forget.dtype).eps
        return None if bool(failed) or not bool(smallest > tiny) else InverseLSTMJacobian(self, inverse_output)

    def log_abs_det(self) -> Tensor:
        """Σ ln|f| + Σ ln|tanh(c') o(1−o)| + ln|det U_o|; with a projection by LU. −∞ where J is singular."""
        if self.projection is not None:
            return log_abs_det(self.dense())
        along_gates = self.forget.abs().log().sum(-1) + self.slopes[..., 3, :].abs().log().sum(-1)
        return along_gates + log_abs_det(self.blocks[3])


@dataclass(frozen=True, slots=True)
class InverseLSTMJacobian:
    """∂(h, c)/∂(h', c'): h = U_o⁻¹ ((h' − d ∘ c') / p), c = (c' − A h) / f, with p, d, A of the Jacobian.

    Its largest singular value is the inverse of the Jacobian's smallest one.
    """

    jacobian: LSTMJacobian
    inverse_output: Tensor
    """U_o⁻¹: `hidden hidden`."""

    @property
    def shape(self) -> torch.Size:
        """Leading axes, then states twice."""
        return self.jacobian.shape

    def __getitem__(self, index: Any) -> InverseLSTMJacobian:
        """Select along the leading axes."""
        return InverseLSTMJacobian(self.jacobian[index], self.inverse_output)

    def to(self, dtype: torch.dtype) -> InverseLSTMJacobian:
        """The same in another dtype."""
        return InverseLSTMJacobian(self.jacobian.to(dtype), self.inverse_output.to(dtype))

    def apply(self, vectors: Tensor) -> Tensor:
        """J⁻¹ @ V for `... states k`."""
        J = self.jacobian
        new_h, new_c = vectors.chunk(2, -2)
        through, to_output = J.through_cell.unsqueeze(-1), J.slopes[..., 3, :].unsqueeze(-1)
        h = self.inverse_output @ ((new_h - through * new_c) / to_output)
        return torch.cat([h, (new_c - J.cell.apply(h)) / J.forget.unsqueeze(-1)], -2)

    def apply_transpose(self, vectors: Tensor) -> Tensor:
        """J⁻ᵀ @ V for `... states k`."""
        J = self.jacobian
        h, c = vectors.chunk(2, -2)
        carried = c / J.forget.unsqueeze(-1)
        m = self.inverse_output.mT @ (h - J.cell.apply_transpose(carried)) / J.slopes[..., 3, :].unsqueeze(-1)
        return torch.cat([m, carried - J.through_cell.unsqueeze(-1) * m], -2)

    def dense(self) -> Tensor:
        """The matrices themselves, `... states states`."""
        identity = torch.eye(self.shape[-1], dtype=self.inverse_output.dtype, device=self.inverse_output.device)
        return self.apply(identity.expand(self.shape))

    def log_abs_det(self) -> Tensor:
        """ln|det J⁻¹|."""
        return -self.jacobian.log_abs_det()
