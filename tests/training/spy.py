"""An observer that keeps what it was told, and a task that turns bad when asked to."""

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from gradlab.models import SequenceModel, build
from gradlab.models.settings import ModelSettings
from gradlab.tasks import Adding, Baseline, Batch, Task
from gradlab.tasks.base import Split
from gradlab.training.clipping import ClipReport


class Spy:
    """Writes down every call, with the model's gradient and weights at that moment."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.calls: list[str] = []
        self.losses: list[float] = []
        self.rates: list[float | None] = []
        self.norms: list[float] = []
        self.reports: list[ClipReport] = []
        self.scores: list[tuple[int, float, float]] = []

    def step(self, loss: Tensor, *, learning_rate: float | None = None) -> None:
        """Remember loss, rate and the norm of the raw gradient."""
        self.calls.append("step")
        self.losses.append(float(loss.detach()))
        self.rates.append(learning_rate)
        grads = [parameter.grad for parameter in self.model.parameters()]
        self.norms.append(float(torch.stack([grad.double().norm() for grad in grads]).norm()))  # type: ignore[union-attr]

    def clipped(self, report: ClipReport) -> None:
        """Remember the report."""
        self.calls.append("clipped")
        self.reports.append(report)

    def evaluated(self, *, score: float, loss: float) -> None:
        """Remember after how many steps, and what."""
        self.calls.append("evaluated")
        self.scores.append((len(self.losses), score, loss))


class Breaking(Task):
    """The sum of a short sequence; from one batch on, targets hold a given value."""

    name: Literal["breaking"] = "breaking"
    title: ClassVar[str] = "a task that breaks"
    value: float = float("nan")
    after: int = 3
    batches: ClassVar[int] = 0
    input_size: ClassVar[int] = 1  # type: ignore[misc]
    output_size: ClassVar[int] = 1  # type: ignore[misc]
    length: ClassVar[int] = 4  # type: ignore[misc]
    demanded_lag: ClassVar[int] = 3  # type: ignore[misc]
    chance: ClassVar[Baseline] = Baseline(1.0, 0.0, "none")  # type: ignore[misc]

    def batch(self, size: int, generator: torch.Generator, split: Split = "train") -> Batch:
        """Numbers, their sum, and at batch `after` of the training the value."""
        numbers = torch.rand(4, size, 1, generator=generator)
        targets = numbers.sum(dim=0)
        if split == "train":
            if type(self).batches == self.after:
                targets[0] = self.value
            type(self).batches += 1
        return Batch(numbers, targets)

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Mean squared error."""
        return functional.mse_loss(outputs, batch.targets)

    def score(self, outputs: Tensor, batch: Batch) -> float:
        """Share within a tenth."""
        return float(((outputs - batch.targets).abs() < 0.1).double().mean())


SMALL = Adding(steps=6)


def small_model(task: Task = SMALL, **values: object) -> SequenceModel:
    """A model that trains in milliseconds."""
    return build(ModelSettings.model_validate({"hidden": 6, **values}), task, 0)


def weights(model: nn.Module) -> bytes:
    """All weights as bytes."""
    return b"".join(value.numpy().tobytes() for value in model.state_dict().values())
