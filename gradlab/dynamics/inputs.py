"""What the dynamics accept as Jacobians: tensors, operators or streams of them; checked, in float64."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from gradlab.dynamics.operator import Dense, JacobianOperator

Jacobians = Tensor | JacobianOperator
"""∂s_t/∂s_{t−1}, `time ... states states`, row the new state."""

JacobianStream = Jacobians | Iterable[Jacobians]
"""The same, or an iterable of consecutive stretches of time, each with its own time axis in front."""

STRETCH_ENTRIES = 2**22
"""Matrix entries that are made dense at a time: 32 MiB in float64."""


def as_operator(jacobians: Jacobians) -> JacobianOperator:
    """Check Jacobians, and give them as an operator that is not part of any autograd graph.

    Raises ValueError unless they are real floating-point `time ... states states` with at least one of each.
    """
    if isinstance(jacobians, Tensor):
        if not jacobians.is_floating_point():
            raise ValueError(
                f"expected Jacobians of a real floating dtype, got {jacobians.dtype}; convert with .double()"
            )
        jacobians = Dense(jacobians.detach())
    elif not isinstance(jacobians, JacobianOperator):
        raise ValueError(
            "expected a tensor `time ... states states`, a JacobianOperator, or an iterable of these over "
            f"consecutive times, got {type(jacobians).__name__}"
        )
    shape = tuple(jacobians.shape)
    if len(shape) < 3 or shape[-1] != shape[-2] or 0 in shape:
        raise ValueError(
            f"expected Jacobians of shape `time ... states states`, square and not empty, got {shape}; "
            "a single matrix becomes one step of time with jacobian[None]"
        )
    return jacobians


def in_dtype(operator: JacobianOperator, dtype: torch.dtype = torch.float64) -> JacobianOperator:
    """The operator in another dtype, through its own `to` where it has one, else made dense."""
    convert = getattr(operator, "to", None)
    if convert is not None:
        converted: JacobianOperator = convert(dtype)
        return converted
    dense = operator[:1].dense()
    return operator if dense.dtype == dtype else Dense(operator.dense().to(dtype))


def stretches(
    jacobians: JacobianStream, *, backward: bool = False, entries: int = STRETCH_ENTRIES
) -> Iterator[JacobianOperator]:
    """Consecutive stretches of time in float64, of so many matrix entries; backward: the last one first.

    Raises ValueError for wrong Jacobians, for a stream that is empty or changes its shape, and for a stream
    that is to be read backward.
    """
    if isinstance(jacobians, Tensor | JacobianOperator):
        pieces: Iterable[Jacobians] = (jacobians,)
    elif not isinstance(jacobians, Iterable):
        pieces = (as_operator(jacobians),)  # raises
    elif backward:
        raise ValueError("expected Jacobians as one tensor or operator, to be read backward; got a stream")
    else:
        pieces = jacobians
    trailing: tuple[int, ...] | None = None
    for piece in pieces:
        operator = as_operator(piece)
        shape = tuple(operator.shape)
        if trailing not in (None, shape[1:]):
            raise ValueError(f"expected every stretch of time to have the shape `time` + {trailing}, got {shape}")
        trailing = shape[1:]
        length = max(1, entries // max(1, torch.Size(trailing).numel()))
        starts = range(0, shape[0], length)
        for start in reversed(starts) if backward else starts:
            yield in_dtype(operator[start : start + length])
    if trailing is None:
        raise ValueError("expected at least one stretch of Jacobians, got an empty stream")
