"""The digits: real images, a fixed split, and the orders in which they are read."""

from hashlib import sha256

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from gradlab.tasks import Digits
from gradlab.tasks.digit_images import digit_images
from gradlab.tasks.digits import _sequences
from gradlab.tasks.random_order import fixed_order


def test_the_splits_together_are_the_published_images() -> None:
    source = load_digits()
    published = sorted(
        (image.astype(np.float64).tobytes(), label) for image, label in zip(source.images, source.target, strict=True)
    )
    ours = sorted(
        (image.double().mul(16).numpy().tobytes(), int(label))
        for split in (digit_images("train"), digit_images("test"))
        for image, label in zip(split.pixels, split.labels, strict=True)
    )
    assert ours == published


def test_the_split_is_stratified() -> None:
    train, test = (torch.bincount(digit_images(split).labels) for split in ("train", "test"))
    assert torch.equal(test, (train + test) // 5)


def test_the_split_is_this_one_for_good() -> None:
    digest = sha256(digit_images("test").pixels.numpy().tobytes()).hexdigest()
    assert digest[:16] == "d8b17ff7e4331d47"


def test_the_fixed_order_is_this_one_for_good() -> None:
    assert fixed_order(8, "a test") == [0, 6, 5, 2, 4, 1, 7, 3]
    assert sorted(fixed_order(1000, "another")) == list(range(1000))


@pytest.mark.parametrize("size", [8, 16])
def test_rows_and_pixels_are_the_same_image(size: int) -> None:
    rows, labels = _sequences(Digits(order="row", size=size), "train")
    pixels, same = _sequences(Digits(order="pixel", size=size), "train")
    assert torch.equal(labels, same)
    assert torch.equal(rows.transpose(0, 1).flatten(1), pixels.transpose(0, 1).flatten(1))
    assert float(pixels.min()) == 0.0 and float(pixels.max()) == 1.0


@pytest.mark.parametrize("order", ["row", "pixel"])
def test_permuted_shows_the_same_steps_in_another_order(order: str) -> None:
    plain, labels = _sequences(Digits(order=order), "test")
    permuted, same = _sequences(Digits(order=order, permuted=True), "test")
    assert torch.equal(labels, same) and not torch.equal(plain, permuted)
    places = fixed_order(len(plain), f"digits, {len(plain)} time steps")
    restored = torch.empty_like(permuted)
    restored[places] = permuted
    assert torch.equal(plain, restored)


def test_enlargement_is_bilinear() -> None:
    small, large = digit_images("test").pixels.double().numpy(), digit_images("test", 16).pixels.numpy()
    padded = np.pad(small, ((0, 0), (1, 1), (1, 1)), mode="edge")
    for row in range(16):
        for column in range(16):
            value = np.zeros(len(small))
            for y, weight_y in _neighbours(row):
                for x, weight_x in _neighbours(column):
                    value += weight_y * weight_x * padded[:, y + 1, x + 1]
            np.testing.assert_allclose(large[:, row, column], value, atol=1e-6)


def _neighbours(pixel: int) -> list[tuple[int, float]]:
    """Small pixels beside a large one of half their size, with their weights."""
    near = pixel // 2
    return [(near, 0.75), (near + (1 if pixel % 2 else -1), 0.25)]


def test_a_batch_as_large_as_the_split_is_the_split() -> None:
    labels = digit_images("test").labels
    batch = Digits().batch(len(labels), torch.Generator(), "test")
    assert len({image.numpy().tobytes() for image in batch.inputs.transpose(0, 1)}) == len(labels)
    twice = Digits().batch(2 * len(labels), torch.Generator(), "test")
    assert torch.equal(torch.bincount(twice.targets), 2 * torch.bincount(labels))


def test_blank_first_pixels_demand_nothing() -> None:
    images = digit_images("train").pixels.flatten(1)
    informative = (images != images[:1]).any(dim=0)
    assert not informative[0]
    assert Digits(order="pixel").demanded_lag == 63 - int(informative.nonzero()[0])
