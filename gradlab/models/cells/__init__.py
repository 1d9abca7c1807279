"""The table of recurrent cells that a study can name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Literal

from torch import nn

from gradlab.models.cells.blocks import ReadBlocks
from gradlab.models.cells.layer import RecurrentLayer
from gradlab.recurrence import (
    GRU,
    LRU,
    LSTM,
    MGU,
    RNN,
    AntisymmetricRNN,
    CoRNN,
    MinGRU,
    MinimalRNN,
    MinLSTM,
    PeepholeLSTM,
    Recurrence,
    ResidualRNN,
)

if TYPE_CHECKING:
    from gradlab.models.settings import ModelSettings

CellName = Literal[
    "rnn",
    "lstm",
    "gru",
    "mgu",
    "minimal_rnn",
    "mingru",
    "minlstm",
    "lru",
    "antisymmetric",
    "cornn",
    "peephole_lstm",
    "residual",
]

RECURRENCE: dict[CellName, type[Recurrence]] = {
    "rnn": RNN,
    "lstm": LSTM,
    "gru": GRU,
    "mgu": MGU,
    "minimal_rnn": MinimalRNN,
    "mingru": MinGRU,
    "minlstm": MinLSTM,
    "lru": LRU,
    "antisymmetric": AntisymmetricRNN,
    "cornn": CoRNN,
    "peephole_lstm": PeepholeLSTM,
    "residual": ResidualRNN,
}
"""The recurrence of every cell. A further cell is one line here and one word in `CellName`.

Cells that torch has are torch's modules; all others are `RecurrentLayer`s of their recurrence.
"""

CONSTANTS = ("nonlinearity", "step_size", "frequency", "damping")
"""Settings of a model that belong to the recurrence, and not to every one."""

Builder = Callable[..., nn.Module]
_BUILDERS: dict[CellName, Builder] = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}


def constants(cell: CellName) -> frozenset[str]:
    """Those of `CONSTANTS` that a cell has."""
    return frozenset(field.name for field in fields(RECURRENCE[cell])) & frozenset(CONSTANTS)  # type: ignore[arg-type]


def has_recurrent_matrix(cell: CellName) -> bool:
    """Whether units read each other, so that there is a matrix for an initialiser to set."""
    return "weight_hh" in RECURRENCE[cell]().weight_shapes(1, 2)


def has_forget_gate(cell: CellName) -> bool:
    """Whether the forget gate stands second of four, as in torch's LSTM."""
    return RECURRENCE[cell].recurrent_blocks == LSTM.recurrent_blocks


def recurrent_part(input_size: int, settings: ModelSettings) -> nn.Module:
    """The recurrent layers of some settings.

    They are called like torch's: inputs `time batch feature` and a state, giving outputs `time batch hidden` and the
    state afterwards; `hidden_size` is their width. Raises ValueError for a size that the cell cannot have.
    """
    sizes = (input_size, settings.hidden, settings.layers)
    if settings.cell in _BUILDERS:
        return _BUILDERS[settings.cell](*sizes, dropout=settings.dropout, **_chosen(settings))
    layers = ReadBlocks if settings.cell == "lru" else RecurrentLayer
    return layers(equations(settings), *sizes, dropout=settings.dropout)


def equations(settings: ModelSettings) -> Recurrence:
    """The recurrence of some settings."""
    return RECURRENCE[settings.cell](**_chosen(settings))


def _chosen(settings: ModelSettings) -> dict[str, Any]:
    """The constants of the cell that the settings give."""
    given = {name: getattr(settings, name) for name in constants(settings.cell)}
    return {name: value for name, value in given.items() if value is not None}


__all__ = [
    "CONSTANTS",
    "RECURRENCE",
    "CellName",
    "ReadBlocks",
    "RecurrentLayer",
    "constants",
    "equations",
    "has_forget_gate",
    "has_recurrent_matrix",
    "recurrent_part",
]
