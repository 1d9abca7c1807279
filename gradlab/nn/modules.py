"""The six modules: subclasses of torch's that keep what a backward pass sends through them, until the next forward."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from gradlab.errors import UnsupportedError
from gradlab.instrument import Capture, layout
from gradlab.nn.recording import Recording
from gradlab.nn.step import KEPT, Step, current_step

if TYPE_CHECKING:
    _Base = nn.Module
else:
    _Base = object


class _Recorded(_Base):
    """What the six have in common. `forward` is torch's own; the class only listens to calls of the module.

    What is kept: per call under grad mode references to its input, initial state and output, and no copy. Until a
    backward pass reaches them the calls belong to the autograd graph, so that a graph that is dropped without
    `backward()` takes them along. From then on the module holds the calls of this one pass and one copy of its
    weights; the next forward pass lets go of them. Calls under `no_grad` or in inference mode, inside `torch.func`
    transforms and inside compiled code keep nothing. Neither pickles nor copies carry a recording.
    """

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the module as torch does, and remember the call where a backward pass may follow."""
        if not _can_be_recorded(args, kwargs):
            return super().__call__(*args, **kwargs)
        capture = self._capture()
        if capture is None:
            return super().__call__(*args, **kwargs)
        # The hooks stand next to `forward`, inside of all hooks of others, and only while the call lasts.
        hooks = (
            self.register_forward_pre_hook(capture.before, with_kwargs=True),
            self.register_forward_hook(capture.after, with_kwargs=True, prepend=True),
        )
        try:
            result = super().__call__(*args, **kwargs)
        finally:
            for hook in hooks:
                hook.remove()
        for call in capture.calls:
            self._current_step().add(call, weakref.ref(self))
        return result

    @property
    def recording(self) -> Recording:
        """What the last backward pass did in this module: gradients, Jacobians and shares at every time step.

        Computed when asked for. It stays as it is, also when the weights are updated afterwards; the module gives a
        new one after the next forward and backward pass.

        Raises:
            ValueError: no backward pass has reached the module since its last forward pass.
            UnsupportedError: the module was used in a way that cannot be recorded truthfully.
            InstrumentError: the replay contradicts what torch computed.
        """
        step = current_step(self)
        if step is None:
            raise ValueError(
                f"{type(self).__name__}.recording: expected a forward and a backward pass, got no forward pass under "
                "grad mode; call the module, make a loss of its output, call backward(), and ask again"
            )
        return step.recording(type(self).__name__)

    def _capture(self) -> Capture | None:
        """A listener for one call; None, with the reason kept, for a module that cannot be recorded."""
        name = type(self).__name__
        try:
            found = layout(self, name)
            assert found is not None
            _refuse_unknown_weights(self, name, found.is_cell)
            if found.dropout > 0 and any(parameter.is_cuda for parameter in self.parameters()):
                raise UnsupportedError(
                    f"{name}: expected a module without dropout on a GPU, where cuDNN keeps a random state of its own, "
                    f"got dropout={found.dropout}; use dropout=0, and nn.Dropout between modules of one layer"
                )
        except UnsupportedError as reason:
            self.__dict__[KEPT] = Step(refusal=reason)
            return None
        capture = Capture(name, found, in_eval=True, attach=False)
        capture.armed = True
        return capture

    def _current_step(self) -> Step:
        """The step that a call belongs to: a new one as soon as a backward pass has reached the last."""
        step = current_step(self)
        if step is None or step.is_over():
            step = self.__dict__[KEPT] = Step()
        return step

    def __getstate__(self) -> dict[str, Any]:
        state: Any = super().__getstate__()
        return {name: value for name, value in state.items() if name != KEPT}

    def _replicate_for_data_parallel(self) -> Any:
        replica: Any = super()._replicate_for_data_parallel()
        replica.__dict__.pop(KEPT, None)
        return replica


def _can_be_recorded(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    if torch.compiler.is_compiling() or not torch.is_grad_enabled() or torch._C._get_tracing_state() is not None:
        return False
    if torch._C._functorch.peek_interpreter_stack() is not None:
        return False
    given = args[0] if args else kwargs.get("input")
    return isinstance(given, (Tensor, PackedSequence))


def _refuse_unknown_weights(module: nn.Module, name: str, is_cell: bool) -> None:
    # To ask for a parametrised weight again may change it (spectral norm iterates at each look).
    if is_cell and torch.nn.utils.parametrize.is_parametrized(module):
        raise UnsupportedError(
            f"{name}: expected a cell with weights of its own, got parametrised ones; use the module of layers, "
            "or gradlab.watch"
        )


class RNN(_Recorded, nn.RNN):
    """`torch.nn.RNN`, instrumented: after `backward()` see `.recording`."""


class LSTM(_Recorded, nn.LSTM):
    """`torch.nn.LSTM`, instrumented: after `backward()` see `.recording`."""


class GRU(_Recorded, nn.GRU):
    """`torch.nn.GRU`, instrumented: after `backward()` see `.recording`."""


class RNNCell(_Recorded, nn.RNNCell):
    """`torch.nn.RNNCell`, instrumented: its calls in a loop are the time steps of `.recording`."""


class LSTMCell(_Recorded, nn.LSTMCell):
    """`torch.nn.LSTMCell`, instrumented: its calls in a loop are the time steps of `.recording`."""


class GRUCell(_Recorded, nn.GRUCell):
    """`torch.nn.GRUCell`, instrumented: its calls in a loop are the time steps of `.recording`."""
