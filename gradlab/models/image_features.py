"""A small convolutional net that is trained to tell images apart, and gives its features when its last layer is off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256

import torch
from torch import Tensor, nn
from torch.nn import functional

from gradlab.shapes import Float, Int

FEATURES = 64
EPOCHS = 12
_BATCH = 64
_RATE = 0.003
_SEED = 1998

_trained: dict[str, dict[str, Tensor]] = {}
"""Weights by the digest of what they were trained on, for the life of the process."""


class ImageFeatures(nn.Module):
    """Two convolutions with pooling, and a layer of features: a classifier without its last layer.

    Attributes:
        size: rows and columns of an image; a multiple of 4.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.first = nn.Conv2d(1, 16, 3, padding=1)
        self.second = nn.Conv2d(16, 32, 3, padding=1)
        self.features = nn.Linear(32 * (size // 4) ** 2, FEATURES)

    def forward(self, images: Float[Tensor, "image row column"]) -> Float[Tensor, "image feature"]:
        """Features of images, all ≥ 0."""
        maps = functional.max_pool2d(self.first(images.unsqueeze(1)).relu(), 2)
        maps = functional.max_pool2d(self.second(maps).relu(), 2)
        return self.features(maps.flatten(1)).relu()


def trained_features(images: Float[Tensor, "image row column"], labels: Int[Tensor, " image"]) -> ImageFeatures:
    """The features of a classifier that was trained on labelled images, its last layer cut off.

    The same at every call, whatever the seed of a run: seed and threads of the training are fixed, and the weights are
    kept for the life of the process. The training takes about a second.

    Args:
        images: square, their sides a multiple of 4.
        labels: 0, 1, …
    """
    key = sha256(images.numpy().tobytes() + labels.numpy().tobytes()).hexdigest()
    if key not in _trained:
        _trained[key] = _train(images, labels)
    with _fixed_conditions():  # first weights that are not kept come from no one's generator
        features = ImageFeatures(images.shape[-1])
    features.load_state_dict(_trained[key])
    return features


def _train(images: Tensor, labels: Tensor) -> dict[str, Tensor]:
    with _fixed_conditions():
        features = ImageFeatures(images.shape[-1])
        classifier = nn.Linear(FEATURES, int(labels.max()) + 1)
        optimiser = torch.optim.Adam([*features.parameters(), *classifier.parameters()], lr=_RATE)
        for _ in range(EPOCHS):
            for chosen in torch.randperm(len(labels)).split(_BATCH):
                loss = functional.cross_entropy(classifier(features(images[chosen])), labels[chosen])
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
    return features.state_dict()


@contextmanager
def _fixed_conditions() -> Iterator[None]:
    """One thread, one seed, gradients on; afterwards everything is as it was."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]), torch.enable_grad():
            torch.random.default_generator.manual_seed(_SEED)
            yield
    finally:
        torch.set_num_threads(threads)
