"""Calls brought into canonical form, ready for the replay; single steps of one sequence are replayed all at once.

Steps that were called one by one know the gradient that reaches each of their states from everything behind them,
so they need no sweep through time: laid side by side they are one pass of length one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import PackedSequence

from gradlab.instrument.call import Call
from gradlab.instrument.canonical import Form
from gradlab.instrument.chains import Place, in_order, places, steps_of
from gradlab.instrument.modules import Layout


@dataclass(slots=True)
class Segment:
    """One or more calls of a module; all tensors time first, batch second, in the dtype of the weights."""

    name: str
    layout: Layout
    form: Form
    place: Place
    inputs: Tensor
    """`time batch feature`."""
    initial: tuple[Tensor, ...]
    """`layers·directions batch hidden` each."""
    output: Tensor | None
    """`time batch directions·hidden`; None when it has to be computed again."""
    direct_output: Tensor | None
    """Gradient that arrived at the output, same shape; None when none did."""
    direct_final: tuple[Tensor | None, ...]
    """Gradient that arrived at the returned state, `layers·directions batch hidden` each."""
    masks: list[Tensor | None]
    """What dropout multiplied each layer's output with, `time batch directions·hidden`."""
    cell_gradient_is_total: bool
    precision: torch.dtype
    folded: int
    """How many single steps lie side by side in the batch; 0 for an ordinary pass."""
    detached: bool = False
    """Whether the state of one of them, not the first, was cut off from the step before."""

    @property
    def lengths(self) -> Tensor | None:
        """Real steps per sequence."""
        return self.form.lengths


def chosen(count: int, batch: int) -> Tensor | None:
    """Which sequences of a batch are measured: evenly spread, all (None) when there are not more than `count`."""
    if count >= batch:
        return None
    return torch.linspace(0, batch - 1, count).round().long()


def segments(calls: list[Call], count: int | None) -> Iterator[Segment]:
    """All calls of one module in one training step, at most `count` sequences of each batch (None for all)."""
    kept = [call for call in calls if call.arrived or not call.during_backward]
    kept = in_order(kept)
    placed = list(zip(kept, places(kept), strict=True))
    for _, group in groupby(placed, key=lambda pair: _kind(*pair)):
        members = list(group)
        parts = [_single(call, place, count) for call, place in members]
        yield _fold(parts, any(call.starts_from_leaf for call, _ in members[1:])) if len(parts) > 1 else parts[0]


def _kind(call: Call, place: Place) -> tuple[object, ...]:
    """Equal for consecutive single steps that can lie side by side, unique for every other call."""
    packed = isinstance(call.inputs, PackedSequence)
    if packed or steps_of(call) > 1 or call.random_state is not None or call.layout.directions > 1:
        return (id(call),)
    shape = tuple(call.inputs.data.shape)
    return (place.sequence, shape, call.cell_gradient_is_total, call.output_is_intact)


def _single(call: Call, place: Place, count: int | None) -> Segment:
    """One call in canonical form."""
    call.check_replayable()
    form = Form.of(call.inputs, call.layout.batch_first, call.layout.is_cell)
    dtype = next(iter(call.layout.weights(0, 0).values())).dtype
    inputs = form.sequence(call.inputs).to(dtype)
    batch = inputs.shape[1]
    indices = None if count is None else chosen(count, batch)
    masks = _masks(call, form, inputs.shape[0], batch, dtype)

    def cut(value: Tensor | None) -> Tensor | None:
        if value is None:
            return None
        value = value.to(dtype)
        return value if indices is None else value.index_select(1, indices.to(value.device))

    if call.initial is None:
        rows = call.layout.layers * call.layout.directions
        initial = tuple(inputs.new_zeros(rows, batch, size) for size in call.layout.state_sizes)
    else:
        initial = tuple(form.state(part) for part in call.initial)
    direct = call.arrived.get("h" if call.layout.is_cell else "output")
    names = call.layout.recurrence.state_names
    final = tuple(call.arrived.get(name) for name in names)
    if call.layout.is_cell:
        final = (None, *final[1:])
    if indices is not None and form.lengths is not None:
        form = Form(form.is_cell, form.batched, False, form.lengths[indices], form.batch_sizes, form.order)
    return Segment(
        name=call.name,
        layout=call.layout,
        form=form,
        place=place,
        inputs=_present(cut(inputs)),
        initial=tuple(_present(cut(part)) for part in initial),
        output=cut(form.sequence(call.output)) if call.output_is_intact else None,
        direct_output=cut(None if direct is None else form.sequence(direct)),
        direct_final=tuple(cut(None if part is None else form.state(part)) for part in final),
        masks=[cut(mask) for mask in masks],
        cell_gradient_is_total=call.cell_gradient_is_total,
        precision=call.precision,
        folded=0,
    )


def _present(value: Tensor | None) -> Tensor:
    assert value is not None
    return value


def _masks(call: Call, form: Form, time: int, batch: int, dtype: torch.dtype) -> list[Tensor | None]:
    """Dropout's factors, drawn again layer by layer from the random state that the call started with."""
    layout = call.layout
    if call.random_state is None:
        return [None] * layout.layers
    width = layout.directions * layout.state_sizes[0]
    device = call.output.data.device
    now = torch.get_rng_state()
    torch.set_rng_state(call.random_state)
    try:
        masks: list[Tensor | None] = []
        for _ in range(layout.layers - 1):
            if form.batch_sizes is None:
                ones = torch.ones(time, batch, width, dtype=dtype, device=device)
                masks.append(functional.dropout(ones, layout.dropout, True))
            else:
                ones = torch.ones(int(form.batch_sizes.sum()), width, dtype=dtype, device=device)
                masks.append(form.sequence(functional.dropout(ones, layout.dropout, True)))
    finally:
        torch.set_rng_state(now)
    return [*masks, None]


def _fold(parts: list[Segment], detached: bool) -> Segment:
    """Single steps of one sequence, laid side by side in the batch."""
    first = parts[0]

    def side_by_side(values: list[Tensor | None]) -> Tensor | None:
        """None where no step has it; a gradient that did not arrive at one step only is zero there."""
        known = next((value for value in values if value is not None), None)
        if known is None:
            return None
        return torch.cat([torch.zeros_like(known) if value is None else value for value in values], 1)

    return Segment(
        name=first.name,
        layout=first.layout,
        form=first.form,
        place=first.place,
        inputs=_present(side_by_side([part.inputs for part in parts])),
        initial=tuple(
            _present(side_by_side(list(rows))) for rows in zip(*(part.initial for part in parts), strict=True)
        ),
        output=side_by_side([part.output for part in parts]),
        direct_output=side_by_side([part.direct_output for part in parts]),
        direct_final=tuple(
            side_by_side(list(rows)) for rows in zip(*(part.direct_final for part in parts), strict=True)
        ),
        masks=first.masks,
        cell_gradient_is_total=first.cell_gradient_is_total,
        precision=first.precision,
        folded=len(parts),
        detached=detached,
    )
