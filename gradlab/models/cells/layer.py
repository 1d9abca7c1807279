"""Layers of any recurrence, trainable, called like torch's recurrent modules."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from gradlab.recurrence import Recurrence, States
from gradlab.shapes import Float

State = Tensor | tuple[Tensor, ...]
"""One tensor `layers batch hidden` for a state of one part, a tuple of them for a state of several."""


class RecurrentLayer(nn.Module):
    """Layers of one recurrence, one above the other, run step by step under autograd.

    The parameters are the recurrence's weights by their own names, with `_l0`, `_l1`, … behind them as in torch. The
    attribute `recurrence` is how `gradlab.watch` knows the equations. The first part of the state is the output.

    Attributes:
        recurrence: the equations of every layer.
        input_size: features per time step.
        hidden_size: units of each layer.
        num_layers: layers, one above the other.
        dropout: share of a layer's outputs that is dropped on the way to the layer above, in training.
    """

    def __init__(
        self, recurrence: Recurrence, input_size: int, hidden_size: int, num_layers: int = 1, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.recurrence = recurrence
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.dropout = dropout
        for layer in range(num_layers):
            shapes = recurrence.weight_shapes(input_size if layer == 0 else hidden_size, hidden_size)
            for name, shape in shapes.items():
                self.register_parameter(f"{name}_l{layer}", nn.Parameter(torch.empty(shape)))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all weights again by the recurrence's own rule, from torch's global generator."""
        for layer in range(self.num_layers):
            self.recurrence.initialise(self.weights(layer), self.hidden_size)

    def weights(self, layer: int) -> dict[str, Tensor]:
        """The parameters of one layer by the recurrence's names."""
        suffix = f"_l{layer}"
        return {
            name.removesuffix(suffix): parameter
            for name, parameter in self.named_parameters(recurse=False)
            if name.endswith(suffix)
        }

    def forward(
        self, input: Float[Tensor, "time batch feature"], hx: State | None = None
    ) -> tuple[Float[Tensor, "time batch hidden"], State]:
        """Outputs of the last layer, and the state of all layers after the last step; None starts from zero."""
        count = len(self.recurrence.state_names)
        if hx is None:
            start = (input.new_zeros(self.num_layers, input.shape[1], self.hidden_size),) * count
        else:
            start = hx if isinstance(hx, tuple) else (hx,)
        if len(start) != count:
            raise ValueError(
                f"hx: expected {count} tensors for the state {self.recurrence.state_names}, got {len(start)}"
            )
        ends: list[States] = []
        output = input
        for layer in range(self.num_layers):
            weights, states = self.weights(layer), tuple(part[layer] for part in start)
            outputs = []
            for x in output.unbind():
                states = self.recurrence.step(weights, x, states)
                outputs.append(states[0])
            output = torch.stack(outputs)
            ends.append(states)
            if self.dropout > 0 and layer < self.num_layers - 1:
                output = functional.dropout(output, self.dropout, self.training)
        final = tuple(torch.stack(parts) for parts in zip(*ends, strict=True))
        return output, final if count > 1 else final[0]

    def extra_repr(self) -> str:
        """The recurrence and the sizes."""
        layers = f", num_layers={self.num_layers}" if self.num_layers > 1 else ""
        return f"{self.recurrence}, {self.input_size}, {self.hidden_size}{layers}"
