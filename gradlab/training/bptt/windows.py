"""A run's way through windows whose state is carried on and detached; the forms of truncation build on it."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from gradlab.tasks import Batch, Task
from gradlab.training.bptt.base import Stretch, Unrolling, unrollable
from gradlab.training.bptt.state import detached, mapped
from gradlab.training.bptt.walk import sequence, walk
from gradlab.training.placement import placement


class Windows(Unrolling):
    """Reads on where the last window ended. A task that is read at its end has one window per batch, the last."""

    def __init__(self, task: Task, size: int, seed: int) -> None:
        self.task = task
        self.walk = walk(task, size, seed)
        self.kept: tuple[int, Any] = (0, None)
        """A time step of the present sequences, and the state before it, from which the next window is run."""
        self._latest: Stretch | None = None
        self._whole: Stretch | None = None

    @abstractmethod
    def scored(self) -> int:
        """How many steps a window scores, about."""

    def latest(self) -> Stretch:
        """The last window."""
        if self._latest is None:
            raise ValueError("expected a step before its data are asked for, got none")
        return self._latest

    def whole(self, model: nn.Module) -> Stretch:
        """The next batch from its beginning to its end, for tasks that are read there."""
        start, stop = self.walk.window(max(self.walk.length, 1))
        if stop < self.walk.length:  # the very first batch: its length was not known before
            self.walk.position = stop = self.walk.length
        batch = self.walk.batch(start, stop, model)
        return Stretch(sequence(batch), batch)

    def tail(self, model: nn.Module, whole: Stretch, begin: int) -> Stretch:
        """The same from step `begin` on, and the state there, which is computed without gradient."""
        inputs = sequence(whole.batch)
        state = None
        if begin > 0:
            with torch.no_grad():
                state = detached(unrollable(model).unroll(inputs[:begin], None)[1])
        return Stretch(inputs[begin:], whole.batch, state)

    def reference(self, model: nn.Module, history: int | None) -> Stretch:
        """From the carried state on, or from the beginning where too few steps are left behind it.

        For tasks that are read at their end: the last `history` steps of the last batch.
        """
        if self.task.reads == "last":
            whole = self._whole
            assert whole is not None
            steps = len(sequence(whole.batch))
            return whole if history is None or history >= steps else self.tail(model, whole, steps - history)
        begin, state = self.kept
        steps = min(history or 4 * self.scored(), self.walk.length)
        if begin + steps > self.walk.length:
            begin, state = 0, None
        batch = self.walk.batch(begin, begin + steps, model)
        return stretch(batch, min(self.scored(), steps), state)

    def state(self) -> dict[str, Any]:
        """Where the walk is, and the state that is carried."""
        return {"walk": self.walk.state(), "step": self.kept[0], "carried": mapped(self.kept[1], Tensor.cpu)}

    def restore(self, state: dict[str, Any], model: nn.Module) -> None:
        """Take up the walk and the carried state, the latter where the model is."""
        device, _ = placement(model)
        self.walk.restore(state["walk"])
        self.kept = (state["step"], mapped(state["carried"], lambda part: part.to(device)))


def stretch(batch: Batch, counted: int, state: Any) -> Stretch:
    """All steps of a batch that is read at every one, the last `counted` of them scored."""
    inputs = sequence(batch)
    first = len(inputs) - counted
    return Stretch(inputs, replace(batch, inputs=inputs[first:], targets=batch.targets[first:]), state, counted)
