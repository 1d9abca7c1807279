"""Randomised truncation without bias: what survives a possible cut is enlarged by the chance that it was cut."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from gradlab.tasks import Task
from gradlab.training.bptt.base import Bptt, Unrolling, together, unrollable, unrolled
from gradlab.training.bptt.state import detached, mapped
from gradlab.training.bptt.truncated import sequence_of
from gradlab.training.bptt.walk import sequence
from gradlab.training.bptt.windows import Windows, stretch
from gradlab.training.seeds import generator


class Scaled(torch.autograd.Function):
    """The identity, whose gradient is multiplied by a factor."""

    @staticmethod
    def forward(context: Any, values: Tensor, factor: float) -> Tensor:
        """The values as they are."""
        context.factor = factor
        return values.view_as(values)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """The gradient times the factor."""
        return gradients[0] * context.factor, None


class RandomWindows(Windows):
    """Cuts the gradient after t steps since the last cut with probability c_t, else multiplies it by 1/(1 − c_t)."""

    def __init__(self, task: Task, size: int, seed: int, settings: Randomised) -> None:
        super().__init__(task, size, seed)
        self.settings = settings
        self.chance = generator(seed, "truncation")

    def scored(self) -> int:
        """The mean length of a window."""
        return self.settings.length

    def __call__(self, model: nn.Module) -> Tensor:
        """One window, or for a task that is read at its end one batch."""
        net = unrollable(model)
        return self._at_the_end(net) if self.task.reads == "last" else self._on_the_way(net)

    def _cuts(self, steps: int) -> tuple[list[int], bool]:
        """Draw until the first cut: edges of the parts of this window, and whether it ended by a cut."""
        grain, edges = self.settings.grain, [0]
        while edges[-1] + grain < steps:
            edges.append(edges[-1] + grain)
            if self._is_cut(edges[-1]):
                return edges, True
        return [*edges, steps], False

    def _is_cut(self, steps: int) -> bool:
        """Draw whether the window is cut so many steps after the last cut."""
        drawn = float(torch.rand((), generator=self.chance, dtype=torch.float64))
        return drawn < self.settings.probability(steps)

    def _link(self, edges: list[int]) -> Any:
        """What is done to the state where the window was not cut, but might have been."""

        def link(state: Any, number: int) -> Any:
            factor = 1 / (1 - self.settings.probability(edges[number + 1]))
            return mapped(state, lambda part: Scaled.apply(part, factor))

        return link

    def _on_the_way(self, net: Any) -> Tensor:
        start, _ = self.walk.window(1)
        state = None if start == 0 else self.kept[1]
        edges, _ = self._cuts(self.walk.length - start)
        stop = start + edges[-1]
        self.walk.position = stop
        piece = stretch(self.walk.batch(start, stop, net), stop - start, state)
        answers, states = unrolled(net, sequence_of(piece.inputs), state, edges, self._link(edges))
        loss = self.task.loss(together(self.task, answers), piece.batch)
        # A long window counts for as many steps as it has: only then do updates add up to the whole gradient.
        (loss * ((stop - start) / self.settings.length)).backward()
        self._latest, self.kept = piece, (stop, detached(states[-1]))
        return loss.detach()

    def _at_the_end(self, net: Any) -> Tensor:
        self._whole = self.whole(net)
        steps = len(sequence(self._whole.batch))
        begin, cut = 0, True
        while cut:
            edges, cut = self._cuts(steps - begin)
            begin += edges[-1] if cut else 0
        self._latest = self.tail(net, self._whole, begin)
        answers, _ = unrolled(net, sequence_of(self._latest.inputs), self._latest.state, edges, self._link(edges))
        loss = self.task.loss(together(self.task, answers), self._whole.batch)
        loss.backward()
        return loss.detach()

    def state(self) -> dict[str, Any]:
        """With the generator of cuts."""
        return {**super().state(), "chance": self.chance.get_state()}

    def restore(self, state: dict[str, Any], model: nn.Module) -> None:
        """With the generator of cuts."""
        super().restore(state, model)
        self.chance.set_state(state["chance"])


class Randomised(Bptt):
    """Windows of random length whose gradient is unbiased: ARTBP of Tallec & Ollivier (2017).

    Their cuts come with c_t = (α − 1)/((α − 2) L + t), t steps after the last one, which gives windows
    of mean length L whose distribution falls like t^−α. Here they may come after every `grain` steps only.
    A window of n steps counts n/L times its mean loss; its reported loss is the mean.
    """

    name: Literal["randomised"] = "randomised"

    length: Annotated[int, Field(gt=1)] = 50
    """Mean length of a window (L)."""
    exponent: Annotated[float, Field(gt=2, allow_inf_nan=False)] = 4.0
    """How fast long windows become rare (α); small values give a gradient of large variance."""
    grain: Annotated[int, Field(gt=0)] = 1
    """Cuts may come after every so many steps; small values are slow, none is biased."""

    def probability(self, steps: int) -> float:
        """Chance of a cut `steps` after the last one, given none in between since; below 1."""
        survival = 1.0
        for t in range(steps - self.grain + 1, steps + 1):
            survival *= 1 - min(0.99, (self.exponent - 1) / ((self.exponent - 2) * self.length + t))
        return 1 - survival

    def start(self, task: Task, size: int, seed: int) -> Unrolling:
        """Windows from the beginning of the data."""
        return RandomWindows(task, size, seed, self)
