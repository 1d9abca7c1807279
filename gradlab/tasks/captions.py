"""Captions: an image is spelled out in words, letter by letter."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import torch
from pydantic import AfterValidator, Field
from torch import Tensor

from gradlab.tasks import spelling
from gradlab.tasks.accuracy import class_frequencies, entropy
from gradlab.tasks.base import Baseline, Batch, Reads, Split, Task
from gradlab.tasks.digit_images import CLASSES, digit_images
from gradlab.tasks.examples import draw

Digit = Annotated[int, Field(ge=0, lt=CLASSES)]


def _distinct(digits: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(digits)) < len(digits):
        raise ValueError(f"expected every class once, got {digits}")
    return digits


class Captions(Task):
    """One image of a digit in, its name out: one to many.

    The image goes through a convolutional net that was trained to tell some of the digits apart; its last layer is
    cut off, and what it gave is the recurrent net's first input, before START (Vinyals, Toshev, Bengio & Erhan 2015,
    eqs. 10–12). The other digits it has never seen: that its features serve for them too is the transfer.
    """

    name: Literal["captions"] = "captions"
    title: ClassVar[str] = "Captions"
    reads: ClassVar[Reads] = "every"
    net: ClassVar[str] = "captions"
    score_name: ClassVar[str] = "share of captions right"

    known: Annotated[tuple[Digit, ...], Field(min_length=2), AfterValidator(_distinct)] = (0, 1, 2, 3, 4, 5, 6)
    """Digits that the convolutional net was trained to tell apart."""
    fine_tune: bool = False
    """Train the convolutional net on, together with the rest; otherwise it stays frozen."""

    @property
    def input_size(self) -> int:
        """Rows, and columns, of an image."""
        return digit_images("test").pixels.shape[-1]

    @property
    def output_size(self) -> int:
        """Letters, space and END."""
        return spelling.ANSWERS

    @property
    def length(self) -> int:
        """The image, and letters and END of the longest caption."""
        return 1 + spelling.steps(1)

    @property
    def demanded_lag(self) -> int:
        """From the step that says the second letter back to the image: three and two, four and five begin alike."""
        return 2

    @property
    def chance(self) -> Baseline:
        """Spells well, and knows how frequent each digit is among the test images, but has not looked."""
        shares = class_frequencies(digit_images("test").labels, CLASSES)
        guess = float(shares[spelling.blind_guess(shares)])
        return Baseline(entropy(shares), guess, "spells digits by their frequency, not looking")

    def batch(self, size: int, generator: torch.Generator, split: Split = "train") -> Batch:
        """Images `row batch column` and letters so far; targets `time batch`."""
        images = digit_images(split)
        chosen = draw(len(images.labels), size, generator)
        return spelling.spelled(images.pixels[chosen].transpose(0, 1), images.labels[chosen].unsqueeze(0))

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Cross-entropy in nats a caption of the logits `time batch letter`."""
        return spelling.loss(outputs, batch.targets)

    def score(self, outputs: Tensor, batch: Batch) -> float:
        """Share of captions without a mistake."""
        return spelling.score(outputs, batch.targets)

    def labelled_images(self) -> tuple[Tensor, Tensor]:
        """What the convolutional net is trained on: images `image row column`, and their places in `known`."""
        images = digit_images("train")
        places = torch.full((CLASSES,), -1)
        places[torch.tensor(self.known)] = torch.arange(len(self.known))
        labels = places[images.labels]
        return images.pixels[labels >= 0], labels[labels >= 0]
