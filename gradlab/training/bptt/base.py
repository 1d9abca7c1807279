"""What every form of backpropagation through time does: it draws data, runs the model, and sends the gradient back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gradlab.settings import Settings
from gradlab.tasks import Batch, Padded, Prompted, Task


@dataclass(frozen=True, slots=True)
class Stretch:
    """Consecutive time steps of parallel sequences, the state before them, and what their answers are held against."""

    inputs: Tensor | Padded | Prompted
    """`time batch …`, on the model's device."""
    batch: Batch
    """What the loss is told: of all steps, or of the last `counted` ones."""
    state: Any = None
    """Before the first step; None is zero."""
    counted: int | None = None
    """How many of the last steps are scored; None: the model's answer as a whole."""

    def loss(self, model: Any, task: Task) -> Tensor:
        """Loss of a model on this stretch, with whatever autograd keeps of it."""
        if self.state is None and self.counted is None:
            return task.loss(model(self.inputs), self.batch)
        outputs, _ = model.unroll(self.inputs, self.state)
        return task.loss(outputs if self.counted is None else outputs[-self.counted :], self.batch)


class Unrolling(ABC):
    """One run's way through its data. Called once a training step; gradients are in `.grad` afterwards."""

    task: Task

    @abstractmethod
    def __call__(self, model: nn.Module) -> Tensor:
        """Draw what comes next, run the model over it, backpropagate; returns the loss, detached."""

    @abstractmethod
    def latest(self) -> Stretch:
        """What the last call learned from. Raises ValueError before the first."""

    @abstractmethod
    def reference(self, model: nn.Module, history: int | None) -> Stretch:
        """A stretch as long as possible, `history` steps at most, on which truncation can be measured.

        Its loss is that of its last steps alone, as many as one training step scores.
        """

    def windows(self) -> tuple[int, ...]:
        """Windows in use, which a measurement of truncation should look at; none where nothing is cut off."""
        return ()

    def rows(self) -> tuple[str, dict[str, np.ndarray]] | None:
        """Something to be recorded about the last step: a table and its columns but for the step; None for nothing."""
        return None

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """What must be kept for the run to continue exactly: tensors, numbers and text."""

    @abstractmethod
    def restore(self, state: dict[str, Any], model: nn.Module) -> None:
        """Take up a state that `state()` gave; carried hidden states go where the model is."""


class Bptt(Settings):
    """How far back the gradient flows, as it stands in a study file; `start` gives what acts."""

    name: str
    """Subclasses declare it as a `Literal` with that default."""

    @abstractmethod
    def start(self, task: Task, size: int, seed: int) -> Unrolling:
        """A fresh way through the data of one run, `size` sequences at a time.

        Raises ValueError when the task cannot be learned this way.
        """


def unrollable(model: nn.Module, instead: str = "train by full backpropagation (bptt: full)") -> Any:
    """The model, if its state can be carried on. Raises ValueError otherwise, which says what to do instead."""
    if not callable(getattr(model, "unroll", None)):
        raise ValueError(
            f"expected a model with unroll(inputs, state) that gives outputs and state, got a {type(model).__name__} "
            f"without it; give it that method, or {instead}"
        )
    return model


def unrolled(
    model: Any, inputs: Tensor | Padded, state: Any, edges: list[int], link: Any = None
) -> tuple[list[Tensor], Any]:
    """Run a model over a stretch in parts, and give the answers of each part and the state after every part.

    Args:
        model: has `unroll(inputs, state)`.
        inputs: `time batch …`.
        state: before the first step.
        edges: where parts begin and end: 0, …, the number of steps; ascending.
        link: what is done to the state between two parts, called with it and the number of the part that ended.
    """
    answers, states = [], []
    for number, (begin, end) in enumerate(pairwise(edges)):
        answer, state = model.unroll(inputs[begin:end], state)
        answers.append(answer)
        states.append(state)
        if link is not None and end < edges[-1]:
            state = link(state, number)
    return answers, states


def together(task: Task, answers: list[Tensor]) -> Tensor:
    """The answers of consecutive parts as one: at the last step, or at every one."""
    return answers[-1] if task.reads == "last" else torch.cat(answers)
