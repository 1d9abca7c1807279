"""The replay of what was captured: per layer and direction the trace, the adjoint, and a check against the real run.

Layers are gone through upward for the traces (inner layers are run once more, fused and without gradient) and
downward for the adjoints; no autograd anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from gradlab.errors import InstrumentError
from gradlab.instrument.call import Call
from gradlab.instrument.canonical import turn
from gradlab.instrument.modules import Layout
from gradlab.instrument.segment import Segment, segments
from gradlab.instrument.user_cells import UserLayout
from gradlab.recurrence import LSTM, Adjoint, Recurrence, States, Trace, Weights

CHECKED_STEPS = 8
"""At so many time steps the replayed state is held against the real one."""

TOLERANCE = {torch.float64: 1e-8, torch.float32: 2e-3, torch.float16: 5e-2, torch.bfloat16: 1e-1}


@dataclass(slots=True)
class Pass:
    """One layer in one direction during one unbroken stretch of time: everything about its backpropagation."""

    name: str
    layout: Layout
    sequence: int
    """Which sequence of the training step."""
    offset: int
    """Time step of the sequence at which this stretch begins."""
    layer: int
    direction: int
    recurrence: Recurrence
    weights: Weights
    trace: Trace
    """In the order in which the recurrence reads: for direction 1 its first step is the sequence's last."""
    adjoint: Adjoint
    grad_inputs: Tensor
    """dL/dx_t of the layer through all its directions, in real time, `time batch feature`."""
    lengths: Tensor | None
    """Real steps per sequence, `batch`."""
    precision: torch.dtype
    """The coarsest dtype that the pass went through."""
    direct: tuple[Tensor | None, ...]
    """What arrives at each part of the state from outside the recurrence, `time batch hidden`, in reading order.

    None for nothing. Of steps that were called one by one (`trace.started_from`) it holds what the steps behind sent
    as well."""
    detached: bool = False
    """Whether steps that were called one by one include one, not the first, whose state was cut off from the last."""
    order: Tensor | None = None
    """Where packed sequences were sorted: position in the batch that was given, by position in the pass.

    None where nothing was sorted, and where only some sequences were replayed."""
    gradients: Weights = field(default_factory=dict)
    """Autograd's gradients of the weights, where nothing but the sequences of this pass sent them anything."""
    contributions: tuple[list[float], list[float] | None] | None = None
    """‖G_t‖ and ⟨G_t, G⟩/‖G‖² of all parameters together, where they are not to be had from the factors."""

    @property
    def steps(self) -> int:
        """Time steps, padding included."""
        return self.trace.states[0].shape[0]

    @property
    def sequences(self) -> int:
        """Sequences in the pass."""
        return self.trace.states[0].shape[1]

    def real_steps(self) -> Tensor:
        """True where a step is no padding, `time batch`."""
        shape = (self.steps, self.sequences)
        device = self.trace.states[0].device
        if self.lengths is None:
            return torch.ones(shape, dtype=torch.bool, device=device)
        return torch.arange(self.steps, device=device).unsqueeze(1) < self.lengths.to(device)

    def in_real_time(self, values: Tensor) -> Tensor:
        """Bring `time batch …` from reading order into the order of the sequence."""
        return in_real_time(values, self.direction, self.lengths)

    def select(self, sequences: Tensor) -> Pass:
        """The same for some of its sequences."""

        def cut(value: Tensor) -> Tensor:
            return value.index_select(-2, sequences.to(value.device))

        def cut_factor(value: Tensor) -> Tensor:
            # A user's cell gives one sum over all sequences.
            return value if value.shape[1] == 1 < self.sequences else value.index_select(1, sequences.to(value.device))

        trace = Trace(
            cut(self.trace.inputs),
            tuple(map(cut, self.trace.initial)),
            tuple(map(cut, self.trace.states)),
            {name: cut(gate) for name, gate in self.trace.gates.items()},
            None if self.trace.started_from is None else tuple(map(cut, self.trace.started_from)),
        )
        factors = {
            name: (cut_factor(left), None if right is None else cut_factor(right))
            for name, (left, right) in self.adjoint.factors.items()
        }
        adjoint = Adjoint(
            tuple(map(cut, self.adjoint.states)),
            tuple(map(cut, self.adjoint.initial)),
            cut(self.adjoint.inputs),
            factors,
        )
        return replace(
            self,
            trace=trace,
            adjoint=adjoint,
            grad_inputs=cut(self.grad_inputs),
            lengths=None if self.lengths is None else self.lengths[sequences],
            direct=tuple(None if part is None else cut(part) for part in self.direct),
            order=None,
            gradients={},
        )

    def states_before(self) -> States:
        """The full state before each step, `time batch hidden` each, in reading order."""
        return tuple(self.trace.before(index) for index in range(len(self.trace.states)))


