"""Which calls of a module belong to one sequence: chunks with carried state, and steps called one by one.

A call continues an earlier one when it starts from the very state that the earlier one returned, detached or not.
A single step whose state was changed in between (masked, mixed with something) continues the latest sequence; one
that starts from nothing, or from a state without history, begins a new sequence.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from gradlab.instrument.call import Call


@dataclass(frozen=True, slots=True)
class Place:
    """Where a call stands: in which sequence of the training step, and from which time step on."""

    sequence: int
    offset: int


def steps_of(call: Call) -> int:
    """Time steps of one call."""
    if call.layout.is_cell:
        return 1
    if isinstance(call.inputs, torch.nn.utils.rnn.PackedSequence):
        return len(call.inputs.batch_sizes)
    return call.inputs.shape[1 if call.layout.batch_first and call.inputs.dim() == 3 else 0]


def in_order(calls: list[Call]) -> list[Call]:
    """The calls in the order of time: what a checkpoint computes again during backward comes last step first."""
    return [c for c in calls if not c.during_backward] + [c for c in reversed(calls) if c.during_backward]


def places(calls: list[Call]) -> list[Place]:
    """The place of every call of one module, in the order of the calls."""
    by_value = any(call.during_backward for call in calls)
    found: list[Place] = []
    ends: dict[tuple[object, ...], int] = {}
    count = 0
    for number, call in enumerate(calls):
        earlier = None
        if call.initial is not None:
            earlier = ends.get(_identity(call.initial[0], by_value))
            if earlier is None and number and not call.starts_from_leaf and steps_of(call) == 1:
                earlier = number - 1 if steps_of(calls[number - 1]) == 1 else None
        if earlier is None:
            place = Place(count, 0)
            count += 1
        else:
            place = Place(found[earlier].sequence, found[earlier].offset + steps_of(calls[earlier]))
        found.append(place)
        ends[_identity(call.final[0], by_value)] = number
    return found


def _identity(tensor: torch.Tensor, by_value: bool) -> tuple[object, ...]:
    """The memory of a tensor, which the calls keep alive so that it is not used twice.

    By its values where a checkpoint computed it again: then memory tells nothing, and the values are bit-equal.
    """
    if by_value:
        return (tensor.numel(), *tensor.flatten()[:16].tolist(), float(tensor.double().sum()))
    return tensor.data_ptr(), tensor.numel()
