"""One file per recurrence, each with the same four things: equations, trace, adjoint, Jacobian."""

from gradlab.recurrence.antisymmetric import AntisymmetricRNN
from gradlab.recurrence.base import Adjoint, Recurrence, States, Trace, Weights, project, weight_gradients
from gradlab.recurrence.cornn import CoRNN
from gradlab.recurrence.gru import GRU
from gradlab.recurrence.lru import LRU
from gradlab.recurrence.lstm import LSTM
from gradlab.recurrence.mgu import MGU
from gradlab.recurrence.mingru import MinGRU
from gradlab.recurrence.minimal_rnn import MinimalRNN
from gradlab.recurrence.minlstm import MinLSTM
from gradlab.recurrence.peephole import PeepholeLSTM
from gradlab.recurrence.residual import ResidualRNN
from gradlab.recurrence.rnn import RNN

RECURRENCES: tuple[Recurrence, ...] = (
    RNN("tanh"),
    RNN("relu"),
    LSTM(),
    GRU(),
    MGU(),
    MinimalRNN(),
    MinGRU(),
    MinLSTM(),
    LRU(),
    AntisymmetricRNN(),
    CoRNN(),
    PeepholeLSTM(),
    ResidualRNN(),
    ResidualRNN(step_size=0.3, damping=0.3),
)
"""All that gradlab knows in closed form; the contract suite runs over this list."""

__all__ = [
    "GRU",
    "LRU",
    "LSTM",
    "MGU",
    "RECURRENCES",
    "RNN",
    "Adjoint",
    "AntisymmetricRNN",
    "CoRNN",
    "MinGRU",
    "MinLSTM",
    "MinimalRNN",
    "PeepholeLSTM",
    "Recurrence",
    "ResidualRNN",
    "States",
    "Trace",
    "Weights",
    "project",
    "weight_gradients",
]
