"""Truncated backpropagation through time: an update every k1 steps, with the gradient of the last k2."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator
from torch import Tensor, nn

from gradlab.tasks import Padded, Task
from gradlab.training.bptt.base import Bptt, Unrolling, together, unrollable, unrolled
from gradlab.training.bptt.state import detached
from gradlab.training.bptt.walk import sequence
from gradlab.training.bptt.windows import Windows, stretch


class TruncatedWindows(Windows):
    """BPTT(k2; k1): scores k1 new steps, and lets their gradient flow back to k2 steps before the last of them.

    The state before those k2 steps is carried over, detached, from an earlier window; it was computed with the
    weights of then. Where k2 is larger than k1 the steps in between are run once more with the weights of now.
    """

    def __init__(self, task: Task, size: int, seed: int, k1: int, k2: int) -> None:
        super().__init__(task, size, seed)
        self.k1, self.k2 = k1, k2

    def scored(self) -> int:
        """k1."""
        return self.k1

    def windows(self) -> tuple[int, ...]:
        """k2."""
        return (self.k2,)

    def __call__(self, model: nn.Module) -> Tensor:
        """One window, or for a task that is read at its end one batch."""
        net = unrollable(model)
        return self._at_the_end(net) if self.task.reads == "last" else self._on_the_way(net)

    def _at_the_end(self, net: Any) -> Tensor:
        self._whole = self.whole(net)
        self._latest = self.tail(net, self._whole, max(0, len(sequence(self._whole.batch)) - self.k2))
        loss = self._latest.loss(net, self.task)
        loss.backward()
        return loss.detach()

    def _on_the_way(self, net: Any) -> Tensor:
        start, stop = self.walk.window(self.k1)
        if start == 0:
            self.kept = (0, None)
        begin, state = self.kept
        following = max(0, stop + self.k1 - self.k2)  # where the next window begins
        piece = stretch(self.walk.batch(begin, stop, net), stop - start, state)
        edges = sorted({0, following - begin, stop - begin})
        answers, states = unrolled(net, sequence_of(piece.inputs), state, edges)
        loss = self.task.loss(together(self.task, answers)[-(stop - start) :], piece.batch)
        loss.backward()
        self._latest = piece
        if following > begin:
            self.kept = (following, detached(states[edges.index(following - begin) - 1]))
        return loss.detach()


def sequence_of(inputs: Any) -> Tensor | Padded:
    """The inputs of a stretch that was cut out of a sequence: they can be cut further."""
    assert isinstance(inputs, Tensor | Padded)
    return inputs


class Truncated(Bptt):
    """An update every k1 steps, with the gradient of the last k2 (Williams & Peng 1990, BPTT(h; h′)).

    In a task that is read at its last step there is one update a batch, with the gradient of its last k2 steps.
    """

    name: Literal["truncated"] = "truncated"

    k1: Annotated[int, Field(gt=0)] = 20
    """Time steps between two updates; the state is carried on."""
    k2: Annotated[int, Field(gt=0)] | None = None
    """Time steps that the gradient flows back, at least k1; null for k1."""

    @model_validator(mode="after")
    def _reaches_what_is_scored(self) -> Truncated:
        if self.k2 is not None and self.k2 < self.k1:
            raise ValueError(f"k2: expected at least k1 = {self.k1}, got {self.k2}: steps would be scored unlearned")
        return self

    @property
    def window(self) -> int:
        """k2, given or not."""
        return self.k2 or self.k1

    def start(self, task: Task, size: int, seed: int) -> Unrolling:
        """Windows from the beginning of the data."""
        return TruncatedWindows(task, size, seed, self.k1, self.window)
