"""The optimisers that a study can name, each with torch's definition and defaults."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import Annotated, Any, Literal, get_args

import torch
from pydantic import BeforeValidator, Field
from torch.nn import Parameter

from gradlab.settings import Settings

Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, lt=1)]


class Optimiser(Settings):
    """A rule for updates, as it stands in a study file; `start` gives the torch object."""

    name: str
    """Subclasses declare it as a `Literal` with that default."""
    rate: Rate
    """Learning rate."""

    @abstractmethod
    def start(self, parameters: Iterable[Parameter]) -> torch.optim.Optimizer:
        """A fresh optimiser for one run."""


class Sgd(Optimiser):
    """Stochastic gradient descent, with heavy-ball momentum if wanted (Polyak 1964)."""

    name: Literal["sgd"] = "sgd"
    rate: Rate = 0.001
    """Learning rate."""
    momentum: Share = 0.0
    """Factor on the previous update."""

    def start(self, parameters: Iterable[Parameter]) -> torch.optim.Optimizer:
        """`torch.optim.SGD`."""
        return torch.optim.SGD(parameters, lr=self.rate, momentum=self.momentum)


class RMSprop(Optimiser):
    """Updates divided by a running root mean square of the gradient (Tieleman & Hinton 2012, lecture 6.5)."""

    name: Literal["rmsprop"] = "rmsprop"
    rate: Rate = 0.01
    """Learning rate."""
    decay: Share = 0.99
    """Of the running mean of squares (torch's `alpha`)."""
    momentum: Share = 0.0
    """Factor on the previous update."""

    def start(self, parameters: Iterable[Parameter]) -> torch.optim.Optimizer:
        """`torch.optim.RMSprop`."""
        return torch.optim.RMSprop(parameters, lr=self.rate, alpha=self.decay, momentum=self.momentum)


class Adam(Optimiser):
    """Adaptive moments with bias correction (Kingma & Ba 2015, algorithm 1)."""

    name: Literal["adam"] = "adam"
    rate: Rate = 0.001
    """Learning rate."""
    decay: tuple[Share, Share] = (0.9, 0.999)
    """Of the running means of gradients and of their squares (β₁, β₂)."""

    def start(self, parameters: Iterable[Parameter]) -> torch.optim.Optimizer:
        """`torch.optim.Adam`."""
        return torch.optim.Adam(parameters, lr=self.rate, betas=self.decay)


class AdamW(Adam):
    """Adam whose weight decay acts on the weights alone, not through the gradient (Loshchilov & Hutter 2019)."""

    name: Literal["adamw"] = "adamw"  # type: ignore[assignment]
    weight_decay: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.01
    """Share of every weight that an update takes off, times the learning rate."""

    def start(self, parameters: Iterable[Parameter]) -> torch.optim.Optimizer:
        """`torch.optim.AdamW`."""
        return torch.optim.AdamW(parameters, lr=self.rate, betas=self.decay, weight_decay=self.weight_decay)


class Adagrad(Optimiser):
    """Updates divided by the root of the sum of all squares so far (Duchi, Hazan & Singer 2011)."""

    name: Literal["adagrad"] = "adagrad"
    rate: Rate = 0.01
    """Learning rate."""

    def start(self, parameters: Iterable[Parameter]) -> torch.optim.Optimizer:
        """`torch.optim.Adagrad`."""
        return torch.optim.Adagrad(parameters, lr=self.rate)


_Union = Annotated[Adam | AdamW | Adagrad | RMSprop | Sgd, Field(discriminator="name")]

OPTIMISERS: tuple[type[Optimiser], ...] = get_args(get_args(_Union)[0])
"""The classes behind `AnyOptimiser`, in the same order."""


def _from_name(value: Any) -> Any:
    """A bare name stands for that optimiser with its defaults."""
    return {"name": value} if isinstance(value, str) else value


AnyOptimiser = Annotated[_Union, BeforeValidator(_from_name, json_schema_input_type=str | _Union)]
"""Any optimiser, by its settings or by its bare name."""
