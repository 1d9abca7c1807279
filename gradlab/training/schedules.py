"""Learning-rate schedules: torch's own, as functions of the training step alone."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from itertools import repeat
from typing import Annotated, Any, Literal, get_args

import torch
from pydantic import BeforeValidator, Field
from torch.optim import lr_scheduler
from torch.optim.lr_scheduler import LRScheduler

from gradlab.settings import Settings

Factor = Annotated[float, Field(gt=0, le=1)]
Steps = Annotated[int, Field(gt=0)]


class Schedule(Settings):
    """How the learning rate moves. A checkpoint needs nothing of it: the rate is a function of the step."""

    name: str
    """Subclasses declare it as a `Literal` with that default."""
    warm_up: Annotated[int, Field(ge=0)] = 0
    """Steps in which the rate rises evenly to its full size; the schedule proper begins behind them."""

    @abstractmethod
    def scheduler(self, optimiser: torch.optim.Optimizer, steps: int) -> LRScheduler:
        """The torch object, for a training of so many steps."""

    def rates(self, rate: float, steps: int) -> Iterator[float]:
        """The learning rate at the steps 0, 1, 2, …, without end.

        Args:
            rate: the optimiser's own.
            steps: of the training, warm-up included.
        """
        # An optimiser of nothing: torch computes the rates, and the real optimiser need not be wrapped by it.
        optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=rate)
        main = self.scheduler(optimiser, max(1, steps - self.warm_up))
        if self.warm_up:
            rising = lr_scheduler.LinearLR(optimiser, 1 / (self.warm_up + 1), 1.0, self.warm_up)
            main = lr_scheduler.SequentialLR(optimiser, [rising, main], [self.warm_up])
        while True:
            yield float(optimiser.param_groups[0]["lr"])
            optimiser.step()
            main.step()


class Constant(Schedule):
    """The optimiser's rate, always."""

    name: Literal["constant"] = "constant"

    def scheduler(self, optimiser: torch.optim.Optimizer, steps: int) -> LRScheduler:
        """`ConstantLR` with factor 1."""
        return lr_scheduler.ConstantLR(optimiser, factor=1.0)

    def rates(self, rate: float, steps: int) -> Iterator[float]:
        """The same number for ever, at no cost."""
        return repeat(rate) if not self.warm_up else super().rates(rate, steps)


class Stairs(Schedule):
    """The rate times a factor after every so many steps."""

    name: Literal["step"] = "step"

    every: Steps = 1000
    """Steps of one stair."""
    factor: Factor = 0.1
    """From one stair to the next."""

    def scheduler(self, optimiser: torch.optim.Optimizer, steps: int) -> LRScheduler:
        """`StepLR`."""
        return lr_scheduler.StepLR(optimiser, self.every, self.factor)


class Milestones(Schedule):
    """The rate times a factor at some steps."""

    name: Literal["milestones"] = "milestones"

    at: tuple[Steps, ...]
    """The steps, counted from the end of the warm-up."""
    factor: Factor = 0.1
    """At each of them."""

    def scheduler(self, optimiser: torch.optim.Optimizer, steps: int) -> LRScheduler:
        """`MultiStepLR`."""
        return lr_scheduler.MultiStepLR(optimiser, list(self.at), self.factor)


class Exponential(Schedule):
    """The rate times a factor after every step."""

    name: Literal["exponential"] = "exponential"

    factor: Factor = 0.999
    """A step."""

    def scheduler(self, optimiser: torch.optim.Optimizer, steps: int) -> LRScheduler:
        """`ExponentialLR`."""
        return lr_scheduler.ExponentialLR(optimiser, self.factor)


class Cosine(Schedule):
    """Half a cosine from the rate down to a smallest one at the end of training (Loshchilov & Hutter 2017)."""

    name: Literal["cosine"] = "cosine"

    least: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    """The rate at the end."""

    def scheduler(self, optimiser: torch.optim.Optimizer, steps: int) -> LRScheduler:
        """`CosineAnnealingLR` over the whole training."""
        return lr_scheduler.CosineAnnealingLR(optimiser, steps, self.least)


class Polynomial(Schedule):
    """(1 − step/steps)^power, down to zero at the end of training; power 1 is a straight line."""

    name: Literal["polynomial"] = "polynomial"

    power: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    """How fast it falls at first."""

    def scheduler(self, optimiser: torch.optim.Optimizer, steps: int) -> LRScheduler:
        """`PolynomialLR` over the whole training."""
        return lr_scheduler.PolynomialLR(optimiser, steps, self.power)


_Union = Annotated[
    Constant | Stairs | Milestones | Exponential | Cosine | Polynomial,
    Field(discriminator="name"),
]

SCHEDULES: tuple[type[Schedule], ...] = get_args(get_args(_Union)[0])
"""The classes behind `AnySchedule`, in the same order."""


def _from_name(value: Any) -> Any:
    """A bare name stands for that schedule with its defaults."""
    return {"name": value} if isinstance(value, str) else value


AnySchedule = Annotated[_Union, BeforeValidator(_from_name, json_schema_input_type=str | _Union)]
"""Any schedule, by its settings or by its bare name."""
