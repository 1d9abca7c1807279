"""A random recurrent net and what backpropagation through time does in it: the one module here that needs torch.

Imported by the page Playground when it is opened, and by nothing else: all other pages stay light.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from gradlab.dynamics import singular_values
from gradlab.recurrence import GRU, LSTM, MGU, RNN, MinimalRNN, PeepholeLSTM, Recurrence

Initialisation = Literal["gaussian", "orthogonal", "identity", "torch"]
CELLS: dict[str, Recurrence] = {
    "rnn, tanh": RNN("tanh"),
    "rnn, relu": RNN("relu"),
    "lstm": LSTM(),
    "gru": GRU(),
    "mgu": MGU(),
    "minimal rnn": MinimalRNN(),
    "peephole lstm": PeepholeLSTM(),
}
SEQUENCES = 6
JACOBIANS = 16
"""Time steps, evenly spread, whose singular values are taken."""
_FORGET = slice(1, 2)
"""Which block of an LSTM's bias is the forget gate's, in torch's order i f g o."""


@dataclass(frozen=True, slots=True)
class RandomNet:
    """What to draw."""

    cell: str
    hidden: int
    initialisation: Initialisation
    gain: float
    """σ_w: standard deviation of Gaussian weights times √N, or the factor on an orthogonal matrix or the identity."""
    length: int
    drive: float
    """s: standard deviation of what the input adds to each pre-activation."""
    forget_bias: float = 0.0
    seed: int = 0


def frames_of(net: RandomNet) -> dict[str, pd.DataFrame]:
    """The tables `timesteps` (a run a sequence) and `spectra` of a net that is driven by independent Gaussian input.

    The loss is a random direction of the last hidden state.

    Args:
        net: what to draw.

    Returns:
        Frames by table name, with `run` and `step` 0; float64 throughout.
    """
    generator = torch.Generator().manual_seed(net.seed)
    recurrence = CELLS[net.cell]
    with torch.no_grad(), torch.random.fork_rng(devices=()):
        torch.manual_seed(net.seed)
        weights = _weights(recurrence, net, generator)
        inputs = torch.randn(net.length, SEQUENCES, net.hidden, generator=generator, dtype=torch.float64)
        if net.initialisation == "torch":
            inputs *= net.drive
        zeros = torch.zeros(SEQUENCES, net.hidden, dtype=torch.float64)
        trace = recurrence.trace(weights, inputs, tuple(zeros for _ in recurrence.state_names))
        readout = torch.zeros(net.length, SEQUENCES, net.hidden, dtype=torch.float64)
        direction = torch.randn(net.hidden, generator=generator, dtype=torch.float64)
        readout[-1] = direction / direction.norm()
        adjoint = recurrence.adjoint(weights, trace, (readout, *(None for _ in recurrence.state_names[1:])))
        times = torch.unique(torch.linspace(0, net.length - 1, min(JACOBIANS, net.length)).round().long())
        chosen, before = trace.select(times, torch.zeros(1, dtype=torch.long))
        sigmas = singular_values(recurrence.jacobian(weights, chosen, before).dense()).reshape(len(times), -1)
    return {"timesteps": _timesteps(adjoint.states[0], trace.states[0]), "spectra": _spectra(times, sigmas)}


def _weights(recurrence: Recurrence, net: RandomNet, generator: torch.Generator) -> dict[str, Tensor]:
    """All weights; those of a recurrent block by the initialisation, inputs one to one times the drive, no biases."""
    size = net.hidden
    shapes = recurrence.weight_shapes(size, size)
    weights = {name: torch.zeros(shape, dtype=torch.float64) for name, shape in shapes.items()}
    if net.initialisation == "torch":
        recurrence.initialise(weights, size)
    else:
        for name, weight in weights.items():
            if weight.dim() == 2 and weight.shape[1] == size and weight.shape[0] % size == 0:
                for block in weight.split(size):
                    if name.startswith("weight_ih"):
                        block.copy_(net.drive * torch.eye(size, dtype=torch.float64))
                    else:
                        block.copy_(_block(size, net, generator))
    if isinstance(recurrence, LSTM | PeepholeLSTM):
        weights["bias_ih"].view(4, size)[_FORGET] = net.forget_bias
    return weights


def _block(size: int, net: RandomNet, generator: torch.Generator) -> Tensor:
    if net.initialisation == "identity":
        return net.gain * torch.eye(size, dtype=torch.float64)
    drawn = torch.randn(size, size, generator=generator, dtype=torch.float64)
    if net.initialisation == "gaussian":
        return net.gain * drawn / size**0.5
    q, r = torch.linalg.qr(drawn)
    return net.gain * q * torch.sign(torch.diagonal(r))


def _timesteps(gradient: Tensor, state: Tensor) -> pd.DataFrame:
    """One run a sequence, so that their spread can be seen."""
    length, sequences = gradient.shape[:2]
    t, sequence = np.meshgrid(np.arange(length), np.arange(sequences), indexing="ij")
    return pd.DataFrame(
        {
            "run": [f"sequence {number}" for number in sequence.ravel()],
            "step": 0,
            "t": t.ravel(),
            "grad_h": gradient.norm(dim=-1).numpy().ravel(),
            "state_norm": state.norm(dim=-1).numpy().ravel(),
        }
    )


def _spectra(times: Tensor, sigmas: Tensor) -> pd.DataFrame:
    count = sigmas.shape[-1]
    t, index = np.meshgrid(times.numpy(), np.arange(count), indexing="ij")
    return pd.DataFrame(
        {
            "run": "this net",
            "step": 0,
            "t": t.ravel(),
            "index": index.ravel(),
            "log_sigma": sigmas.log().numpy().ravel(),
        }
    )
