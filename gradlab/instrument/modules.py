"""What gradlab knows of torch's recurrent modules: which recurrence they compute and where their weights are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gradlab.errors import UnsupportedError
from gradlab.recurrence import GRU, LSTM, RNN, Recurrence, States, Weights

WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")
"""Short names of torch's recurrent parameters."""

LAYERED = (nn.RNN, nn.LSTM, nn.GRU)
CELLS = (nn.RNNCell, nn.LSTMCell, nn.GRUCell)


@dataclass(frozen=True, slots=True)
class Layout:
    """How one recurrent module is built, whether it is a stack of layers or a single cell."""

    module: nn.Module
    recurrence: Recurrence
    layers: int
    directions: int
    is_cell: bool

    @property
    def batch_first(self) -> bool:
        """Whether batched input comes as `batch time feature`."""
        return bool(getattr(self.module, "batch_first", False))

    @property
    def dropout(self) -> float:
        """Probability of dropout between layers; 0 where it does not act."""
        probability: Any = getattr(self.module, "dropout", 0.0)
        return float(probability) if self.module.training and self.layers > 1 else 0.0

    @property
    def state_sizes(self) -> tuple[int, ...]:
        """Width of each part of the state, in the order of the recurrence's names."""
        module: Any = self.module
        hidden = int(module.hidden_size)
        projected = int(getattr(module, "proj_size", 0)) or hidden
        return (projected, hidden)[: len(self.recurrence.state_names)]

    def names(self, layer: int, direction: int) -> dict[str, str]:
        """Attribute of the module by short name, for the weights that it has."""
        suffix = "" if self.is_cell else f"_l{layer}" + ("_reverse" if direction else "")
        names = {short: short + suffix for short in WEIGHTS}
        return {short: name for short, name in names.items() if getattr(self.module, name, None) is not None}

    def weights(self, layer: int, direction: int) -> Weights:
        """The weights of one layer and direction, detached."""
        return {short: getattr(self.module, name).detach() for short, name in self.names(layer, direction).items()}

    def run(self, weights: Weights, inputs: Tensor, initial: States) -> Tensor:
        """One layer in one direction by torch's fused kernel: hidden states `time batch hidden`, without gradient."""
        flat = [weights[short] for short in WEIGHTS if short in weights]
        # bias, one layer, no dropout, not training, one direction, time first
        options = ("bias_ih" in weights, 1, 0.0, False, False, False)
        state = tuple(part.unsqueeze(0).contiguous() for part in initial)
        if isinstance(self.recurrence, LSTM):
            return torch.lstm(inputs, state, flat, *options)[0]
        if isinstance(self.recurrence, GRU):
            return torch.gru(inputs, state[0], flat, *options)[0]
        assert isinstance(self.recurrence, RNN)
        kernel = torch.rnn_tanh if self.recurrence.nonlinearity == "tanh" else torch.rnn_relu
        return kernel(inputs, state[0], flat, *options)[0]


def layout(module: nn.Module, name: str) -> Layout | None:
    """The layout of a recurrent module of torch, or None for any other module.

    Raises UnsupportedError for a subclass with a `forward` of its own: its equations are not known.
    """
    known = next((kind for kind in LAYERED + CELLS if isinstance(module, kind)), None)
    if known is None:
        return None
    if type(module).forward is not known.forward:
        raise UnsupportedError(
            f"module {name!r}: expected torch's own {known.__name__}, got the subclass {type(module).__name__} with a "
            "forward() of its own, whose equations gradlab cannot know; register it as a cell, "
            "or leave it out with watch(..., modules=[...])"
        )
    is_cell = known in CELLS
    settings: Any = module
    recurrence: Recurrence
    if known in (nn.LSTM, nn.LSTMCell):
        recurrence = LSTM()
    elif known in (nn.GRU, nn.GRUCell):
        recurrence = GRU()
    else:
        recurrence = RNN(settings.nonlinearity)
    directions = 2 if getattr(module, "bidirectional", False) else 1
    return Layout(module, recurrence, getattr(settings, "num_layers", 1), directions, is_cell)


def recurrent_modules(model: nn.Module) -> Iterator[tuple[str, Layout]]:
    """Names and layouts of all recurrent modules in a model, each once; the model itself is called `model`."""
    seen: set[int] = set()
    for name, module in model.named_modules():
        found = layout(module, name or "model")
        if found is not None and id(module) not in seen:
            seen.add(id(module))
            yield name or "model", found
