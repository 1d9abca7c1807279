"""The table of recurrent cells that a study can name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from torch import nn

if TYPE_CHECKING:
    from gradlab.models.settings import ModelSettings

CellName = Literal["rnn", "lstm", "gru"]


def _sizes(input_size: int, settings: ModelSettings) -> dict[str, Any]:
    """The arguments that all of torch's recurrent modules share."""
    return {
        "input_size": input_size,
        "hidden_size": settings.hidden,
        "num_layers": settings.layers,
        "dropout": settings.dropout,
    }


def _rnn(input_size: int, settings: ModelSettings) -> nn.RNNBase:
    return nn.RNN(nonlinearity=settings.nonlinearity, **_sizes(input_size, settings))


def _lstm(input_size: int, settings: ModelSettings) -> nn.RNNBase:
    return nn.LSTM(**_sizes(input_size, settings))


def _gru(input_size: int, settings: ModelSettings) -> nn.RNNBase:
    return nn.GRU(**_sizes(input_size, settings))


CELLS: dict[CellName, Callable[[int, ModelSettings], nn.RNNBase]] = {"rnn": _rnn, "lstm": _lstm, "gru": _gru}
"""How to build the recurrent layers of a name, from the number of their inputs and the settings.

A further cell is one line here and one word in `CellName`. It must be called like torch's: inputs
`time batch feature` and a state, giving outputs `time batch hidden` and the state afterwards.
"""