def replay(calls: list[Call], count: int | None = None) -> Iterator[Pass]:
    """All passes of one module's calls in one training step, the last layer of each call first.

    At most `count` sequences of each batch are replayed (None for all). Raises InstrumentError, naming the module,
    when the replay does not reproduce the states that the module really gave.
    """
    if calls and isinstance(calls[0].layout, UserLayout):
        from gradlab.instrument.user_replay import replay_cells  # it makes passes itself

        with torch.no_grad():
            yield from replay_cells(calls)
        return
    with torch.no_grad(), _autocast_off(calls):
        for segment in segments(calls, count):
            yield from _replay_segment(segment)


def _autocast_off(calls: list[Call]) -> torch.autocast:
    kind = calls[0].output.data.device.type if calls else "cpu"
    return torch.autocast(kind, enabled=False)


def _replay_segment(segment: Segment) -> Iterator[Pass]:
    layout = segment.layout
    traces: list[list[tuple[Weights, Trace]]] = []
    x = segment.inputs
    for layer in range(layout.layers):
        known = segment.output if layer == layout.layers - 1 else None
        traces.append([_trace(segment, layer, direction, x, known) for direction in range(layout.directions)])
        outputs = [_turned_if(direction, t.states[0], segment) for direction, (_, t) in enumerate(traces[-1])]
        x = outputs[0] if len(outputs) == 1 else torch.cat(outputs, -1)
        mask = segment.masks[layer]
        if mask is not None:
            x = x * mask
    gradient = segment.direct_output
    for layer in reversed(range(layout.layers)):
        mask = segment.masks[layer]
        if mask is not None and gradient is not None:
            gradient = gradient * mask
        direct = [
            _direct(segment, layer, direction, trace, gradient) for direction, (_, trace) in enumerate(traces[layer])
        ]
        adjoints = [
            layout.recurrence.adjoint(weights, trace, arrived)
            for (weights, trace), arrived in zip(traces[layer], direct, strict=True)
        ]
        gradient = _turned_if(0, adjoints[0].inputs, segment)
        for direction in range(1, layout.directions):
            gradient = gradient + _turned_if(direction, adjoints[direction].inputs, segment)
        for direction, (weights, trace) in enumerate(traces[layer]):
            yield _pass(segment, layer, direction, weights, trace, adjoints[direction], gradient, direct[direction])
        traces.pop()


def _trace(segment: Segment, layer: int, direction: int, x: Tensor, known: Tensor | None) -> tuple[Weights, Trace]:
    layout = segment.layout
    weights = layout.weights(layer, direction)
    initial = tuple(part[layer * layout.directions + direction] for part in segment.initial)
    x = _turned_if(direction, x, segment)
    if known is None:
        states = layout.run(weights, x.contiguous(), initial)
    else:
        width = layout.state_sizes[0]
        states = _turned_if(direction, known[..., direction * width : (direction + 1) * width], segment)
    trace = layout.recurrence.trace(weights, x, initial, states)
    if known is not None:
        _check(segment, layer, direction, weights, trace)
    return weights, trace


def _check(segment: Segment, layer: int, direction: int, weights: Weights, trace: Trace) -> None:
    """Hold one step of the equations, at a few times, against the states that the module really gave."""
    T = trace.states[0].shape[0]
    times = torch.linspace(0, T - 1, min(T, CHECKED_STEPS)).round().long().to(trace.inputs.device)
    before = tuple(trace.before(index)[times] for index in range(len(trace.states)))
    real = trace.states[0][times]
    again = segment.layout.recurrence.step(weights, trace.inputs[times], before)[0]
    if segment.lengths is not None:
        real_step = times.unsqueeze(1) < segment.lengths.to(times.device)
        again, real = again[real_step], real[real_step]
    wrong = (again - real).abs()
    scale = real.abs().nan_to_num(0, 0, 0).max().clamp_min(1e-3) if real.numel() else real.new_ones(())
    error = float((wrong[wrong.isfinite()].max() if wrong.isfinite().any() else wrong.new_zeros(())) / scale)
    tolerance = max(TOLERANCE[real.dtype], TOLERANCE[segment.precision])
    if error > tolerance:
        raise InstrumentError(
            f"module {segment.name!r}, layer {layer}, direction {direction}: expected the replayed hidden states to "
            f"equal the real ones within {tolerance:g}, got a relative difference of {error:.2e}; were weights changed "
            "between the forward pass and recorder.step(), or does something overwrite the module's output?"
        )


