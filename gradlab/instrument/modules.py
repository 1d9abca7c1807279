"""What gradlab knows of torch's recurrent modules: which recurrence they compute and where their weights are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
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
    held: Mapping[str, Tensor] | None = None
    """Copies of the weights by attribute, where a pass is replayed after they have moved on."""

    def hold(self) -> Layout:
        """The same layout with the weights as they are now."""
        rows = [(layer, direction) for layer in range(self.layers) for direction in range(self.directions)]
        names = {name for row in rows for name in self.names(*row).values()}
        return replace(self, held={name: getattr(self.module, name).detach().clone() for name in names})

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

    @property
    def is_torchs(self) -> bool:
        """Whether the module is one of torch's, so that its fused kernels can run it."""
        return isinstance(self.module, LAYERED + CELLS)

    def names(self, layer: int, direction: int) -> dict[str, str]:
        """Attribute of the module by short name, for the weights that it has."""
        suffix = "" if self.is_cell else f"_l{layer}" + ("_reverse" if direction else "")
        settings: Any = self.module
        known = WEIGHTS if self.is_torchs else self.recurrence.weight_shapes(settings.input_size, settings.hidden_size)
        names = {short: short + suffix for short in known}
        return {short: name for short, name in names.items() if getattr(self.module, name, None) is not None}

    def weights(self, layer: int, direction: int) -> Weights:
        """The weights of one layer and direction, detached."""
        names = self.names(layer, direction)
        if self.held is not None:
            return {short: self.held[name] for short, name in names.items()}
        return {short: getattr(self.module, name).detach() for short, name in names.items()}

    def run(self, weights: Weights, inputs: Tensor, initial: States) -> Tensor:
        """One layer in one direction, fused where torch can: hidden states `time batch hidden`, without gradient."""
        if not self.is_torchs:
            return self.recurrence.run(weights, inputs, initial)[0]
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
    """The layout of a recurrent module of torch, or of one that names its recurrence; None for any other module.

    A module whose attribute `recurrence` is a `Recurrence` (`gradlab.models.RecurrentLayer`) promises those equations,
    the weights' names with `_l0`, `_l1`, … behind them, and torch's way of being called; the replay holds it to that.

    Raises UnsupportedError for a subclass with a `forward` of its own: its equations are not known.
    """
    known = next((kind for kind in LAYERED + CELLS if isinstance(module, kind)), None)
    if known is None:
        other: Any = module
        named: Any = getattr(module, "recurrence", None)
        return Layout(module, named, other.num_layers, 1, False) if isinstance(named, Recurrence) else None
    if type(module).forward is not known.forward:
        raise UnsupportedError(
            f"module {name!r}: expected torch's own {known.__name__}, got the subclass {type(module).__name__} with a "
            "forward() of its own, whose equations gradlab cannot know; register it as "
            "a cell, gradlab.watch(model, cells={...: gradlab.instrument.Cell(...)})"
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


def recurrent_modules(model: nn.Module, without: Iterable[nn.Module] = ()) -> Iterator[tuple[str, Layout]]:
    """Names and layouts of all recurrent modules in a model, each once; the model itself is called `model`.

    Modules in `without`, and what they hold, are left out.
    """
    seen = {id(part) for module in without for part in module.modules()}
    for name, module in model.named_modules():
        found = None if id(module) in seen else layout(module, name or "model")
        if found is not None:
            seen.add(id(module))
            yield name or "model", found
