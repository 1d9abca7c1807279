"""Layers of any recurrence, trainable, called like torch's recurrent modules."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from gradlab.recurrence import Recurrence, States
from gradlab.shapes import Bool, Float

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
        self, input: Float[Tensor, "time batch feature"] | PackedSequence, hx: State | None = None
    ) -> tuple[Float[Tensor, "time batch hidden"] | PackedSequence, State]:
        """Outputs of the last layer, and the state of all layers after the last step; None starts from zero.

        Of packed sequences the outputs are packed as well, and the state is that behind each one's own last step.
        """
        if isinstance(input, PackedSequence):
            return self._packed(input, hx)
        return self._run(input, self._start(input, hx), None)

    def _start(self, input: Tensor, hx: State | None) -> States:
        count = len(self.recurrence.state_names)
        if hx is None:
            return (input.new_zeros(self.num_layers, input.shape[1], self.hidden_size),) * count
        start = hx if isinstance(hx, tuple) else (hx,)
        if len(start) != count:
            raise ValueError(
                f"hx: expected {count} tensors for the state {self.recurrence.state_names}, got {len(start)}"
            )
        return start

    def _packed(self, input: PackedSequence, hx: State | None) -> tuple[PackedSequence, State]:
        """In the order in which packed sequences lie, longest first."""
        order, back = input.sorted_indices, input.unsorted_indices
        padded, lengths = pad_packed_sequence(PackedSequence(input.data, input.batch_sizes))
        start = self._start(padded, hx)
        if hx is not None and order is not None:
            start = tuple(part.index_select(1, order) for part in start)
        real = torch.arange(len(padded)).unsqueeze(1) < lengths
        output, final = self._run(padded, start, real.to(padded.device))
        parts = final if isinstance(final, tuple) else (final,)
        if back is not None:
            parts = tuple(part.index_select(1, back) for part in parts)
        packed = PackedSequence(output[real.to(output.device)], input.batch_sizes, order, back)
        return packed, parts if isinstance(final, tuple) else parts[0]

    def _run(self, input: Tensor, start: States, real: Bool[Tensor, "time batch"] | None) -> tuple[Tensor, State]:
        """All layers over padded sequences: where a step is not real, the state stays as it was."""
        count = len(start)
        ends: list[States] = []
        output = input
        for layer in range(self.num_layers):
            weights, states = self.weights(layer), tuple(part[layer] for part in start)
            outputs = []
            for t, x in enumerate(output.unbind()):
                new = self.recurrence.step(weights, x, states)
                states = new if real is None else _where(real[t], new, states)
                outputs.append(states[0])
            output = torch.stack(outputs)
            ends.append(states)
            if self.dropout > 0 and layer < self.num_layers - 1:
                output = self._dropped(output, real)
        final = tuple(torch.stack(parts) for parts in zip(*ends, strict=True))
        return output, final if count > 1 else final[0]

    def _dropped(self, output: Tensor, real: Tensor | None) -> Tensor:
        """Dropout between layers; as in torch's modules it is drawn for real steps only."""
        if real is None:
            return functional.dropout(output, self.dropout, self.training)
        kept = torch.zeros_like(output)
        kept[real] = functional.dropout(output[real], self.dropout, self.training)
        return kept

    def extra_repr(self) -> str:
        """The recurrence and the sizes."""
        layers = f", num_layers={self.num_layers}" if self.num_layers > 1 else ""
        return f"{self.recurrence}, {self.input_size}, {self.hidden_size}{layers}"


def _where(real: Bool[Tensor, " batch"], new: States, old: States) -> States:
    return tuple(torch.where(real.unsqueeze(-1), one, other) for one, other in zip(new, old, strict=True))
