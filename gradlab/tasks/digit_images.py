"""Real handwritten digits with a fixed train/test split: the images that several tasks are made of."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from gradlab.tasks.base import Split
from gradlab.tasks.kept import kept
from gradlab.tasks.random_order import fixed_order

CLASSES = 10
_TEST_SHARE = 5
"""Every fifth image of a class is a test image."""


@dataclass(frozen=True, slots=True)
class DigitImages:
    """Images of one split, and what they show."""

    pixels: Tensor
    """`image row column`, float32, 0 for paper and 1 for ink."""
    labels: Tensor
    """`image`, int64, 0 … 9."""


@kept
def digit_images(split: Split, size: int = 8) -> DigitImages:
    """The images of a split; treat them as read-only, they are shared.

    The 1,797 images of 8 × 8 pixels are the UCI set that ships with scikit-learn (Alpaydin & Kaynak 1998), so
    nothing is downloaded; no two of them are equal. The split is stratified, one fifth for testing, and fixed
    for good. Other sizes are bilinear enlargements, as torch's `interpolate` makes them: no detail is added,
    the sequences get longer.

    Args:
        split: which of the two disjoint sets.
        size: rows and columns of an image.
    """
    from sklearn.datasets import load_digits  # slow to import, needed by this task only

    source = load_digits()
    labels = torch.from_numpy(source.target).long()
    pixels = torch.from_numpy(source.images).float() / 16.0  # published as counts of 16 sub-pixels
    chosen = _members(labels, split)
    pixels, labels = pixels[chosen], labels[chosen]
    if size != pixels.shape[-1]:
        pixels = functional.interpolate(
            pixels.unsqueeze(1), size=(size, size), mode="bilinear", align_corners=False
        ).squeeze(1)
    return DigitImages(pixels.contiguous(), labels)


def _members(labels: Tensor, split: Split) -> Tensor:
    """Indices of the images of a split, ascending."""
    test: list[int] = []
    for digit in range(CLASSES):
        images = torch.nonzero(labels == digit).flatten().tolist()
        order = fixed_order(len(images), f"digits, split, class {digit}")
        test += [images[place] for place in order[: len(images) // _TEST_SHARE]]
    is_test = torch.zeros(len(labels), dtype=torch.bool)
    is_test[test] = True
    return torch.nonzero(is_test if split == "test" else ~is_test).flatten()
