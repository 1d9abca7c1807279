"""How answers that name a class are scored, and what a predictor that does not look reaches."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from gradlab.tasks.base import Baseline


def right(outputs: Tensor, targets: Tensor) -> Tensor:
    """Whether the largest logit is the right one, `...`; a NaN logit is never right.

    Args:
        outputs: logits, `... class`.
        targets: `...`, int64.
    """
    return (outputs.argmax(dim=-1) == targets) & ~outputs.isnan().any(dim=-1)


def accuracy(outputs: Tensor, targets: Tensor) -> float:
    """Share of right answers."""
    return float(right(outputs, targets).double().mean())


def cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy in nats of logits `... class`, over all places of `...`."""
    return functional.cross_entropy(outputs.reshape(-1, outputs.shape[-1]), targets.reshape(-1))


def class_frequencies(labels: Tensor, classes: int) -> Tensor:
    """Shares of the classes among labels `...`, `class`, float64."""
    counts = torch.bincount(labels.reshape(-1), minlength=classes).double()
    return counts / counts.sum()


def entropy(probabilities: Tensor) -> float:
    """Entropy in nats of the last axis's distribution; impossible classes add nothing."""
    return float(torch.special.entr(probabilities.double()).sum())


def not_looking(labels: Tensor, classes: int) -> Baseline:
    """Entropy of the class frequencies of some labels, and the largest of them."""
    shares = class_frequencies(labels, classes)
    return Baseline(entropy(shares), float(shares.max()), "answers with the class frequencies, not looking")
