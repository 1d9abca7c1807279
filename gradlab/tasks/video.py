"""Video classification: a digit moves through a clip, and hides; which digit was it?"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor

from gradlab.tasks.accuracy import accuracy, cross_entropy, not_looking
from gradlab.tasks.base import Baseline, Batch, Split, Task
from gradlab.tasks.digit_images import CLASSES, digit_images
from gradlab.tasks.examples import draw
from gradlab.tasks.moving_digits import drawn, paths


class Video(Task):
    """A real digit of 8 × 8 pixels bounces through frames of `size` × `size`, and is gone after `visible` frames.

    The class is asked for at the last frame: many to one. One time step is one frame, all its pixels. The clips are
    made on the fly, in the manner of Srivastava, Mansimov & Salakhutdinov (2015), section 3, with one digit.
    """

    name: Literal["video"] = "video"
    title: ClassVar[str] = "Video classification"

    frames: Annotated[int, Field(ge=2)] = 20
    """Time steps T of a clip."""
    size: Annotated[int, Field(ge=16)] = 16
    """Rows and columns of a frame."""
    visible: Annotated[int, Field(ge=1)] = 10
    """Frames, the first ones, in which the digit can be seen; the rest of the clip is empty."""
    noise: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    """Standard deviation of Gaussian noise on every pixel of every frame."""

    @model_validator(mode="after")
    def _fits(self) -> Video:
        if self.visible > self.frames:
            raise ValueError(f"visible: expected at most the {self.frames} frames of a clip, got {self.visible}")
        return self

    @property
    def input_size(self) -> int:
        """Pixels of a frame."""
        return self.size**2

    @property
    def output_size(self) -> int:
        """One logit a class."""
        return CLASSES

    @property
    def length(self) -> int:
        """Frames of a clip."""
        return self.frames

    @property
    def demanded_lag(self) -> int:
        """From the last frame back to the last one in which the digit can be seen."""
        return self.frames - self.visible

    @property
    def chance(self) -> Baseline:
        """The class frequencies of the test images, whatever the clip."""
        return not_looking(digit_images("test").labels, CLASSES)

    def batch(self, size: int, generator: torch.Generator, split: Split = "train") -> Batch:
        """Inputs `time batch pixel`, targets `batch`; up to the size of a split no image comes twice."""
        images = digit_images(split)
        chosen = draw(len(images.labels), size, generator)
        corners = paths(self.visible, size, self.size - images.pixels.shape[-1], generator)
        seen = drawn(images.pixels[chosen].expand(self.visible, -1, -1, -1), corners, self.size).flatten(2)
        clips = torch.cat((seen, torch.zeros(self.frames - self.visible, size, self.input_size)))
        if self.noise > 0:
            clips += self.noise * torch.randn(clips.shape, generator=generator)
        return Batch(clips, images.labels[chosen])

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Cross-entropy in nats of the logits `batch class`."""
        return cross_entropy(outputs, batch.targets)

    def score(self, outputs: Tensor, batch: Batch) -> float:
        """Share of clips whose digit is named."""
        return accuracy(outputs, batch.targets)
