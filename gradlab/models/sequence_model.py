"""The model that all studies train: encoder, recurrent layers, readout."""

from __future__ import annotations

from typing import Any, Literal

from torch import Tensor, nn

from gradlab.models.encoders import encoder
from gradlab.models.interface import TaskInterface, example_inputs, readout_layer
from gradlab.models.padded import Padded, run_padded
from gradlab.models.recurrent_layers import recurrent_layers
from gradlab.models.settings import ModelSettings
from gradlab.shapes import Float


class SequenceModel(nn.Module):
    """Reads a sequence, and answers at its last step or at every one.

    The recurrent part is an unmodified torch module where torch has the cell. Its name, and those of the other
    two parts, are how recorded quantities and checkpoints refer to parameters: they do not change.

    Attributes:
        encoder: `time batch ...` to `time batch feature`.
        recurrent: one of torch's recurrent modules, or a module that is called like one, time first.
        readout: `... hidden` to `... output`.
        reads: `last` or `every`.
    """

    def __init__(
        self, encoder: nn.Module, recurrent: nn.Module, readout: nn.Module, reads: Literal["last", "every"]
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.recurrent = recurrent
        self.readout = readout
        self.reads = reads

    def forward(self, inputs: Tensor | Padded) -> Float[Tensor, "*time batch output"]:
        """Answers `batch output` when read at the last step, else `time batch output`.

        Args:
            inputs: `time batch feature`, or `time batch` of tokens; padded where lengths differ.
        """
        return self.unroll(inputs)[0]

    def unroll(self, inputs: Tensor | Padded, state: Any = None) -> tuple[Float[Tensor, "*time batch output"], Any]:
        """The same from a given state (None: zeros), and the state after the last step.

        Args:
            inputs: `time batch feature`, or `time batch` of tokens; padded where lengths differ.
            state: what an earlier call gave, in the form of the recurrent module.
        """
        if isinstance(inputs, Tensor):
            hidden, state = self.recurrent(self.encoder(inputs), state)
        else:
            hidden, state = run_padded(self.encoder, self.recurrent, inputs, state)
        return self.readout(hidden[-1] if self.reads == "last" else hidden), state


def sequence_model(settings: ModelSettings, task: TaskInterface) -> SequenceModel:
    """The model of a task whose inputs are one sequence; ValueError for a task that is read at neither place."""
    if task.reads not in ("last", "every"):
        raise ValueError(f"expected a task that is read at 'last' or 'every' step, got {task.reads!r}")
    encoding, width = encoder(task.inputs, task.input_size, settings.embedding)

    def inputs() -> Tensor:
        return encoding(example_inputs(task))

    recurrent = recurrent_layers(width, settings, task.length, inputs)
    return SequenceModel(encoding, recurrent, readout_layer(settings, task.output_size), task.reads)
