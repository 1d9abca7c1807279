"""Handwritten digits read row by row or pixel by pixel: which digit was it?"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor

from gradlab.tasks.accuracy import accuracy, cross_entropy, not_looking
from gradlab.tasks.base import Baseline, Batch, Split, Task
from gradlab.tasks.digit_images import CLASSES, digit_images
from gradlab.tasks.examples import draw
from gradlab.tasks.kept import kept
from gradlab.tasks.random_order import fixed_order


class Digits(Task):
    """Classify real handwritten digits that arrive as a sequence; pixels are in [0, 1], 1 is ink.

    Row by row a sequence has `size` steps, pixel by pixel `size`²: 64 for the original 8 × 8 images, 256 for
    their enlargement. Reading pixels, also in a permuted order, is the test of long memory of Le, Jaitly &
    Hinton (2015), there with MNIST.
    """

    name: Literal["digits"] = "digits"
    title: ClassVar[str] = "Handwritten digits"

    order: Literal["row", "pixel"] = "row"
    """What one time step shows: a whole row, or a single pixel."""
    size: Literal[8, 16] = 8
    """Rows and columns of an image; 16 is a bilinear enlargement of the real 8 × 8 image."""
    permuted: bool = False
    """Show the time steps in one fixed random order, which is the same for every image, seed and run."""

    @property
    def input_size(self) -> int:
        """Pixels per time step."""
        return self.size if self.order == "row" else 1

    @property
    def output_size(self) -> int:
        """One logit a class."""
        return CLASSES

    @property
    def length(self) -> int:
        """Time steps per image."""
        return self.size if self.order == "row" else self.size**2

    @property
    def demanded_lag(self) -> int:
        """From the last step back to the first one that differs between training images."""
        return self.length - 1 - _first_informative(self)

    @property
    def chance(self) -> Baseline:
        """The class frequencies of the test images, whatever the input: entropy, and the largest one."""
        return not_looking(digit_images("test").labels, CLASSES)

    def batch(self, size: int, generator: torch.Generator, split: Split = "train") -> Batch:
        """Inputs `time batch pixel`, targets `batch`; up to the size of a split no image comes twice."""
        sequences, labels = _sequences(self, split)
        chosen = draw(len(labels), size, generator)
        return Batch(sequences[:, chosen], labels[chosen])

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Cross-entropy in nats of the logits `batch class`."""
        return cross_entropy(outputs, batch.targets)

    def score(self, outputs: Tensor, batch: Batch) -> float:
        """Share of images whose largest logit is the right one; a NaN logit is never right."""
        return accuracy(outputs, batch.targets)


@kept
def _sequences(task: Digits, split: Split) -> tuple[Tensor, Tensor]:
    """All images of a split as `time image pixel`, and their labels."""
    images = digit_images(split, task.size)
    sequences = images.pixels.reshape(len(images.labels), task.length, task.input_size).transpose(0, 1)
    if task.permuted:
        sequences = sequences[fixed_order(task.length, f"digits, {task.length} time steps")]
    return sequences.contiguous(), images.labels


@kept
def _first_informative(task: Digits) -> int:
    """The first time step at which not all training images are alike."""
    sequences, _ = _sequences(task, "train")
    differs = (sequences != sequences[:, :1]).any(dim=2).any(dim=1)
    return int(differs.nonzero()[0])
