"""From settings, task and seed to a model with its first weights."""

from __future__ import annotations

from typing import Any, Literal, Protocol, runtime_checkable

import torch
from torch import nn

from gradlab.models.cells import recurrent_part
from gradlab.models.encoders import encoder
from gradlab.models.sequence_model import SequenceModel
from gradlab.models.settings import ModelSettings

_PRECISIONS = {"float32": torch.float32, "float64": torch.float64}


@runtime_checkable
class TaskInterface(Protocol):
    """What a model must know about its task; `gradlab.tasks.Task` has it."""

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


def build(settings: ModelSettings, task: TaskInterface, seed: int) -> SequenceModel:
    """A fresh model on the CPU, in training mode.

    Its weights are a function of settings, sizes of the task and seed; torch's global generator is left as it
    was.
    """
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(seed)
        encoding, width = encoder(task.inputs, task.input_size, settings.embedding)
        recurrent = recurrent_part(width, settings)
        with torch.no_grad():
            settings.initialiser.apply(recurrent)
            if settings.forget_bias is not None:
                _set_forget_bias(recurrent, settings.hidden, settings.forget_bias)
        readout = nn.Linear(settings.hidden, task.output_size)
        model = SequenceModel(encoding, recurrent, readout, _reads(task))
    return model.to(_PRECISIONS[settings.precision])


def _reads(task: TaskInterface) -> Literal["last", "every"]:
    if task.reads not in ("last", "every"):
        raise ValueError(f"expected a task that is read at 'last' or 'every' step, got {task.reads!r}")
    reads: Literal["last", "every"] = task.reads
    return reads


def _set_forget_bias(recurrent: nn.Module, hidden: int, value: float) -> None:
    """Set the sum of torch's two biases of the forget gate: the second quarter, in the order i, f, g, o.

    Source: Jozefowicz, Zaremba & Sutskever (2015), section 2.2, for the value 1.
    """
    for name, bias in recurrent.named_parameters():
        if name.startswith("bias"):
            forget = bias[hidden : 2 * hidden]
            forget.fill_(value if name.startswith("bias_ih") else 0.0)
