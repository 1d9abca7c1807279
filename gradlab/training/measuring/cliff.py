"""The cliff: what the loss does where the raw step would have led, and where the clipped one does."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import Parameter

from gradlab.training.clipping.measure import total_norm

Vector = list[Tensor]
"""A displacement of all trainable parameters, tensor by tensor."""


def step_of(optimiser: torch.optim.Optimizer, gradients: Sequence[Tensor | None]) -> Vector:
    """How far the optimiser would move its parameters for these gradients; nothing is moved.

    Args:
        optimiser: the one in use, whose memory counts.
        gradients: for its parameters, in order; None where there is none.
    """
    given = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    copies = [Parameter(parameter.detach().clone()) for parameter in given]
    kind: Any = type(optimiser)
    twin = kind(copies, lr=optimiser.defaults["lr"])
    twin.load_state_dict(copy.deepcopy(optimiser.state_dict()))  # brings all other settings with it
    for parameter, gradient in zip(copies, gradients, strict=True):
        parameter.grad = None if gradient is None else gradient.clone()
    twin.step()
    return [(after - before).detach() for after, before in zip(copies, given, strict=True)]


@torch.no_grad()
def losses_at(parameters: Sequence[Tensor], places: Iterable[Vector], loss: Callable[[], Any]) -> np.ndarray:
    """The loss with the parameters displaced, `places`; they are put back exactly."""
    before = [parameter.clone() for parameter in parameters]
    found = []
    try:
        for place in places:
            for parameter, start, offset in zip(parameters, before, place, strict=True):
                parameter.copy_(start + offset)
            found.append(float(loss()))
    finally:
        for parameter, start in zip(parameters, before, strict=True):
            parameter.copy_(start)
    return np.array(found)


def plane_axes(raw: Vector, clipped: Vector, generator: torch.Generator) -> tuple[Vector, Vector]:
    """Two displacements of length 1 at a right angle: along the raw step, and across it towards the clipped one.

    Where clipping kept the direction there is no such towards: then across is drawn at random.
    """
    along = _unit(raw)
    across = _without(clipped, along)
    if total_norm(across) <= 1e-5 * total_norm(clipped):
        drawn = [torch.randn(part.shape, generator=generator, dtype=torch.float64).to(part) for part in raw]
        across = _without(drawn, along)
    return along, _unit(_without(across, along))


def cliff_columns(
    parameters: Sequence[Tensor],
    raw: Vector,
    clipped: Vector,
    loss: Callable[[], Any],
    *,
    points: int,
    reach: float,
    generator: torch.Generator,
) -> dict[str, np.ndarray]:
    """Columns of the table `cliff` but for its step: two lines from −½ to 1½ steps, and a plane.

    Args:
        parameters: that are displaced, and put back.
        raw: the step that the raw gradient would make.
        clipped: the step that is made.
        loss: at the parameters as they are.
        points: along each line, and along each side of the plane.
        reach: of the plane, in clipped steps, in every direction.
        generator: for the second direction of the plane, where the steps do not give one.
    """
    along, across = plane_axes(raw, clipped, generator)
    fractions = np.linspace(-0.5, 1.5, points)
    side = reach * total_norm(clipped) * np.linspace(-1, 1, points)
    rows, columns = (grid.ravel() for grid in np.meshgrid(side, side, indexing="ij"))
    parts = []
    for name, step in (("raw", raw), ("clipped", clipped)):
        where = [_sum((float(fraction), step)) for fraction in fractions]
        coordinates = _dot(step, along) * fractions, _dot(step, across) * fractions
        parts.append((name, *coordinates, fractions, losses_at(parameters, where, loss)))
    places = (_sum((float(x), along), (float(y), across)) for x, y in zip(rows, columns, strict=True))
    parts.append(("plane", rows, columns, np.full(len(rows), np.nan), losses_at(parameters, places, loss)))
    return _columns(parts)


def _columns(parts: list[tuple[Any, ...]]) -> dict[str, np.ndarray]:
    fractions = np.concatenate([part[3] for part in parts])
    return {
        "path": np.concatenate([np.full(len(part[1]), part[0], dtype=object) for part in parts]),
        "point": np.concatenate([np.arange(len(part[1]), dtype=np.int64) for part in parts]),
        "along": np.concatenate([part[1] for part in parts]),
        "across": np.concatenate([part[2] for part in parts]),
        "fraction": np.ma.masked_invalid(fractions),
        "loss": np.concatenate([part[4] for part in parts]),
    }


def _dot(one: Vector, other: Vector) -> float:
    return float(sum(torch.sum(a.double() * b.double()) for a, b in zip(one, other, strict=True)))


def _sum(*terms: tuple[float, Vector]) -> Vector:
    """A sum of multiples of displacements."""
    (factor, first), *others = terms
    total = [factor * part for part in first]
    for factor, vector in others:
        total = [one + factor * part for one, part in zip(total, vector, strict=True)]
    return total


def _unit(vector: Vector) -> Vector:
    length = total_norm(vector)
    return [part / length for part in vector] if length > 0 else vector


def _without(vector: Vector, along: Vector) -> Vector:
    """The part of a vector that is at a right angle to another one of length 1."""
    share = _dot(vector, along)
    return [part - share * other for part, other in zip(vector, along, strict=True)]
