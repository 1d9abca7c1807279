"""The way through time that windows are taken from: one batch of sequences after the other, or long streams."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

from torch import Tensor, nn

from gradlab.tasks import Batch, Padded, Prompted, Task
from gradlab.training.placement import on_model
from gradlab.training.seeds import generator


@runtime_checkable
class Streams(Protocol):
    """A task whose training data are long parallel streams, which are read on where the last window ended.

    The hook is structural: a task that has these two methods is read this way by truncated backpropagation.
    """

    def stream_length(self, size: int) -> int:
        """Time steps of each of `size` parallel streams; then all start anew, with a state of zero."""

    def stream(self, size: int, start: int, steps: int) -> Batch:
        """The steps from `start` on of `size` parallel training streams, inputs and targets `time batch …`."""


class Walk(ABC):
    """A position in time of parallel sequences, and the data around it."""

    length: int
    """Time steps until the sequences end."""
    position: int
    """Where the last window ended; at `length` new sequences begin."""

    def window(self, steps: int) -> tuple[int, int]:
        """Go on by so many steps, or fewer at the end: first step and the one behind the last; 0 is a new start."""
        if self.position >= self.length:
            self._begin()
            self.position = 0
        start = self.position
        self.position = min(start + steps, self.length)
        return start, self.position

    @abstractmethod
    def batch(self, start: int, stop: int, model: nn.Module) -> Batch:
        """Inputs and targets of these steps, where the model is."""

    @abstractmethod
    def _begin(self) -> None:
        """New sequences."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """What must be kept for the walk to go on exactly."""

    @abstractmethod
    def restore(self, state: dict[str, Any]) -> None:
        """Take up a state that `state()` gave."""


class SequenceWalk(Walk):
    """Batches of sequences, drawn one after the other; the state begins at zero in each."""

    def __init__(self, task: Task, size: int, seed: int) -> None:
        self._task = task
        self._size = size
        self._batches = generator(seed, "batches")
        self._before = self._batches.get_state()
        self._batch: Batch | None = None
        self.length = self.position = 0

    def _begin(self) -> None:
        self._before = self._batches.get_state()
        self._batch = self._task.batch(self._size, self._batches)
        self.length = len(sequence(self._batch))

    def batch(self, start: int, stop: int, model: nn.Module) -> Batch:
        """Inputs of these steps, and targets: those of the steps, or of the sequence where it is read at its end."""
        assert self._batch is not None
        inputs = sequence(self._batch)[start:stop]
        targets = self._batch.targets if self._task.reads == "last" else self._batch.targets[start:stop]
        return on_model(replace(self._batch, inputs=inputs, targets=targets), model)

    def state(self) -> dict[str, Any]:
        """The generator as it was before the present sequences, from which they are drawn again."""
        return {"batches": self._before, "position": self.position, "begun": self._batch is not None}

    def restore(self, state: dict[str, Any]) -> None:
        """Draw the present sequences again, and stand where they were left."""
        self._batches.set_state(state["batches"])
        if state["begun"]:
            self._begin()
        self.position = state["position"]


class StreamWalk(Walk):
    """Long parallel streams; the state is carried until they end."""

    def __init__(self, task: Streams, size: int) -> None:
        self._task = task
        self._size = size
        self.length = task.stream_length(size)
        if self.length < 1:
            raise ValueError(f"expected streams of at least one step, got {self.length}; take a smaller batch")
        self.position = self.length

    def _begin(self) -> None:
        """The same streams once more."""

    def batch(self, start: int, stop: int, model: nn.Module) -> Batch:
        """The streams' own."""
        return on_model(self._task.stream(self._size, start, stop - start), model)

    def state(self) -> dict[str, Any]:
        """The position is all."""
        return {"position": self.position}

    def restore(self, state: dict[str, Any]) -> None:
        """Stand where it was left."""
        self.position = state["position"]


def walk(task: Task, size: int, seed: int) -> Walk:
    """The way through a task's data. Raises ValueError for a task that cannot be cut into windows."""
    if isinstance(task, Streams):
        return StreamWalk(task, size)
    return SequenceWalk(task, size, seed)


def sequence(batch: Batch) -> Tensor | Padded:
    """The inputs of a batch as what can be cut in time. Raises ValueError where they are more than a sequence."""
    if isinstance(batch.inputs, Prompted):
        raise ValueError(
            "expected a task whose inputs are one sequence, got one with a prompt, which cannot be cut into windows; "
            "train it by full backpropagation (bptt: full)"
        )
    return batch.inputs
