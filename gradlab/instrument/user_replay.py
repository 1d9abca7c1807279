"""The replay of a user's cell: every step is called once more under autograd, with the gradients that arrived at it.

What arrives at a returned tensor is dL/ds_t through all paths, as `.grad` would have it. Where one result was computed
from another inside the cell (h from c), that total holds the inner path too, and autograd's sum for the step's weights
needs the part from outside alone: `_from_outside` takes the inner paths off.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from gradlab.dynamics.operator import Dense
from gradlab.errors import InstrumentError, UnsupportedError
from gradlab.instrument.call import Call
from gradlab.instrument.chains import in_order, places
from gradlab.instrument.replay import TOLERANCE, Pass
from gradlab.instrument.user_capture import UserCall
from gradlab.instrument.user_cells import Cell, UserLayout
from gradlab.instrument.user_jacobians import jacobians, leaves
from gradlab.recurrence import Adjoint, Recurrence, States, Trace, Weights

SHARES_UP_TO = 1 << 25
"""So many numbers of weight gradients by step are kept to compare them with their sum; beyond, shares are left out."""


@dataclass(frozen=True, slots=True)
class UserRecurrence(Recurrence):
    """What is known of a user's cell: that it can be called again."""

    parts: tuple[str, ...]
    calls: tuple[UserCall, ...] = ()

    name: ClassVar[str] = "user"
    gate_bounds: ClassVar = {}

    @property
    def state_names(self) -> tuple[str, ...]:  # type: ignore[override]
        """The names that were given, or h, c, s2 and so on."""
        return self.parts

    def weight_shapes(self, input_size: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
        """None that are known."""
        return {}

    def step(self, weights: Weights, inputs: Tensor, states: States) -> States:
        """Not known as an equation. Raises UnsupportedError."""
        raise UnsupportedError("expected a recurrence in closed form, got a user's cell: call the cell itself")

    def trace(self, weights: Weights, inputs: Tensor, initial: States, outputs: Tensor | None = None) -> Trace:
        """Not known as an equation. Raises UnsupportedError."""
        return self.step(weights, inputs, initial)  # type: ignore[return-value]

    def adjoint(self, weights: Weights, trace: Trace, direct: tuple[Tensor | None, ...]) -> Adjoint:
        """Not known as an equation. Raises UnsupportedError."""
        return self.step(weights, trace.inputs, trace.initial)  # type: ignore[return-value]

    def jacobian(self, weights: Weights, trace: Trace, before: States) -> Dense:
        """∂s_t/∂s_{t−1} at each step of a trace of this recurrence, one reverse pass a row."""
        origin = trace.gates["origin"].long()
        times, sequences = origin[:, 0, 0].tolist(), origin[0, :, 1].tolist()
        calls = [self.calls[t] for t in times]
        return Dense(jacobians(calls, sequences).to(before[0].dtype))


def layout_of(module: nn.Module, cell: Cell) -> UserLayout:
    """The layout of one instance."""
    return UserLayout(module, UserRecurrence(()), 1, 1, True, cell=cell, instances=(("", module),))


class _Step(NamedTuple):
    """One call, replayed: all flattened to `batch …`."""

    before: list[Tensor]
    after: list[Tensor]
    gradients: list[Tensor]
    direct: list[Tensor]
    """The gradients without what came through another part of the same state."""
    carried: list[Tensor]
    inputs: Tensor
    grad_inputs: Tensor


def replay_cells(calls: list[Call]) -> Iterator[Pass]:
    """All passes of one user's cell in one training step; always all sequences, because a cell may let them interact.

    Raises InstrumentError, naming the module, when a call does not give again what it gave.
    """
    kept = in_order([call for call in calls if call.arrived or not call.during_backward])
    placed = sorted(zip(places(kept), kept, strict=True), key=lambda pair: (pair[0].sequence, pair[0].offset))
    runs = groupby(placed, key=lambda pair: (pair[0].sequence, tuple(part.shape for part in pair[1].final)))
    for _, run in runs:
        members = list(run)
        steps = [call for _, call in members if isinstance(call, UserCall)]
        yield _replay_run(steps, members[0][0].sequence, members[0][0].offset)


def _replay_run(calls: list[UserCall], sequence: int, offset: int) -> Pass:
    first = calls[0]
    layout = first.layout
    assert isinstance(layout, UserLayout)
    totals: dict[str, Tensor] = {}
    kept: list[dict[str, Tensor]] | None = []
    norms, steps = [], []
    for call in calls:
        call.check_replayable()
        step, weights = _replay_step(call, layout)
        for name, part in weights.items():
            totals[name] = totals[name] + part if name in totals else part
        squares = [torch.linalg.vector_norm(part, dtype=torch.float64) for part in weights.values()]
        norms.append(float(torch.linalg.vector_norm(torch.stack(squares))) if squares else math.nan)
        if kept is not None:
            kept.append(weights)
            if len(calls) * sum(part.numel() for part in weights.values()) > SHARES_UP_TO:
                kept = None
        steps.append(step)
    count = len(first.final)

    def along(name: str, index: int) -> Tensor:
        return torch.stack([getattr(step, name)[index] for step in steps])

    before = tuple(along("before", k) for k in range(count))
    T, B = before[0].shape[:2]
    grid = torch.stack(torch.meshgrid(torch.arange(T), torch.arange(B), indexing="ij"), -1).to(before[0].device)
    states = tuple(along("after", k) for k in range(count))
    inputs = torch.stack([step.inputs for step in steps])
    trace = Trace(inputs, tuple(part[0] for part in before), states, {"origin": grid.to(before[0].dtype)}, before)
    grad_inputs = torch.stack([step.grad_inputs for step in steps])
    factors: dict[str, tuple[Tensor, Tensor | None]] = {
        name: (total.reshape(1, 1, -1), None) for name, total in totals.items()
    }
    gradients = tuple(along("gradients", k) for k in range(count))
    adjoint = Adjoint(gradients, tuple(steps[0].carried), grad_inputs, factors)
    return Pass(
        name=first.name,
        layout=layout,
        sequence=sequence,
        offset=offset,
        layer=0,
        direction=0,
        recurrence=UserRecurrence(first.cell.part_names(count), tuple(calls)),
        weights={},
        trace=trace,
        adjoint=adjoint,
        grad_inputs=grad_inputs,
        lengths=None,
        precision=first.precision,
        direct=tuple(along("direct", k) for k in range(count)),
        detached=any(call.starts_from_leaf for call in calls[1:]),
        contributions=_contributions(norms, kept, totals) if totals else None,
    )


def _contributions(
    norms: list[float], kept: list[dict[str, Tensor]] | None, totals: dict[str, Tensor]
) -> tuple[list[float], list[float] | None]:
    """‖G_t‖ over all parameters of the cell, and ⟨G_t, G⟩/‖G‖² where all G_t could be kept."""
    if kept is None:
        return norms, None
    whole = {name: total.double() for name, total in totals.items()}
    scale = max((float(total.abs().max()) for total in whole.values()), default=0.0)
    if not (scale > 0 and math.isfinite(scale)):
        return norms, [math.nan] * len(norms)
    whole = {name: total / scale for name, total in whole.items()}
    squared = sum(float(total.square().sum()) for total in whole.values())
    along = [sum(float(part.double() @ whole[name]) for name, part in parts.items()) for parts in kept]
    return norms, [value / scale / squared for value in along]


def _replay_step(call: UserCall, layout: UserLayout) -> tuple[_Step, dict[str, Tensor]]:
    """Call the cell again, hold the results against the real ones, and take the gradients of this step alone.

    Returns also its part in the gradient of each parameter, flattened, by name with prefix.
    """
    state, given, parameters = leaves(call)
    changed = state | ({} if given is None else {call.arguments.input: given})
    with torch.enable_grad():
        results = call.run(changed, parameters)  # type: ignore[arg-type]
    _compare(call, results)
    totals = [call.arrived.get(str(place)) for place in range(len(results))]
    alive = [place for place, result in enumerate(results) if result.requires_grad]
    trained = {name: parameter for name, parameter in parameters.items() if parameter.requires_grad}
    wanted = [*state.values(), *([] if given is None else [given]), *trained.values()]
    found: list[Tensor] = [torch.zeros_like(leaf) for leaf in wanted]
    direct = _from_other_calls(results, totals, call.state_places)
    if alive and call.arrived:
        outside = _from_outside([results[k] for k in alive], [totals[k] for k in alive])
        reached = torch.autograd.grad([results[k] for k in alive], wanted, outside, allow_unused=True)
        found = [zero if gradient is None else gradient for zero, gradient in zip(found, reached, strict=True)]
    batch = call.final[0].shape[0] if call.final[0].dim() > 1 else 1

    wide = torch.promote_types(call.final[0].dtype, torch.float32)  # steps under autocast come in several precisions
    count = len(state)
    ends = [results[place] for place in call.state_places]
    arrived = [totals[place] for place in call.state_places]
    nothing = call.final[0].new_zeros(batch, 0, dtype=wide)
    is_batched = given is not None and given.numel() > 0 and (batch == 1 or given.shape[:1] == (batch,))
    prefix = layout.prefix(call.module)
    weights = {
        prefix + name: gradient.flatten()
        for name, gradient in zip(trained, found[len(found) - len(trained) :], strict=True)
    }
    step = _Step(
        before=_flat(state.values(), batch, wide),
        after=_flat(ends, batch, wide),
        gradients=_flat(
            [torch.zeros_like(e) if a is None else a for e, a in zip(ends, arrived, strict=True)], batch, wide
        ),
        direct=_flat(direct, batch, wide),
        carried=_flat(found[:count], batch, wide),
        inputs=_flat([given], batch, wide)[0] if given is not None and is_batched else nothing,
        grad_inputs=_flat([found[count]], batch, wide)[0] if is_batched else nothing,
    )
    return step, weights


def _flat(values: Iterable[Tensor], batch: int, dtype: torch.dtype) -> list[Tensor]:
    """`batch features` each, in one dtype."""
    return [value.detach().reshape(batch, -1).to(dtype) for value in values]


def _compare(call: UserCall, results: tuple[Tensor, ...]) -> None:
    """Raise InstrumentError where the cell does not give again what it gave."""
    tolerance = TOLERANCE.get(call.precision, TOLERANCE[torch.float32])
    if len(results) != len(call.results):
        raise InstrumentError(f"module {call.name!r}: gave {len(call.results)} tensors, now {len(results)}")
    for place in call.state_places:
        if call.output_is_intact and call.results[place].numel():
            real, again = call.results[place], results[place].detach()
            scale = real.abs().nan_to_num(0, 0, 0).max().clamp_min(1e-3)
            wrong = (again - real).abs()
            error = float(wrong[wrong.isfinite()].max() / scale) if bool(wrong.isfinite().any()) else 0.0
            if error > tolerance:
                raise InstrumentError(
                    f"module {call.name!r}: expected the cell to give the same state again within {tolerance:g}, got a "
                    f"relative difference of {error:.2e}; a cell must depend on its arguments, parameters and buffers "
                    "alone (and start from zeros where its state is None), and its weights must not change before "
                    "recorder.step()"
                )


def _from_outside(results: list[Tensor], totals: list[Tensor | None]) -> list[Tensor]:
    """Of each total gradient the part that does not come through another result of the same call.

    total_i = outside_i + Σ_j (∂result_j/∂result_i)ᵀ outside_j over direct and indirect inner paths; nothing depends on
    itself, so that as many rounds as there are results settle all.
    """
    known = [torch.zeros_like(r) if g is None else g.to(r.dtype) for r, g in zip(results, totals, strict=True)]
    outside = known
    for _ in range(len(results) - 1):
        outside = [total - _inner(results, outside, i) for i, total in enumerate(known)]
    return outside


def _from_other_calls(
    results: tuple[Tensor, ...], totals: list[Tensor | None], places: tuple[int, ...]
) -> list[Tensor]:
    """Of each state's total gradient the part that does not come through another part of the same state."""
    alive = [place for place in places if results[place].requires_grad]
    found = _from_outside([results[place] for place in alive], [totals[place] for place in alive])
    known = dict(zip(alive, found, strict=True))
    return [known.get(place, torch.zeros_like(results[place])) for place in places]


def _inner(results: list[Tensor], outside: list[Tensor], i: int) -> Tensor | float:
    others = [k for k in range(len(results)) if k != i]
    (gradient,) = torch.autograd.grad(
        [results[k] for k in others], [results[i]], [outside[k] for k in others], retain_graph=True, allow_unused=True
    )
    return 0.0 if gradient is None else gradient
