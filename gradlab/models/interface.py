"""What a model must know about its task."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import torch
from torch import nn

from gradlab.models.padded import Padded
from gradlab.models.settings import ModelSettings

_SEQUENCES = 64


@runtime_checkable
class TaskInterface(Protocol):
    """A task as a model sees it; `gradlab.tasks.Task` has it."""

    @property
    def net(self) -> Any:
        """The kind of net that the task needs: a name in `gradlab.models.KINDS`."""

    @property
    def reads(self) -> Any:
        """`last` or `every`."""

    @property
    def inputs(self) -> Any:
        """`numbers` or `tokens`."""

    @property
    def input_size(self) -> int:
        """Features per time step, or number of different tokens."""

    @property
    def output_size(self) -> int:
        """Numbers that the readout gives."""

    @property
    def length(self) -> int:
        """Time steps per sequence."""

    def batch(self, size: int, generator: torch.Generator) -> Any:
        """Sequences; `inputs` of what comes back is what the model reads."""


def example_inputs(task: TaskInterface) -> Any:
    """Inputs of a few sequences, always the same, for initialisers that look at the data.

    Of sequences of different lengths the last steps, as many as are real in all of them.
    """
    inputs = task.batch(_SEQUENCES, torch.Generator().manual_seed(0)).inputs
    if isinstance(inputs, Padded):
        return inputs.values[len(inputs.values) - int(inputs.lengths.min()) :]
    return inputs


def readout_layer(settings: ModelSettings, output_size: int) -> nn.Linear:
    """The linear readout with its first weights."""
    readout = nn.Linear(settings.hidden, output_size)
    if not readout.weight.is_meta:
        with torch.no_grad():
            settings.initialiser.apply_to_readout(readout)
    return readout
