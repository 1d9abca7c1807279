"""Full backpropagation through time: whole sequences, and the gradient to their first step."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from torch import Tensor, nn

from gradlab.tasks import Batch, Task
from gradlab.training.bptt.base import Bptt, Stretch, Unrolling
from gradlab.training.bptt.walk import sequence
from gradlab.training.placement import on_model
from gradlab.training.seeds import generator


class WholeSequences(Unrolling):
    """A new batch of whole sequences every step."""

    def __init__(self, task: Task, size: int, seed: int) -> None:
        self.task = task
        self._size = size
        self._batches = generator(seed, "batches")
        self._batch: Batch | None = None

    def __call__(self, model: nn.Module) -> Tensor:
        """Forward and backward over the next batch."""
        self._batch = on_model(self.task.batch(self._size, self._batches), model)
        loss = self.task.loss(model(self._batch.inputs), self._batch)
        loss.backward()
        return loss.detach()

    def latest(self) -> Stretch:
        """The whole batch."""
        if self._batch is None:
            raise ValueError("expected a step before its data are asked for, got none")
        return Stretch(self._batch.inputs, self._batch)

    def reference(self, model: nn.Module, history: int | None) -> Stretch:
        """The first steps of the batch, scored at the last of them; all of it where it is read at the end."""
        whole = self.latest()
        if self.task.reads == "last":
            return whole
        steps = len(sequence(whole.batch))
        steps = min(steps, history or steps)
        inputs, targets = sequence(whole.batch)[:steps], whole.batch.targets[:steps]
        return Stretch(inputs, replace(whole.batch, inputs=inputs[-1:], targets=targets[-1:]), None, 1)

    def state(self) -> dict[str, Any]:
        """The generator of batches."""
        return {"batches": self._batches.get_state()}

    def restore(self, state: dict[str, Any], model: nn.Module) -> None:
        """Take up the generator of batches."""
        self._batches.set_state(state["batches"])


class Full(Bptt):
    """Backpropagation through the whole sequence (Werbos 1990), one batch a step."""

    name: Literal["full"] = "full"

    def start(self, task: Task, size: int, seed: int) -> Unrolling:
        """Whole sequences, from the seed's stream of batches."""
        return WholeSequences(task, size, seed)
