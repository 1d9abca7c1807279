"""Captions: the features of an image are the first input of a recurrent net, which then spells."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from gradlab.models.encoders import encoder
from gradlab.models.image_features import FEATURES, ImageFeatures, trained_features
from gradlab.models.interface import TaskInterface, example_inputs, readout_layer
from gradlab.models.recurrent_layers import recurrent_layers
from gradlab.models.settings import ModelSettings
from gradlab.models.speaker import Speaker
from gradlab.shapes import Float, Int


@runtime_checkable
class CaptionTask(TaskInterface, Protocol):
    """What this model must know besides; the task `captions` has it."""

    @property
    def fine_tune(self) -> bool:
        """Whether the convolutional net is trained on."""

    def labelled_images(self) -> tuple[Tensor, Tensor]:
        """What the convolutional net is trained on beforehand: images `image row column`, labels `image`."""


class CaptionModel(Speaker):
    """Image features, mapped linearly, at step −1; START and the letters from step 0 on.

    Source: Vinyals, Toshev, Bengio & Erhan (2015), eqs. 10–12.

    Attributes:
        features: the convolutional net without its last layer, frozen or not.
        image_encoder: features to the recurrent net's inputs.
        encoder: tokens `time batch` to `time batch feature`.
        recurrent: the recurrent layers.
        readout: `... hidden` to `... answer`.
    """

    def __init__(
        self,
        features: nn.Module,
        image_encoder: nn.Module,
        encoder: nn.Module,
        recurrent: nn.Module,
        readout: nn.Module,
    ) -> None:
        super().__init__()
        self.features = features
        self.image_encoder = image_encoder
        self.encoder = encoder
        self.recurrent = recurrent
        self.readout = readout

    def forward(self, inputs: tuple[Tensor, Tensor]) -> Float[Tensor, "time batch answer"]:
        """Logits at every step behind the image's; image and letters are one unbroken sequence.

        Args:
            inputs: images `row batch column`, and letters so far `time batch`.
        """
        given, said = inputs
        hidden, _ = self.recurrent(torch.cat((self._seen(given), self.encoder(said))))
        return self.readout(hidden[1:])

    def begin(self, given: Tensor) -> Any:
        """The state after the image, `row batch column`."""
        return self.recurrent(self._seen(given))[1]

    def say(self, said: Int[Tensor, "time batch"], state: Any) -> tuple[Float[Tensor, "time batch answer"], Any]:
        """The logits behind each letter."""
        hidden, state = self.recurrent(self.encoder(said), state)
        return self.readout(hidden), state

    def _seen(self, given: Float[Tensor, "row batch column"]) -> Float[Tensor, "1 batch feature"]:
        return self.image_encoder(self.features(given.transpose(0, 1))).unsqueeze(0)


def caption_model(settings: ModelSettings, task: TaskInterface) -> CaptionModel:
    """A model for images of `input_size` rows; raises ValueError for a task that has no images to train on."""
    if not isinstance(task, CaptionTask):
        raise ValueError(f"expected a task with labelled_images and fine_tune, got {type(task).__name__}")
    if torch.empty(0).is_meta:  # only shapes are tried: nothing to train
        features = ImageFeatures(task.input_size)
    else:
        features = trained_features(*task.labelled_images())
    features.requires_grad_(task.fine_tune)
    letters, width = encoder("tokens", task.output_size + 1, settings.embedding)
    image_encoder = nn.Linear(FEATURES, width)

    def inputs() -> Tensor:
        given, said = example_inputs(task)
        return torch.cat((image_encoder(features(given.transpose(0, 1))).unsqueeze(0), letters(said)))

    recurrent = recurrent_layers(width, settings, task.length, inputs)
    return CaptionModel(features, image_encoder, letters, recurrent, readout_layer(settings, task.output_size))
