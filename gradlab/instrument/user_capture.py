"""The hooks on a user's cell: every call is one time step, kept with its arguments and what arrived at its results."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from gradlab.errors import UnsupportedError
from gradlab.instrument.call import Call
from gradlab.instrument.capture import Capture, _autocast_dtype, _Hook
from gradlab.instrument.modules import Layout
from gradlab.instrument.user_cells import Arguments, Cell, UserLayout

_replaying: ContextVar[bool] = ContextVar("gradlab_replays_a_cell", default=False)


@dataclass(slots=True, eq=False, weakref_slot=True, kw_only=True)
class UserCall(Call):
    """One call of a user's cell; `initial`, `final` and `inputs` are tensors among its arguments and results."""

    module: nn.Module
    cell: Cell
    arguments: Arguments
    results: tuple[Tensor, ...]
    """All tensors that were returned, each once."""
    state_places: tuple[int, ...]
    """Where the parts of the state are among the results."""
    generators: tuple[Tensor, ...]
    """State of the CPU's random generator before the call, and of the GPU's where it ran there."""
    held: dict[str, Tensor] | None = None
    """Copies of the parameters, where the call is replayed after they have moved on."""

    def run(self, changed: dict[int, Tensor], parameters: dict[str, Tensor]) -> tuple[Tensor, ...]:
        """Call the cell again with some arguments and its parameters replaced, and give all tensors it returns.

        Buffers are copies, random numbers are those of the real call, and nothing of it shows outside.
        """
        args, kwargs = self.arguments.filled(changed)
        buffers = {name: buffer.clone() for name, buffer in self.module.named_buffers()}
        kind = self.final[0].device.type
        with self._as_then(), torch.autocast(kind, self.autocast, enabled=self.autocast is not None):
            result = torch.func.functional_call(self.module, (parameters, buffers), args, kwargs)
        return _tensors(result)

    @contextlib.contextmanager
    def _as_then(self) -> Iterator[None]:
        device = self.final[0].device
        token = _replaying.set(True)
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.set_rng_state(self.generators[0])
            if len(self.generators) > 1:
                torch.cuda.set_rng_state(self.generators[1], device)
            try:
                yield
            finally:
                _replaying.reset(token)


def _tensors(result: Any) -> tuple[Tensor, ...]:
    """All tensors in what a call returned, each once."""
    leaves = {id(leaf): leaf for leaf in pytree.tree_leaves(result) if isinstance(leaf, Tensor)}
    return tuple(leaves.values())


class UserCapture(Capture):
    """Holds on to all instances of one recurrence that a user wrote."""

    layout: UserLayout

    def __init__(self, name: str, layout: UserLayout) -> None:
        super().__init__(name, layout, attach=False)
        self._generators: list[tuple[Tensor, ...]] = []
        for _, module in layout.instances:
            self._module_hooks += [
                module.register_forward_pre_hook(_Hook(module, self.before), with_kwargs=True),
                module.register_forward_hook(_Hook(module, self.after), with_kwargs=True),
            ]

    def arm(self, weights: bool = True) -> None:
        """Keep the calls of the coming step; with `weights` also what is sent to each parameter, flattened."""
        super().arm(weights=False)
        for name, parameter in self.layout.parameters() if weights else ():
            if parameter.requires_grad:
                self._tensor_hooks.append(parameter.register_hook(self._flat_hook(name)))

    def _flat_hook(self, name: str) -> Any:
        keep = self._weight_hook(name)
        return lambda gradient: keep(gradient if gradient is None else gradient.detach().flatten())

    def release(self) -> None:
        """Let go of everything that was kept, and stop keeping."""
        super().release()
        self._generators = []

    def snapshot(self) -> list[Call]:
        """The calls of this step, to be replayed later with the parameters as they are now."""
        held = {
            id(module): {name: parameter.detach().clone() for name, parameter in module.named_parameters()}
            for _, module in self.layout.instances
        }
        return [replace(call, held=held[id(call.module)]) for call in self.calls if isinstance(call, UserCall)]

    def before(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Forward pre-hook: remember the random state that the call starts from."""
        if not self._acts() or _replaying.get():
            return
        generators = [torch.get_rng_state()]
        device = next((leaf.device for leaf in pytree.tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)), None)
        if device is not None and device.type == "cuda":
            generators.append(torch.cuda.get_rng_state(device))
        self._generators.append(tuple(generators))

    def after(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        """Forward hook: keep the call, and listen to everything that it returned."""
        if not self._acts() or _replaying.get() or not self._generators:
            return
        generators = self._generators.pop()
        state = self.layout.cell.new_state(result)
        parts = pytree.tree_leaves(state)
        arguments = Arguments.of(self.layout.cell, module, args, kwargs, state, self.name)
        given = tuple(arguments.leaves[place] for place in arguments.state)
        self._check(given, parts)
        results = _tensors(result)
        places = {id(tensor): place for place, tensor in enumerate(results)}
        missing = [part for part in parts if id(part) not in places]
        if missing:
            raise UnsupportedError(
                f"module {self.name!r}: expected Cell(returned=...) to choose among the tensors that are returned, got "
                "one that it made itself; let it give tensors as they are"
            )
        call = UserCall(
            name=self.name,
            layout=self.layout,
            inputs=parts[0].new_zeros(0) if arguments.input is None else arguments.leaves[arguments.input],
            initial=given,
            output=parts[0].detach(),
            final=tuple(part.detach() for part in parts),
            random_state=None,
            starts_from_leaf=_from_leaf(args, kwargs, arguments),
            during_backward=torch._C._current_graph_task_id() != -1,
            autocast=_autocast_dtype(parts[0]),
            module=module,
            cell=self.layout.cell,
            arguments=arguments,
            results=tuple(tensor.detach() for tensor in results),
            state_places=tuple(places[id(part)] for part in parts),
            generators=generators,
        )
        for place, tensor in enumerate(results):
            if tensor.requires_grad:
                tensor.register_hook(lambda gradient, where=str(place): call.arrive(where, gradient))
        self.calls.append(call)

    def _check(self, given: tuple[Tensor, ...], parts: list[Any]) -> None:
        """Raise UnsupportedError for a state that is not a state: other parts, other shapes, no real numbers."""
        before = [tuple(part.shape) for part in given]
        after = [tuple(getattr(part, "shape", ())) for part in parts]
        if before != after or not all(isinstance(part, Tensor) and part.is_floating_point() for part in parts):
            raise UnsupportedError(
                f"module {self.name!r}: expected a new state of the same parts and shapes as the old one, {before}, in "
                f"real numbers, got {after}; say with Cell(state=..., returned=...) where they are"
            )


def _from_leaf(args: tuple[Any, ...], kwargs: dict[str, Any], arguments: Arguments) -> bool:
    """Whether the state that was given has no history; one that was filled with zeros has none."""
    leaves = pytree.tree_leaves((args, kwargs))
    first = arguments.state[0]
    same = len(leaves) == len(arguments.leaves)
    return not same or not isinstance(leaves[first], Tensor) or leaves[first].grad_fn is None


def hold_on(name: str, layout: Layout) -> Capture:
    """Hold on to a recurrent module of torch, or to a user's cell."""
    return UserCapture(name, layout) if isinstance(layout, UserLayout) else Capture(name, layout)
