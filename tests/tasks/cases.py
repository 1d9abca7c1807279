"""The list that feeds the contract suite of tasks: a further task is a line here."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from gradlab.tasks import Adding, Batch, Digits, Task
from gradlab.tasks.digit_images import digit_images


@dataclass(frozen=True)
class TaskCase:
    """A task, and what is needed to hold it against its own statements."""

    task: Task
    constant: Callable[[Batch], Tensor]
    """Outputs of the predictor that the task's `chance` speaks of."""
    perfect: Callable[[Batch], Tensor]
    """Outputs that should score 1."""
    test_size: int = 20_000
    """Held-out sequences on which chance is measured; for finite sets all of them."""
    finite: bool = False

    def __str__(self) -> str:
        return "-".join(str(value) for value in self.task.model_dump().values())


def _class_frequencies(batch: Batch) -> Tensor:
    counts = torch.bincount(digit_images("test").labels, minlength=10).double()
    return (counts / counts.sum()).log().expand(len(batch.targets), 10)


def _one_hot(batch: Batch) -> Tensor:
    return 100.0 * torch.nn.functional.one_hot(batch.targets, 10).double()


def _digits(**settings) -> TaskCase:
    size = len(digit_images("test").labels)
    return TaskCase(Digits(**settings), _class_frequencies, _one_hot, size, finite=True)


def _adding(centre: float, **settings) -> TaskCase:
    return TaskCase(
        Adding(**settings), lambda batch: torch.full_like(batch.targets, centre), lambda batch: batch.targets
    )


CASES = [
    _digits(),
    _digits(order="row", size=16),
    _digits(order="row", permuted=True),
    _digits(order="pixel"),
    _digits(order="pixel", size=16),
    _digits(order="pixel", permuted=True),
    _digits(order="pixel", size=16, permuted=True),
    _adding(1.0, steps=2),
    _adding(1.0, steps=101),
    _adding(0.5, form="hochreiter1997", steps=24),
    _adding(0.5, form="hochreiter1997", steps=101),
]
