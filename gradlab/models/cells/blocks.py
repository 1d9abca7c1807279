"""Linear recurrences with what makes a net of them: a readout of every layer, with a nonlinearity behind it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import PackedSequence

from gradlab.models.cells.layer import RecurrentLayer
from gradlab.recurrence import Recurrence
from gradlab.shapes import Float


class ReadBlocks(nn.Module):
    """Per layer a recurrence, then y = GELU(C h + D x): the blocks of linear recurrent units, called like torch's.

    Source: Orvieto et al. (2023), figure 1 and eq. 4, where C h is the real part of a complex map, and a gated unit
    with a skip connection stands in the place of the GELU. Each recurrence is a `RecurrentLayer` of one layer, which is
    what `gradlab.watch` finds.
    """

    def __init__(
        self, recurrence: Recurrence, input_size: int, hidden_size: int, num_layers: int = 1, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.dropout = dropout
        widths = [input_size] + [hidden_size] * (num_layers - 1)
        self.recurrent = nn.ModuleList(RecurrentLayer(recurrence, width, hidden_size) for width in widths)
        self.read = nn.ModuleList(nn.Linear(hidden_size, hidden_size) for _ in widths)
        self.skip = nn.ModuleList(nn.Linear(width, hidden_size, bias=False) for width in widths)

    def forward(
        self,
        input: Float[Tensor, "time batch feature"] | PackedSequence,
        hx: Float[Tensor, "layers batch hidden"] | None = None,
    ) -> tuple[Float[Tensor, "time batch hidden"] | PackedSequence, Float[Tensor, "layers batch hidden"]]:
        """Outputs of the last layer, and the recurrent state of all layers after the last step.

        Of packed sequences the outputs are packed as well.
        """
        ends = []
        output = input
        for layer, (recurrent, read, skip) in enumerate(zip(self.recurrent, self.read, self.skip, strict=True)):
            states, end = recurrent(output, None if hx is None else hx[layer : layer + 1])
            new = functional.gelu(read(_data(states)) + skip(_data(output)))
            ends.append(end)
            if self.dropout > 0 and layer < self.num_layers - 1:
                new = functional.dropout(new, self.dropout, self.training)
            output = new if isinstance(output, Tensor) else output._replace(data=new)
        return output, torch.cat(ends)


def _data(values: Tensor | PackedSequence) -> Tensor:
    """All steps of a packed sequence in one row: what acts on each step alone need not know where it stands."""
    return values if isinstance(values, Tensor) else values.data
