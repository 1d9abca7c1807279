"""Early stopping: when the score no longer improves, or when no gradient reaches the first step any more."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import nn

from gradlab.settings import Settings
from gradlab.tasks import Padded, Task
from gradlab.training.bptt import Unrolling, nested_gradients
from gradlab.training.evaluation import Evaluation
from gradlab.training.twin import Twin

Reach = Callable[[], float]
"""‖dL/ds_1‖ over the norm at the last step, median over sequences."""


class Stopper(ABC):
    """Asked after each evaluation whether the run should end."""

    @abstractmethod
    def __call__(self, evaluation: Evaluation, reach: Reach) -> str:
        """Why to end, in words; empty to go on."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """What must be kept for a run to continue exactly."""

    @abstractmethod
    def restore(self, state: dict[str, Any]) -> None:
        """Take up a state that `state()` gave."""


class _OnScore(Stopper):
    def __init__(self, settings: StopOnScore, higher_is_better: bool) -> None:
        self._settings = settings
        self._sign = 1.0 if higher_is_better else -1.0
        self._best = -math.inf
        self._since = 0

    def __call__(self, evaluation: Evaluation, reach: Reach) -> str:
        score = self._sign * evaluation.score
        goal = self._settings.goal
        if goal is not None and score >= self._sign * goal:
            return f"the score {evaluation.score:g} has reached {goal:g}"
        self._since = 0 if score > self._best else self._since + 1
        self._best = max(self._best, score) if not math.isnan(score) else self._best
        if self._since >= self._settings.patience:
            return f"the score has not improved on {self._sign * self._best:g} in {self._since} evaluations"
        return ""

    def state(self) -> dict[str, Any]:
        return {"best": self._best, "since": self._since}

    def restore(self, state: dict[str, Any]) -> None:
        self._best, self._since = state["best"], state["since"]


class StopOnScore(Settings):
    """End when the score on held-out data has reached a goal, or has not improved for a while."""

    name: Literal["score"] = "score"

    patience: Annotated[int, Field(gt=0)] = 10
    """Evaluations without a better score."""
    goal: Annotated[float, Field(allow_inf_nan=False)] | None = None
    """A score that is good enough; null for none."""

    def start(self, higher_is_better: bool) -> Stopper:
        """A stopper for one run."""
        return _OnScore(self, higher_is_better)


class _OnReach(Stopper):
    def __init__(self, settings: StopOnReach) -> None:
        self._settings = settings
        self._since = 0

    def __call__(self, evaluation: Evaluation, reach: Reach) -> str:
        share = reach()
        self._since = self._since + 1 if share < self._settings.share else 0
        if self._since >= self._settings.patience:
            return f"nothing reaches the first step any more: {share:.1e} of the gradient at the last one"
        return ""

    def state(self) -> dict[str, Any]:
        return {"since": self._since}

    def restore(self, state: dict[str, Any]) -> None:
        self._since = state["since"]


class StopOnReach(Settings):
    """End when the gradient no longer reaches the first time step of what is backpropagated through.

    What is lost there cannot be learned, and rarely comes back by itself.
    """

    name: Literal["reach"] = "reach"

    share: Annotated[float, Field(gt=0, lt=1)] = 1e-7
    """Of the gradient's norm at the last step, what must arrive at the first; float32 rounds at 1e−7."""
    patience: Annotated[int, Field(gt=0)] = 3
    """Evaluations in a row with less."""

    def start(self, higher_is_better: bool) -> Stopper:
        """A stopper for one run."""
        return _OnReach(self)


AnyStopping = Annotated[StopOnScore | StopOnReach, Field(discriminator="name")]
"""Either, by its settings."""


def reach(model: nn.Module, task: Task, unrolling: Unrolling) -> float:
    """‖dL/ds_1‖ over ‖dL/ds_{T−1}‖ on the last data: the state after the first step, and before the last.

    The median over sequences; 1 for sequences too short to ask, NaN where something is not finite.
    """
    last = unrolling.latest()
    stretch = last if task.reads == "last" else unrolling.reference(model, None)
    inputs = stretch.inputs
    least, steps = stretch.counted or 1, inputs.shortest if isinstance(inputs, Padded) else len(inputs)
    if steps - 1 <= least:
        return 1.0
    with Twin(model).fresh() as net:
        near, far = nested_gradients(net, task, stretch, [least, steps - 1])
    shares = far.state_norms / near.state_norms
    return float(torch.where(near.state_norms > 0, shares, 0.0).median())
