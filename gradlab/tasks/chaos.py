"""Forecasting chaos: one variable of a chaotic system is observed; what will it be some steps from now?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from gradlab.tasks.base import Baseline, Batch, Reads, Split, Task
from gradlab.tasks.chaotic_systems import DELAY, INTERVAL, System, trajectories
from gradlab.tasks.examples import draw
from gradlab.tasks.kept import kept

TOLERANCE = 0.1
"""A forecast counts as right within it, in standard deviations of the variable."""
EXAMPLES: dict[Split, int] = {"train": 2048, "test": 512}
_SEEDS: dict[Split, int] = {"train": 1963, "test": 1977}


class Chaos(Task):
    """The Lorenz system by its x, or the Mackey–Glass equation with τ = 17, sampled and standardised.

    At every step the variable must be forecast `ahead` steps on. The system's hidden variables have to be found out
    from the past: a single value of x does not say where it goes. Every example is a trajectory of its own, on the
    attractor, integrated by Runge–Kutta in float64; there are 2,048 for training and 512 for testing.
    """

    name: Literal["chaos"] = "chaos"
    title: ClassVar[str] = "Chaotic forecasting"
    reads: ClassVar[Reads] = "every"
    score_name: ClassVar[str] = f"share within {TOLERANCE}"

    system: System = "lorenz"
    """Lorenz (1963), sampled every 0.05 units of time, or Mackey & Glass (1977), sampled every unit."""
    steps: Annotated[int, Field(ge=4, le=2000)] = 100
    """Samples of a sequence."""
    ahead: Annotated[int, Field(ge=1, le=200)] = 5
    """How many samples from now the forecast is for."""

    @property
    def input_size(self) -> int:
        """The observed variable."""
        return 1

    @property
    def output_size(self) -> int:
        """Its forecast."""
        return 1

    @property
    def length(self) -> int:
        """Samples of a sequence."""
        return self.steps

    @property
    def demanded_lag(self) -> int:
        """How much past there is in the system's state.

        Lorenz: three samples give x and its first two derivatives, hence the state. Mackey–Glass: the state is all of
        the last τ.
        """
        past = 2 if self.system == "lorenz" else round(DELAY / INTERVAL["mackey_glass"])
        return min(past, self.steps - 1)

    @property
    def chance(self) -> Baseline:
        """The best straight line from the present value to the future one, fitted to the test sequences."""
        line = persistence(self)
        errors = line.outputs - line.targets
        score = float((errors.abs() < TOLERANCE).double().mean())
        return Baseline(float(errors.double().square().mean()), score, "the best linear guess from the present value")

    def batch(self, size: int, generator: torch.Generator, split: Split = "train") -> Batch:
        """Inputs and targets `time batch 1`; up to the size of a split no trajectory comes twice."""
        examples = _examples(self.system, self.steps + self.ahead, split)
        chosen = examples[:, draw(examples.shape[1], size, generator)].unsqueeze(-1)
        return Batch(chosen[: self.steps], chosen[self.ahead :])

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Mean squared error of `time batch 1`, in variances of the variable."""
        return functional.mse_loss(outputs, batch.targets)

    def score(self, outputs: Tensor, batch: Batch) -> float:
        """Share of forecasts whose error is below a tenth of a standard deviation."""
        return float(((outputs - batch.targets).abs() < TOLERANCE).double().mean())


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """The best linear forecast from the present value, over all test sequences."""

    slope: float
    intercept: float
    outputs: Tensor
    """`time example`."""
    targets: Tensor
    """`time example`."""


@kept
def persistence(task: Chaos) -> Line:
    """Least squares of the future value on the present one: no memory, and nothing but a line."""
    examples = _examples(task.system, task.steps + task.ahead, "test").double()
    now, later = examples[: task.steps], examples[task.ahead :]
    centred = now - now.mean()
    slope = float((centred * later).sum() / centred.square().sum())
    intercept = float(later.mean() - slope * now.mean())
    return Line(slope, intercept, (slope * now + intercept).float(), later.float())


@kept
def _examples(system: System, samples: int, split: Split) -> Tensor:
    """Standardised trajectories, `sample example`, float32; mean and deviation are the training ones'."""
    observed = _trajectories(system, samples, split)
    training = _trajectories(system, samples, "train")
    return torch.from_numpy((observed - training.mean()) / training.std()).float()


@kept
def _trajectories(system: System, samples: int, split: Split) -> np.ndarray:
    starts = np.random.default_rng(_SEEDS[split]).random((EXAMPLES[split], 3))
    return trajectories(system, samples, starts)
