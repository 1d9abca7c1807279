"""The model that all studies train: encoder, recurrent layers, readout."""

from __future__ import annotations

from typing import Any, Literal

from torch import Tensor, nn

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

    def forward(self, inputs: Tensor) -> Float[Tensor, "*time batch output"]:
        """Answers `batch output` when read at the last step, else `time batch output`.

        Args:
            inputs: `time batch feature`, or `time batch` of tokens.
        """
        return self.unroll(inputs)[0]

    def unroll(self, inputs: Tensor, state: Any = None) -> tuple[Float[Tensor, "*time batch output"], Any]:
        """The same from a given state (None: zeros), and the state after the last step.

        Args:
            inputs: `time batch feature`, or `time batch` of tokens.
            state: what an earlier call gave, in the form of the recurrent module.
        """
        hidden, state = self.recurrent(self.encoder(inputs), state)
        return self.readout(hidden[-1] if self.reads == "last" else hidden), state
