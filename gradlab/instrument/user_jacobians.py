"""State Jacobians of a user's cell: rows by reverse mode, of many time steps at once where torch.func allows it."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor

from gradlab.instrument.user_capture import UserCall

AT_ONCE_FROM = 8
"""From more time steps than this on, Jacobians are first tried by `vmap(jacrev)` over time."""


def jacobians(calls: list[UserCall], sequences: list[int]) -> Tensor:
    """∂s'/∂s of some sequences of some calls, `time sequence states states`."""
    found = _at_once(calls, sequences) if len(calls) > AT_ONCE_FROM else None
    return torch.stack([_of_one(call, sequences) for call in calls]) if found is None else found


def leaves(call: UserCall) -> tuple[dict[int, Tensor], Tensor | None, dict[str, Tensor]]:
    """Fresh leaves for state, input and parameters, which share memory with the real ones."""
    arguments = call.arguments
    state = {place: arguments.leaves[place].detach().requires_grad_() for place in arguments.state}
    given = None if arguments.input is None else arguments.leaves[arguments.input].detach().requires_grad_()
    parameters = {}
    for name, parameter in call.module.named_parameters():
        value = parameter if call.held is None else call.held[name]
        parameters[name] = value.detach().requires_grad_(parameter.requires_grad)
    return state, given, parameters


def _of_one(call: UserCall, sequences: list[int]) -> Tensor:
    """∂s'/∂s of some sequences of one call, `sequence states states`, with the dropout and precision of the call.

    Rows by reverse mode, all at once (`is_grads_batched`), on the batch as it was: this also holds for cells that draw
    random numbers, work in place or branch on their values, which `vmap(jacrev)` does not allow.
    """
    state, _, parameters = leaves(call)
    with torch.enable_grad():
        results = call.run(state, {name: parameter.detach() for name, parameter in parameters.items()})
        batch = call.final[0].shape[0] if call.final[0].dim() > 1 else 1
        new = torch.cat([results[place].reshape(batch, -1) for place in call.state_places], -1)
        chosen = [new[sequence] for sequence in sequences]
    states = new.shape[-1]
    if not new.requires_grad:
        return new.new_zeros(len(sequences), states, states)
    unit = torch.eye(states, dtype=new.dtype, device=new.device)
    return torch.stack(
        [_rows(new, list(state.values()), unit, batch, b) for new, b in zip(chosen, sequences, strict=True)]
    )


def _at_once(calls: list[UserCall], sequences: list[int]) -> Tensor | None:
    """The same for many calls, `time sequence states states`, by `torch.func`; None where that is not possible."""
    first = calls[0]
    given = first.arguments
    tensors = [k for k, leaf in enumerate(given.leaves) if isinstance(leaf, Tensor)]
    if any(not _alike(call, first, tensors) for call in calls):
        return None
    _, _, parameters = leaves(first)
    stacked = {k: torch.stack([call.arguments.leaves[k] for call in calls]) for k in tensors}
    state = tuple(stacked.pop(k) for k in given.state)
    batch = first.final[0].shape[0] if first.final[0].dim() > 1 else 1

    def rows(old: tuple[Tensor, ...], rest: dict[int, Tensor]) -> Tensor:
        def new(old: tuple[Tensor, ...]) -> Tensor:
            results = first.run(dict(zip(given.state, old, strict=True)) | rest, parameters)
            parts = [results[place].reshape(batch, -1) for place in first.state_places]
            return torch.cat(parts, -1)[sequences]

        found = torch.func.jacrev(new)(old)
        blocks = [
            block.flatten(0, 1).reshape(len(sequences), -1, batch, part.numel() // batch)
            for block, part in zip(found, old, strict=True)
        ]
        here = torch.arange(len(sequences))
        return torch.cat([block[here, :, sequences] for block in blocks], -1)

    try:
        return torch.func.vmap(rows, chunk_size=64)(state, stacked)
    except RuntimeError:  # random numbers, work in place on what is not batched, values that decide, no rule
        return None


def _alike(call: UserCall, first: UserCall, tensors: list[int]) -> bool:
    """Whether a call differs from the first in the values of its tensors alone."""
    ours, theirs = call.arguments, first.arguments
    if call.module is not first.module or ours.structure != theirs.structure or call.held is not first.held:
        return False
    return all(
        isinstance(a, Tensor) and a.shape == b.shape and a.dtype == b.dtype if k in tensors else a is b or a == b
        for k, (a, b) in enumerate(zip(ours.leaves, theirs.leaves, strict=True))
    )


def _rows(new: Tensor, state: list[Tensor], unit: Tensor, batch: int, sequence: int) -> Tensor:
    options: dict[str, Any] = {"retain_graph": True, "allow_unused": True}
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*batching rule.*")
            found: list[Tensor | None] = list(torch.autograd.grad(new, state, unit, is_grads_batched=True, **options))
    except RuntimeError:  # an operation that cannot be vectorised: row by row
        rows = [torch.autograd.grad(new, state, row, **options) for row in unit]
        found = [
            None if parts[0] is None else torch.stack([part for part in parts if part is not None])
            for parts in zip(*rows, strict=True)
        ]
    blocks = [
        unit.new_zeros(len(unit), part.numel() // batch)
        if gradient is None
        else gradient.reshape(len(unit), batch, -1)[:, sequence]
        for gradient, part in zip(found, state, strict=True)
    ]
    return torch.cat(blocks, -1)