def _direct(
    segment: Segment, layer: int, direction: int, trace: Trace, gradient: Tensor | None
) -> tuple[Tensor | None, ...]:
    """What arrives at each part of the state from above, and at the returned state from whoever used it."""
    layout = segment.layout
    row = layer * layout.directions + direction
    h = trace.states[0]
    direct: list[Tensor | None] = [None] * len(trace.states)
    if gradient is not None:
        width = layout.state_sizes[0]
        part = gradient[..., direction * width : (direction + 1) * width]
        direct[0] = _turned_if(direction, part, segment)
    for index, final in enumerate(segment.direct_final):
        if final is None:
            continue
        held = direct[index]
        whole = torch.zeros_like(trace.states[index]) if held is None else held.clone()
        if segment.lengths is None:
            whole[-1] += final[row]
        else:
            ends = segment.lengths.to(h.device) - 1
            whole[ends, torch.arange(h.shape[1], device=h.device)] += final[row]
        direct[index] = whole
    if segment.cell_gradient_is_total and direct[1] is not None and isinstance(layout.recurrence, LSTM):
        grad_h = torch.zeros_like(h) if direct[0] is None else direct[0]
        direct[1] = layout.recurrence.outside_cell_gradient(trace, grad_h, direct[1])
    return tuple(direct)


def _pass(
    segment: Segment,
    layer: int,
    direction: int,
    weights: Weights,
    trace: Trace,
    adjoint: Adjoint,
    grad_inputs: Tensor,
    direct: tuple[Tensor | None, ...],
) -> Pass:
    if segment.folded:
        trace, adjoint, grad_inputs, direct = _unfolded(segment.folded, trace, adjoint, grad_inputs, direct)
    order = segment.form.order
    return Pass(
        name=segment.name,
        layout=segment.layout,
        sequence=segment.place.sequence,
        offset=segment.place.offset,
        layer=layer,
        direction=direction,
        recurrence=segment.layout.recurrence,
        weights=weights,
        trace=trace,
        adjoint=adjoint,
        grad_inputs=grad_inputs,
        lengths=segment.lengths,
        precision=segment.precision,
        direct=direct,
        detached=segment.detached,
        order=order if order is not None and len(order) == trace.states[0].shape[1] else None,
    )


def _unfolded(
    steps: int, trace: Trace, adjoint: Adjoint, grad_inputs: Tensor, direct: tuple[Tensor | None, ...]
) -> tuple[Trace, Adjoint, Tensor, tuple[Tensor | None, ...]]:
    """Single steps that lay side by side in the batch, one behind the other again."""

    def stand(value: Tensor) -> Tensor:
        return value.reshape(steps, -1, *value.shape[min(2, value.dim() - 1) :])

    started = tuple(stand(part) for part in trace.initial)
    trace = Trace(
        stand(trace.inputs),
        tuple(part[0] for part in started),
        tuple(map(stand, trace.states)),
        {name: stand(gate) for name, gate in trace.gates.items()},
        started,
    )
    factors = {
        name: (stand(left), None if right is None else stand(right)) for name, (left, right) in adjoint.factors.items()
    }
    initial = tuple(stand(part)[0] for part in adjoint.initial)
    adjoint = Adjoint(tuple(map(stand, adjoint.states)), initial, stand(adjoint.inputs), factors)
    return trace, adjoint, stand(grad_inputs), tuple(None if part is None else stand(part) for part in direct)


def in_real_time(values: Tensor, direction: int, lengths: Tensor | None) -> Tensor:
    """Bring `time batch …` from reading order into the order of the sequence."""
    return _turned(values, lengths) if direction else values


def _turned_if(direction: int, value: Tensor, segment: Segment) -> Tensor:
    return _turned(value, segment.lengths) if direction else value


def _turned(value: Tensor, lengths: Tensor | None) -> Tensor:
    return value.flip(0) if lengths is None else turn(value, lengths.to(value.device))
