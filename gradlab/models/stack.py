"""A deep stack, plain or residual, whose depth plays the part that time plays in a recurrent net.

Its weights differ from layer to layer, so it is no `gradlab.recurrence.Recurrence`, whose steps share theirs: each
block is a cell with weights of its own, and watching treats the blocks as the steps of one sequence,

    gradlab.watch(model, cells={StackBlock: gradlab.instrument.Cell(input=None, state=0, depth=True)})

so that `t` in the tables is the depth. The residual stack is to the plain one what the LSTM's cell state is to a plain
RNN (He et al. 2016, section 3; Srivastava, Greff & Schmidhuber 2015): its Jacobian is the identity and a small rest.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gradlab.shapes import Float


class StackBlock(nn.Module):
    """One layer: tanh(W h + b), or h + step_size · tanh(W h + b)."""

    def __init__(self, width: int, residual: bool, step_size: float = 1.0) -> None:
        super().__init__()
        self.linear = nn.Linear(width, width)
        self.residual = residual
        self.step_size = step_size

    def forward(self, state: Float[Tensor, "batch width"]) -> Float[Tensor, "batch width"]:
        """The state one layer deeper."""
        new = torch.tanh(self.linear(state))
        return state + self.step_size * new if self.residual else new


class DeepStack(nn.Module):
    """Encoder, many blocks of one width, readout.

    Attributes:
        encoder: `batch feature` to `batch width`.
        blocks: `depth` instances of `StackBlock`.
        readout: `batch width` to `batch output`.
    """

    def __init__(
        self, input_size: int, width: int, depth: int, output_size: int, residual: bool = True, step_size: float = 1.0
    ) -> None:
        super().__init__()
        self.encoder = nn.Linear(input_size, width)
        self.blocks = nn.ModuleList(StackBlock(width, residual, step_size) for _ in range(depth))
        self.readout = nn.Linear(width, output_size)

    def forward(self, inputs: Float[Tensor, "batch feature"]) -> Float[Tensor, "batch output"]:
        """Answers of the whole stack."""
        state = self.encoder(inputs)
        for block in self.blocks:
            state = block(state)
        return self.readout(state)
