"""The calls of a module in one forward and backward pass: owned by the autograd graph until a gradient reaches them."""

from __future__ import annotations

import weakref
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from gradlab.errors import UnsupportedError
from gradlab.instrument import Call, Layout, replay
from gradlab.instrument.call import is_vectorised
from gradlab.instrument.modules import CELLS, LAYERED
from gradlab.nn.recording import Recording

_SETTINGS = ("batch_first", "hidden_size", "proj_size", "dropout", "nonlinearity", "bidirectional")
_PRUNE_FROM = 64
KEPT = "_gradlab_step"
"""The attribute under which a module holds its step."""


class Step:
    """Gathers calls and what reaches them; gives the recording when it is asked for."""

    def __init__(self, refusal: UnsupportedError | None = None) -> None:
        self.refusal = refusal
        """Why this step cannot be recorded."""
        self.disturbed = False
        """Whether a backward pass through an earlier step reached the weights during this one."""
        self._waiting: dict[int, weakref.ref[Call]] = {}
        self._reached: dict[int, Call] = {}
        self._count = 0
        self._prune_at = _PRUNE_FROM
        self._tasks: set[int] = set()
        """The backward passes, by autograd's number, that have reached this step."""
        self._weights: dict[str, Tensor] = {}
        """The very tensors that the forward pass used, by the module's attribute name."""
        self._gradients: dict[str, Tensor] = {}
        self._stand_in: Layout | None = None
        self._recording: Recording | None = None
        self._hooks: list[RemovableHandle] = []
        weakref.finalize(self, _take_off, self._hooks).atexit = False

    def is_over(self) -> bool:
        """Whether a call that is made now begins a new step: a backward pass is done, or another one is under way."""
        if self._count == 0:
            return True
        return bool(self._reached) and torch._C._current_graph_task_id() not in self._tasks

    def add(self, call: Call, module: weakref.ref[Any]) -> None:
        """Take in a call. Held weakly: the hooks on its outputs, which the graph owns, are what keeps it alive."""
        call.listener = partial(_tell, weakref.ref(self), module)
        self._waiting[self._count] = weakref.ref(call)
        self._count += 1
        if len(self._waiting) > self._prune_at:
            self._waiting = {number: held for number, held in self._waiting.items() if held() is not None}
            self._prune_at = max(_PRUNE_FROM, 2 * len(self._waiting))
        if call.during_backward:
            self._tasks.add(torch._C._current_graph_task_id())
        self._note_weights(call, module)

    def reached(self, call: Call) -> None:
        """A gradient has arrived: keep all calls whose graph is alive, and the weights as they are now.

        Autograd itself refuses a backward pass through weights that were changed since the forward pass.
        """
        self._tasks.add(torch._C._current_graph_task_id())
        self._recording = None
        if self._stand_in is None:
            self._stand_in = _stand_in(call.layout, self._weights)
        for number, held in list(self._waiting.items()):
            waiting = held()
            # Of calls that a checkpoint repeats during the backward pass only those count that gradients reach.
            if waiting is not None and (waiting is call or not waiting.during_backward):
                self._reached[number] = waiting
                waiting.layout = self._stand_in
                del self._waiting[number]

    def recording(self, name: str) -> Recording:
        """The recording of what has arrived so far."""
        if self.refusal is not None:
            raise self.refusal
        if not self._reached or self._stand_in is None:
            raise ValueError(
                f"{name}.recording: expected a backward pass through the last forward pass, got none yet; call "
                "backward() on a loss made of the module's output, and ask again before the next forward pass"
            )
        if self._recording is None:
            calls = [self._reached[number] for number in sorted(self._reached)]
            gradients = None if self.disturbed else dict(self._gradients)
            self._recording = Recording(name, self._stand_in, list(replay(calls)), gradients)
        return self._recording

    def _note_weights(self, call: Call, module: weakref.ref[Any]) -> None:
        for name, weight in _weights_in_use(call.layout).items():
            known = self._weights.get(name)
            if known is weight:
                continue
            if known is not None and not torch.equal(known, weight):
                self.refusal = UnsupportedError(
                    f"{call.name}: expected one set of weights in all calls before a backward pass, got another "
                    f"{name}; call backward() between them, or use one module for each"
                )
                return
            self._weights[name] = weight
            if weight.requires_grad:
                self._hooks.append(weight.register_hook(partial(_add_gradient, weakref.ref(self), module, name)))

    def add_gradient(self, name: str, gradient: Tensor) -> None:
        """Add what one backward pass sends to a weight."""
        self._recording = None
        held = self._gradients.get(name)
        # A copy: `.grad` may be the very same tensor, and is changed in place by clipping.
        self._gradients[name] = gradient.detach().clone() if held is None else held + gradient.detach()


def _weights_in_use(layout: Layout) -> dict[str, Tensor]:
    """The weights of the call that has just ended, by attribute name; of layers as torch itself holds them."""
    module: Any = layout.module
    if not layout.is_cell:
        flat = zip(module._flat_weights_names, module._flat_weights, strict=True)
        return {name: weight for name, weight in flat if weight is not None}
    return {name: getattr(module, name) for name in layout.names(0, 0).values()}


@torch.no_grad()
def _stand_in(layout: Layout, weights: dict[str, Tensor]) -> Layout:
    """The layout with settings and weights as they were in the forward pass, whatever becomes of the module."""
    kind = next(kind for kind in type(layout.module).__mro__ if kind in LAYERED + CELLS)
    module: Any = kind.__new__(kind)
    nn.Module.__init__(module)
    for name in _SETTINGS:
        if hasattr(layout.module, name):
            setattr(module, name, getattr(layout.module, name))
    for name, weight in weights.items():
        setattr(module, name, weight.detach().clone())
    return Layout(module, layout.recurrence, layout.layers, layout.directions, layout.is_cell)


def _tell(step: weakref.ref[Step], module: weakref.ref[nn.Module], call: Call) -> None:
    """Pass the news of a gradient on to the step; if that is over, the one that has begun since is disturbed."""
    now = current_step(module())
    if now is not None and now is step():
        now.reached(call)
    elif now is not None:
        now.disturbed = True


def _add_gradient(step: weakref.ref[Step], module: weakref.ref[nn.Module], name: str, gradient: Tensor | None) -> None:
    now = current_step(module())
    if now is not None and now is step() and gradient is not None and not is_vectorised(gradient):
        now.add_gradient(name, gradient)


def current_step(module: nn.Module | None) -> Step | None:
    """The step that a module is in, or has just ended."""
    return None if module is None else module.__dict__.get(KEPT)


def _take_off(hooks: list[RemovableHandle]) -> None:
    for hook in hooks:
        hook.remove()
