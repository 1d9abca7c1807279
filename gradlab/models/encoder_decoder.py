"""Encoder and decoder: one recurrent net reads a sequence, another one says its answer."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from gradlab.models.encoders import encoder
from gradlab.models.interface import TaskInterface, example_inputs, readout_layer
from gradlab.models.recurrent_layers import recurrent_layers
from gradlab.models.settings import ModelSettings
from gradlab.models.speaker import Speaker
from gradlab.shapes import Float, Int


class EncoderDecoder(Speaker):
    """The decoder starts from the state in which the encoder ended; both have the same layers, but own weights.

    Source: Sutskever, Vinyals & Le (2014), section 2; Cho et al. (2014).

    Attributes:
        given_encoder: tokens or numbers `time batch ...` to `time batch feature`.
        encoder: the recurrent layers that read.
        said_encoder: tokens `time batch` to `time batch feature`.
        decoder: the recurrent layers that speak.
        readout: `... hidden` to `... answer`.
    """

    def __init__(
        self,
        given_encoder: nn.Module,
        encoder: nn.Module,
        said_encoder: nn.Module,
        decoder: nn.Module,
        readout: nn.Module,
    ) -> None:
        super().__init__()
        self.given_encoder = given_encoder
        self.encoder = encoder
        self.said_encoder = said_encoder
        self.decoder = decoder
        self.readout = readout

    def begin(self, given: Tensor) -> Any:
        """The encoder's last state."""
        return self.encoder(self.given_encoder(given))[1]

    def say(self, said: Int[Tensor, "time batch"], state: Any) -> tuple[Float[Tensor, "time batch answer"], Any]:
        """The decoder's logits."""
        hidden, state = self.decoder(self.said_encoder(said), state)
        return self.readout(hidden), state


def encoder_decoder(settings: ModelSettings, task: TaskInterface) -> EncoderDecoder:
    """An encoder and a decoder for a task whose inputs are `(given, said)`; START is the token `output_size`."""
    given, given_width = encoder(task.inputs, task.input_size, settings.embedding)
    said, said_width = encoder("tokens", task.output_size + 1, settings.embedding)

    def read() -> Tensor:
        return given(example_inputs(task)[0])

    def spoken() -> Tensor:
        return said(example_inputs(task)[1])

    return EncoderDecoder(
        given,
        recurrent_layers(given_width, settings, task.length, read),
        said,
        recurrent_layers(said_width, settings, task.length, spoken),
        readout_layer(settings, task.output_size),
    )
