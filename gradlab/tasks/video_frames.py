"""Labelling every frame of a video: which digit is it, also while it is hidden?"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from gradlab.tasks.accuracy import accuracy, cross_entropy, not_looking
from gradlab.tasks.base import Baseline, Batch, Reads, Split, Task
from gradlab.tasks.digit_images import CLASSES, digit_images
from gradlab.tasks.examples import draw
from gradlab.tasks.moving_digits import drawn, paths


class VideoFrames(Task):
    """Real digits take turns in a clip: each is seen for `shown` frames, hidden for `hidden`, then comes the next.

    Every frame is labelled with the digit whose turn it is: many to many. In the empty frames the label has to be
    remembered, in the others it can be read off. The first digit is found somewhere in its visible part, so the
    turns do not come at the same frames in every clip. Digits move as in the task `video`.
    """

    name: Literal["video_frames"] = "video_frames"
    title: ClassVar[str] = "Labelling video frames"
    reads: ClassVar[Reads] = "every"

    frames: Annotated[int, Field(ge=2)] = 24
    """Time steps T of a clip."""
    size: Annotated[int, Field(ge=16)] = 16
    """Rows and columns of a frame."""
    shown: Annotated[int, Field(ge=1)] = 5
    """Frames for which a digit can be seen."""
    hidden: Annotated[int, Field(ge=0)] = 3
    """Empty frames behind them."""

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
        """From the last hidden frame back to the last one in which the digit was seen."""
        return min(self.hidden, self.frames - 1)

    @property
    def chance(self) -> Baseline:
        """The class frequencies of the test images, whatever the clip."""
        return not_looking(digit_images("test").labels, CLASSES)

    def batch(self, size: int, generator: torch.Generator, split: Split = "train") -> Batch:
        """Inputs `time batch pixel`, targets `time batch`."""
        images = digit_images(split)
        turn = self.shown + self.hidden
        begun = torch.randint(0, self.shown, (size,), generator=generator)
        clock = torch.arange(self.frames).unsqueeze(1) + begun
        turns = (self.frames + self.shown - 2) // turn + 1
        chosen = torch.stack([draw(len(images.labels), size, generator) for _ in range(turns)])
        image = chosen.gather(0, clock // turn)
        corners = paths(self.frames, size, self.size - images.pixels.shape[-1], generator)
        seen = (clock % turn < self.shown).float()
        clips = drawn(images.pixels[image] * seen[..., None, None], corners, self.size)
        return Batch(clips.flatten(2), images.labels[image])

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Cross-entropy in nats a frame of the logits `time batch class`."""
        return cross_entropy(outputs, batch.targets)

    def score(self, outputs: Tensor, batch: Batch) -> float:
        """Share of frames whose label is right."""
        return accuracy(outputs, batch.targets)
