"""The hooks on a recurrent module: on a step that is recorded they keep references, and they change nothing."""

from __future__ import annotations

import contextlib
import sys
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence
from torch.utils.hooks import RemovableHandle

from gradlab.errors import UnsupportedError
from gradlab.instrument.call import Call, is_vectorised
from gradlab.instrument.modules import Layout

_ARMED: weakref.WeakSet[Capture] = weakref.WeakSet()


class Capture:
    """Holds on to one module. While armed, every call under grad mode is kept with the gradients that arrive at it.

    Calls in eval mode are left alone unless `in_eval` says otherwise. Unless `attach` is false it hooks itself on to
    the module; else `before` and `after` are to be hooked on by whoever made it.
    """

    def __init__(self, name: str, layout: Layout, *, in_eval: bool = False, attach: bool = True) -> None:
        self.name = name
        self.layout = layout
        self.armed = False
        self.in_eval = in_eval
        self.calls: list[Call] = []
        self.weight_gradients: dict[str, Tensor] = {}
        """What this step's backward passes sent to each weight, by the module's attribute name."""
        self._random_state: list[Tensor | None] = []
        self._tensor_hooks: list[RemovableHandle] = []
        module = layout.module
        self._module_hooks: list[RemovableHandle] = []
        if attach:
            self._module_hooks += [
                module.register_forward_pre_hook(_Hook(module, self.before), with_kwargs=True),
                module.register_forward_hook(_Hook(module, self.after), with_kwargs=True),
            ]

    def arm(self, weights: bool = True) -> None:
        """Keep the calls of the coming step; with `weights` also what is sent to each weight."""
        self.release()
        self.armed = True
        _ARMED.add(self)
        if not weights:
            return
        for name, parameter in self.layout.module.named_parameters(recurse=False):
            if parameter.requires_grad:
                self._tensor_hooks.append(parameter.register_hook(self._weight_hook(name)))

    def snapshot(self) -> list[Call]:
        """The calls of this step, to be replayed later with the weights as they are now."""
        held = self.layout.hold()
        return [replace(call, layout=held) for call in self.calls]

    def check_seen(self) -> None:
        """Raise UnsupportedError when gradients reached the weights but no call that sent them was seen."""
        if self.calls or not self.layout.module.training:
            return
        if any(bool(gradient.any()) for gradient in self.weight_gradients.values()):
            raise UnsupportedError(
                f"module {self.name!r}: its weights got gradients, but no call of the module was seen; a model that "
                "torch.compile captures must be compiled before gradlab.watch, and the module must be called itself "
                "(not its forward()), in training mode"
            )

    def rescale(self, factor: float) -> None:
        """Multiply everything that arrived, to undo the factor of a gradient scaler."""
        for call in self.calls:
            call.arrived = {where: gradient * factor for where, gradient in call.arrived.items()}
        self.weight_gradients = {name: gradient * factor for name, gradient in self.weight_gradients.items()}

    def release(self) -> None:
        """Let go of everything that was kept, and stop keeping."""
        self.armed = False
        for hook in self._tensor_hooks:
            hook.remove()
        self._tensor_hooks.clear()
        self._random_state.clear()
        self.calls = []
        self.weight_gradients = {}

    def close(self) -> None:
        """Take the hooks off the module."""
        self.release()
        for hook in self._module_hooks:
            hook.remove()
        self._module_hooks.clear()

    def _acts(self) -> bool:
        return self.armed and torch.is_grad_enabled() and (self.in_eval or self.layout.module.training)

    def before(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Forward pre-hook: remember the random state that dropout will start from."""
        if not self._acts():
            return
        drops = self.layout.dropout > 0
        inputs = args[0] if args else kwargs["input"]
        if drops and _data(inputs).is_cuda:
            raise UnsupportedError(
                f"module {self.name!r}: dropout between the layers of one module cannot be replayed on a GPU, where "
                "cuDNN keeps a random state of its own; use dropout=0 there and nn.Dropout between modules of one layer"
            )
        self._random_state.append(torch.get_rng_state() if drops else None)

    def after(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        """Forward hook: keep the call, and listen to what arrives at it."""
        if not self._acts() or not self._random_state:
            return
        bound = dict(zip(("input", "hx"), args, strict=False)) | kwargs
        initial = bound.get("hx")
        if self.layout.is_cell:
            final = result if isinstance(result, tuple) else (result,)
            output = final[0]
        else:
            output, last = result
            final = last if isinstance(last, tuple) else (last,)
        given = initial if initial is None or isinstance(initial, tuple) else (initial,)
        with torch.no_grad():
            call = Call(
                name=self.name,
                layout=self.layout,
                inputs=_detached(bound["input"]),
                initial=None if given is None else tuple(part.detach() for part in given),
                output=_detached(output),
                final=tuple(part.detach() for part in final),
                random_state=self._random_state.pop(),
                starts_from_leaf=given is not None and given[0].grad_fn is None,
                during_backward=torch._C._current_graph_task_id() != -1,
                autocast=_autocast_dtype(_data(output)),
            )
        self._listen(call, output, final)
        self.calls.append(call)

    def _listen(self, call: Call, output: Tensor | PackedSequence, final: tuple[Tensor, ...]) -> None:
        """Hooks on everything that was returned; a cell's hidden state is its output and is heard once."""
        heard: list[tuple[str, Tensor]] = []
        if self.layout.is_cell:
            # Unbatched states are views that were made behind the step: what reaches them comes from outside alone.
            batched = _data(call.inputs).dim() == 2
            call.cell_gradient_is_total = batched and len(final) > 1 and final[0].grad_fn is not final[1].grad_fn
        else:
            heard.append(("output", _data(output)))
        heard += list(zip(self.layout.recurrence.state_names, final, strict=True))
        for where, tensor in heard:
            if tensor.requires_grad:
                tensor.register_hook(lambda gradient, where=where: call.arrive(where, gradient))

    def _weight_hook(self, name: str) -> Any:
        def keep(gradient: Tensor | None) -> None:
            if gradient is None or not self.armed or is_vectorised(gradient):
                return
            with torch.no_grad():
                held = self.weight_gradients.get(name)
                # A copy: `.grad` may be the very same tensor, and is changed in place by unscaling and clipping.
                self.weight_gradients[name] = gradient.detach().clone() if held is None else held + gradient

        return keep


class _Hook:
    """A hook that stays with its module: in a copy or a pickle of the module it does nothing."""

    def __init__(self, module: nn.Module | None, act: Callable[..., None] | None) -> None:
        self._module = module
        # torch.compile must not look into a hook; where nothing is compiled, its machinery is not imported.
        self._act = torch._dynamo.disable(act) if act is not None and "torch._dynamo" in sys.modules else act

    def __call__(self, module: nn.Module, *given: Any) -> None:
        if self._act is not None and module is self._module:
            self._act(module, *given)

    def __deepcopy__(self, memo: dict[int, Any]) -> _Hook:
        return _Hook(None, None)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Hook, (None, None))


@contextlib.contextmanager
def paused() -> Iterator[None]:
    """While it lasts, no capture that was armed before keeps anything: for a pass that is nobody's training step."""
    asleep = [capture for capture in _ARMED if capture.armed]
    for capture in asleep:
        capture.armed = False
    try:
        yield
    finally:
        for capture in asleep:
            capture.armed = True


def _data(value: Tensor | PackedSequence) -> Tensor:
    return value.data if isinstance(value, PackedSequence) else value


def _detached(value: Any) -> Any:
    if isinstance(value, PackedSequence):
        return PackedSequence(value.data.detach(), value.batch_sizes, value.sorted_indices, value.unsorted_indices)
    return value.detach()


def _autocast_dtype(tensor: Tensor) -> torch.dtype | None:
    kind = tensor.device.type
    with contextlib.suppress(RuntimeError):
        if torch.is_autocast_enabled(kind):
            return torch.get_autocast_dtype(kind)
    return None
