"""One file per recurrence, each with the same four things: equations, trace, adjoint, Jacobian."""

from gradlab.recurrence.base import Adjoint, Recurrence, States, Trace, Weights, project, weight_gradients
from gradlab.recurrence.gru import GRU
from gradlab.recurrence.lstm import LSTM
from gradlab.recurrence.rnn import RNN

RECURRENCES: tuple[Recurrence, ...] = (RNN("tanh"), RNN("relu"), LSTM(), GRU())
"""All that gradlab knows in closed form; the contract suite runs over this list."""

__all__ = [
    "GRU",
    "LSTM",
    "RECURRENCES",
    "RNN",
    "Adjoint",
    "Recurrence",
    "States",
    "Trace",
    "Weights",
    "project",
    "weight_gradients",
]
