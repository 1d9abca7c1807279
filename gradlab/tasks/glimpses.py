"""Glimpses: a fixed image is looked at piece by piece, and named at the end."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor

from gradlab.shapes import Int
from gradlab.tasks.accuracy import accuracy, cross_entropy, not_looking
from gradlab.tasks.base import Baseline, Batch, Split, Task
from gradlab.tasks.digit_images import CLASSES, digit_images
from gradlab.tasks.examples import draw


class Glimpses(Task):
    """One image, one answer, but in steps: each shows a window of the image, and says where it is.

    After the glimpses of Mnih, Heess, Graves & Kavukcuoglu (2014), section 3.1, with the places given and not
    learned: `scan` reads the image tile by tile, again and again, `random` looks anywhere. Real digits, as in the
    task `digits`.
    """

    name: Literal["glimpses"] = "glimpses"
    title: ClassVar[str] = "An image in glimpses"

    steps: Annotated[int, Field(ge=2)] = 16
    """Glimpses of an image."""
    window: Annotated[int, Field(ge=1)] = 4
    """Rows and columns of a glimpse."""
    size: Literal[8, 16] = 8
    """Rows and columns of an image; 16 is a bilinear enlargement of the real 8 × 8 image."""
    path: Literal["scan", "random"] = "scan"
    """Where the glimpses are."""

    @model_validator(mode="after")
    def _fits(self) -> Glimpses:
        if self.window > self.size:
            raise ValueError(f"window: expected at most the image's {self.size} pixels, got {self.window}")
        return self

    @property
    def input_size(self) -> int:
        """The pixels of the window, and the row and column of its corner, 0 … 1."""
        return self.window**2 + 2

    @property
    def output_size(self) -> int:
        """One logit a class."""
        return CLASSES

    @property
    def length(self) -> int:
        """Glimpses of an image."""
        return self.steps

    @property
    def demanded_lag(self) -> int:
        """From the last glimpse back to the earliest one that is not shown again: a scan repeats itself."""
        if self.path == "random":
            return self.steps - 1
        return min(self.steps, len(tiles(self.size, self.window))) - 1

    @property
    def chance(self) -> Baseline:
        """The class frequencies of the test images, not looking."""
        return not_looking(digit_images("test").labels, CLASSES)

    def batch(self, size: int, generator: torch.Generator, split: Split = "train") -> Batch:
        """Inputs `time batch feature`, targets `batch`; up to the size of a split no image comes twice."""
        images = digit_images(split, self.size)
        chosen = draw(len(images.labels), size, generator)
        corners = self._corners(size, generator)
        inside = torch.arange(self.window)
        rows = corners[..., :1].unsqueeze(-1) + inside.view(-1, 1)
        columns = corners[..., 1:].unsqueeze(-1) + inside
        pixels = images.pixels[chosen.view(1, -1, 1, 1), rows, columns].flatten(2)
        places = corners / max(self.size - self.window, 1)
        return Batch(torch.cat((pixels, places), dim=-1), images.labels[chosen])

    def _corners(self, size: int, generator: torch.Generator) -> Int[Tensor, "time batch 2"]:
        if self.path == "random":
            return torch.randint(0, self.size - self.window + 1, (self.steps, size, 2), generator=generator)
        order = torch.tensor(tiles(self.size, self.window))
        return order[torch.arange(self.steps) % len(order)].unsqueeze(1).expand(-1, size, -1)

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Cross-entropy in nats of the logits `batch class`."""
        return cross_entropy(outputs, batch.targets)

    def score(self, outputs: Tensor, batch: Batch) -> float:
        """Share of images that are named."""
        return accuracy(outputs, batch.targets)


def tiles(size: int, window: int) -> list[tuple[int, int]]:
    """Corners of windows that together cover the image, in reading order; the last of a line may overlap."""
    starts = sorted({min(start, size - window) for start in range(0, size, window)})
    return [(row, column) for row in starts for column in starts]
