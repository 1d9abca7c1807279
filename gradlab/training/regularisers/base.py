"""What every regulariser does: it adds its gradient to that of the loss, after backpropagation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from gradlab.settings import Settings

Weight = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Penalty(ABC):
    """A term beside the loss, for one run."""

    def listen(self) -> None:  # noqa: B027 (most need nothing)
        """Before the forward pass: make ready for what is needed of it."""

    @abstractmethod
    def __call__(self) -> float:
        """After the backward pass: add the term's gradient to `.grad`, and give its value, weight included."""

    def close(self) -> None:  # noqa: B027 (most hold nothing)
        """Let go of the model."""


class Regulariser(Settings):
    """A term as it stands in a study file; `start` gives what acts."""

    name: str
    """Subclasses declare it as a `Literal` with that default."""
    weight: Weight
    """Of the term beside the loss."""

    @abstractmethod
    def start(self, model: nn.Module) -> Penalty:
        """The term for one run. Raises ValueError where the model has nothing that it could act on."""


def copies(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same numbers as leaves of their own: what is differentiated here, no hook of the model hears of."""
    return {name: weight.detach().clone().requires_grad_() for name, weight in weights.items()}


@torch.no_grad()
def add_gradients(weights: dict[str, Tensor], leaves: dict[str, Tensor], value: Tensor) -> None:
    """Differentiate a value by the leaves, and add the result to the weights' own gradients."""
    gradients = torch.autograd.grad(value, list(leaves.values()), allow_unused=True)
    for name, gradient in zip(leaves, gradients, strict=True):
        if gradient is None:
            continue
        weight = weights[name]
        weight.grad = gradient if weight.grad is None else weight.grad + gradient


def recurrent_matrices(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Square recurrent matrices: of all layers, for gated cells stacked gate by gate in one parameter."""
    for name, parameter in model.named_parameters():
        if name.rsplit(".", 1)[-1].startswith("weight_hh") and parameter.ndim == 2:
            yield name, parameter


def blocks(stacked: Tensor) -> Tensor:
    """The square matrices of a stacked parameter, `gate hidden hidden`."""
    rows, columns = stacked.shape
    return stacked.reshape(rows // columns, columns, columns) if rows % columns == 0 else stacked.unsqueeze(0)
